#include "probe/app/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <span>

namespace faultline::probe_app {
namespace {

// Six threads with little to allocate: one heap each would hold more memory than it saves time.
constexpr int kHeapsMax = 2;
// glibc's own figure to begin with. Where it is not set, glibc raises it to the largest block that
// was ever freed; then a window's report comes out of the heap and leaves a hole in it.
constexpr int kOwnMappingMin = 128 << 10;

// The loader wrote into its code: what is there is not what is in the file.
bool has_text_relocations(const dl_phdr_info& object, std::span<const ElfW(Phdr)> headers) {
  const auto dynamic = std::ranges::find(headers, PT_DYNAMIC, &ElfW(Phdr)::p_type);
  if (dynamic == headers.end()) return false;
  const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + dynamic->p_vaddr);
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_TEXTREL) return true;
    if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
  }
  return false;
}

int release_object(dl_phdr_info* object, std::size_t /*size*/, void* /*context*/) {
  const std::span headers(object->dlpi_phdr, object->dlpi_phnum);
  if (has_text_relocations(*object, headers)) return 0;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (const auto& header : headers) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0) continue;
    const std::uintptr_t end = object->dlpi_addr + header.p_vaddr + header.p_memsz;
    const auto begin = (object->dlpi_addr + header.p_vaddr) / page * page;
    // The kernel's own page (vdso) it maps again by itself.
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void keep_heaps_small() {
  ::mallopt(M_ARENA_MAX, kHeapsMax);
  ::mallopt(M_MMAP_THRESHOLD, kOwnMappingMin);
}

void release_program_pages() { ::dl_iterate_phdr(release_object, nullptr); }

}  // namespace faultline::probe_app
