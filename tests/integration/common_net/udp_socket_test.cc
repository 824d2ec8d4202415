// On loopback only. Waiting is poll() with a guard against hangs, never a sleep.
#include "common/net/udp_socket.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace faultline::net {
namespace {

constexpr int kGuardMilliseconds = 10'000;

const IpAddress kLoopback = IpAddress::v4(0x7f000001);
const IpAddress kOther = IpAddress::v4(0x7f000002);
const IpAddress kLoopback6 = *IpAddress::parse("::1");

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> result(text.size());
  std::ranges::transform(text, result.begin(), [](char c) { return static_cast<std::byte>(c); });
  return result;
}

struct Recorder final : ErrorQueueSink {
  struct Icmp {
    Endpoint destination;
    IpAddress offender;
    bool port_unreachable;
    std::vector<std::byte> quote;
  };
  std::vector<std::vector<std::byte>> frames;
  std::vector<WallTime> stamps;
  std::vector<Icmp> icmp;
  std::size_t failed = 0;

  void on_transmit_stamp(const TransmitStamp& stamp) override {
    frames.emplace_back(stamp.frame.begin(), stamp.frame.end());
    stamps.push_back(stamp.sent_at);
  }
  void on_icmp_error(const IcmpError& error) override {
    icmp.push_back({error.destination,
                    error.offender,
                    error.port_unreachable(),
                    {error.quote.begin(), error.quote.end()}});
  }
  void on_send_failed(const OutgoingDatagram&, int) override { ++failed; }
};

std::unique_ptr<UdpSocket> open_on(IpAddress address) {
  auto socket = UdpSocket::open({.local = {address, 0}});
  REQUIRE(socket);
  return std::move(*socket);
}

// The port of a socket that has just been closed: nobody listens there.
Endpoint closed_endpoint(IpAddress address) { return open_on(address)->local(); }

bool wait_readable(const UdpSocket& socket, short events = POLLIN) {
  pollfd waiting{.fd = socket.fd(), .events = events, .revents = 0};
  return ::poll(&waiting, 1, kGuardMilliseconds) == 1;
}

// The kernel turns stamping on in the background, some time after the first socket has asked for
// it, and off again after the last: this one stays.
void await_receive_stamps() {
  constexpr int kDatagramsMax = 1'000'000;
  static const auto socket = open_on(kLoopback);
  Recorder sink;
  ReceiveBuffer buffer;
  const auto text = bytes("stamped?");
  const OutgoingDatagram out{.to = socket->local(), .payload = text};
  for (int i = 0; i < kDatagramsMax; ++i) {
    REQUIRE(socket->send({&out, 1}, sink) == 1);
    REQUIRE(wait_readable(*socket));
    const auto in = socket->receive(buffer, sink);
    REQUIRE(in.size() == 1);
    if (in[0].received_at) return;
  }
  FAIL("the kernel does not stamp what arrives");
}

}  // namespace

TEST_CASE("a datagram arrives with its sender, TTL and the kernel's stamp", "[net]") {
  await_receive_stamps();
  for (const auto& address : {kLoopback, kLoopback6}) {
    CAPTURE(address.to_string());
    const auto a = open_on(address);
    const auto b = open_on(address);
    Recorder sink;
    ReceiveBuffer buffer;
    const auto text = bytes("hello");
    const std::array<OutgoingDatagram, 2> out{
        {{.to = b->local(), .payload = text}, {.to = b->local(), .payload = text, .ttl = 7}}};
    CHECK(a->send(out, sink) == 2);
    REQUIRE(wait_readable(*b));
    const auto in = b->receive(buffer, sink);
    REQUIRE(in.size() == 2);
    CHECK(in[0].from == a->local());
    CHECK(std::ranges::equal(in[0].payload, text));
    CHECK(in[0].ttl == kTtlDefault);
    CHECK(in[1].ttl == 7);
    REQUIRE(in[0].received_at);
    REQUIRE(in[1].received_at);
    CHECK(*in[0].received_at <= *in[1].received_at);
    CHECK(b->receive(buffer, sink).empty());
  }
}

TEST_CASE("the kernel's transmit stamp comes with the datagram that asks for it", "[net]") {
  await_receive_stamps();
  for (const auto& address : {kLoopback, kLoopback6}) {
    CAPTURE(address.to_string());
    const auto a = open_on(address);
    const auto b = open_on(address);
    Recorder sink;
    ReceiveBuffer buffer;
    const auto text = bytes("forty-two");
    const auto other = bytes("forty-one");
    const std::array<OutgoingDatagram, 2> out{
        {{.to = b->local(), .payload = other},
         {.to = b->local(), .payload = text, .dscp = 46, .stamped = true}}};
    REQUIRE(a->send(out, sink) == 2);
    REQUIRE(wait_readable(*b));
    const auto in = b->receive(buffer, sink);
    REQUIRE(in.size() == 2);
    drain_error_queue(a->fd(), sink);
    REQUIRE(sink.frames.size() == 1);
    REQUIRE(sink.frames[0].size() >= text.size());
    CHECK(std::equal(text.rbegin(), text.rend(), sink.frames[0].rbegin()));
    REQUIRE(in[1].received_at);
    CHECK(sink.stamps[0] <= *in[1].received_at);
  }
}

