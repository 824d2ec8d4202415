#include "tests/bench/probe/far.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <linux/net_tstamp.h>
#include <sys/time.h>

#include "probe/engine/exchange.h"
#include "probe/engine/keyring.h"
#include "probe/session/reflector.h"
#include "tests/bench/probe/world.h"

namespace faultline::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kOctets = 2048;
constexpr std::uint16_t kCrowdPort = 61001;
constexpr int kBuffer = 4 << 20;

// Of every address of the namespace; says of each datagram to which one it was sent.
int open_socket(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int on = 1;
  const int stamps = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  const timeval patience{.tv_sec = 0, .tv_usec = 200'000};  // then it looks whether to end
  setsockopt(fd, SOL_IP, IP_PKTINFO, &on, sizeof on);
  setsockopt(fd, SOL_IP, IP_RECVTTL, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    die(fmt::format("cannot bind port {}: {}", port, std::strerror(errno)));
  }
  return fd;
}

// One datagram's address, octets and control data.
struct Slot {
  std::array<std::byte, kOctets> octets;
  alignas(cmsghdr) std::array<std::byte, 256> control;
  sockaddr_in address;
  iovec vector;
};

struct Arrival {
  in_addr to{};
  WallTime at{};
  std::uint8_t ttl = 0;
};

Arrival read_control(msghdr& header) {
  Arrival arrival;
  for (auto* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      arrival.to = info.ipi_addr;
    } else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_TTL) {
      int ttl = 0;
      std::memcpy(&ttl, CMSG_DATA(c), sizeof ttl);
      arrival.ttl = static_cast<std::uint8_t>(ttl);
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) {
      timespec stamp;
      std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
      arrival.at = wall_time_from_unix_nanoseconds(stamp.tv_sec * 1'000'000'000LL + stamp.tv_nsec);
    }
  }
  return arrival;
}

// From this of the namespace's addresses.
void set_source(msghdr& header, Slot& slot, in_addr source) {
  cmsghdr control{
      .cmsg_len = CMSG_LEN(sizeof(in_pktinfo)), .cmsg_level = SOL_IP, .cmsg_type = IP_PKTINFO};
  in_pktinfo info{};
  info.ipi_spec_dst = source;
  std::memcpy(slot.control.data(), &control, sizeof control);
  std::memcpy(slot.control.data() + CMSG_LEN(0), &info, sizeof info);
  header.msg_control = slot.control.data();
  header.msg_controllen = CMSG_SPACE(sizeof info);
}

mmsghdr message_of(Slot& slot, std::size_t size) {
  slot.vector = {slot.octets.data(), size};
  mmsghdr message{};
  message.msg_hdr.msg_name = &slot.address;
  message.msg_hdr.msg_namelen = sizeof slot.address;
  message.msg_hdr.msg_iov = &slot.vector;
  message.msg_hdr.msg_iovlen = 1;
  return message;
}

class Far {
 public:
  explicit Far(const FarOptions& options) : options_(options), keys_(keys_in(options.state)) {
    const auto plan = far_plan(keys_, options.authenticated);
    engine::Keyring keyring;
    const auto table = keyring.table({keys_.far}, plan);
    reflector_.set_peers(plan.peers, *table);
    sending_.emplace(table->at(NodeId{kNearNode})->sending);
  }

  void reflect();
  void crowd();
  void end() { ending_ = true; }
  [[nodiscard]] std::string counts() const {
    return fmt::format(
        R"({{"reflected": {}, "refused": {}, "crowd_sent": {}, "crowd_answered": {}}})", reflected_,
        refused_, crowd_sent_, crowd_answered_.load());
  }

 private:
  std::size_t answer(Slot& slot, msghdr& header, std::size_t size, Slot& out);
  void send_one(int fd, std::uint32_t sender, Slot& slot);

  FarOptions options_;
  Keys keys_;
  session::Reflector reflector_;
  std::optional<crypto::MacKey> sending_;
  std::atomic<bool> ending_{false};
  std::uint64_t reflected_ = 0, refused_ = 0, crowd_sent_ = 0;
  std::atomic<std::uint64_t> crowd_answered_{0};
};

