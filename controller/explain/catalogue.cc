#include "controller/explain/catalogue.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "common/config/document.h"

namespace faultline::explain {
namespace {

using config::Document;
using config::Section;
using Commands = std::map<std::string, Advice>;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// An absent key is required()'s mistake, and not an empty one, too: reading leaves what was there.
void read_text(Section& section, std::string_view key, std::string& value) {
  value = "absent";
  section.required(key).text(key, value);
  if (value.empty()) section.error(key, "must not be empty");
}

void read_texts(Section& section, std::string_view key, std::vector<std::string>& values) {
  section.texts(key, values);
  if (std::ranges::find(values, "") != values.end()) section.error(key, "has an empty line");
}

void read_list(Section& section, std::string_view key, std::vector<std::string>& values) {
  values = {"absent"};
  read_texts(section.required(key), key, values);
  if (values.empty()) section.error(key, "must not be empty");
}

Result<Commands> read_commands(const CodeFile& file) {
  FAULTLINE_TRY(auto document, Document::parse(file.text, std::string{file.name}));
  Commands commands;
  auto root = document.root();
  for (auto& [name, section] : root.required("commands").named_sections("commands")) {
    Advice advice;
    read_text(section, "command", advice.command);
    read_text(section, "shows", advice.shows);
    commands.emplace(name, std::move(advice));
  }
  FAULTLINE_TRY_STATUS(document.finish());
  return commands;
}

void read_advice(Section& section, const Commands& commands, Code& code) {
  std::vector<std::string> names;
  section.texts("see", names);
  for (const auto& name : names) {
    const auto found = commands.find(name);
    if (found == commands.end()) {
      section.error("see", fmt::format("\"{}\" is not in commands.yaml", name));
    } else {
      code.commands.push_back(found->second);
    }
  }
}

// What has been taken in a family already.
using Taken = std::set<std::string>;

void take(Section& section, std::string_view key, const std::string& value, Taken& taken) {
  if (!value.empty() && !taken.insert(lower(value)).second) {
    section.error(key, fmt::format("\"{}\" is there twice", value));
  }
}

Code read_code(Section& section, const std::string& family, const Commands& commands,
               Taken& taken) {
  Code code{.family = family,
            .number = {},
            .name = {},
            .summary = {},
            .aliases = {},
            .meaning = {},
            .causes = {},
            .checks = {},
            .commands = {}};
  section.text("number", code.number);
  read_text(section, "name", code.name);
  read_text(section, "summary", code.summary);
  read_texts(section, "aliases", code.aliases);
  read_text(section, "meaning", code.meaning);
  read_list(section, "causes", code.causes);
  read_list(section, "check", code.checks);
  read_advice(section, commands, code);
  take(section, "number", code.number, taken);
  take(section, "name", code.name, taken);
  for (const auto& alias : code.aliases) take(section, "aliases", alias, taken);
  return code;
}

Status read_family(const CodeFile& file, const Commands& commands, Catalogue& catalogue) {
  FAULTLINE_TRY(auto document, Document::parse(file.text, std::string{file.name}));
  auto root = document.root();
  Family family;
  read_text(root, "family", family.name);
  read_texts(root, "aliases", family.aliases);
  read_text(root, "title", family.title);
  read_text(root, "source", family.source);
  Taken taken;
  for (auto& section : root.required("codes").sections("codes")) {
    catalogue.codes.push_back(read_code(section, family.name, commands, taken));
  }
  catalogue.families.push_back(std::move(family));
  return document.finish();
}

}  // namespace

Result<Catalogue> read_catalogue(std::span<const CodeFile> files) {
  if (files.empty()) return fail(ErrorCode::kInvalid, "commands.yaml must be the first file");
  FAULTLINE_TRY(const auto commands, read_commands(files.front()));
  Catalogue catalogue;
  for (const auto& file : files.subspan(1)) {
    FAULTLINE_TRY_STATUS(read_family(file, commands, catalogue));
  }
  return catalogue;
}

}  // namespace faultline::explain