TEST_CASE("a closed port among the targets costs the others nothing", "[net]") {
  for (const auto& address : {kLoopback, kLoopback6}) {
    CAPTURE(address.to_string());
    const auto a = open_on(address);
    const auto b = open_on(address);
    const auto dead = closed_endpoint(address);
    Recorder sink;
    ReceiveBuffer buffer;
    const auto text = bytes("0123456789abcdefghij");
    constexpr std::size_t kRounds = 50;
    std::size_t arrived = 0;
    for (std::size_t round = 0; round < kRounds; ++round) {
      const std::array<OutgoingDatagram, 3> out{
          {{.to = dead, .payload = text, .stamped = true},
           {.to = b->local(), .payload = text, .stamped = true},
           {.to = b->local(), .payload = text, .stamped = true}}};
      CHECK(a->send(out, sink) == 3);
      while (arrived < 2 * (round + 1)) {
        REQUIRE(wait_readable(*b));
        arrived += b->receive(buffer, sink).size();
      }
    }
    CHECK(sink.failed == 0);
    drain_error_queue(a->fd(), sink);
    REQUIRE_FALSE(sink.icmp.empty());
    CHECK(sink.icmp[0].destination == dead);
    CHECK(sink.icmp[0].offender == address);
    CHECK(sink.icmp[0].port_unreachable);
    CHECK(sink.icmp[0].quote == text);
    CHECK(sink.frames.size() == 3 * kRounds);
  }
}

TEST_CASE("only the datagram that the kernel refuses twice is reported as failed", "[net]") {
  const auto a = open_on(kLoopback);
  const auto b = open_on(kLoopback);
  Recorder sink;
  ReceiveBuffer buffer;
  const auto text = bytes("x");
  const std::array<OutgoingDatagram, 3> out{
      {{.to = b->local(), .payload = text},
       {.to = {IpAddress::v4(0xffffffff), 9}, .payload = text},  // broadcast: not permitted
       {.to = b->local(), .payload = text}}};
  CHECK(a->send(out, sink) == 2);
  CHECK(sink.failed == 1);
  REQUIRE(wait_readable(*b));
  CHECK(b->receive(buffer, sink).size() == 2);
}

TEST_CASE("datagrams beyond the buffer are counted, the others received", "[net]") {
  const auto a = open_on(kLoopback);
  const auto b = open_on(kLoopback);
  Recorder sink;
  ReceiveBuffer buffer;
  const std::vector<std::byte> large(kDatagramMax + 1);
  const auto text = bytes("small");
  const std::array<OutgoingDatagram, 2> out{
      {{.to = b->local(), .payload = large}, {.to = b->local(), .payload = text}}};
  CHECK(a->send(out, sink) == 2);
  REQUIRE(wait_readable(*b));
  const auto in = b->receive(buffer, sink);
  REQUIRE(in.size() == 1);
  CHECK(in[0].payload.size() == text.size());
  CHECK(b->oversized() == 1);
}

TEST_CASE("what the kernel drops for want of buffer is counted", "[net]") {
  const auto a = open_on(kLoopback);
  auto opened = UdpSocket::open({.local = {kLoopback, 0}, .receive_buffer_bytes = 4096});
  REQUIRE(opened);
  const auto& b = **opened;
  Recorder sink;
  ReceiveBuffer buffer;
  const auto text = bytes("y");
  const OutgoingDatagram out{.to = b.local(), .payload = text};
  constexpr std::size_t kSent = 200;
  for (std::size_t i = 0; i < kSent; ++i) REQUIRE(a->send({&out, 1}, sink) == 1);
  std::size_t received = 0;
  for (auto in = (*opened)->receive(buffer, sink); !in.empty();
       in = (*opened)->receive(buffer, sink)) {
    received += in.size();
  }
  CHECK(received < kSent);
  REQUIRE(a->send({&out, 1}, sink) == 1);  // the count travels with the next datagram
  REQUIRE(wait_readable(b));
  received += (*opened)->receive(buffer, sink).size();
  CHECK(received + b.receive_drops() == kSent + 1);
}

TEST_CASE("a bind error names the endpoint and the reason", "[net]") {
  const auto held = open_on(kOther);
  const auto again = UdpSocket::open({.local = held->local()});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::kUnavailable);
  CHECK(again.error().context.find(to_string(held->local())) != std::string::npos);
  CHECK(again.error().context.find("another process holds the port") != std::string::npos);

  const auto foreign = UdpSocket::open({.local = {IpAddress::v4(0xC0000201), 0}});  // 192.0.2.1
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().context.find("no interface of this host") != std::string::npos);
}

}  // namespace faultline::net
