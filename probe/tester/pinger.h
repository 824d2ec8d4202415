// Pinger: one way to ask a target whether it is there. The contract of every kind of ping.
//
// A kind sends number n and says what it heard of which number; pacing, matching, timeouts and the
// verdict are probe/ping's, so a new kind is one folder with its octets and one small file here.
// Not thread safe: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/ondemand/order.h"
#include "probe/ping/series.h"

namespace faultline::tester {

class AnswerSink {
 public:
  virtual void on_answer(const ping::Answer& answer) = 0;

 protected:
  ~AnswerSink() = default;
};

class Pinger {
 public:
  virtual ~Pinger() = default;
  // Sends ping `sequence`; an error says why this machine cannot. Sent twice in one test: never.
  [[nodiscard]] virtual Status send(std::uint32_t sequence) = 0;
  // Becomes readable when there is something to receive.
  [[nodiscard]] virtual int fd() const = 0;
  // Takes all that has come. Must be called when fd() is readable.
  virtual void receive(AnswerSink& sink) = 0;
  // Where the pings come from, once known; for the report.
  [[nodiscard]] virtual Endpoint local() const = 0;
  // How it was done where there are several ways: "ICMP datagram socket".
  [[nodiscard]] virtual std::string means() const = 0;
};

// Each fails with one sentence that says what is missing and what to do.
[[nodiscard]] Result<std::unique_ptr<Pinger>> open_icmp_pinger(const ondemand::TestOrder& order);
[[nodiscard]] Result<std::unique_ptr<Pinger>> open_stamp_pinger(const ondemand::TestOrder& order);
[[nodiscard]] Result<std::unique_ptr<Pinger>> open_tcp_pinger(const ondemand::TestOrder& order);
[[nodiscard]] Result<std::unique_ptr<Pinger>> open_quic_pinger(const ondemand::TestOrder& order);
[[nodiscard]] Result<std::unique_ptr<Pinger>> open_pinger(const ondemand::TestOrder& order);

}  // namespace faultline::tester
