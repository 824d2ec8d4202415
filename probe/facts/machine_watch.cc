#include "probe/facts/machine_watch.h"

#include <fcntl.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "probe/facts/machine.h"

namespace faultline::probe_facts {
namespace {

constexpr Duration kInterval = std::chrono::seconds{5};
constexpr Duration kGrowthMax = 3 * kInterval;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMicrosecond = 1'000;
constexpr std::size_t kKernelFileUsual = std::size_t{4} << 10;
constexpr std::size_t kKernelFileMax = std::size_t{256} << 10;  // softnet_stat of 1,900 processors

net::UniqueFd open_file(const std::string& path) {
  return net::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// From its beginning; one read gives a page at most. `text` grows to hold it.
std::string_view read_file(const net::UniqueFd& file, std::string& text) {
  std::size_t size = 0;
  while (file.valid()) {
    if (size == text.size()) {
      if (size >= kKernelFileMax) break;
      text.resize(2 * size);
    }
    const auto got =
        ::pread(file.get(), text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  return {text.data(), size};
}

ClockSync clock_sync() {
  timex state{};
  const int clock = ::adjtimex(&state);
  if (clock < 0) return ClockSync::kUnknown;
  const bool kept = clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return kept ? ClockSync::kSynchronised : ClockSync::kFree;
}

}  // namespace

MachineWatch::MachineWatch()
    : softnet_(open_file("/proc/net/softnet_stat")),
      stat_(open_file("/proc/stat")),
      tick_ns_(kSecond / static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L))),
      text_(kKernelFileUsual, '\0') {
  const auto groups = read_file(open_file("/proc/self/cgroup"), text_);
  for (const auto& path : cpu_stat_paths(groups)) {
    if (auto file = open_file(path); file.valid()) cpu_.push_back(std::move(file));
  }
  last_ = read();
}

session::MachineCounters MachineWatch::read() {
  session::MachineCounters counters;
  counters.softnet_drops = session::softnet_drops(read_file(softnet_, text_));
  if (const auto cpu = parse_cpu_time(read_file(stat_, text_))) {
    counters.stolen_ns = cpu->steal * tick_ns_;
    counters.processor_ns = cpu->total * tick_ns_;
  }
  for (const auto& group : cpu_) {
    const auto throttled = parse_throttled_us(read_file(group, text_));
    if (!throttled) continue;
    counters.throttled_ns = std::max(counters.throttled_ns.value_or(0), *throttled * kMicrosecond);
  }
  counters.clock = clock_sync();
  return counters;
}

std::optional<MachineWatch::Growth> MachineWatch::look(Instant now) {
  if (now < due_) return std::nullopt;
  const bool is_first = due_ == Instant::min() || now - due_ > kGrowthMax;
  due_ = now + kInterval;
  auto after = read();
  auto before = std::exchange(last_, after);
  if (is_first) before = after;  // the clock is still worth telling
  return Growth{before, after};
}

}  // namespace faultline::probe_facts