// The reply's size; 0: there is none.
std::size_t Far::answer(Slot& slot, msghdr& header, std::size_t size, Slot& out) {
  const auto arrival = read_control(header);
  const session::Request request{
      .from = {IpAddress::v4(ntohl(slot.address.sin_addr.s_addr)), ntohs(slot.address.sin_port)},
      .payload = std::span(slot.octets).first(size),
      .ttl = arrival.ttl,
      .received_at = arrival.at,
      .to = {IpAddress::v4(ntohl(arrival.to.s_addr)), kReflectorPort}};
  const auto reply = reflector_.answer(request, engine::read_clocks(), out.octets);
  if (reply.outcome != session::Reflector::Outcome::kAnswered) return 0;
  out.address = slot.address;
  return reply.size;
}

void Far::reflect() {
  const int fd = open_socket(kReflectorPort);
  std::vector<Slot> in(kBatch);
  Slot out{};
  std::array<mmsghdr, kBatch> received{};
  while (!ending_) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      received[i] = message_of(in[i], kOctets);
      received[i].msg_hdr.msg_control = in[i].control.data();
      received[i].msg_hdr.msg_controllen = in[i].control.size();
    }
    const int got = ::recvmmsg(fd, received.data(), kBatch, MSG_WAITFORONE, nullptr);
    for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got); ++i) {
      const auto to = read_control(received[i].msg_hdr).to;
      const auto size = answer(in[i], received[i].msg_hdr, received[i].msg_len, out);
      if (size == 0) {
        ++refused_;
        continue;
      }
      // At once, for what it waits after T3 would look like the network's delay.
      auto reply = message_of(out, size);
      set_source(reply.msg_hdr, out, to);
      if (::sendmsg(fd, &reply.msg_hdr, 0) < 0) {
        die(fmt::format("the far end cannot send: {}", std::strerror(errno)));
      }
      ++reflected_;
    }
  }
  ::close(fd);
}

void Far::send_one(int fd, std::uint32_t sender, Slot& slot) {
  const auto mode = options_.authenticated ? stamp::Mode::kAuthenticated : stamp::Mode::kOpen;
  const stamp::SenderPacket packet{
      .sequence = static_cast<std::uint32_t>(crowd_sent_ / options_.senders),
      .sent_at = engine::read_clocks().wall,
      .ssid = static_cast<std::uint16_t>(1 + sender)};
  if (options_.authenticated) {
    stamp::encode(packet, *sending_, slot.octets);
  } else {
    stamp::encode(packet, slot.octets);
  }
  slot.address = {};
  slot.address.sin_family = AF_INET;
  slot.address.sin_addr.s_addr = htonl(kNearAddress);
  slot.address.sin_port = htons(kReflectorPort);
  auto message = message_of(slot, stamp::base_size(mode));
  set_source(message.msg_hdr, slot, {htonl(kFarAddressFirst + sender % options_.targets)});
  if (::sendmsg(fd, &message.msg_hdr, 0) > 0) ++crowd_sent_;
}

// A thousand nodes know nothing of each other: intervals are exponential (a Poisson process).
void Far::crowd() {
  const int fd = open_socket(kCrowdPort);
  std::thread answers([this, fd] {
    std::array<std::byte, kOctets> octets;
    while (!ending_) {
      if (::recv(fd, octets.data(), octets.size(), 0) > 0) ++crowd_answered_;
    }
  });
  std::mt19937_64 rng(1);
  std::exponential_distribution<double> gap(options_.crowd_per_second);
  std::uniform_int_distribution<std::uint32_t> sender(0, options_.senders - 1);
  Slot slot{};
  auto next = std::chrono::steady_clock::now();
  while (!ending_) {
    next += std::chrono::nanoseconds{static_cast<std::int64_t>(1e9 * gap(rng))};
    std::this_thread::sleep_until(next);
    send_one(fd, sender(rng), slot);
  }
  answers.join();
  ::close(fd);
}

}  // namespace

void run_far(const FarOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Far far(options);
  std::thread reflector([&] { far.reflect(); });
  std::thread crowd([&] {
    if (options.crowd_per_second > 0) far.crowd();
  });
  int number = 0;
  sigwait(&signals, &number);
  far.end();
  reflector.join();
  crowd.join();
  fmt::print("{}\n", far.counts());
}

}  // namespace faultline::bench
