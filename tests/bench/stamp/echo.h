// The least that a UDP echo can cost: sendmmsg and recvmmsg on plain sockets, both ends in one
// thread, nothing written, read or remembered. What the engine is compared with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace faultline::bench {

class Echo {
 public:
  // `sources` sockets that each send one packet of `octets` to each of `reflectors` sockets.
  Echo(std::size_t sources, std::size_t reflectors, std::size_t octets);
  ~Echo();
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  // All packets there and back; returns how many came back.
  std::uint64_t round();

 private:
  std::size_t octets_;
  std::vector<int> sources_;
  std::vector<int> reflectors_;
  std::vector<std::uint16_t> reflector_ports_;
};

}  // namespace faultline::bench
