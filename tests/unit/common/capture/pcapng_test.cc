#include "common/capture/pcapng.h"

#include <cstdio>
#include <memory>

#include <pcap/pcap.h>

#include "common/base/random.h"
#include "common/capture/packet.h"
#include "tests/support/capture_builder.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace faultline::capture;
using faultline::test::Bytes;

namespace {

WallTime at(std::int64_t nanoseconds) {
  return wall_time_from_unix_nanoseconds(1'790'000'000'000'000'000 + nanoseconds);
}

CaptureFile two_interfaces() {
  CaptureFile file{.comment = "h1 to h2"};
  file.interfaces = {
      {.name = "eth0",
       .link_type = kLinkEthernet,
       .snap_length = 256,
       .span = Span{.from = at(0), .until = at(9'000'000'000), .dropped = 3}},
      {.name = "eth1", .link_type = kLinkEthernet, .snap_length = 256, .span = std::nullopt}};
  for (std::uint32_t i = 0; i < 5; ++i) {
    auto octets = test::udp_frame({.payload = test::stamp_request(i, i, 1)});
    octets.resize(octets.size() - i);  // so that padding is needed and not
    file.frames.push_back(
        {.interface = i % 2, .at = at(1001 * i), .size = 100 + i, .octets = octets});
  }
  return file;
}

}  // namespace

TEST_CASE("a capture comes back from its file as it was", "[capture]") {
  const auto file = two_interfaces();
  const auto read = from_pcapng(to_pcapng(file));
  REQUIRE(read);
  CHECK(*read == file);
}

TEST_CASE("libpcap, which Wireshark and tcpdump read with, reads the same frames", "[capture]") {
  const auto file = two_interfaces();
  const auto octets = to_pcapng(file);
  const std::unique_ptr<FILE, int (*)(FILE*)> stream(
      ::fmemopen(const_cast<std::byte*>(octets.data()), octets.size(), "rb"), &std::fclose);
  char why[PCAP_ERRBUF_SIZE] = "";
  auto* handle =
      ::pcap_fopen_offline_with_tstamp_precision(stream.get(), PCAP_TSTAMP_PRECISION_NANO, why);
  CAPTURE(why);
  REQUIRE(handle != nullptr);
  CHECK(::pcap_datalink(handle) == DLT_EN10MB);
  for (const auto& frame : file.frames) {
    pcap_pkthdr* header = nullptr;
    const unsigned char* data = nullptr;
    REQUIRE(::pcap_next_ex(handle, &header, &data) == 1);
    CHECK(header->len == frame.size);
    REQUIRE(header->caplen == frame.octets.size());
    CHECK(std::equal(frame.octets.begin(), frame.octets.end(),
                     reinterpret_cast<const std::byte*>(data)));
    CHECK(header->ts.tv_sec * 1'000'000'000LL + header->ts.tv_usec == unix_nanoseconds(frame.at));
  }
  pcap_pkthdr* header = nullptr;
  const unsigned char* data = nullptr;
  CHECK(::pcap_next_ex(handle, &header, &data) == PCAP_ERROR_BREAK);
  // libpcap closes the stream with the handle.
  const_cast<std::unique_ptr<FILE, int (*)(FILE*)>&>(stream).release();
  ::pcap_close(handle);
}

TEST_CASE("a file of a machine with the other byte order, in microseconds, is read", "[capture]") {
  Bytes file(28 + 20 + 40);
  test::put(file, 0, 0x0A0D0D0A, 4);
  test::put(file, 4, 28, 4);
  test::put(file, 8, 0x1A2B3C4D, 4);
  test::put(file, 12, 0x00010000, 4);
  test::put(file, 16, ~0ULL, 8);
  test::put(file, 24, 28, 4);
  test::put(file, 28, 1, 4);
  test::put(file, 32, 20, 4);
  test::put(file, 36, kLinkRaw, 2);
  test::put(file, 44, 20, 4);
  test::put(file, 48, 6, 4);
  test::put(file, 52, 40, 4);
  const std::uint64_t ticks = 1'790'000'000'000'123;
  test::put(file, 60, ticks >> 32, 4);
  test::put(file, 64, ticks & 0xffffffff, 4);
  test::put(file, 68, 5, 4);
  test::put(file, 72, 60, 4);
  test::put(file, 76, 0x4142434445, 5);
  test::put(file, 84, 40, 4);
  const auto read = from_pcapng(file);
  REQUIRE(read);
  REQUIRE(read->frames.size() == 1);
  CHECK(read->interfaces[0].link_type == kLinkRaw);
  CHECK(read->frames[0].at == at(123'000));
  CHECK(read->frames[0].octets.size() == 5);
  CHECK(read->frames[0].size == 60);
}

TEST_CASE("a damaged file is refused with the place, whatever is in it", "[capture]") {
  CHECK(from_pcapng(Bytes(64)).error().context == "this is not a pcapng file");
  const auto good = to_pcapng(two_interfaces());
  for (std::size_t size = 1; size < good.size(); ++size) {
    const auto cut = from_pcapng(std::span(good).first(size));
    // Where a block ends the rest is missing, which nobody can know.
    if (cut) CHECK(cut->frames.size() <= 5);
  }
  Rng rng(7);
  for (int round = 0; round < 20'000; ++round) {
    auto bad = good;
    for (int i = 0; i < 3; ++i) bad[rng() % bad.size()] = static_cast<std::byte>(rng());
    const auto read = from_pcapng(bad);
    if (!read) continue;
    for (const auto& frame : read->frames) {
      REQUIRE(frame.interface < read->interfaces.size());
      (void)parse(read->interfaces[frame.interface].link_type, frame.octets);
    }
  }
}
