// Two captures as two machines would have written them, with one thing wrong between them.
#include "controller/capture/comparison.h"

#include <functional>

#include <nlohmann/json.hpp>

#include "controller/capture/comparison_json.h"
#include "controller/capture/verdict.h"
#include "tests/support/capture_builder.h"
#include "tests/support/catch.h"

using namespace faultline;
using namespace faultline::capture;
using faultline::test::Bytes;
using faultline::test::FrameSpec;
using faultline::test::Sum;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const WallTime kBegin = wall_time_from_unix_seconds(1'790'000'000);

CaptureFile empty_file(Duration clock) {
  CaptureFile file;
  file.interfaces.push_back(
      {.name = "eth0",
       .link_type = kLinkEthernet,
       .snap_length = 256,
       .span = Span{.from = kBegin + clock, .until = kBegin + seconds{10} + clock}});
  return file;
}

void add(CaptureFile& file, WallTime at, Bytes octets) {
  const auto size = static_cast<std::uint32_t>(octets.size());
  file.frames.push_back({.interface = 0, .at = at, .size = size, .octets = std::move(octets)});
}

// What the network does to one packet: changes it, or loses it.
struct Network {
  std::function<bool(FrameSpec&, int number)> forward = [](FrameSpec&, int) { return true; };
  std::function<bool(FrameSpec&, int number)> back = [](FrameSpec&, int) { return true; };
  std::function<bool(int number)> answers = [](int) { return true; };
  Duration far_clock = milliseconds{0};
  bool unfinished = false;  // the sender's network card computes checksums
};

struct Captures {
  EndOfCapture near{.node = "h1", .file = empty_file({})};
  EndOfCapture far{.node = "h2", .file = {}};

  [[nodiscard]] Comparison compared() const { return compare(near, far); }
  [[nodiscard]] Verdict verdict() const { return judge(compared()); }
};

// 4 flows, each with a packet every 100 ms for 10 s; two routers between h1 and h2, 1 ms apart.
Captures run(const Network& network) {
  Captures out;
  out.far.file = empty_file(network.far_clock);
  for (int number = 0; number < 400; ++number) {
    const auto left = kBegin + milliseconds{25} * number;
    const auto request = test::stamp_request(static_cast<std::uint32_t>(number / 4),
                                             static_cast<std::uint64_t>(unix_nanoseconds(left)),
                                             static_cast<std::uint16_t>(1 + number % 4));
    FrameSpec spec{.source_port = static_cast<std::uint16_t>(40000 + number % 4),
                   .sum = network.unfinished ? Sum::kUnfinished : Sum::kGood,
                   .payload = request};
    const auto to_far = [&](FrameSpec& frame) {
      frame.ttl = static_cast<std::uint8_t>(frame.ttl - 2);
      frame.mac_from = 0xc2;
      frame.mac_to = 0x0b;
    };
    add(out.near.file, left, test::udp_frame(spec));
    FrameSpec arrived = spec;
    arrived.sum = Sum::kGood;
    to_far(arrived);
    if (!network.forward(arrived, number)) continue;
    add(out.far.file, left + milliseconds{1} + network.far_clock, test::udp_frame(arrived));
    if (!network.answers(number)) continue;
    const auto answered = left + milliseconds{1} + microseconds{50};
    FrameSpec reply{.from = arrived.to,
                    .to = arrived.from,
                    .source_port = 862,
                    .port = arrived.source_port,
                    .mac_from = 0x0b,
                    .mac_to = 0xc2,
                    .dscp = arrived.dscp,
                    .sum = spec.sum,
                    .payload = test::stamp_reply(
                        request, static_cast<std::uint64_t>(unix_nanoseconds(answered)))};
    add(out.far.file, answered + network.far_clock, test::udp_frame(reply));
    reply.sum = Sum::kGood;
    reply.ttl = 253;
    reply.mac_from = 0xc1;
    reply.mac_to = 0x0a;
    reply.to = spec.from;
    reply.port = spec.source_port;
    reply.from = spec.to;
    if (!network.back(reply, number)) continue;
    add(out.near.file, answered + milliseconds{1}, test::udp_frame(reply));
  }
  return out;
}

std::vector<Alteration> of(const Way& way, Field field) {
  std::vector<Alteration> found;
  for (const auto& change : way.alterations) {
    if (change.field == field) found.push_back(change);
  }
  return found;
}

bool has_note(const Verdict& verdict, std::string_view part) {
  return std::ranges::any_of(
      verdict.notes, [&](const auto& note) { return note.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a healthy way: everything arrives, two routers on, whatever the clocks say",
          "[capture]") {
  for (const auto clock : {milliseconds{0}, milliseconds{-3000}, milliseconds{2500}}) {
    CAPTURE(clock.count());
    const auto captures = run({.far_clock = clock, .unfinished = true});
    const auto c = captures.compared();
    CHECK(c.clock_difference == Duration{clock});
    CHECK(c.forward.missing + c.back.missing + c.unanswered == 0);
    CHECK(c.forward.left > 250);
    REQUIRE(c.forward.delay_min);
  CHECK(*c.forward.delay_min > Duration::zero());
    CHECK(of(c.forward, Field::kTtl) ==
          std::vector<Alteration>{
              {.field = Field::kTtl, .before = "255", .after = "253", .count = 400}});
    CHECK(of(c.forward, Field::kChecksum).empty());
    const auto verdict = judge(c);
    CHECK(verdict.code == "arrives");
    CHECK(verdict.outcome == Outcome::kOk);
    CHECK(has_note(verdict, "from h1 to h2 2 routers (TTL 255 to 253)"));
  }
}

TEST_CASE("loss is told by direction", "[capture]") {
  const auto forward = run({.forward = [](FrameSpec&, int n) { return n % 5 != 0; }}).compared();
  CHECK(forward.forward.missing == (forward.forward.left + 4) / 5);
  CHECK(forward.back.missing == 0);
  CHECK(forward.unanswered == 0);
  CHECK(judge(forward).code == "lost-forward");
  CHECK(judge(forward).summary.find("that left h1 never reached h2 (20.1 %); all") !=
        std::string::npos);

  const auto back = run({.back = [](FrameSpec&, int n) { return n % 5 != 0; }}).compared();
  CHECK(back.forward.missing == 0);
  CHECK(back.back.missing > 50);
  CHECK(judge(back).code == "lost-return");

  const auto both = run({.forward = [](FrameSpec&, int n) { return n % 5 != 0; },
                         .back = [](FrameSpec&, int n) { return n % 7 != 0; }});
  CHECK(both.verdict().code == "lost-both");
}

TEST_CASE("total loss is told by direction too, though no packet tells the clocks apart",
          "[capture]") {
  const auto forward = run({.forward = [](FrameSpec&, int) { return false; }});
  CHECK(forward.compared().clock_difference == std::nullopt);
  CHECK(forward.verdict().code == "lost-forward");
  CHECK(forward.verdict().summary.starts_with("none of the"));
  CHECK(run({.back = [](FrameSpec&, int) { return false; }}).verdict().code == "lost-return");
}

TEST_CASE("packets that arrive and are not answered are the far end's own affair", "[capture]") {
  const auto verdict = run({.answers = [](int n) { return n % 2 == 0; }}).verdict();
  CHECK(verdict.code == "not-answered");
  CHECK(verdict.summary.find("it is h2 itself, not the network") != std::string::npos);
  CHECK(run({.answers = [](int) { return false; }}).verdict().code == "not-answered");
}

TEST_CASE("a sender that sends nothing is told from a network that loses all", "[capture]") {
  auto captures = run({});
  captures.near.file.frames.clear();
  captures.far.file.frames.clear();
  CHECK(captures.verdict().code == "not-sent");
}

TEST_CASE("one source port, or one size, that vanishes is a pattern", "[capture]") {
  const auto ports = run({.forward = [](FrameSpec& f, int) { return f.source_port != 40002; }});
  CHECK(has_note(ports.verdict(), "every packet of source port 40002 is lost, none of the others"));
  const auto flows = ports.compared().flows;
  REQUIRE(flows.size() == 4);
  CHECK(flows[2].missing == flows[2].left);
  CHECK(flows[1].missing == 0);
}

TEST_CASE("rewritten classes and damaged packets are told, loss or not", "[capture]") {
  const auto dscp = run({.forward = [](FrameSpec& f, int) {
    f.dscp = 8;
    return true;
  }});
  CHECK(dscp.verdict().code == "altered");
  CHECK(has_note(dscp.verdict(), "DSCP 0 becomes 8 between h1 and h2 (400 packets)"));
  const auto marked = run({.forward = [](FrameSpec& f, int) {
    f.ecn = 3;
    return true;
  }});
  CHECK(has_note(marked.verdict(), "ECN not-ECT becomes CE"));
  // The bit that flips may be one by which the packet is known, or not.
  for (const auto sum : {Sum::kBadSequence, Sum::kBadTail}) {
    const auto damaged = run({.back = [sum](FrameSpec& f, int n) {
      if (n % 50 == 0) f.sum = sum;
      return true;
    }});
    CHECK(damaged.verdict().code == "damaged");
    CHECK(has_note(damaged.verdict(), "packets arrive at h1 with a wrong UDP checksum"));
  }
  const auto lossy = run({.forward = [](FrameSpec& f, int n) {
    f.dscp = 8;
    return n % 9 != 0;
  }});
  CHECK(lossy.verdict().code == "lost-forward");
  CHECK(has_note(lossy.verdict(), "DSCP 0 becomes 8"));
}

TEST_CASE("one flow alone is compared, whatever else the far end captured", "[capture]") {
  auto captures = run({.forward = [](FrameSpec& f, int) { return f.source_port != 40002; }});
  captures.near.about.source_port = 40001;
  const auto c = captures.compared();
  CHECK(c.forward.missing + c.forward.unseen + c.back.missing + c.back.unseen == 0);
  CHECK(c.flows.size() == 1);
  CHECK(c.asked < 100);
  captures.near.about.source_port = 40002;
  CHECK(captures.verdict().code == "lost-forward");
}

TEST_CASE("NAT is seen and is not loss", "[capture]") {
  const auto captures = run({.forward = [](FrameSpec& f, int) {
    f.from = "203.0.113.5";
    f.source_port = static_cast<std::uint16_t>(f.source_port + 1000);
    f.to = "192.168.7.7";
    return true;
  }});
  const auto c = captures.compared();
  CHECK(c.forward.missing + c.back.missing + c.unanswered == 0);
  CHECK(of(c.forward, Field::kAddressFrom).size() == 4);
  CHECK(of(c.forward, Field::kAddressFrom)[0].after == "203.0.113.5:41000");
  CHECK(of(c.forward, Field::kAddressTo)[0].after == "192.168.7.7:862");
  CHECK(judge(c).code == "translated");
  CHECK(judge(c).outcome == Outcome::kOk);
}

TEST_CASE("other nodes' packets in a capture and traces change nothing", "[capture]") {
  auto captures = run({});
  const auto before = captures.compared();
  for (int i = 0; i < 50; ++i) {
    const auto sequence = static_cast<std::uint32_t>(i);
    add(captures.far.file, kBegin + milliseconds{50} * i,
        test::udp_frame({.from = "10.0.9.9", .payload = test::stamp_request(sequence, 77, 5)}));
    add(captures.near.file, kBegin + milliseconds{50} * i,
        test::udp_frame({.to = "10.0.9.9", .payload = test::stamp_request(sequence, 78, 5)}));
    add(captures.near.file, kBegin + milliseconds{50} * i,
        test::udp_frame({.ttl = 2, .payload = test::stamp_request(sequence, 79, 0xFFFE)}));
  }
  auto after = captures.compared();
  after.frames_near = before.frames_near;
  after.frames_far = before.frames_far;
  CHECK(after == before);
}

TEST_CASE("what answers a trace of the way back goes to the reflector and is not answered",
          "[capture]") {
  auto captures = run({});
  const auto before = captures.compared();
  const FrameSpec flow{.source_port = 40001};
  for (std::uint32_t i = 0; i < 20; ++i) {
    const auto left = kBegin + seconds{1} + milliseconds{100} * static_cast<int>(i);
    FrameSpec trace{.from = flow.to,
                    .to = flow.from,
                    .source_port = 862,
                    .port = 40001,
                    .ttl = 3,
                    .payload = test::stamp_request(1000 + i, 1000 + i, 0xFFFE)};
    const FrameSpec answer{.source_port = 40001,
                           .payload = test::stamp_reply(trace.payload, 2000 + i)};
    add(captures.far.file, left, test::udp_frame(trace));
    trace.ttl = 1;
    add(captures.near.file, left + milliseconds{1}, test::udp_frame(trace));
    add(captures.near.file, left + milliseconds{1}, test::udp_frame(answer));
    add(captures.far.file, left + milliseconds{2}, test::udp_frame(answer));
  }
  auto after = captures.compared();
  after.frames_near = before.frames_near;
  after.frames_far = before.frames_far;
  CHECK(after == before);
}

namespace {

// What one node asks of another: whether its packets come, and the replies to them.
struct Asker {
  std::string from{};
  std::string to{};
  int requests = 0;
  bool arrive = true;
  bool come_back = true;
  std::uint8_t hops = 2;
};
void ask(CaptureFile& mine, CaptureFile& others, const Asker& asker, Duration others_clock) {
  for (int i = 0; i < asker.requests; ++i) {
    const auto own_time = milliseconds{asker.from == "10.0.1.1" ? 0 : 30};
    const auto left = kBegin + seconds{2} + own_time + milliseconds{100} * i;
    const auto at = static_cast<std::uint64_t>(unix_nanoseconds(left));
    FrameSpec spec{.from = asker.from,
                   .to = asker.to,
                   .payload = test::stamp_request(static_cast<std::uint32_t>(i), at, 1)};
    add(mine, left, test::udp_frame(spec));
    if (!asker.arrive) continue;
    spec.ttl = static_cast<std::uint8_t>(spec.ttl - asker.hops);
    add(others, left + milliseconds{1} + others_clock, test::udp_frame(spec));
    FrameSpec reply{.from = asker.to,
                    .to = asker.from,
                    .source_port = 862,
                    .port = spec.source_port,
                    .payload = test::stamp_reply(spec.payload, at + 1'000'050)};
    add(others, left + microseconds{1050} + others_clock, test::udp_frame(reply));
    reply.ttl = spec.ttl;
    if (asker.come_back) add(mine, left + milliseconds{2}, test::udp_frame(reply));
  }
}

// h1 and h2 ask each other, as probes do, and both files hold both conversations.
Captures mutual(Asker near, Asker far, bool noted) {
  near.from = far.to = "10.0.1.1";
  near.to = far.from = "10.0.2.1";
  Captures out;
  out.far.file = empty_file({});
  ask(out.near.file, out.far.file, near, {});
  ask(out.far.file, out.near.file, far, {});
  for (auto* file : {&out.near.file, &out.far.file}) {
    std::ranges::sort(file->frames, {}, &Frame::at);
  }
  if (noted) {
    out.near.file.comment = "faultline: 10.0.1.1 with 10.0.2.1";
    out.far.file.comment = "faultline: 10.0.2.1 with 10.0.1.1";
  }
  return out;
}

}  // namespace

TEST_CASE("whose requests they are does not depend on who sent more of them", "[capture]") {
  const bool noted = GENERATE(true, false);
  const std::uint8_t hops = GENERATE(std::uint8_t{0}, std::uint8_t{2});
  const auto [mine, others] = GENERATE(std::pair{8, 9}, std::pair{9, 8}, std::pair{8, 40});
  CAPTURE(noted, hops, mine, others);
  const auto captures =
      mutual({.requests = mine, .hops = hops}, {.requests = others, .hops = hops}, noted);
  const auto c = captures.compared();
  CHECK(c.near == "h1");
  CHECK(c.near_address.to_string() == "10.0.1.1");
  CHECK(c.far_address.to_string() == "10.0.2.1");
  CHECK(c.forward.left == static_cast<std::uint32_t>(mine));
  REQUIRE(c.forward.delay_min);
  CHECK(*c.forward.delay_min > Duration::zero());
  CHECK(judge(c).code == "arrives");
  // The other order asks for the other conversation.
  const auto other = compare(captures.far, captures.near);
  CHECK(other.near == "h2");
  CHECK(other.far_address.to_string() == "10.0.1.1");
  CHECK(other.forward.left == static_cast<std::uint32_t>(others));
  CHECK(judge(other).code == "arrives");
}

TEST_CASE("loss is told of the conversation that was asked for, between nodes that ask each other",
          "[capture]") {
  const bool noted = GENERATE(true, false);
  CAPTURE(noted);
  const auto there = mutual({.requests = 20, .arrive = false}, {.requests = 30}, noted);
  CHECK(there.verdict().code == "lost-forward");
  CHECK(judge(compare(there.far, there.near)).code == "arrives");
  const auto back = mutual({.requests = 20, .come_back = false}, {.requests = 30}, noted);
  CHECK(back.verdict().code == "lost-return");
  const auto silent =
      mutual({.requests = 20, .arrive = false}, {.requests = 30, .arrive = false}, noted);
  CHECK(silent.verdict().code == "lost-forward");
  CHECK(compare(silent.far, silent.near).near_address.to_string() == "10.0.2.1");
}

TEST_CASE("files given the other way around are turned, unless who sends is known", "[capture]") {
  const bool noted = GENERATE(true, false);
  CAPTURE(noted);
  auto captures = mutual({.requests = 20}, {}, noted);
  const auto turned = compare(captures.far, captures.near);
  CHECK(turned.near == "h1");
  CHECK(turned.forward.left == 20);
  CHECK(judge(turned).code == "arrives");
  captures.far.is_sender = true;
  CHECK(judge(compare(captures.far, captures.near)).code == "not-sent");
}

TEST_CASE("requests that may be either end's accuse nobody", "[capture]") {
  // Nothing crosses, nothing is noted, and each file holds both directions.
  auto captures = mutual({.requests = 20, .arrive = false}, {}, false);
  ask(captures.near.file, captures.far.file,
      {.from = "10.0.2.1", .to = "10.0.1.1", .requests = 20, .arrive = false}, {});
  CHECK(captures.verdict().code == "ends-unclear");
  CHECK(captures.verdict().outcome == Outcome::kInconclusive);
  captures.near.file.comment = "faultline: 10.0.1.1 with 10.0.2.1";
  CHECK(captures.verdict().code == "lost-forward");
}

TEST_CASE("a packet in pieces arrives when all its pieces do", "[capture]") {
  // 88 octets of data; the way takes no more than 60 at once.
  const auto in_pieces = [](bool whole) {
    Captures out;
    out.far.file = empty_file({});
    for (int i = 0; i < 20; ++i) {
      const auto left = kBegin + milliseconds{100} + milliseconds{300} * i;
      auto payload =
          test::stamp_request(static_cast<std::uint32_t>(i), static_cast<std::uint64_t>(i + 1), 1);
      payload.resize(80);
      const FrameSpec spec{.payload = payload};
      const auto udp = test::udp_datagram(spec);
      add(out.near.file, left, test::udp_frame(spec));
      FrameSpec arrived = spec;
      arrived.ttl = 254;
      const auto id = static_cast<std::uint16_t>(100 + i);
      add(out.far.file, left + milliseconds{1},
          test::ethernet(arrived, Bytes(udp.begin(), udp.begin() + 56), 17, 0x2000, id));
      if (whole || i % 2 == 0) {
        add(out.far.file, left + milliseconds{1},
            test::ethernet(arrived, Bytes(udp.begin() + 56, udp.end()), 17, 56 / 8, id));
      }
    }
    return out.compared();
  };
  const auto whole = in_pieces(true);
  CHECK(whole.forward.missing == 0);
  CHECK(of(whole.forward, Field::kFragments).size() == 1);
  const auto broken = in_pieces(false);
  CHECK(broken.forward.cut == broken.forward.missing);
  CHECK(broken.forward.missing * 2 == broken.forward.left);
}

TEST_CASE("captures that cannot tell say so instead of accusing", "[capture]") {
  SECTION("no common time") {
    auto captures = run({});
    for (auto& interface : captures.far.file.interfaces) {
      interface.span->from += seconds{60};
      interface.span->until += seconds{60};
    }
    captures.far.file.frames.clear();
    CHECK(captures.verdict().code == "no-overlap");
    CHECK(captures.verdict().outcome == Outcome::kInconclusive);
  }
  SECTION("the kernel dropped frames of the capture") {
    auto captures = run({.forward = [](FrameSpec&, int n) { return n % 100 != 0; }});
    captures.far.file.interfaces[0].span->dropped = 50;
    CHECK(captures.verdict().code == "too-few");
  }
  SECTION("too short") {
    auto captures = run({});
    std::erase_if(captures.near.file.frames,
                  [](const auto& f) { return f.at > kBegin + milliseconds{60}; });
    std::erase_if(captures.far.file.frames,
                  [](const auto& f) { return f.at > kBegin + milliseconds{60}; });
    captures.near.file.interfaces[0].span->until = kBegin + milliseconds{700};
    captures.far.file.interfaces[0].span->until = kBegin + milliseconds{700};
    CHECK(captures.verdict().code == "too-few");
  }
}

TEST_CASE("an ICMP error and a packet that comes twice are told", "[capture]") {
  auto captures = run({});
  const auto frame = captures.far.file.frames[20];
  captures.far.file.frames.push_back(frame);
  const auto inner = captures.near.file.frames[0].octets;
  Bytes body(8);
  test::put(body, 0, 0x0304, 2);
  test::put(body, 6, 1400, 2);
  body.insert(body.end(), inner.begin() + 14, inner.begin() + 14 + 28);
  add(captures.near.file, kBegin + seconds{1},
      test::ethernet({.from = "10.9.9.9", .to = "10.0.1.1"}, body, 1));
  const auto verdict = captures.verdict();
  CHECK(has_note(verdict, "10.9.9.9 says by ICMP (type 3, code 4, MTU 1400)"));
  CHECK(has_note(verdict, "1 packets reached h2 twice"));
  const auto json = to_json(captures.compared(), verdict);
  CHECK(json["schema"] == "faultline.capture/1");
  CHECK(json["complaints"][0]["mtu"] == 1400);
  CHECK(json["forward"]["copies"] == 1);
}
