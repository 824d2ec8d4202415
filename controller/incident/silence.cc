#include "controller/incident/silence.h"

#include <algorithm>
#include <ranges>
#include <set>

#include <fmt/format.h>

#include "common/base/check.h"

namespace faultline::incident {
namespace {

constexpr std::size_t kValueBytesMax = 255;
constexpr std::size_t kIdBytesMax = 64;

bool holds(const std::vector<std::string>& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}

// Whether `named`, a component, covers `seen`: itself, a link or cable at it, a cable and its
// directions. A link does not cover the device that it ends at.
bool covers(const Component& named, const Component& seen) {
  const bool is_device = named.from.empty();
  return named.id == seen.id || (same_fault(named, seen) && (is_device || !seen.from.empty()));
}

bool covers_any(const std::vector<std::string>& named, const Suspect& suspect) {
  return std::ranges::any_of(named, [&](const std::string& name) {
    const auto component = component_from_id(name);
    return covers(component, component_of(suspect)) || holds(suspect.depends_on, name) ||
           std::ranges::any_of(suspect.ambiguous_with, [&](const std::string& other) {
             return covers(component, component_from_id(other));
           });
  });
}

bool has_label(const Suspect& suspect, const std::string& name,
               const std::vector<std::string>& values) {
  const auto label = suspect.labels.find(name);
  if (label == suspect.labels.end()) return false;
  return std::ranges::any_of(label->second,
                             [&](const std::string& value) { return holds(values, value); });
}

Status check(const SilenceRequest& request, WallTime now) {
  FAULTLINE_TRY_STATUS(validate_selector(request.selector));
  const auto invalid = [](std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); };
  if (request.comment.empty() || request.comment.size() > kNoteBytesMax) {
    return invalid(fmt::format("a comment of 1 to {} bytes must say why", kNoteBytesMax));
  }
  if (request.author.empty() || request.author.size() > kAuthorBytesMax) {
    return invalid(fmt::format("the author must have 1 to {} bytes", kAuthorBytesMax));
  }
  const auto start = request.starts_at.value_or(now);
  if (request.ends_at <= start) return invalid("it must end after it starts");
  if (request.ends_at <= now) return invalid("it must end in the future");
  if (request.ends_at - std::max(start, now) > kSilenceLengthMax ||
      start - now > kSilenceLengthMax) {
    return invalid(
        fmt::format("it may last, and lie ahead, at most {}", format_duration(kSilenceLengthMax)));
  }
  return {};
}

}  // namespace

std::string_view to_string(SilenceKind kind) {
  switch (kind) {
    case SilenceKind::kMaintenance:
      return "maintenance";
    case SilenceKind::kSilence:
      return "silence";
  }
  return "unknown";
}

std::string_view id_prefix(SilenceKind kind) {
  return kind == SilenceKind::kMaintenance ? "m-" : "s-";
}

std::optional<SilenceKind> parse_silence_kind(std::string_view text) {
  for (const auto kind : {SilenceKind::kMaintenance, SilenceKind::kSilence}) {
    if (to_string(kind) == text) return kind;
  }
  return std::nullopt;
}

Status validate_selector(const Selector& selector) {
  const auto invalid = [](std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); };
  if (selector.empty()) {
    return invalid("a selector must name something, such as component, node, rack or zone");
  }
  if (selector.size() > kMatchersMax) {
    return invalid(fmt::format("a selector has at most {} names", kMatchersMax));
  }
  for (const auto& [name, values] : selector) {
    if (name.empty() || name.size() > kValueBytesMax) return invalid("a name of a label is empty");
    if (values.empty() || values.size() > kMatcherValuesMax) {
      return invalid(fmt::format("{} must have 1 to {} values", name, kMatcherValuesMax));
    }
    if (std::ranges::any_of(values, [](const std::string& value) {
          return value.empty() || value.size() > kValueBytesMax;
        })) {
      return invalid(fmt::format("each value of {} must have 1 to {} bytes", name, kValueBytesMax));
    }
  }
  return {};
}

