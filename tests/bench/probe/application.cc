#include "tests/bench/probe/application.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <span>
#include <thread>

#include "probe/engine/exchange.h"
#include "probe/stamp/packet.h"
#include "tests/bench/probe/world.h"

namespace faultline::bench {
namespace {

constexpr std::uint16_t kPort = kSourcePort - 1;
constexpr Duration kInterval = std::chrono::milliseconds{5};

sockaddr_in endpoint(std::uint32_t address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_addr.s_addr = htonl(address);
  result.sin_port = htons(port);
  return result;
}

int connected() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  const auto local = endpoint(kNearAddress, kPort);
  const auto remote = endpoint(kFarAddressFirst, kReflectorPort);
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0 ||
      ::connect(fd, reinterpret_cast<const sockaddr*>(&remote), sizeof remote) != 0) {
    die("the application's socket cannot be had");
  }
  return fd;
}

}  // namespace

std::vector<std::uint64_t> measure_by_application(const std::stop_token& stop) {
  const int fd = connected();
  std::vector<std::uint64_t> rtts;
  std::array<std::byte, stamp::kPacketSize> octets;
  auto next = std::chrono::steady_clock::now();
  for (std::uint32_t sequence = 0; !stop.stop_requested(); ++sequence) {
    next += kInterval;
    std::this_thread::sleep_until(next);
    const auto sent_at = engine::read_clocks().wall;
    stamp::encode(stamp::SenderPacket{.sequence = sequence, .sent_at = sent_at, .ssid = 1}, octets);
    if (::send(fd, octets.data(), octets.size(), 0) < 0) continue;
    if (::recv(fd, octets.data(), octets.size(), 0) < static_cast<ssize_t>(octets.size())) continue;
    const auto received_at = engine::read_clocks().wall;
    const auto reply = stamp::decode_reflector(octets);
    if (!reply || reply->sender_sequence != sequence) continue;
    const auto rtt = (received_at - sent_at) - (reply->sent_at - reply->received_at);
    rtts.push_back(static_cast<std::uint64_t>(std::max(rtt, Duration::zero()).count()));
  }
  ::close(fd);
  return rtts;
}

}  // namespace faultline::bench
