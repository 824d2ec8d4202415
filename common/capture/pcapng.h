// CaptureFile: frames of one end and the times they cover, and its octets as pcapng
// (draft-ietf-opsawg-pcapng), which Wireshark and tcpdump open.
//
// Why our own: libpcap reads this format but cannot write it, and the older one has neither several
// interfaces nor a place to say what a capture spans and what it lost. What is read may come from
// anybody: bounded by kFramesMax and kFileBytesMax, every length is checked.
//
// Pure; thread safety: none needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"

namespace faultline::capture {

inline constexpr std::size_t kFramesMax = 1 << 20;
inline constexpr std::size_t kFileBytesMax = 256 << 20;
inline constexpr std::size_t kInterfacesMax = 256;

// From when to when an interface was listened to, and what the kernel had no room for meanwhile.
struct Span {
  WallTime from{};
  WallTime until{};
  std::uint64_t dropped = 0;

  bool operator==(const Span&) const = default;
};

struct Interface {
  std::string name{};
  std::uint16_t link_type = 0;    // packet.h
  std::uint32_t snap_length = 0;  // octets of a frame that are kept; 0: all
  std::optional<Span> span{};     // absent in files of others

  bool operator==(const Interface&) const = default;
};

struct Frame {
  std::uint32_t interface = 0;  // index
  WallTime at{};                // the clock of the machine that captured it
  std::uint32_t size = 0;       // octets on the wire
  std::vector<std::byte> octets{};

  bool operator==(const Frame&) const = default;
};

struct CaptureFile {
  std::string comment{};  // a line for who opens the file
  std::vector<Interface> interfaces{};
  std::vector<Frame> frames{};  // in the order in which they were taken

  bool operator==(const CaptureFile&) const = default;
};

[[nodiscard]] std::vector<std::byte> to_pcapng(const CaptureFile& file);
// The first section of a file of either byte order and any time resolution; kInvalid says what is
// wrong, and at which octet. Blocks of other kinds are passed over.
[[nodiscard]] Result<CaptureFile> from_pcapng(std::span<const std::byte> octets);

}  // namespace faultline::capture
