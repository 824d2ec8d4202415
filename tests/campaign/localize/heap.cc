#include "tests/campaign/localize/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {

thread_local std::int64_t in_use = 0;
thread_local std::int64_t base = 0;
thread_local std::int64_t peak = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  in_use += static_cast<std::int64_t>(malloc_usable_size(memory));
  peak = std::max(peak, in_use);
  return memory;
}

void operator delete(void* memory) noexcept {
  if (memory != nullptr) in_use -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept { operator delete(memory); }

namespace faultline::campaign {

void heap_peak_reset() { base = peak = in_use; }

std::uint64_t heap_peak_bytes() {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, peak - base));
}

}  // namespace faultline::campaign
