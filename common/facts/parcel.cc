#include "common/facts/parcel.h"

#include <memory>

#include <zstd.h>

#include <fmt/format.h>

namespace faultline::facts {
namespace {

constexpr int kLevel = 3;  // zstd's default: a level more would cost processor time for few bytes

}  // namespace

Result<std::vector<std::byte>> pack(std::string_view text) {
  std::vector<std::byte> packed(ZSTD_compressBound(text.size()));
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     &ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  const auto size =
      ZSTD_compress2(context.get(), packed.data(), packed.size(), text.data(), text.size());
  if (ZSTD_isError(size) != 0) {
    return fail(ErrorCode::kInternal, fmt::format("zstd: {}", ZSTD_getErrorName(size)));
  }
  packed.resize(size);
  return packed;
}

Result<std::string> unpack(std::span<const std::byte> packed, std::size_t size_max) {
  const auto size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return fail(ErrorCode::kInvalid, "this is not zstd");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size > size_max) {
    return fail(ErrorCode::kLimit, fmt::format("it becomes more than {} bytes", size_max));
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  const auto done = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
  if (ZSTD_isError(done) != 0 || done != text.size()) {
    return fail(ErrorCode::kInvalid, "this zstd frame is damaged");
  }
  return text;
}

}  // namespace faultline::facts
