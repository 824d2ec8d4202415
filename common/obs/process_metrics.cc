#include "common/obs/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "common/obs/log.h"

namespace faultline::obs {

std::uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t size_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(statm >> size_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t open_descriptors() {
  std::error_code error;
  std::uint64_t count = 0;
  for (auto entry = std::filesystem::directory_iterator{"/proc/self/fd", error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    ++count;
  }
  return count == 0 ? 0 : count - 1;  // the listing's own descriptor
}

void expose_process_metrics(MetricRegistry& registry) {
  registry.expose_gauge({.name = "process_resident_memory_bytes", .help = "Resident memory."},
                        [] { return static_cast<double>(resident_bytes()); });
  registry.expose_counter({.name = "process_cpu_seconds_total", .help = "CPU time of all threads."},
                          cpu_seconds);
  registry.expose_gauge({.name = "process_open_fds", .help = "Open file descriptors."},
                        [] { return static_cast<double>(open_descriptors()); });
  registry.expose_counter(
      {.name = "faultline_log_lines_dropped_total",
       .help = "Log lines dropped by a full queue; above 0 stderr is too slow."},
      [] { return static_cast<double>(log_lines_dropped()); });
}

}  // namespace faultline::obs
