#include "controller/backup/manifest.h"

#include "tests/support/catch.h"

namespace faultline::backup {
namespace {

Manifest manifest() {
  return {.store_format = 1,
          .software = "faultline-controller 0.1.0",
          .created_at = wall_time_from_unix_seconds(1'790'000'000),
          .files = {{"controller.key", 150, std::string(64, 'a')},
                    {"store/000012.sst", 70'000, std::string(64, '0')}}};
}

std::string with(std::string_view what, std::string_view instead) {
  auto text = to_json(manifest());
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), instead);
}

TEST_CASE("a manifest survives its JSON", "[backup]") {
  CHECK(manifest_from_json(to_json(manifest())) == manifest());
  CHECK(manifest().bytes() == 70'150);
}

TEST_CASE("a name that leads out of the data directory, or to what restore keeps there, is unsafe",
          "[backup]") {
  for (const auto* path : {"controller.key", "store/CURRENT", "store/a/b.sst", "store/..data"}) {
    CAPTURE(path);
    CHECK(is_safe_path(path));
  }
  for (const auto* path :
       {"", "/etc/passwd", "..", "../x", "store/../../x", "store/..", "store/./x", "store//x",
        "store/", ".", "store", "checkpoint", "checkpoint/x", "restore", "restore/switch.json",
        "replaced-20260101T000000Z", "etc/cron.d/x", "store/a\nb", "store/\xff"}) {
    CAPTURE(path);
    CHECK_FALSE(is_safe_path(path));
  }
  CHECK_FALSE(is_safe_path("store/" + std::string(kPathBytesMax, 'x')));
  CHECK_FALSE(is_safe_path(std::string_view("a\0b", 3)));
}

TEST_CASE("a manifest with an unsafe name, a bad digest or a file twice is refused", "[backup]") {
  CHECK(manifest_from_json(with("store/000012.sst", "../000012.sst")).error().code ==
        ErrorCode::kInvalid);
  CHECK(manifest_from_json(with("store/000012.sst", "controller.key")).error().code ==
        ErrorCode::kInvalid);
  CHECK(manifest_from_json(with("aaaa", "AAAA")).error().code == ErrorCode::kInvalid);
}

TEST_CASE("what is no manifest is called foreign", "[backup]") {
  for (const auto* text :
       {"", "{}", "[]", "null", R"({"schema":"something.else/1"})", "\xff\xfe"}) {
    CAPTURE(text);
    const auto read = manifest_from_json(text);
    REQUIRE_FALSE(read);
    CHECK_THAT(read.error().context, Catch::Contains("not a backup of faultline-controller"));
  }
}

TEST_CASE("a newer archive, or a newer store in it, is refused by the name of its maker",
          "[backup]") {
  for (const auto& text : {with("\"format\": 1", "\"format\": 2"),
                           with("\"store_format\": 1", "\"store_format\": 99")}) {
    const auto read = manifest_from_json(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kUnsupported);
    CHECK_THAT(read.error().context, Catch::Contains("faultline-controller 0.1.0, which is newer"));
  }
}

}  // namespace
}  // namespace faultline::backup
