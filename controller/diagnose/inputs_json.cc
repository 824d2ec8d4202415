#include "controller/diagnose/inputs_json.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/facts/facts_json.h"

namespace faultline::diagnose {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSchema = "faultline.diagnosis_inputs/1";
constexpr std::array kStates{std::pair{ProbeState::kNone, "none"},
                             std::pair{ProbeState::kLive, "live"},
                             std::pair{ProbeState::kSilent, "silent"},
                             std::pair{ProbeState::kJoined, "joined"},
                             std::pair{ProbeState::kRestarting, "restarting"},
                             std::pair{ProbeState::kUnknown, "unknown"}};

// What a document holds wrongly; becomes an Error in inputs_from_json.
struct BadInputs {
  std::string problem;
};

// ---- one description of the members for both directions

struct Writer {
  Json& object;

  template <typename T>
  void member(const char* name, const T& value) {
    if (auto written = write(value); !written.is_null()) object[name] = std::move(written);
  }
  static Json write(const std::string& value) { return value.empty() ? Json() : Json(value); }
  static Json write(bool value) { return value ? Json(true) : Json(); }
  static Json write(double value) { return value == 0 ? Json() : Json(value); }
  static Json write(WallTime value) { return format_rfc3339(value); }
  static Json write(const IpAddress& value) { return value.to_string(); }
  static Json write(ProbeState value) { return std::string(to_string(value)); }
  static Json write(const facts::Facts& value) { return facts::to_json(value); }
  template <std::integral T>
  static Json write(T value) {
    return value;
  }
  template <typename T>
  static Json write(const std::optional<T>& value) {
    return value ? write(*value) : Json();
  }
  template <typename T>
  static Json write(const std::vector<T>& values) {
    if (values.empty()) return {};
    auto list = Json::array();
    for (const auto& value : values) list.push_back(write(value));
    return list;
  }
  template <typename T>
  requires std::is_aggregate_v<T>
  static Json write(const T& value) {
    auto object = Json::object();
    Writer writer{object};
    describe(writer, const_cast<T&>(value));  // NOLINT: describe() reads only, with a Writer
    return object;
  }
};

struct Reader {
  const Json& object;

  template <typename T>
  void member(const char* name, T& value) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) return;
    try {
      read(*found, value);
    } catch (const Json::exception&) {
      throw BadInputs{fmt::format("'{}' is of the wrong kind", name)};
    }
  }
  template <typename T>
  requires std::same_as<T, std::string> || std::integral<T> || std::floating_point<T>
  static void read(const Json& json, T& value) { value = json.get<T>(); }
  static void read(const Json& json, WallTime& value) {
    const auto time = parse_rfc3339(json.get<std::string>());
    if (!time) throw BadInputs{fmt::format("{} is no time", json.dump())};
    value = *time;
  }
  static void read(const Json& json, IpAddress& value) {
    const auto address = IpAddress::parse(json.get<std::string>());
    if (!address) throw BadInputs{fmt::format("{} is no address", json.dump())};
    value = *address;
  }
  static void read(const Json& json, ProbeState& value) {
    for (const auto& [state, name] : kStates) {
      if (json == name) value = state;
    }
  }
  static void read(const Json& json, facts::Facts& value) {
    auto facts = facts::from_json(json);
    if (!facts) throw BadInputs{facts.error().context};
    value = *std::move(facts);
  }
  template <typename T>
  static void read(const Json& json, std::optional<T>& value) {
    read(json, value.emplace());
  }
  template <typename T>
  static void read(const Json& json, std::vector<T>& values) {
    for (const auto& item : json.get_ref<const Json::array_t&>()) read(item, values.emplace_back());
  }
  template <typename T>
  requires std::is_aggregate_v<T>
  static void read(const Json& json, T& value) {
    if (!json.is_object()) throw BadInputs{"an object was expected"};
    Reader reader{json};
    describe(reader, value);
  }
};

template <typename Io>
void describe(Io& io, Question& v) {
  io.member("port", v.port);
  io.member("protocol", v.protocol);
  io.member("at", v.at);
  io.member("past", v.past);
}

template <typename Io>
void describe(Io& io, Company& v) {
  io.member("peers", v.peers);
  io.member("peers_dead", v.peers_dead);
  io.member("peers_lossy", v.peers_lossy);
}

template <typename Io>
void describe(Io& io, Away& v) {
  io.member("from", v.from);
  io.member("until", v.until);
}

