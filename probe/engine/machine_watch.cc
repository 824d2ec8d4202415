#include "probe/engine/machine_watch.h"

#include <fcntl.h>
#include <sys/timex.h>
#include <unistd.h>

#include <utility>

namespace faultline::engine {
namespace {

constexpr Duration kInterval = std::chrono::seconds{1};
constexpr std::size_t kTextMax = std::size_t{64} << 10;  // softnet_stat of a thousand processors

net::UniqueFd open_file(const std::string& path) {
  return net::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// These files are made anew by each read from their beginning.
std::string_view read_file(const net::UniqueFd& file, std::string& text) {
  const auto got = file.valid() ? ::pread(file.get(), text.data(), text.size(), 0) : -1;
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
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
      ticks_per_second_(static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK))),
      text_(kTextMax, '\0') {
  const auto path = session::cpu_stat_path(read_file(open_file("/proc/self/cgroup"), text_));
  if (path) cpu_ = open_file(*path);
  last_ = read();
}

session::MachineCounters MachineWatch::read() {
  session::MachineCounters counters;
  counters.softnet_drops = session::softnet_drops(read_file(softnet_, text_));
  counters.stolen_ns = session::stolen_ns(read_file(stat_, text_), ticks_per_second_);
  counters.throttled_ns = session::throttled_ns(read_file(cpu_, text_));
  counters.clock = clock_sync();
  return counters;
}

std::optional<MachineWatch::Growth> MachineWatch::look(Instant now) {
  if (now < due_) return std::nullopt;
  due_ = now + kInterval;
  auto after = read();
  return Growth{std::exchange(last_, after), after};
}

}  // namespace faultline::engine
