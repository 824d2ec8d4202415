// The far end: a thousand reflectors behind one socket (all addresses of the namespace are its
// own), and a crowd of a thousand senders that measure the near node, each on its own time.
#pragma once

#include <cstdint>
#include <filesystem>

namespace faultline::bench {

struct FarOptions {
  std::filesystem::path state;
  double crowd_per_second = 0;   // packets of all senders together; 0: they are silent
  std::uint32_t senders = 1000;  // sessions, of `targets` nodes
  std::uint32_t targets = 1000;
  bool authenticated = true;
};

// Until SIGTERM or SIGINT; prints what it counted.
void run_far(const FarOptions& options);

}  // namespace faultline::bench
