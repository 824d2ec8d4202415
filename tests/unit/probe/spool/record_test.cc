#include "probe/spool/record.h"

#include <algorithm>
#include <string_view>

#include "common/base/random.h"
#include "common/model/control.h"
#include "tests/support/catch.h"

namespace faultline::spool {
namespace {

const RecordHeader kBatch{BootId{0xb007}, 7, 7, 120, 4'000, 0xdeadbeef};
const RecordHeader kGap{BootId{0xb007}, 1, 9, 1'200, 0, 0};

TEST_CASE("the checksum is CRC-32C: the check value of its catalogue entry", "[spool]") {
  constexpr std::string_view kText = "123456789";
  CHECK(crc32c(std::as_bytes(std::span{kText})) == 0xe3069283);
}

TEST_CASE("headers of batches and gap records round-trip", "[spool]") {
  CHECK(decode_header(encode(kBatch)) == kBatch);
  CHECK(decode_header(encode(kGap)) == kGap);
}

TEST_CASE("every flipped bit and every cut of a header is noticed", "[spool]") {
  const auto bytes = encode(kBatch);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    REQUIRE_FALSE(decode_header(flipped));
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_FALSE(decode_header(std::span{bytes}.first(size)));
  }
}

TEST_CASE("a header with a valid checksum that no spool writes is refused", "[spool]") {
  const auto refused = [](RecordHeader header) { return !decode_header(encode(header)); };
  CHECK(refused({BootId{1}, 0, 0, 0, 10, 0}));          // sequences begin at 1
  CHECK(refused({BootId{1}, 9, 8, 0, 0, 0}));           // ends before it begins
  CHECK(refused({BootId{1}, 1, 2, 0, 10, 0}));          // a batch of two sequences
  CHECK(refused({BootId{1}, 1, UINT64_MAX, 0, 0, 0}));  // counting on would wrap
  CHECK(refused({BootId{1}, 1, 1, 0, kBatchPayloadMax + 1, 0}));
}

}  // namespace
}  // namespace faultline::spool
