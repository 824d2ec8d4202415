#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "common/config/document.h"
#include "common/config/reading.h"

namespace faultline::config {
namespace {

struct SizeUnit {
  std::string_view suffix;
  std::uint64_t bytes;
};
constexpr std::array<SizeUnit, 8> kSizeUnits{{{"", 1},
                                              {"B", 1},
                                              {"kB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000},
                                              {"KiB", 1ULL << 10},
                                              {"MiB", 1ULL << 20},
                                              {"GiB", 1ULL << 30}}};

// The number in front of `text` and what follows it.
template <typename Number>
std::optional<std::pair<Number, std::string_view>> split_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  return std::pair{number, text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::uint64_t kBytesMax = std::numeric_limits<std::uint64_t>::max();
  const auto number = split_number<std::uint64_t>(text);
  if (!number) return std::nullopt;
  for (const auto& unit : kSizeUnits) {
    if (unit.suffix != number->second) continue;
    if (number->first > kBytesMax / unit.bytes) return std::nullopt;
    return number->first * unit.bytes;
  }
  return std::nullopt;
}

std::optional<double> parse_ratio(std::string_view text) {
  const auto number = split_number<double>(text);
  if (!number || (number->second != "" && number->second != "%")) return std::nullopt;
  const double ratio = number->second == "%" ? number->first / 100 : number->first;
  if (!(ratio >= 0 && ratio <= 1)) return std::nullopt;
  return ratio;
}

std::string variable_of(std::string_view path) {
  std::string name = "FAULTLINE_";
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace

Section::Section(Reading& reading, const Node* map, std::string path)
    : reading_(&reading), map_(map), path_(std::move(path)) {
  if (map_ == nullptr) return;
  reading_->asked.try_emplace(map_);
  reading_->paths.try_emplace(map_, path_);
}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string{key} : fmt::format("{}.{}", path_, key);
}

// Null where the file has no such key, or nothing behind it.
const Node* Section::entry(std::string_view key) const {
  if (map_ == nullptr) return nullptr;
  for (const auto& [name, value] : map_->entries) {
    if (name == key) return value.kind == NodeKind::kNull ? nullptr : &value;
  }
  return nullptr;
}

const Node* Section::find(std::string_view key) {
  if (map_ == nullptr) return nullptr;
  reading_->asked[map_].emplace(key);
  if (const Node* node = entry(key)) return node;
  const auto renamed = reading_->renamed.find(path_of(key));
  return renamed == reading_->renamed.end() ? nullptr : entry(renamed->second);
}

std::string Section::variable(std::string_view key) const {
  const auto is_set = [&](const std::string& name) { return reading_->environment.contains(name); };
  auto name = variable_of(path_of(key));
  if (is_set(name)) return name;
  const auto renamed = reading_->renamed.find(path_of(key));
  if (renamed == reading_->renamed.end()) return {};
  name = variable_of(path_of(renamed->second));
  return is_set(name) ? name : std::string{};
}

std::optional<std::string> Section::scalar(std::string_view key) {
  const Node* node = find(key);
  if (const auto name = variable(key); !name.empty()) return reading_->environment.at(name);
  if (node == nullptr) return std::nullopt;
  if (node->kind == NodeKind::kScalar) return node->scalar;
  error(key, "expected one value, not a list or a map");
  return std::nullopt;
}

void Section::scalar_error(std::string_view key, std::string_view value,
                           std::string_view expected) {
  constexpr std::size_t kShownMax = 60;
  const auto shown = value.size() > kShownMax ? fmt::format("{}...", value.substr(0, kShownMax))
                                              : std::string{value};
  error(key, fmt::format("\"{}\" is not {}", shown, expected));
}

void Section::error(std::string_view key, std::string_view what) {
  if (const auto name = variable(key); !name.empty()) {
    reading_->mistakes.push_back({0, fmt::format("environment: {}: {}", name, what)});
    return;
  }
  const Node* node = find(key);
  const int line = node != nullptr ? node->line : (map_ != nullptr ? map_->line : 0);
  const auto renamed = reading_->renamed.find(path_of(key));
  const bool by_old_name =
      renamed != reading_->renamed.end() && entry(key) == nullptr && node != nullptr;
  reading_->add_mistake(line,
                        fmt::format("{}: {}", path_of(by_old_name ? renamed->second : key), what));
}

Section& Section::renamed(std::string_view old_key, std::string_view key) {
  const auto warn = [&](int line, const std::string& old_name, const std::string& name) {
    reading_->add_warning(
        line, fmt::format("{} is the old name of {}: rename it, the old one will be refused in the "
                          "next major version",
                          old_name, name));
  };
  const auto twice = [](const std::string& old_name, const std::string& name) {
    return fmt::format("{} is the old name of {}, which is given too: remove {}", old_name, name,
                       old_name);
  };
  reading_->renamed.emplace(path_of(key), old_key);
  if (map_ != nullptr) reading_->retired[map_].emplace(old_key);
  if (const Node* old = entry(old_key)) {
    if (entry(key) != nullptr) {
      reading_->add_mistake(old->line, twice(path_of(old_key), path_of(key)));
    } else {
      warn(old->line, path_of(old_key), path_of(key));
    }
  }
  const auto old_variable = variable_of(path_of(old_key));
  if (reading_->environment.contains(old_variable)) {
    const auto new_variable = variable_of(path_of(key));
    if (reading_->environment.contains(new_variable)) {
      reading_->mistakes.push_back(
          {0, fmt::format("environment: {}", twice(old_variable, new_variable))});
    } else {
      warn(0, old_variable, new_variable);
    }
  }
  return *this;
}

Section& Section::required(std::string_view key) {
  const bool overridden = !variable(key).empty();
  if (find(key) == nullptr && !overridden) {
    const bool in_root = map_ == nullptr || path_.empty();
    reading_->add_missing(in_root ? 0 : map_->line, path_of(key));
  }
  return *this;
}

void Section::text(std::string_view key, std::string& value) {
  if (auto given = scalar(key)) value = *std::move(given);
}

void Section::path(std::string_view key, std::filesystem::path& value) {
  const auto given = scalar(key);
  if (!given) return;
  if (given->empty()) return scalar_error(key, *given, "a path");
  value = *given;
}

void Section::boolean(std::string_view key, bool& value) {
  const auto given = scalar(key);
  if (!given) return;
  if (*given != "true" && *given != "false") return scalar_error(key, *given, "true or false");
  value = *given == "true";
}

void Section::number(std::string_view key, double& value) {
  const auto given = scalar(key);
  if (!given) return;
  const auto number = split_number<double>(*given);
  if (!number || !number->second.empty() || !std::isfinite(number->first)) {
    return scalar_error(key, *given, "a number");
  }
  value = number->first;
}

void Section::duration(std::string_view key, Duration& value) {
  const auto given = scalar(key);
  if (!given) return;
  const auto duration = parse_duration(*given);
  if (!duration || *duration == Duration::zero()) {
    return scalar_error(key, *given, "a duration such as 10s");
  }
  value = *duration;
}

void Section::ratio(std::string_view key, double& value) {
  const auto given = scalar(key);
  if (!given) return;
  const auto ratio = parse_ratio(*given);
  if (!ratio) return scalar_error(key, *given, "a ratio such as 2% or 0.02, at most 100%");
  value = *ratio;
}

void Section::bytes(std::string_view key, std::uint64_t& value) {
  const auto given = scalar(key);
  if (!given) return;
  const auto bytes = parse_bytes(*given);
  if (!bytes) return scalar_error(key, *given, "a size such as 64MiB");
  value = *bytes;
}

bool Section::read_integer(std::string_view key, std::int64_t& value, std::int64_t minimum,
                           std::int64_t maximum) {
  const auto given = scalar(key);
  if (!given) return false;
  const auto number = split_number<std::int64_t>(*given);
  if (!number || !number->second.empty() || number->first < minimum || number->first > maximum) {
    scalar_error(key, *given, fmt::format("an integer from {} to {}", minimum, maximum));
    return false;
  }
  value = number->first;
  return true;
}

std::optional<std::size_t> Section::read_choice(std::string_view key,
                                                std::span<const std::string_view> names) {
  const auto given = scalar(key);
  if (!given) return std::nullopt;
  const auto known = std::ranges::find(names, *given);
  if (known == names.end()) {
    scalar_error(key, *given, fmt::format("one of {}", fmt::join(names, ", ")));
    return std::nullopt;
  }
  return static_cast<std::size_t>(known - names.begin());
}

void Section::texts(std::string_view key, std::vector<std::string>& values) {
  const Node* node = find(key);
  if (node == nullptr || node->kind == NodeKind::kScalar || !variable(key).empty()) {
    if (auto given = scalar(key)) values = {*std::move(given)};
    return;
  }
  const auto is_scalar = [](const Node& item) { return item.kind == NodeKind::kScalar; };
  if (node->kind != NodeKind::kList || !std::ranges::all_of(node->items, is_scalar)) {
    return error(key, "expected a list of values");
  }
  values.clear();
  for (const Node& item : node->items) values.push_back(item.scalar);
}

void Section::text_map(std::string_view key, std::map<std::string, std::string>& values) {
  const Node* node = find(key);
  if (node == nullptr) return;
  const auto is_scalar = [](const auto& entry) { return entry.second.kind == NodeKind::kScalar; };
  if (node->kind != NodeKind::kMap || !std::ranges::all_of(node->entries, is_scalar)) {
    return error(key, "expected \"name: value\" lines");
  }
  values.clear();
  for (const auto& [name, value] : node->entries) values.emplace(name, value.scalar);
}

Section Section::section(std::string_view key) {
  const Node* node = find(key);
  if (node != nullptr && node->kind != NodeKind::kMap) {
    error(key, "expected \"key: value\" lines below it");
    node = nullptr;
  }
  return Section{*reading_, node, path_of(key)};
}

std::vector<Section> Section::sections(std::string_view key) {
  const Node* node = find(key);
  std::vector<Section> result;
  if (node == nullptr) return result;
  const auto is_map = [](const Node& item) { return item.kind == NodeKind::kMap; };
  if (node->kind != NodeKind::kList || !std::ranges::all_of(node->items, is_map)) {
    error(key, "expected a list of \"- key: value\" groups");
    return result;
  }
  for (const Node& item : node->items) {
    result.push_back(Section{*reading_, &item, fmt::format("{}[{}]", path_of(key), result.size())});
  }
  return result;
}

std::vector<std::pair<std::string, Section>> Section::named_sections(std::string_view key) {
  const Node* node = find(key);
  std::vector<std::pair<std::string, Section>> result;
  if (node == nullptr) return result;
  if (node->kind != NodeKind::kMap) {
    error(key, "expected named groups of \"key: value\" lines");
    return result;
  }
  for (const auto& [name, value] : node->entries) {
    const auto path = fmt::format("{}.{}", path_of(key), name);
    if (value.kind != NodeKind::kMap && value.kind != NodeKind::kNull) {
      reading_->add_mistake(value.line, path + ": expected \"key: value\" lines below it");
      continue;
    }
    const Node* map = value.kind == NodeKind::kMap ? &value : nullptr;
    result.emplace_back(name, Section{*reading_, map, path});
  }
  return result;
}

}  // namespace faultline::config
