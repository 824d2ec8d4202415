#include "common/config/document.h"

#include "tests/support/catch.h"

namespace faultline::config {
namespace {

Document parsed(std::string_view text) {
  auto document = Document::parse(text, "c.yaml");
  REQUIRE(document);
  return *std::move(document);
}

// The sentence that reading `text` with `read` ends in, empty where all is well.
template <typename Read>
std::string mistake(std::string_view text, Read&& read, Environment environment = {}) {
  Document document = parsed(text);
  Section root = document.root(std::move(environment));
  read(root);
  const Status status = document.finish();
  return status ? "" : status.error().context;
}

enum class Color { kRed, kBlue };
struct Values {
  std::string text = "none";
  std::filesystem::path path = "/none";
  bool flag = false;
  int count = 1;
  double number = 1;
  Duration window = std::chrono::seconds{10};
  double loss = 0.5;
  std::uint64_t spool = 1;
  Color color = Color::kRed;
  std::vector<std::string> list = {"none"};
  std::map<std::string, std::string> labels = {{"none", "none"}};

  bool operator==(const Values&) const = default;
};

void read_all(Section& root, Values& values) {
  root.text("text", values.text);
  root.path("path", values.path);
  root.boolean("flag", values.flag);
  root.integer("count", values.count, 1, 100);
  root.number("number", values.number);
  root.duration("window", values.window);
  root.ratio("loss", values.loss);
  root.bytes("spool", values.spool);
  root.choice("color", values.color, {{"red", Color::kRed}, {"blue", Color::kBlue}});
  root.texts("list", values.list);
  root.text_map("labels", values.labels);
}

}  // namespace

TEST_CASE("every kind of value is read", "[config]") {
  Document document = parsed(R"(
text: hello world
path: /var/lib/faultline
flag: true
count: 42
number: 2.5
window: 1500ms
loss: 2%
spool: 64MiB
color: blue
list: [a, b]
labels: {rack: r1, pod: "7"}
)");
  Section root = document.root();
  Values values;
  read_all(root, values);
  REQUIRE(document.finish());
  CHECK(values == Values{.text = "hello world",
                         .path = "/var/lib/faultline",
                         .flag = true,
                         .count = 42,
                         .number = 2.5,
                         .window = std::chrono::milliseconds{1500},
                         .loss = 0.02,
                         .spool = 64ULL << 20,
                         .color = Color::kBlue,
                         .list = {"a", "b"},
                         .labels = {{"rack", "r1"}, {"pod", "7"}}});
}

TEST_CASE("what is absent, empty or commented out keeps its default", "[config]") {
  const auto text =
      GENERATE("", "---\n", "# nothing\n", "text:\ncount: ~\nlabels:\n  # rack: r1\n");
  Document document = parsed(text);
  Section root = document.root();
  Values values;
  read_all(root, values);
  CHECK(document.finish());
  CHECK(values == Values{});
}

TEST_CASE("a value of the wrong kind is told by line, key and example", "[config]") {
  const auto [text, sentence] = GENERATE(table<std::string, std::string>({
      {"window: abc", "c.yaml:3: window: \"abc\" is not a duration such as 10s"},
      {"window: 10", "c.yaml:3: window: \"10\" is not a duration such as 10s"},
      {"window: 0s", "c.yaml:3: window: \"0s\" is not a duration such as 10s"},
      {"flag: yes", "c.yaml:3: flag: \"yes\" is not true or false"},
      {"count: 101", "c.yaml:3: count: \"101\" is not an integer from 1 to 100"},
      {"count: 5x", "c.yaml:3: count: \"5x\" is not an integer from 1 to 100"},
      {"count: 99999999999999999999",
       "c.yaml:3: count: \"99999999999999999999\" is not an integer from 1 to 100"},
      {"number: .inf", "c.yaml:3: number: \".inf\" is not a number"},
      {"number: inf", "c.yaml:3: number: \"inf\" is not a number"},
      {"loss: 101%", "c.yaml:3: loss: \"101%\" is not a ratio such as 2% or 0.02, at most 100%"},
      {"loss: -1%", "c.yaml:3: loss: \"-1%\" is not a ratio such as 2% or 0.02, at most 100%"},
      {"spool: 64MB/s", "c.yaml:3: spool: \"64MB/s\" is not a size such as 64MiB"},
      {"spool: -1", "c.yaml:3: spool: \"-1\" is not a size such as 64MiB"},
      {"spool: 99999999999GiB", "c.yaml:3: spool: \"99999999999GiB\" is not a size such as 64MiB"},
      {"color: green", "c.yaml:3: color: \"green\" is not one of red, blue"},
      {"path: ''", "c.yaml:3: path: \"\" is not a path"},
      {"text: [a]", "c.yaml:3: text: expected one value, not a list or a map"},
      {"list: {a: b}", "c.yaml:3: list: expected a list of values"},
      {"labels: [a]", "c.yaml:3: labels: expected \"name: value\" lines"},
  }));
  Values values;
  CHECK(mistake("# one\n# two\n" + text + "\n", [&](Section& root) { read_all(root, values); }) ==
        sentence);
  CHECK(values == Values{});
}

TEST_CASE("a misspelt key is refused with the key that was meant", "[config]") {
  std::uint64_t spool = 0;
  const auto read = [&](Section& root) {
    root.bytes("spool_bytes_max", spool);
    Section api = root.section("api");
    std::string socket;
    api.text("socket", socket);
  };
  CHECK(mistake("spool_byte_max: 1\n", read) ==
        "c.yaml:1: spool_byte_max is not a known key; did you mean spool_bytes_max?");
  CHECK(mistake("api:\n  sockte: /run/x\n", read) ==
        "c.yaml:2: api.sockte is not a known key; did you mean socket?");
  CHECK(mistake("api:\n  quux: 1\n", read) ==
        "c.yaml:2: api.quux is not a known key; known here: socket");
}

TEST_CASE("the first mistake of the file is told, in whatever order keys are read", "[config]") {
  CHECK(mistake("b: x\na: y\nc: 1\n", [](Section& root) {
          int value = 0;
          root.integer("a", value);
          root.integer("b", value, 0, 9);
        }) == "c.yaml:1: b: \"x\" is not an integer from 0 to 9");
}

TEST_CASE("a required key that is absent is told", "[config]") {
  std::string value;
  const auto read = [&](Section& root) {
    root.required("data_dir").text("data_dir", value);
    root.section("api").required("socket").text("socket", value);
  };
  CHECK(mistake("api: {socket: s}\n", read) == "c.yaml: data_dir is missing");
  CHECK(mistake("data_dir: d\n", read) == "c.yaml: api.socket is missing");
  CHECK(mistake("data_dir: d\napi: {}\n", read) == "c.yaml:2: api.socket is missing");
  CHECK(mistake("api: {socket: s}\ndat_dir: d\n", read) ==
        "c.yaml:2: dat_dir is not a known key; did you mean data_dir?");
  CHECK(mistake("data_dir: d\napi: {socket: s}\n", read).empty());
}

TEST_CASE("lists of maps and named maps are sections of their own", "[config]") {
  Document document = parsed(R"(
nodes:
  - name: a
    port: 1
  - name: b
devices:
  leaf1: {rack: r1}
  leaf2:
)");
  Section root = document.root();
  std::vector<std::string> seen;
  for (Section& node : root.sections("nodes")) {
    std::string name;
    int port = 862;
    node.text("name", name);
    node.integer("port", port);
    seen.push_back(name + ":" + std::to_string(port));
  }
  for (auto& [name, device] : root.named_sections("devices")) {
    std::string rack = "none";
    device.text("rack", rack);
    seen.push_back(name + "@" + rack);
  }
  CHECK(document.finish());
  CHECK(seen == std::vector<std::string>{"a:1", "b:862", "leaf1@r1", "leaf2@none"});
}

TEST_CASE("mistakes inside lists and named maps carry the whole path", "[config]") {
  const auto read = [](Section& root) {
    int port = 0;
    for (Section& node : root.sections("nodes")) node.integer("port", port, 1, 9);
    for (auto& [name, device] : root.named_sections("devices")) device.integer("port", port, 1, 9);
  };
  CHECK(mistake("nodes:\n- port: 1\n- port: x\n", read) ==
        "c.yaml:3: nodes[1].port: \"x\" is not an integer from 1 to 9");
  CHECK(mistake("devices:\n  leaf1: {prot: 1}\n", read) ==
        "c.yaml:2: devices.leaf1.prot is not a known key; did you mean port?");
  CHECK(mistake("nodes: {a: 1}\n", read) ==
        "c.yaml:1: nodes: expected a list of \"- key: value\" groups");
  CHECK(mistake("devices: 7\n", read) ==
        "c.yaml:1: devices: expected named groups of \"key: value\" lines");
  CHECK(mistake("devices:\n  leaf1: 7\n", read) ==
        "c.yaml:2: devices.leaf1: expected \"key: value\" lines below it");
}

TEST_CASE("a variable of the environment overrides the file, absent keys included", "[config]") {
  std::string socket;
  int count = 0;
  const auto read = [&](Section& root) {
    root.integer("count", count, 0, 9);
    root.section("api").required("socket").text("socket", socket);
  };
  CHECK(mistake("count: 1\n", read,
                {{"FAULTLINE_API_SOCKET", "/run/s"}, {"FAULTLINE_COUNT", "2"}, {"HOME", "/root"}})
            .empty());
  CHECK(socket == "/run/s");
  CHECK(count == 2);
  CHECK(mistake("count: 1\n", read, {{"FAULTLINE_API_SOCKET", "s"}, {"FAULTLINE_COUNT", "many"}}) ==
        "environment: FAULTLINE_COUNT: \"many\" is not an integer from 0 to 9");
}

TEST_CASE("a reader's own objection is told like any other mistake", "[config]") {
  CHECK(mistake("window: 10s\ngrace: 5s\n", [](Section& root) {
          Duration window{};
          Duration grace{};
          root.duration("window", window);
          root.duration("grace", grace);
          if (grace < window) root.error("grace", "must not be shorter than window");
        }) == "c.yaml:2: grace: must not be shorter than window");
}

}  // namespace faultline::config
