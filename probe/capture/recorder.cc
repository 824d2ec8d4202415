#include "probe/capture/recorder.h"

#include <poll.h>

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "common/async/clock.h"
#include "common/capture/packet.h"
#include "probe/capture/interfaces.h"

namespace faultline::capture {
namespace {

constexpr int kKernelBuffer = 1 << 20;  // bytes, per interface
constexpr int kBatch = 256;             // frames at once, so that a stop is heard
constexpr int kStopHeardMs = 100;

using Handle = std::unique_ptr<pcap_t, void (*)(pcap_t*)>;

struct Tap {
  Handle handle;
  Interface about;
};

tl::unexpected<Error> refuse(pcap_t* handle, const std::string& name, int code) {
  if (code == PCAP_ERROR_PERM_DENIED || code == PCAP_ERROR_PROMISC_PERM_DENIED) {
    return fail(ErrorCode::kDenied,
                "capturing packets needs CAP_NET_RAW, which this probe does not have; give it to "
                "the service (deploy/systemd/README.md says how) and restart it");
  }
  return fail(ErrorCode::kUnavailable,
              fmt::format("cannot capture on {}: {}", name,
                          code == PCAP_ERROR ? ::pcap_geterr(handle) : ::pcap_statustostr(code)));
}

std::optional<std::uint16_t> link_type_of(pcap_t* handle) {
  const int type = ::pcap_datalink(handle);
  if (type == DLT_EN10MB) return kLinkEthernet;
  if (type == DLT_RAW || type == DLT_IPV4 || type == DLT_IPV6) return kLinkRaw;
  return std::nullopt;
}

Result<Tap> open_tap(const std::string& name, const Wanted& wanted) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Handle handle(::pcap_create(name.c_str(), why.data()), &::pcap_close);
  if (!handle) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot capture on {}: {}", name, why.data()));
  }
  ::pcap_set_snaplen(handle.get(), kSnapLength);
  ::pcap_set_promisc(handle.get(), 0);
  ::pcap_set_immediate_mode(handle.get(), 1);
  ::pcap_set_buffer_size(handle.get(), kKernelBuffer);
  ::pcap_set_tstamp_precision(handle.get(), PCAP_TSTAMP_PRECISION_NANO);
  if (const int code = ::pcap_activate(handle.get()); code < 0) {
    return refuse(handle.get(), name, code);
  }
  const auto link_type = link_type_of(handle.get());
  if (!link_type) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("cannot capture on {}: its frames are neither Ethernet nor bare IP", name));
  }
  bpf_program program{};
  const bool filtered = ::pcap_compile(handle.get(), &program, bpf_text(wanted).c_str(), 1,
                                       PCAP_NETMASK_UNKNOWN) == 0 &&
                        ::pcap_setfilter(handle.get(), &program) == 0;
  ::pcap_freecode(&program);
  if (!filtered || ::pcap_setnonblock(handle.get(), 1, why.data()) != 0) {
    return refuse(handle.get(), name, PCAP_ERROR);
  }
  return Tap{.handle = std::move(handle),
             .about = {.name = name, .link_type = *link_type, .snap_length = kSnapLength}};
}

Result<std::vector<Tap>> open_taps(const Recording& recording) {
  std::vector<Tap> taps;
  for (const auto& name : interfaces_to_listen(recording.interface)) {
    auto tap = open_tap(name, recording.wanted);
    // Only the route's interface must work; tunnels of a kind unknown here are left out.
    if (!tap && taps.empty()) return tl::unexpected<Error>(tap.error());
    if (tap) taps.push_back(std::move(*tap));
  }
  return taps;
}

struct Taking {
  Buffer* buffer = nullptr;
  std::uint32_t interface = 0;
  std::uint16_t link_type = 0;
};

void take(unsigned char* user, const pcap_pkthdr* header, const unsigned char* octets) {
  const auto& taking = *reinterpret_cast<const Taking*>(user);
  const auto at =
      wall_time_from_unix_nanoseconds(header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec);
  (void)taking.buffer->offer({.interface = taking.interface,
                              .link_type = taking.link_type,
                              .at = at,
                              .size = header->len,
                              .octets = std::as_bytes(std::span(octets, header->caplen))});
}

void drain(std::vector<Tap>& taps, Buffer& buffer) {
  for (std::uint32_t i = 0; i < taps.size(); ++i) {
    Taking taking{.buffer = &buffer, .interface = i, .link_type = taps[i].about.link_type};
    (void)::pcap_dispatch(taps[i].handle.get(), kBatch, &take,
                          reinterpret_cast<unsigned char*>(&taking));
  }
}

void listen(std::vector<Tap>& taps, Buffer& buffer, Duration time, const RecordContext& context) {
  std::vector<pollfd> polled;
  for (const auto& tap : taps) {
    polled.push_back(
        {.fd = ::pcap_get_selectable_fd(tap.handle.get()), .events = POLLIN, .revents = 0});
  }
  const auto until = async::now_instant() + time;
  auto next = async::now_instant();
  while (!context.stop.stop_requested() && !buffer.full() && async::now_instant() < until) {
    if (context.progress && async::now_instant() >= next) {
      next += std::chrono::seconds{1};
      context.progress(fmt::format("capturing, {} packets", buffer.own()));
    }
    (void)::poll(polled.data(), polled.size(), kStopHeardMs);
    drain(taps, buffer);
  }
}

}  // namespace

Result<Recorded> record(const Recording& recording, const RecordContext& context) {
  Buffer buffer(recording.wanted, recording.limits);
  FAULTLINE_TRY(auto taps, open_taps(recording));
  const auto from = async::now_wall();
  listen(taps, buffer, recording.time, context);
  const auto until = buffer.full_since().value_or(async::now_wall());
  Recorded recorded{
      .own = buffer.own(), .others_left_out = buffer.others_left_out(), .full = buffer.full()};
  recorded.file.comment = recording.comment;
  for (auto& tap : taps) {
    pcap_stat counts{};
    (void)::pcap_stats(tap.handle.get(), &counts);
    tap.about.span = Span{.from = from, .until = until, .dropped = counts.ps_drop};
    recorded.dropped += counts.ps_drop;
    recorded.file.interfaces.push_back(tap.about);
  }
  recorded.file.frames = buffer.take();
  std::ranges::stable_sort(recorded.file.frames, {}, &Frame::at);
  return recorded;
}

}  // namespace faultline::capture
