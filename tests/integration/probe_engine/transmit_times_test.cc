// What TransmitTimes tells from a few stamps, beside what the kernel stamps when all packets ask.
#include "probe/session/transmit_times.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "common/net/udp_socket.h"
#include "tests/integration/probe_engine/node.h"

namespace faultline::engine {
namespace {

constexpr std::uint32_t kPacketsPerGo = net::kSendBatch;

// The stamps of datagrams that begin with their number.
struct StampReader final : net::ErrorQueueSink {
  std::vector<std::pair<std::uint32_t, WallTime>> stamps;

  void on_transmit_stamp(const net::TransmitStamp& stamp) override {
    std::uint32_t number = 0;
    REQUIRE(stamp.frame.size() >= sizeof number);
    std::memcpy(&number, stamp.frame.last(sizeof number).data(), sizeof number);
    stamps.emplace_back(number, stamp.sent_at);
  }
  void on_icmp_error(const net::IcmpError&) override {}
  void on_send_failed(const net::OutgoingDatagram&, int) override {}
};

Duration median(std::vector<Duration> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// A go of packets that all ask the kernel: what it stamps, by number.
std::map<std::uint32_t, WallTime> send_stamped(net::UdpSocket& from, const Endpoint& to,
                                               std::uint32_t first) {
  std::vector<std::uint32_t> numbers(kPacketsPerGo);
  std::vector<net::OutgoingDatagram> datagrams;
  for (std::uint32_t i = 0; i < kPacketsPerGo; ++i) {
    numbers[i] = first + i;
    datagrams.push_back(
        {.to = to, .payload = std::as_bytes(std::span(&numbers[i], 1)), .stamped = true});
  }
  StampReader reader;
  REQUIRE(from.send(datagrams, reader) == kPacketsPerGo);
  net::drain_error_queue(from.fd(), reader);
  return {reader.stamps.begin(), reader.stamps.end()};
}

}  // namespace

TEST_CASE("the times told of packets that did not ask are those of the kernel", "[engine]") {
  const auto from = *net::UdpSocket::open({.local = {address(1), 0}});
  const auto to = *net::UdpSocket::open({.local = {address(2), 0}});
  net::ReceiveBuffer buffer;
  StampReader none;
  session::TransmitTimes times;
  std::vector<Duration> steps;
  std::vector<Duration> errors;
  for (std::uint32_t first = 0; errors.size() < 1000; first += kPacketsPerGo) {
    REQUIRE(first < 1'000'000);
    times.begin(kPacketsPerGo);
    std::vector<std::uint32_t> asking;
    for (std::uint32_t i = 0; i < kPacketsPerGo; ++i) {
      if (times.add({1, first + i})) asking.push_back(first + i);
    }
    const auto stamps = send_stamped(*from, to->local(), first);
    while (!to->receive(buffer, none).empty()) {
    }
    if (stamps.size() < kPacketsPerGo) continue;  // stamping begins in the background
    for (auto stamp = std::next(stamps.begin()); stamp != stamps.end(); ++stamp) {
      steps.push_back(stamp->second - std::prev(stamp)->second);
    }
    for (const auto number : asking) {
      for (const auto& [packet, at] : times.on_stamp({1, number}, stamps.at(number))) {
        const bool asked = std::ranges::binary_search(asking, packet.sequence);
        if (asked) CHECK(at == stamps.at(packet.sequence));
        if (asked || !at) continue;
        errors.push_back(std::chrono::abs(*at - stamps.at(packet.sequence)));
      }
    }
  }
  CAPTURE(median(errors).count(), median(steps).count());
  CHECK(median(errors) < median(steps));
}

}  // namespace faultline::engine
