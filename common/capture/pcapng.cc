#include "common/capture/pcapng.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "common/capture/octets.h"

namespace faultline::capture {
namespace {

constexpr std::uint32_t kSection = 0x0A0D0D0A;
constexpr std::uint32_t kByteOrder = 0x1A2B3C4D;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kStatistics = 5;
constexpr std::uint32_t kPacket = 6;
constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionComment = 1;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kInterfaceResolution = 9;
constexpr std::uint16_t kStatisticsStart = 2;
constexpr std::uint16_t kStatisticsEnd = 3;
constexpr std::uint16_t kStatisticsDropped = 5;
constexpr std::uint8_t kNanoseconds = 9;
constexpr std::size_t kBlockFrame = 12;  // type, length, and the length again

class Writer {
 public:
  template <typename T>
  void number(T value) {
    const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    out_.insert(out_.end(), raw.begin(), raw.end());
  }
  void octets(std::span<const std::byte> octets) {
    out_.insert(out_.end(), octets.begin(), octets.end());
    out_.resize((out_.size() + 3) / 4 * 4);
  }
  void option(std::uint16_t code, std::span<const std::byte> value) {
    number(code);
    number(static_cast<std::uint16_t>(value.size()));
    octets(value);
  }
  void option(std::uint16_t code, std::uint64_t value) {
    option(code, std::as_bytes(std::span(&value, 1)));
  }
  // Two halves, the upper first, whatever the byte order (section 4.3 of the draft).
  void time_option(std::uint16_t code, WallTime at) {
    const auto halves = halves_of(at);
    option(code, std::as_bytes(std::span(halves)));
  }
  void time(WallTime at) {
    for (const auto half : halves_of(at)) number(half);
  }
  void end_of_options() { option(kOptionEnd, std::span<const std::byte>{}); }

  void begin(std::uint32_t type) {
    began_ = out_.size();
    number(type);
    number(std::uint32_t{0});
  }
  void end() {
    const auto length = static_cast<std::uint32_t>(out_.size() + 4 - began_);
    std::memcpy(out_.data() + began_ + 4, &length, sizeof length);
    number(length);
  }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(out_); }

 private:
  static std::array<std::uint32_t, 2> halves_of(WallTime at) {
    const auto ticks = static_cast<std::uint64_t>(unix_nanoseconds(at));
    return {static_cast<std::uint32_t>(ticks >> 32), static_cast<std::uint32_t>(ticks)};
  }
  std::vector<std::byte> out_;
  std::size_t began_ = 0;
};

std::span<const std::byte> text_octets(const std::string& text) {
  return std::as_bytes(std::span(text)).first(std::min<std::size_t>(text.size(), 65535));
}

// Reads numbers in the section's byte order; the caller has checked that they are there.
struct Reader {
  bool swapped = false;