template <typename Io>
void describe(Io& io, End& v) {
  io.member("name", v.name);
  io.member("probe", v.probe);
  io.member("address", v.address);
  io.member("probe_port", v.probe_port);
  io.member("last_seen", v.last_seen);
  io.member("unanswered", v.unanswered);
  io.member("away", v.away);
  io.member("sick", v.sick);
  io.member("sick_reason", v.sick_reason);
  io.member("clock", v.clock);
  io.member("results_dropped", v.results_dropped);
  io.member("lateness_ms", v.lateness_ms);
  io.member("strangers_refused", v.strangers_refused);
  io.member("answers_unmatched", v.answers_unmatched);
  io.member("company", v.company);
  io.member("reach", v.reach);
  io.member("reach_sentence", v.reach_sentence);
}

template <typename Io>
void describe(Io& io, Counts& v) {
  io.member("sent", v.sent);
  io.member("lost_there", v.lost_there);
  io.member("lost_back", v.lost_back);
  io.member("lost_undetermined", v.lost_undetermined);
  io.member("rtt_mean_us", v.rtt_mean_us);
}

template <typename Io>
void describe(Io& io, Hop& v) {
  io.member("address", v.address);
  io.member("device", v.device);
}

template <typename Io>
void describe(Io& io, Trace& v) {
  io.member("complete", v.complete);
  io.member("traced_at", v.traced_at);
  io.member("hops", v.hops);
  io.member("ended", v.ended);
}

template <typename Io>
void describe(Io& io, Flow& v) {
  io.member("source_port", v.source_port);
  io.member("size", v.size);
  io.member("dscp", v.dscp);
  io.member("dscp_there", v.dscp_there);
  io.member("dscp_back", v.dscp_back);
  io.member("dscp_rewritten", v.dscp_rewritten);
  io.member("now", v.now);
  io.member("there", v.there);
  io.member("back", v.back);
}

template <typename Io>
void describe(Io& io, Session& v) {
  io.member("from", v.from);
  io.member("to", v.to);
  io.member("flows", v.flows);
  io.member("now", v.now);
  io.member("minute", v.minute);
  io.member("earlier", v.earlier);
}

template <typename Io>
void describe(Io& io, Accused& v) {
  io.member("id", v.id);
  io.member("kind", v.kind);
  io.member("fault_class", v.fault_class);
  io.member("posterior", v.posterior);
  io.member("loss", v.loss);
  io.member("incident", v.incident);
  io.member("on_way_there", v.on_way_there);
  io.member("on_way_back", v.on_way_back);
  io.member("ambiguous_with", v.ambiguous_with);
}

template <typename Io>
void describe(Io& io, CloudAnswer& v) {
  io.member("verdict", v.verdict);
  io.member("code", v.code);
  io.member("element", v.element);
  io.member("rule", v.rule);
  io.member("sentence", v.sentence);
  io.member("on_way_back", v.on_way_back);
}

template <typename Io>
void describe(Io& io, Tried& v) {
  io.member("what", v.what);
  io.member("from_b", v.from_b);
  io.member("outcome", v.outcome);
  io.member("detail", v.detail);
  io.member("mtu", v.mtu);
  io.member("told_by", v.told_by);
}

template <typename Io>
void describe(Io& io, NodeFacts& v) {
  io.member("node", v.node);
  io.member("facts", v.facts);
  io.member("earlier", v.earlier);
}

template <typename Io>
void describe(Io& io, Inputs& v) {
  io.member("question", v.question);
  io.member("a", v.a);
  io.member("b", v.b);
  io.member("by_a", v.by_a);
  io.member("by_b", v.by_b);
  io.member("accused", v.accused);
  io.member("cloud", v.cloud);
  io.member("tried", v.tried);
  io.member("untried", v.untried);
  io.member("facts", v.facts);
}

}  // namespace

std::string_view to_string(ProbeState state) {
  for (const auto& [known, name] : kStates) {
    if (known == state) return name;
  }
  return "none";
}

nlohmann::json inputs_json(const Inputs& inputs) {
  auto document = Writer::write(inputs);
  document["schema"] = kSchema;
  return document;
}

Result<Inputs> inputs_from_json(const nlohmann::json& document) {
  const auto schema = document.is_object() ? document.find("schema") : document.end();
  if (!document.is_object() || schema == document.end() || *schema != kSchema) {
    return fail(ErrorCode::kInvalid,
                fmt::format("this is not {}: save one with `faultline diagnose A B --record FILE`",
                            kSchema));
  }
  Inputs inputs;
  try {
    Reader::read(document, inputs);
  } catch (const BadInputs& bad) {
    return fail(ErrorCode::kInvalid, bad.problem);
  }
  return inputs;
}

Result<Inputs> inputs_from_text(std::string_view text) {
  if (text.size() > kInputsTextMax) {
    return fail(ErrorCode::kLimit, fmt::format("more than {} bytes", kInputsTextMax));
  }
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded()) return fail(ErrorCode::kInvalid, "this is not JSON");
  return inputs_from_json(document);
}

}  // namespace faultline::diagnose
