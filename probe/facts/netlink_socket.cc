#include "probe/facts/netlink_socket.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>

namespace faultline::probe_facts {
namespace {

constexpr std::size_t kBufferSize = 32'768;  // what the kernel fills at most at a time (netlink(7))

tl::unexpected<Error> failed(std::string_view what, int error) {
  return fail(ErrorCode::kUnavailable, fmt::format("netlink: {}: {}", what, std::strerror(error)));
}

// Of an error message, or of the end of a dump.
int error_of(const nlmsghdr* message) {
  const auto payload = read_as<std::int32_t>(
      std::as_bytes(std::span(static_cast<const char*>(mnl_nlmsg_get_payload(message)),
                              mnl_nlmsg_get_payload_len(message))));
  return payload ? -*payload : 0;
}

}  // namespace

void NetlinkSocket::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  std::unique_ptr<mnl_socket, Close> socket(mnl_socket_open2(protocol, SOCK_CLOEXEC));
  if (!socket) return failed("cannot open a socket", errno);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return failed("cannot bind", errno);
  const timeval patience{std::chrono::duration_cast<std::chrono::seconds>(kDumpPatience).count(),
                         0};
  ::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &patience,
               sizeof patience);
  return NetlinkSocket(std::move(socket));
}

Result<DumpOutcome> NetlinkSocket::dump(const DumpRequest& request, std::uint64_t messages_max,
                                        const std::function<void(Bytes)>& on_message) {
  alignas(nlmsghdr) std::array<char, 512> question{};
  auto* header = mnl_nlmsg_put_header(question.data());
  header->nlmsg_type = request.type;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = ++sequence_;
  std::memcpy(mnl_nlmsg_put_extra_header(header, request.header.size()), request.header.data(),
              request.header.size());
  int strict = request.strict ? 1 : 0;
  // An old kernel without the option answers with everything, which the parsers sort out.
  mnl_socket_setsockopt(socket_.get(), NETLINK_GET_STRICT_CHK, &strict, sizeof strict);
  if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0) {
    return failed("cannot ask", errno);
  }
  std::vector<char> buffer(kBufferSize);
  DumpOutcome outcome;
  for (;;) {  // until the dump's end, its bound, or an error
    const auto size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (size < 0) return failed("no answer", errno);
    auto left = static_cast<int>(size);
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence_) continue;
      if (message->nlmsg_type == NLMSG_DONE) return outcome;
      if (message->nlmsg_type == NLMSG_ERROR) return failed("refused", error_of(message));
      if (++outcome.messages > messages_max) {
        outcome.cut = true;
        return outcome;
      }
      on_message(
          std::as_bytes(std::span(reinterpret_cast<const char*>(message), message->nlmsg_len)));
    }
  }
}

}  // namespace faultline::probe_facts