bool matches(const Selector& selector, const Suspect& suspect, std::string_view incident) {
  return std::ranges::all_of(selector, [&](const auto& matcher) {
    const auto& [name, values] = matcher;
    if (name == "component") return covers_any(values, suspect);
    if (name == "kind") return holds(values, suspect.kind);
    if (name == "class") return holds(values, suspect.fault_class);
    if (name == "incident") return holds(values, incident);
    if (has_label(suspect, name, values)) return true;
    return name == "node" &&
           std::ranges::any_of(suspect.depends_on,
                               [&](const std::string& parent) { return holds(values, parent); });
  });
}

std::string to_text(const Selector& selector) {
  std::string text;
  for (const auto& [name, values] : selector) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, fmt::join(values, ","));
  }
  return text;
}

void SilenceBook::restore(std::vector<Silence> silences) {
  std::ranges::sort(silences, {}, &Silence::ends_at);
  const auto surplus = silences.size() - std::min(silences.size(), kSilencesKeptMax);
  for (auto& silence : silences | std::views::drop(surplus)) {
    silences_.insert_or_assign(silence.id, std::move(silence));
  }
}

Result<Silence> SilenceBook::add(SilenceRequest request, WallTime now) {
  now = std::chrono::floor<std::chrono::milliseconds>(now);
  FAULTLINE_TRY_STATUS(check(request, now));
  const auto lasting =
      std::ranges::count_if(silences_, [&](const auto& item) { return item.second.ends_at > now; });
  if (static_cast<std::size_t>(lasting) >= kSilencesMax) {
    ++refused_;
    return fail(ErrorCode::kLimit,
                fmt::format("there are {} silences and maintenance windows already; end some first",
                            kSilencesMax));
  }
  if (!request.id.starts_with(id_prefix(request.kind)) || request.id.size() > kIdBytesMax) {
    return fail(ErrorCode::kInvalid,
                fmt::format("the id must begin with {}", id_prefix(request.kind)));
  }
  if (silences_.contains(request.id)) {
    return fail(ErrorCode::kConflict, fmt::format("there is a {} already", request.id));
  }
  Silence silence{.id = std::move(request.id),
                  .kind = request.kind,
                  .selector = std::move(request.selector),
                  .author = std::move(request.author),
                  .comment = std::move(request.comment),
                  .created_at = now,
                  .starts_at = request.starts_at.value_or(now),
                  .ends_at = request.ends_at,
                  .ended_by = {},
                  .incidents_held = 0};
  silences_[silence.id] = silence;
  return silence;
}

Result<Silence> SilenceBook::end(std::string_view id, std::string by, WallTime now) {
  now = std::chrono::floor<std::chrono::milliseconds>(now);
  const auto found = silences_.find(id);
  if (found == silences_.end()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no silence or maintenance window {}", id.substr(0, 64)));
  }
  auto& silence = found->second;
  if (silence.ends_at <= now) {
    return fail(ErrorCode::kConflict,
                fmt::format("{} ended at {} already", silence.id, format_rfc3339(silence.ends_at)));
  }
  silence.starts_at = std::min(silence.starts_at, now);
  silence.ends_at = now;
  silence.ended_by = std::move(by);
  return silence;
}

std::vector<std::string> SilenceBook::forget(WallTime now) {
  std::vector<std::string> forgotten;
  for (const auto& [id, silence] : silences_) {
    if (silence.ends_at + kSilenceKept <= now) forgotten.push_back(id);
  }
  for (const auto& id : forgotten) silences_.erase(id);
  while (silences_.size() > kSilencesKeptMax) {
    const auto oldest = std::ranges::min_element(
        silences_, {}, [](const auto& item) { return item.second.ends_at; });
    forgotten.push_back(oldest->first);
    silences_.erase(oldest);
  }
  return forgotten;
}

const Silence* SilenceBook::find(const Suspect& suspect, std::string_view incident, WallTime from,
                                 WallTime until) const {
  const Silence* found = nullptr;
  for (const auto& [id, silence] : silences_) {  // "m-" sorts before "s-"
    if (!silence.is_active(from, until) || !matches(silence.selector, suspect, incident)) continue;
    found = &silence;
    break;
  }
  return found;
}

const Silence& SilenceBook::count_held(std::string_view id) {
  const auto found = silences_.find(id);
  FAULTLINE_CHECK(found != silences_.end(), "what holds an incident is known");
  ++found->second.incidents_held;
  return found->second;
}

std::size_t SilenceBook::count_active(WallTime now) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      silences_, [&](const auto& item) { return item.second.is_active(now, now); }));
}

}  // namespace faultline::incident
