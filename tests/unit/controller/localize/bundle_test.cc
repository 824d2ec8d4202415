#include "controller/localize/bundle.h"

#include "tests/support/catch.h"

namespace faultline::localize {
namespace {

constexpr const char* kBundle =
    R"({"schema":"faultline.bundle/1","made_by":"test","window_s":30}
{"device":"spine3","kind":"switch","tier":"spine"}
{"link":"leaf2>spine3#2","from":"leaf2","to":"spine3","mtu":9000}
{"probe_health":"h7","t":1790000010,"sick":0.8,"why":"cpu throttled"}
{"weather":"rain"}

{"obs":{"src":"h1","dst":"h9","t":1790000010,"path":["h1","leaf1","spine3","leaf2","h9"],"sent":100,"lost":2,"flow":"f1","size":1500,"dscp":46,"extra":1}}
{"obs":{"src":"h1","dst":"h9","links":["h1>leaf2","leaf2>spine3#2"],"path_back":["spine3","leaf2","h1"],"sent":5,"lost":5}}
{"obs":{"src":"h1","dst":"h9","paths":[{"w":0.25,"path":["h1","a","h9"]},{"w":0.75,"path":["h1","*","h9"]}],"sent":7,"lost":0,"delay_us":{"p50":12.5},"late":1,"dup":2,"reordered":3}}
)";

Error error_of(std::string_view text) {
  const auto set = read_bundle(text);
  REQUIRE_FALSE(set);
  return set.error();
}

std::string obs(const std::string& fields) {
  return R"({"obs":{"src":"a","dst":"b",)" + fields + "}}\n";
}

TEST_CASE("a bundle's records become devices, links, health and observations", "[bundle]") {
  BundleReader reader;
  REQUIRE(reader.feed(kBundle));
  const auto set = reader.finish();
  REQUIRE(set);
  CHECK(reader.lines() == 9);
  CHECK(reader.notes().unknown_records.count == 1);
  CHECK(reader.notes().unknown_records.first == 5);
  CHECK(set->window_s() == 30);
  REQUIRE(set->observations().size() == 3);
  const Observation& first = set->observations()[0];
  CHECK(set->at(first.src).id == "h1");
  CHECK(first.time_s == 1'790'000'010);
  CHECK(first.sent == 100);
  CHECK(first.lost == 2);
  CHECK(first.size == 1500);
  CHECK(first.dscp == 46);
  CHECK(set->at(first.flow) == "f1");
  CHECK(set->at(set->at(first.forward).front().path).size() == 4);
  const Observation& second = set->observations()[1];
  CHECK(second.time_s == kNoTime);
  CHECK(second.back != kNoRoute);
  CHECK(set->at(set->at(set->at(second.forward).front().path)[1]).id == "leaf2>spine3#2");
  const Observation& third = set->observations()[2];
  CHECK(set->at(third.forward).size() == 2);
  CHECK(set->delay(third.delay).p50_us == 12.5F);
  CHECK(third.reordered == 3);
  REQUIRE(set->health().size() == 1);
  CHECK(set->health().front().sick == 0.8);
}

TEST_CASE("chunks may be cut anywhere", "[bundle]") {
  const std::string_view text = kBundle;
  for (const std::size_t step : {1U, 7U, 100U}) {
    BundleReader reader;
    for (std::size_t i = 0; i < text.size(); i += step) REQUIRE(reader.feed(text.substr(i, step)));
    const auto set = reader.finish();
    REQUIRE(set);
    CHECK(set->observations().size() == 3);
    CHECK(reader.lines() == 9);
  }
}

TEST_CASE("nothing more is written for a reader that went away", "[bundle]") {
  const auto set = read_bundle(kBundle);
  REQUIRE(set);
  int lines = 0;
  write_bundle(*set, "test", [&](std::string_view) { return ++lines < 3; });
  CHECK(lines == 3);
}

TEST_CASE("what is written reads back the same", "[bundle]") {
  const auto write = [](const ObservationSet& set) {
    std::string text;
    write_bundle(set, "test", [&](std::string_view line) {
      text += line;
      return true;
    });
    return text;
  };
  const auto set = read_bundle(kBundle);
  REQUIRE(set);
  const std::string once = write(*set);
  const auto again = read_bundle(once);
  REQUIRE(again);
  CHECK(write(*again) == once);
  CHECK(again->observations().size() == 3);
  CHECK(again->links().size() == set->links().size());
}

TEST_CASE("a malformed line is an error that names the line", "[bundle]") {
  const std::string good = obs(R"("path":["a","b"],"sent":1,"lost":0)");
  CHECK(error_of(good + "{\"obs\":").context == "line 2: this is not a JSON value");
  CHECK(error_of(good + good + "[]\n").context == "line 3: a record must be a JSON object");
}

TEST_CASE("observations that make no sense are refused", "[bundle]") {
  const auto context = [](const std::string& fields) { return error_of(obs(fields)).context; };
  CHECK_THAT(context(R"("path":["a","b"],"sent":1,"lost":2)"), Catch::Contains("greater"));
  CHECK_THAT(context(R"("path":["a","b"],"sent":-1,"lost":0)"), Catch::Contains("'sent'"));
  CHECK_THAT(context(R"("path":["a","b"],"sent":"1","lost":0)"), Catch::Contains("'sent'"));
  CHECK_THAT(context(R"("path":["a","b"],"sent":1.5,"lost":0)"), Catch::Contains("'sent'"));
  CHECK_THAT(context(R"("path":["a","b"],"lost":0)"), Catch::Contains("'sent' is missing"));
  CHECK_THAT(context(R"("sent":1,"lost":0)"), Catch::Contains("is needed"));
  CHECK_THAT(context(R"("path":["a"],"sent":1)"), Catch::Contains("at least 2"));
  CHECK_THAT(context(R"("path":["a","*"],"sent":1)"), Catch::Contains("silent"));
  CHECK_THAT(context(R"("path":["a","b"],"links":["a>b"],"sent":1)"), Catch::Contains("only one"));
  CHECK_THAT(context(R"("links":["a>b","c>d"],"sent":1)"), Catch::Contains("does not begin"));
  CHECK_THAT(context(R"("links":["ab"],"sent":1)"), Catch::Contains("neither"));
  CHECK_THAT(context(R"("paths":[],"sent":1)"), Catch::Contains("candidates"));
  CHECK_THAT(context(R"("paths":[{"w":0,"path":["a","b"]}],"sent":1)"), Catch::Contains("'w'"));
  CHECK_THAT(context(R"("path":["a","b"],"sent":1,"t":"now")"), Catch::Contains("'t'"));
}

// Two weights of 1e308 added up to infinity, and the verdict was "nothing accused".
TEST_CASE("weights stay within bounds that can be added up", "[bundle]") {
  const auto weighing = [](const std::string& weight) {
    return obs(R"("paths":[{"w":)" + weight + R"(,"path":["a","b"]}],"sent":1)");
  };
  for (const auto* weight : {"1e308", "1.1e9", "1e-10", "-1", "\"1\""}) {
    CAPTURE(weight);
    CHECK(error_of(weighing("1") + weighing(weight)).context ==
          "line 2: 'w' must be a number from 1e-9 to 1e9");
  }
  CHECK(read_bundle(weighing("1e9") + weighing("1e-9")));
}

TEST_CASE("paths of links may cross parallel cables and silent hops", "[bundle]") {
  for (const auto* links :
       {R"(["h1>leaf2","leaf2>spine3#2","spine3>*","*>h9"])", R"(["h1>*","*>*","*>h9"])"}) {
    CAPTURE(links);
    const std::string line = R"({"obs":{"src":"h1","dst":"h9","sent":10,"lost":1,"links":)";
    const auto set = read_bundle(line + links + "}}");
    REQUIRE(set);
    CHECK(set->observations().size() == 1);
  }
}

TEST_CASE("a silent hop is no device, and no link leads from a device to itself", "[bundle]") {
  const auto context = [](const std::string& line) { return error_of(line).context; };
  for (const auto* fields : {R"("links":["*>b"],"sent":1)", R"("links":["a>*"],"sent":1)"}) {
    CHECK_THAT(context(obs(fields)), Catch::Contains("silent hop"));
    CHECK_THAT(context(obs(R"("path":["a","*","b"],"sent":1)") + obs(fields)),
               Catch::StartsWith("line 2: a path must not begin or end with a silent hop"));
  }
  const std::string rest = R"("path":["a","b"],"sent":1}})";
  CHECK_THAT(context(R"({"obs":{"src":"*","dst":"b",)" + rest), Catch::Contains("'*'"));
  CHECK_THAT(context(R"({"obs":{"src":"a","dst":"*",)" + rest), Catch::Contains("'*'"));
  CHECK_THAT(context(R"({"device":"*"})"), Catch::Contains("'*'"));
  CHECK_THAT(context(R"({"probe_health":"*","sick":1})"), Catch::Contains("'*'"));
  CHECK_THAT(context(obs(R"("path":["a","b","b"],"sent":1)")), Catch::Contains("itself"));
  CHECK_THAT(context(obs(R"("links":["a>a"],"sent":1)")), Catch::Contains("itself"));
  CHECK_THAT(context(R"({"link":"l","from":"a","to":"a"})"), Catch::Contains("itself"));
  CHECK(read_bundle(obs(R"("path":["a","*","*","b"],"sent":1)")));
}

TEST_CASE("control characters are refused in every text", "[bundle]") {
  for (const auto* id : {R"(x\u001b[31m)", R"(x\ny)", R"(x\u007f)", R"(x\u009b1m)"}) {
    CAPTURE(id);
    const std::string text = std::string("\"") + id + "\"";
    for (const auto& line :
         {obs("\"path\":[\"a\"," + text + "],\"sent\":1"),
          obs(R"("path":["a","b"],"sent":1,"flow":)" + text), "{\"device\":" + text + "}\n",
          R"({"probe_health":"a","sick":1,"why":)" + text + "}\n"}) {
      CHECK_THAT(error_of(line).context, Catch::EndsWith("must not contain control characters"));
    }
  }
  CHECK(read_bundle(obs("\"path\":[\"a\",\"\u00fcber-\u00c0\"],\"sent\":1")));
}

TEST_CASE("what may not be meant is noted: other ends, and a window given twice", "[bundle]") {
  BundleReader reader;
  const std::string row = obs(R"("path":["a","b"],"sent":1,"flow":"f","t":10)");
  REQUIRE(reader.feed(row + obs(R"("path":["b","a"],"sent":1)") +
                      obs(R"("path":["a","b"],"path_back":["a","b"],"sent":1)") + row + row));
  REQUIRE(reader.finish());
  CHECK(reader.notes().other_ends.count == 2);
  CHECK(reader.notes().other_ends.first == 2);
  CHECK(reader.notes().repeated_windows == 2);
  CHECK(reader.notes().repeated_flow == "a to b, flow f");

  BundleReader clean;
  REQUIRE(clean.feed(row + obs(R"("path":["a","b"],"sent":1,"flow":"f","t":20)") +
                     obs(R"("path":["a","b"],"path_back":["b","a"],"sent":1,"flow":"f","t":10)") +
                     obs(R"("path":["a","b"],"sent":1)") + obs(R"("path":["a","b"],"sent":1)")));
  REQUIRE(clean.finish());
  CHECK(clean.notes().other_ends.count == 0);
  CHECK(clean.notes().repeated_windows == 0);
}

TEST_CASE("a bundle of another version is refused as unsupported", "[bundle]") {
  CHECK(error_of(R"({"schema":"faultline.bundle/2"})").code == ErrorCode::kUnsupported);
}

TEST_CASE("limits are errors, not memory", "[bundle]") {
  CHECK(error_of(std::string(kBundleLineBytesMax + 1, ' ')).code == ErrorCode::kLimit);
  std::string hops = "\"a\"";
  for (std::size_t i = 0; i < kBundlePathHopsMax; ++i) hops += ",\"b\"";
  CHECK(error_of(obs("\"path\":[" + hops + "],\"sent\":1")).code == ErrorCode::kLimit);
  const std::string long_id(kBundleIdBytesMax + 1, 'x');
  CHECK(error_of(obs("\"path\":[\"a\",\"" + long_id + "\"],\"sent\":1")).code == ErrorCode::kLimit);
}

TEST_CASE("a link id that joins other devices is a conflict", "[bundle]") {
  const std::string text = R"({"link":"l","from":"a","to":"b"}
{"link":"l","from":"a","to":"c"}
)";
  CHECK(error_of(text).code == ErrorCode::kConflict);
  // "a>b" is what a path from a to b implies; as the name of another link it would be two.
  const std::string misnamed = R"({"link":"a>b","from":"c","to":"d"}
)";
  CHECK(error_of(misnamed + obs(R"("path":["a","b"],"sent":1)")).context ==
        "line 2: a path implies link 'a>b', which was declared from 'c' to 'd'");
}

}  // namespace
}  // namespace faultline::localize