  template <typename T>
  [[nodiscard]] T number(Octets at, std::size_t offset) const {
    std::array<std::byte, sizeof(T)> raw{};
    std::copy_n(at.begin() + static_cast<std::ptrdiff_t>(offset), sizeof(T), raw.begin());
    if (swapped) std::ranges::reverse(raw);
    return std::bit_cast<T>(raw);
  }
  [[nodiscard]] std::uint64_t halves(Octets at, std::size_t offset) const {
    return static_cast<std::uint64_t>(number<std::uint32_t>(at, offset)) << 32 |
           number<std::uint32_t>(at, offset + 4);
  }
  // Calls take(code, value) for each option.
  template <typename Take>
  void options(Octets at, Take take) const {
    while (at.size() >= 4) {
      const auto code = number<std::uint16_t>(at, 0);
      const std::size_t size = number<std::uint16_t>(at, 2);
      if (code == kOptionEnd || size > at.size() - 4) return;
      take(code, at.subspan(4, size));
      at = after(at, 4 + (size + 3) / 4 * 4);
    }
  }
};

// Ticks of an interface's clock to nanoseconds; `resolution` as in if_tsresol.
WallTime time_of(std::uint64_t ticks, std::uint8_t resolution) {
  const auto exponent = static_cast<unsigned>(resolution & 0x7f);
  std::uint64_t per_second = 1;
  const std::uint64_t base = (resolution & 0x80) != 0 ? 2 : 10;
  for (unsigned i = 0; i < exponent && per_second < (1ULL << 59); ++i) per_second *= base;
  const auto seconds = std::min<std::uint64_t>(ticks / per_second, 9'000'000'000);
  const auto part = static_cast<double>(ticks % per_second) / static_cast<double>(per_second);
  const bool exact = resolution <= kNanoseconds;
  const auto nanoseconds = exact ? ticks % per_second * (1'000'000'000 / per_second)
                                 : static_cast<std::uint64_t>(part * 1e9);
  return wall_time_from_unix_nanoseconds(
      static_cast<std::int64_t>(seconds * 1'000'000'000 + nanoseconds));
}

class Parser {
 public:
  Result<CaptureFile> parse(Octets all) {
    if (all.size() > kFileBytesMax) return fail(ErrorCode::kLimit, "the file is too large");
    std::size_t at = 0;
    while (all.size() - at >= kBlockFrame) {
      const auto block = after(all, at);
      const bool is_section = number32(block, 0) == kSection;
      if (at == 0 && !is_section) break;
      if (at != 0 && is_section) return file_;  // only the first
      if (is_section) {
        reader_.swapped = reader_.number<std::uint32_t>(block, 8) != kByteOrder;
        if (reader_.number<std::uint32_t>(block, 8) != kByteOrder) break;
      }
      const std::size_t length = reader_.number<std::uint32_t>(block, 4);
      if (length < kBlockFrame || length % 4 != 0 || length > block.size()) return bad(at);
      const auto body = block.subspan(8, length - kBlockFrame);
      if (!take(reader_.number<std::uint32_t>(block, 0), body)) return bad(at);
      at += length;
    }
    if (at == 0) return fail(ErrorCode::kInvalid, "this is not a pcapng file");
    if (at != all.size()) return bad(at);
    return file_;
  }

 private:
  static tl::unexpected<Error> bad(std::size_t at) {
    return fail(ErrorCode::kInvalid, fmt::format("the capture is damaged at octet {}", at));
  }
  bool take(std::uint32_t type, Octets body) {
    if (type == kSection) return section(body);
    if (type == kInterface) return interface(body);
    if (type == kPacket) return packet(body);
    if (type == kStatistics) return statistics(body);
    return true;
  }
  bool section(Octets body) {
    if (body.size() < 16) return false;
    reader_.options(after(body, 16), [this](std::uint16_t code, Octets value) {
      if (code == kOptionComment) file_.comment = text(value);
    });
    return true;
  }
  bool interface(Octets body) {
    if (body.size() < 8 || file_.interfaces.size() >= kInterfacesMax) return false;
    Interface made{.link_type = reader_.number<std::uint16_t>(body, 0),
                   .snap_length = reader_.number<std::uint32_t>(body, 4)};
    std::uint8_t resolution = 6;
    reader_.options(after(body, 8), [&](std::uint16_t code, Octets value) {
      if (code == kInterfaceName) made.name = text(value);
      if (code == kInterfaceResolution && value.size() == 1) resolution = octet(value, 0);
    });
    file_.interfaces.push_back(std::move(made));
    resolutions_.push_back(resolution);
    return true;
  }
  bool packet(Octets body) {
    if (body.size() < 20 || file_.frames.size() >= kFramesMax) return false;
    const auto interface = reader_.number<std::uint32_t>(body, 0);
    const std::size_t captured = reader_.number<std::uint32_t>(body, 12);
    if (interface >= resolutions_.size() || captured > body.size() - 20) return false;
    const auto octets = body.subspan(20, captured);
    file_.frames.push_back({.interface = interface,
                            .at = time_of(reader_.halves(body, 4), resolutions_[interface]),
                            .size = reader_.number<std::uint32_t>(body, 16),
                            .octets = {octets.begin(), octets.end()}});
    return true;
  }
  bool statistics(Octets body) {
    if (body.size() < 12) return false;
    const auto interface = reader_.number<std::uint32_t>(body, 0);
    if (interface >= resolutions_.size()) return false;
    std::optional<WallTime> from;
    Span span;
    bool ended = false;
    reader_.options(after(body, 12), [&](std::uint16_t code, Octets value) {
      if (value.size() != 8) return;
      const auto at = time_of(reader_.halves(value, 0), resolutions_[interface]);
      if (code == kStatisticsStart) from = at;
      if (code == kStatisticsEnd) span.until = at, ended = true;
      if (code == kStatisticsDropped) span.dropped = reader_.number<std::uint64_t>(value, 0);
    });
    if (!from || !ended) return true;
    span.from = *from;
    file_.interfaces[interface].span = span;
    return true;
  }
  static std::string text(Octets value) {
    return {reinterpret_cast<const char*>(value.data()), value.size()};
  }

  Reader reader_;
  CaptureFile file_;
  std::vector<std::uint8_t> resolutions_;
};

}  // namespace

std::vector<std::byte> to_pcapng(const CaptureFile& file) {
  Writer out;
  out.begin(kSection);
  out.number(kByteOrder);
  out.number(std::uint16_t{1});
  out.number(std::uint16_t{0});
  out.number(std::int64_t{-1});  // the section's length: not said
  if (!file.comment.empty()) out.option(kOptionComment, text_octets(file.comment));
  out.end_of_options();
  out.end();
  for (const auto& interface : file.interfaces) {
    out.begin(kInterface);
    out.number(interface.link_type);
    out.number(std::uint16_t{0});
    out.number(interface.snap_length);
    out.option(kInterfaceName, text_octets(interface.name));
    out.option(kInterfaceResolution, std::as_bytes(std::span(&kNanoseconds, 1)));
    out.end_of_options();
    out.end();
  }
  for (const auto& frame : file.frames) {
    out.begin(kPacket);
    out.number(frame.interface);
    out.time(frame.at);
    out.number(static_cast<std::uint32_t>(frame.octets.size()));
    out.number(frame.size);
    out.octets(frame.octets);
    out.end();
  }
  for (std::uint32_t i = 0; i < file.interfaces.size(); ++i) {
    const auto& span = file.interfaces[i].span;
    if (!span) continue;
    out.begin(kStatistics);
    out.number(i);
    out.time(span->until);
    out.time_option(kStatisticsStart, span->from);
    out.time_option(kStatisticsEnd, span->until);
    out.option(kStatisticsDropped, span->dropped);
    out.end_of_options();
    out.end();
  }
  return out.take();
}

Result<CaptureFile> from_pcapng(std::span<const std::byte> octets) {
  return Parser().parse(octets);
}

}  // namespace faultline::capture
