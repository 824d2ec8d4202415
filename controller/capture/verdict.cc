#include "controller/capture/verdict.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace faultline::capture {
namespace {

constexpr std::array<std::string_view, 3> kOutcomes{"ok", "fault", "inconclusive"};

struct Names {
  std::string_view sender;
  std::string_view receiver;
};

std::string percent(std::uint32_t part, std::uint32_t whole) {
  return fmt::format("{:.1f} %", whole == 0 ? 0.0 : 100.0 * part / whole);
}

std::string lost_text(const Way& way, Names names, std::string_view what) {
  if (way.missing == way.left) {
    return fmt::format("none of the {} {} that left {} reached {}", way.left, what, names.sender,
                       names.receiver);
  }
  return fmt::format("{} of {} {} that left {} never reached {} ({})", way.missing, way.left, what,
                     names.sender, names.receiver, percent(way.missing, way.left));
}

std::string pattern_text(const Pattern& pattern) {
  switch (pattern.kind) {
    case PatternKind::kSize:
      return fmt::format("every packet of {} octets or more is lost, none of {} or less",
                         pattern.lost.front(), pattern.arrives_max);
    case PatternKind::kPorts:
      return fmt::format("every packet of source port {} is lost, none of the others",
                         fmt::join(pattern.lost, ", "));
    case PatternKind::kDscp:
      return fmt::format("every packet with DSCP {} is lost, none of the others",
                         fmt::join(pattern.lost, ", "));
  }
  return {};
}

bool altered(const Way& way, std::initializer_list<Field> fields) {
  return std::ranges::any_of(way.alterations, [&](const Alteration& alteration) {
    return std::ranges::find(fields, alteration.field) != fields.end();
  });
}

std::string alteration_text(const Alteration& change, Names names) {
  const auto rewritten = [&](std::string_view what) {
    return fmt::format("{} {} becomes {} between {} and {} ({} packets)", what, change.before,
                       change.after, names.sender, names.receiver, change.count);
  };
  switch (change.field) {
    case Field::kTtl:
    case Field::kMacFrom:
    case Field::kDontFragment:
    case Field::kSize:
      return {};  // told together, or by the table
    case Field::kVlan:
      return rewritten("VLAN");
    case Field::kDscp:
      return rewritten("DSCP");
    case Field::kEcn:
      return rewritten("ECN") + (change.after == "CE" ? ": a queue on the way is congested" : "");
    case Field::kAddressFrom:
      return rewritten("source (NAT)");
    case Field::kAddressTo:
      return rewritten("destination (NAT)");
    case Field::kFragments:
      return fmt::format("packets of {} arrive at {} in {} ({} packets)", change.before,
                         names.receiver, change.after, change.count);
    case Field::kChecksum:
      return fmt::format("{} packets arrive at {} with a wrong UDP checksum", change.count,
                         names.receiver);
    case Field::kIpChecksum:
      return fmt::format("{} packets arrive at {} with a wrong IP header checksum", change.count,
                         names.receiver);
  }
  return {};
}

// How many routers, and whether the addresses of the link layer agree with that.
std::string hops_text(const Way& way, Names names) {
  const auto ttl = std::ranges::find(way.alterations, Field::kTtl, &Alteration::field);
  const bool mac = altered(way, {Field::kMacFrom});
  if (ttl == way.alterations.end()) {
    if (way.arrived == 0) return {};
    return mac ? fmt::format(
                     "from {} to {} the MAC address changes but no TTL falls: a proxy, a "
                     "bridge with NAT, or a router that hides",
                     names.sender, names.receiver)
               : fmt::format("from {} to {} no router is crossed", names.sender, names.receiver);
  }
  const auto hops = std::stoi(ttl->before) - std::stoi(ttl->after);
  if (hops < 0) {
    return fmt::format("from {} to {} the TTL rises from {} to {}: something sets it anew",
                       names.sender, names.receiver, ttl->before, ttl->after);
  }
  return fmt::format("from {} to {} {} router{} (TTL {} to {})", names.sender, names.receiver, hops,
                     hops == 1 ? "" : "s", ttl->before, ttl->after);
}

std::string complaint_text(const Complaint& complaint) {
  const auto& error = complaint.error;
  const bool too_big = error.mtu != 0;
  return fmt::format("{} says by ICMP (type {}, code {}{}) that {} cannot be reached so, {} times",
                     complaint.by.to_string(), error.type, error.code,
                     too_big ? fmt::format(", MTU {}", error.mtu) : "",
                     faultline::to_string(error.to), complaint.count);
}

void add_way_notes(const Way& way, Names names, std::vector<std::string>& notes) {
  const auto add = [&](std::string note) {
    if (!note.empty()) notes.push_back(std::move(note));
  };
  for (const auto& pattern : way.patterns) {
    add(fmt::format("from {} to {} {}", names.sender, names.receiver, pattern_text(pattern)));
  }
  for (const auto& change : way.alterations) add(alteration_text(change, names));
  if (way.cut > 0) {
    add(fmt::format("of {} packets only some fragments reached {}", way.cut, names.receiver));
  }
  if (way.unknown > 0) {
    add(fmt::format("{} packets arrive at {} with a wrong UDP checksum, damaged beyond recognition",
                    way.unknown, names.receiver));
  }
  if (way.copies > 0) add(fmt::format("{} packets reached {} twice", way.copies, names.receiver));
  if (way.swapped > 0) {
    add(fmt::format("{} packets overtook each other towards {}", way.swapped, names.receiver));
  }
  if (way.unseen > 0) {
    add(fmt::format("{} packets reached {} that were not seen leaving {}", way.unseen,
                    names.receiver, names.sender));
  }
  add(hops_text(way, names));
}

std::vector<std::string> notes_of(const Comparison& c) {
  std::vector<std::string> notes;
  add_way_notes(c.forward, {c.near, c.far}, notes);
  add_way_notes(c.back, {c.far, c.near}, notes);
  for (const auto& complaint : c.complaints) notes.push_back(complaint_text(complaint));
  for (const auto& [node, dropped] :
       {std::pair{c.near, c.dropped_near}, std::pair{c.far, c.dropped_far}}) {
    if (dropped > 0) {
      notes.push_back(fmt::format("the kernel of {} had no room for {} frames", node, dropped));
    }
  }
  return notes;
}

// Empty: nothing is lost.
std::optional<Verdict> judge_loss(const Comparison& c) {
  // What came damaged beyond recognition is missing, but not lost.
  const bool there = c.forward.missing > c.forward.unknown;
  const bool back = c.back.missing > c.back.unknown;
  const auto forward_text = lost_text(c.forward, {c.near, c.far}, "packets");
  const auto back_text = lost_text(c.back, {c.far, c.near}, "replies");
  if (there && back) {
    return Verdict{.outcome = Outcome::kFault,
                   .code = "lost-both",
                   .summary = fmt::format("{}, and {}", forward_text, back_text)};
  }
  if (there) {
    const auto rest =
        c.back.left == 0 ? std::string() : fmt::format("; all {} replies came back", c.back.left);
    return Verdict{.outcome = Outcome::kFault,
                   .code = "lost-forward",
                   .summary = forward_text + rest,
                   .remedy = fmt::format("faultline path {} {} names the links of this way; "
                                         "faultline localize says which of them loses",
                                         c.near, c.far)};
  }
  if (back) {
    return Verdict{
        .outcome = Outcome::kFault,
        .code = "lost-return",
        .summary = fmt::format("{}; all {} packets reached {}", back_text, c.forward.left, c.far),
        .remedy = fmt::format("faultline path {} {} names the links of this way; "
                              "faultline localize says which of them loses",
                              c.far, c.near)};
  }
  if (c.unanswered > c.forward.unknown) {
    return Verdict{
        .outcome = Outcome::kFault,
        .code = "not-answered",
        .summary =
            fmt::format("{} of {} packets reached {} and were not answered: it is {} itself, "
                        "not the network",
                        c.unanswered, c.asked, c.far, c.far),
        .remedy = fmt::format("faultline facts show {} (firewall input, rp_filter), and on it: "
                              "faultline-probe --health",
                              c.far)};
  }
  return std::nullopt;
}

Verdict judge_arrived(const Comparison& c) {
  const auto either = [&](std::initializer_list<Field> fields) {
    return altered(c.forward, fields) || altered(c.back, fields);
  };
  const auto counts = fmt::format("all {} packets reached {} and all {} replies came back to {}",
                                  c.forward.left, c.far, c.back.left, c.near);
  if (either({Field::kChecksum, Field::kIpChecksum}) || c.forward.unknown + c.back.unknown > 0) {
    return {.outcome = Outcome::kFault,
            .code = "damaged",
            .summary = counts + ", some with a wrong checksum: they were damaged on the way",
            .remedy =
                "look at the error counters of the ports on the way: a cable, an optic or a "
                "memory of a switch flips bits"};
  }
  if (either({Field::kDscp, Field::kVlan}) || either({Field::kEcn})) {
    return {.outcome = Outcome::kFault,
            .code = "altered",
            .summary = counts + ", but not as they were sent: their class or tag was rewritten",
            .remedy =
                "find the router that rewrites it: its trust setting or its policy on the "
                "port where the packets come in"};
  }
  if (either({Field::kAddressFrom, Field::kAddressTo})) {
    return {.outcome = Outcome::kOk, .code = "translated", .summary = counts + ", through NAT"};
  }
  return {.outcome = Outcome::kOk, .code = "arrives", .summary = counts};
}

Verdict judge_code(const Comparison& c) {
  if (c.sender_unclear) {
    return {.code = "ends-unclear",
            .summary = fmt::format("which packets are {}'s and which are {}'s cannot be told from "
                                   "these captures",
                                   c.near, c.far),
            .remedy =
                "capture with `faultline capture A B` or `faultline-probe test capture`, which "
                "note whose a file is"};
  }
  if (c.forward.left == 0 && c.near_address.is_unspecified()) {
    const auto heard = c.frames_far > 0 ? std::string() : " and nothing of it was heard";
    return {.outcome = Outcome::kFault,
            .code = "not-sent",
            .summary = fmt::format("{} sent no packet of this flow to {}{}", c.near, c.far, heard),
            .remedy = fmt::format("its own firewall's output drops it, or it has no such flow in "
                                  "its plan: faultline facts show {0}, faultline plan show {0}",
                                  c.near)};
  }
  if (!c.overlap) {
    return {.code = "no-overlap",
            .summary = "the two captures cover no common time long enough to compare",
            .remedy = "capture again; another test may have held one of the probes up"};
  }
  const bool lost = c.forward.missing + c.back.missing + c.unanswered > 0;
  if (lost && c.forward.missing <= c.dropped_far && c.back.missing <= c.dropped_near &&
      c.dropped_far + c.dropped_near > 0) {
    return {.code = "too-few",
            .summary = "packets are missing, but the kernel dropped as many frames of the captures",
            .remedy = "capture again, one flow only (--flow)"};
  }
  if (const auto loss = judge_loss(c)) return *loss;
  if (c.forward.left < kJudgedMin || c.back.left < kJudgedMin) {
    return {.code = "too-few",
            .summary = fmt::format("only {} packets and {} replies could be compared",
                                   c.forward.left, c.back.left),
            .remedy = "capture for longer (--seconds)"};
  }
  return judge_arrived(c);
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  return kOutcomes.at(static_cast<std::size_t>(outcome));
}

Verdict judge(const Comparison& comparison) {
  auto verdict = judge_code(comparison);
  verdict.notes = notes_of(comparison);
  return verdict;
}

}  // namespace faultline::capture
