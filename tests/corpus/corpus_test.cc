// What other versions send means to this build what it meant to them, and the other way round.
#include <set>
#include <span>
#include <string>

#include "common/wire/control_codec.h"
#include "common/wire/mesh_codec.h"
#include "common/wire/plan_codec.h"
#include "common/wire/report_codec.h"
#include "tests/corpus/frozen_schema.h"
#include "tests/corpus/meaning.h"
#include "tests/corpus/samples.h"
#include "tests/support/catch.h"

namespace faultline::corpus {
namespace {

using Json = nlohmann::json;

// Versions whose messages are frozen; each has its folder.
const std::vector<std::string> kOldVersions{"1.0"};

// What this build makes of a message, and the message that it would send to say the same.
struct Understood {
  Json meaning;
  std::vector<std::byte> said_again;
};

template <typename Decoded>
Result<Understood> understood(const Decoded& decoded) {
  if (!decoded) return tl::unexpected<Error>(decoded.error());
  return Understood{meaning(*decoded), wire::encode(*decoded)};
}

Result<Understood> understand(const Frozen& frozen) {
  if (frozen.form == "probe") return understood(wire::decode_probe_message(frozen.bytes));
  if (frozen.form == "controller") return understood(wire::decode_controller_message(frozen.bytes));
  if (frozen.form == "mesh") return understood(wire::decode_mesh_message(frozen.bytes));
  if (frozen.form == "plan") return understood(wire::decode_plan(frozen.bytes));
  REQUIRE(frozen.form == "report");
  return understood(wire::decode_report(frozen.bytes));
}

// Fields that a later version added may be there; what was said must be, with its value.
bool says(const Json& got, const Json& frozen) {
  if (frozen.is_object()) {
    return got.is_object() &&
           std::all_of(frozen.items().begin(), frozen.items().end(), [&](const auto& item) {
             return got.contains(item.key()) && says(got[item.key()], item.value());
           });
  }
  if (!frozen.is_array()) return got == frozen;
  if (!got.is_array() || got.size() != frozen.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!says(got[i], frozen[i])) return false;
  }
  return true;
}

TEST_CASE("what an old peer sends means what it meant when it was written", "[corpus]") {
  for (const auto& version : kOldVersions) {
    const auto corpus = load_corpus(corpus_directory() / version);
    CHECK(corpus.size() >= 33);
    for (const auto& frozen : corpus) {
      CAPTURE(version, frozen.file);
      const auto got = understand(frozen);
      if (!got) FAIL(got.error().context);
      CAPTURE(got->meaning.dump());
      CHECK(says(got->meaning, frozen.meaning));
    }
  }
}

TEST_CASE("what this build sends means to an old peer what this build means", "[corpus]") {
  for (const auto& version : kOldVersions) {
    const FrozenSchema schema(corpus_directory() / version / "schemas");
    for (const auto& frozen : load_corpus(corpus_directory() / version)) {
      CAPTURE(version, frozen.file);
      const auto got = understand(frozen);
      REQUIRE(got);
      // As the old peer reads it, our message says what its own said.
      CHECK(schema.read(frozen.form, got->said_again) == schema.read(frozen.form, frozen.bytes));
    }
  }
}

TEST_CASE("a kind that an old peer does not know is no kind to it, and no error", "[corpus]") {
  const FrozenSchema schema(corpus_directory() / "1.0" / "schemas");
  const auto goodbye = wire::encode(ProbeMessage{Goodbye{.boot = BootId{1}, .spool_batches = 2}});
  CHECK(schema.read("probe", goodbye) == Json::object());
  const auto boost = wire::encode(ControllerMessage{
      Boost{.plan = PlanRevision{1}, .life = std::chrono::seconds{8}, .flows = {{0, 2}}}});
  CHECK(schema.read("controller", boost) == Json::object());
  const auto facts =
      wire::encode(ProbeMessage{FactsUpdate{.digest = 1, .payload = {std::byte{2}}}});
  CHECK(schema.read("probe", facts) == Json::object());
  const auto facts_ack = wire::encode(ControllerMessage{FactsAck{.digest = 1}});
  CHECK(schema.read("controller", facts_ack) == Json::object());
  const auto progress = wire::encode(ProbeMessage{TestProgress{.test = 1, .text = "begun"}});
  CHECK(schema.read("probe", progress) == Json::object());
  const auto request = wire::encode(
      ControllerMessage{TestRequest{.test = 1, .lease = std::chrono::seconds{9}, .order = "{}"}});
  CHECK(schema.read("controller", request) == Json::object());
}

TEST_CASE("an old peer reads the opening of this build: version, capabilities, and its own fields",
          "[corpus]") {
  const FrozenSchema schema(corpus_directory() / "1.0" / "schemas");
  const Hello hello{.software = "new",
                    .boot = BootId{9},
                    .profile = {.address = IpAddress::v4(0x7f000001), .source_port_first = 1},
                    .plan = PlanRevision{4}};
  const auto read = schema.read("probe", wire::encode(ProbeMessage{hello}));
  const auto& protocol = read.at("hello").at("protocol");
  CHECK(protocol.at("major") == 1);
  CHECK(protocol.at("minor") == kProtocolMinor);
  CHECK(protocol.at("capabilities") == std::to_string(kCapabilitiesOfThisBuild));
  CHECK(read.at("hello").at("boot") == "9");
  CHECK(read.at("hello").at("planRevision") == "4");
}

TEST_CASE("messages of a later version: what is new is ignored, what is known counts",
          "[corpus][future]") {
  const auto corpus = load_corpus(corpus_directory() / "future");
  CHECK(corpus.size() >= 16);
  for (const auto& frozen : corpus) {
    CAPTURE(frozen.file);
    const auto got = understand(frozen);
    if (frozen.meaning == "unknown kind") {
      REQUIRE_FALSE(got);
      CHECK(got.error().code == ErrorCode::kUnsupported);  // counted and ignored, never refused
      continue;
    }
    if (!got) FAIL(got.error().context);
    CAPTURE(got->meaning.dump());
    CHECK(says(got->meaning, frozen.meaning));
  }
}

TEST_CASE("a later peer reads what this build sends", "[corpus][future]") {
  const FrozenSchema schema(corpus_directory() / "future" / "schemas");
  for (const auto& frozen : load_corpus(corpus_directory() / "1.0")) {
    CAPTURE(frozen.file);
    const auto got = understand(frozen);
    REQUIRE(got);
    CHECK(schema.read(frozen.form, got->said_again) == schema.read(frozen.form, frozen.bytes));
  }
}

// What the samples of one form leave of `unset`; each means to this build what it says.
template <typename Value, typename Decode>
void take_samples(const std::vector<Sample<Value>>& samples, const char* form, Decode decode,
                  const FrozenSchema& schema, std::set<std::string>& unset) {
  for (const auto& [name, value] : samples) {
    CAPTURE(form, name);
    const auto bytes = wire::encode(value);
    const auto read = decode(bytes);
    if (!read) FAIL(read.error().context);
    CHECK(*read == value);
    for (const auto& field : schema.fields_set(form, bytes)) unset.erase(field);
  }
}

TEST_CASE("what will be frozen of this version leaves no field of its schemas unset", "[corpus]") {
  const FrozenSchema schema(schemas_directory());
  auto unset = schema.fields();
  CHECK(unset.size() > 150);
  CHECK(unset.contains("Plan.traceIntervalNs"));
  using Bytes = std::span<const std::byte>;
  take_samples(
      probe_samples(), "probe", [](Bytes b) { return wire::decode_probe_message(b); }, schema,
      unset);
  take_samples(
      controller_samples(), "controller",
      [](Bytes b) { return wire::decode_controller_message(b); }, schema, unset);
  take_samples(
      mesh_samples(), "mesh", [](Bytes b) { return wire::decode_mesh_message(b); }, schema, unset);
  take_samples(
      plan_samples(), "plan", [](Bytes b) { return wire::decode_plan(b); }, schema, unset);
  take_samples(
      report_samples(), "report", [](Bytes b) { return wire::decode_report(b); }, schema, unset);
  for (const auto& field : unset) FAIL_CHECK(field << " is in no sample");
}

TEST_CASE("a corpus that says something else is noticed", "[corpus]") {
  const Json frozen = {{"a", 1}, {"rows", {{{"b", 2}}}}};
  CHECK(says({{"a", 1}, {"rows", {{{"b", 2}, {"c", 3}}}}, {"new", 0}}, frozen));
  CHECK_FALSE(says({{"a", 2}, {"rows", {{{"b", 2}}}}}, frozen));
  CHECK_FALSE(says({{"a", 1}, {"rows", Json::array()}}, frozen));
  CHECK_FALSE(says({{"rows", {{{"b", 2}}}}}, frozen));
}

}  // namespace
}  // namespace faultline::corpus
