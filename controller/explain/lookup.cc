#include "controller/explain/lookup.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/explain/nearest.h"

namespace faultline::explain {
namespace {

using Words = std::vector<std::string>;

// A shorter number is near to too many others.
constexpr std::size_t kNearNumberMin = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Words words_of(const std::string& text) {
  Words words;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

// "111", "-2", "3/4".
bool is_number(const std::string& word) {
  const std::size_t begin = word.starts_with('-') ? 1 : 0;
  const auto fits = [](char c) { return is_digit(c) || c == '/'; };
  return begin < word.size() && is_digit(word[begin]) &&
         std::all_of(word.begin() + static_cast<std::ptrdiff_t>(begin), word.end(), fits);
}

// "3/4" from "3/4", "3 4" and "type 3 code 4"; empty when it is no number.
std::string number_of(const Words& words) {
  Words numbers;
  for (const auto& word : words) {
    if (is_number(word)) {
      numbers.push_back(word);
    } else if (word != "type" && word != "code" && word != "error") {
      return {};
    }
  }
  return fmt::format("{}", fmt::join(numbers, "/"));
}

bool has_number(const Code& code, const std::string& number) {
  if (code.number.empty()) return false;
  return code.number == number || code.number.starts_with(number + "/") ||
         (code.family == "errno" && "-" + code.number == number);
}

bool has_name(const Code& code, const std::string& text) {
  const auto same = [&](const std::string& name) { return normalized(name) == text; };
  return same(code.name) || same(code.summary) || std::ranges::any_of(code.aliases, same);
}

std::string title_text(const Code& code) {
  return normalized(fmt::format("{} {} {} {}", code.number, code.name, code.summary,
                                fmt::join(code.aliases, " ")));
}

std::string full_text(const Code& code) {
  return normalized(fmt::format("{} {} {} {}", code.meaning, fmt::join(code.causes, " "),
                                fmt::join(code.checks, " "), title_text(code)));
}

// Whether `text`, a line of a log perhaps, has the name or the summary in it as whole words.
bool is_named_in(const Code& code, const std::string& text) {
  const auto padded = " " + text + " ";
  const auto named = [&](const std::string& name) {
    return padded.find(" " + normalized(name) + " ") != std::string::npos;
  };
  return named(code.name) || named(code.summary) || std::ranges::any_of(code.aliases, named);
}

bool holds(const std::string& text, const Words& words) {
  return std::ranges::all_of(
      words, [&](const std::string& word) { return text.find(word) != std::string::npos; });
}

template <typename Predicate>
std::vector<const Code*> those(const std::vector<const Code*>& candidates, Predicate predicate) {
  std::vector<const Code*> result;
  std::ranges::copy_if(candidates, std::back_inserter(result),
                       [&](const Code* code) { return predicate(*code); });
  return result;
}

const Family* family_of(const Catalogue& catalogue, const std::string& word) {
  for (const auto& family : catalogue.families) {
    if (family.name == word || std::ranges::find(family.aliases, word) != family.aliases.end()) {
      return &family;
    }
  }
  return nullptr;
}

// Somebody copied "ENOSUCHTHING" from somewhere: that is a code, known or not, and no prose.
bool is_written_as_code(std::string_view query) {
  const auto one_of = [&](int (*is)(int)) {
    return std::ranges::any_of(query,
                               [is](char c) { return is(static_cast<unsigned char>(c)) != 0; });
  };
  return one_of(std::isupper) && !one_of(std::islower) && !one_of(std::isspace);
}

enum class Prose : bool { kLeft, kSearched };

Answer search(const std::vector<const Code*>& candidates, const Words& words,
              Prose prose = Prose::kSearched) {
  const auto text = fmt::format("{}", fmt::join(words, " "));
  if (const auto number = number_of(words); !number.empty()) {
    auto codes = those(candidates, [&](const Code& code) { return has_number(code, number); });
    if (!codes.empty()) return {Match::kExact, std::move(codes), {}};
    if (number.size() < kNearNumberMin) return {};
    return {Match::kNone, {}, nearest(candidates, number)};
  }
  auto codes = those(candidates, [&](const Code& code) { return has_name(code, text); });
  if (!codes.empty()) return {Match::kExact, std::move(codes), {}};
  codes = those(candidates, [&](const Code& code) { return holds(title_text(code), words); });
  if (codes.empty() && prose == Prose::kSearched) {
    codes = those(candidates, [&](const Code& code) { return holds(full_text(code), words); });
  }
  if (codes.empty()) {
    codes = those(candidates, [&](const Code& code) { return is_named_in(code, text); });
  }
  if (!codes.empty()) return {Match::kWords, std::move(codes), {}};
  return {Match::kNone, {}, nearest(candidates, text)};
}

}  // namespace

std::string normalized(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n:;=,._\"'`()[]-";
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool in_word = !result.empty() && result.back() != ' ';
    const bool sign = text[i] == '-' && !in_word && i + 1 < text.size() && is_digit(text[i + 1]);
    if (sign || kBlanks.find(text[i]) == std::string_view::npos) {
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    } else if (in_word) {
      result += ' ';
    }
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

Answer look_up(const Catalogue& catalogue, std::string_view query) {
  const auto whole = normalized(query.substr(0, kQueryBytesMax));
  auto words = words_of(whole);
  if (words.empty()) return {};
  std::vector<const Code*> candidates;
  for (const auto& code : catalogue.codes) candidates.push_back(&code);
  auto named = those(candidates, [&](const Code& code) { return has_name(code, whole); });
  if (!named.empty()) return {Match::kExact, std::move(named), {}};
  if (const auto* family = family_of(catalogue, words.front())) {
    candidates = those(candidates, [&](const Code& code) { return code.family == family->name; });
    words.erase(words.begin());
    if (words.empty()) return {Match::kFamily, std::move(candidates), {}};
    auto answer = search(candidates, words);
    if (!answer.codes.empty() || !is_number(words.front())) return answer;
    return search(candidates, {words.front()});  // "curl: (28) and what was said of it"
  }
  return search(candidates, words, is_written_as_code(query) ? Prose::kLeft : Prose::kSearched);
}

}  // namespace faultline::explain
