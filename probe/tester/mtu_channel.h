// MtuChannel: how the packets of an MTU test travel and are acknowledged.
//
// By STAMP the acknowledgement is small whatever came (kSsidMtu, schemas/stamp.md), so that only
// the forward direction is tested; another machine's reflector, and ICMP echo, answer with as many
// octets as they got, so that the way back must carry them as well. Not thread safe.
#pragma once

#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "common/ondemand/order.h"
#include "probe/mtu/search.h"

namespace faultline::tester {

class MtuChannel {
 public:
  virtual ~MtuChannel() = default;
  // Tells `search` at once when this machine does not take the packet.
  virtual void send(const mtu::Packet& packet, mtu::Search& search) = 0;
  [[nodiscard]] virtual int fd() const = 0;
  virtual void receive(mtu::Search& search) = 0;
  // Whether an acknowledgement was as large as the packet: the direction is then not known.
  [[nodiscard]] virtual bool answers_in_full() const = 0;
  [[nodiscard]] virtual std::string_view means() const = 0;
};

[[nodiscard]] Result<std::unique_ptr<MtuChannel>> open_icmp_mtu(const ondemand::TestOrder& order);
[[nodiscard]] Result<std::unique_ptr<MtuChannel>> open_stamp_mtu(const ondemand::TestOrder& order);

}  // namespace faultline::tester
