// What only the driver of an interface knows: ethtool's ioctl (linux/ethtool.h), in the thread's
// namespace.
//
// Thread safety: none. Some drivers ask their hardware: a call may take milliseconds.
#pragma once

#include "common/base/result.h"
#include "common/facts/facts.h"
#include "common/net/unique_fd.h"

namespace faultline::probe_facts {

class Ethtool {
 public:
  [[nodiscard]] static Result<Ethtool> open();

  // Fills in driver, bus, speed, duplex and offloads, each where the driver answers.
  void describe(facts::Interface& interface) const;

 private:
  explicit Ethtool(net::UniqueFd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] bool ask(const std::string& interface, void* question) const;
  void read_driver(facts::Interface& interface) const;
  void read_speed(facts::Interface& interface) const;
  void read_offloads(facts::Interface& interface) const;

  net::UniqueFd socket_;
};

}  // namespace faultline::probe_facts
