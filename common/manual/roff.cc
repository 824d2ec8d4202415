#include "common/manual/roff.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

#include <fmt/format.h>

namespace faultline::manual {
namespace {

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return result;
}

std::string bold(std::string_view text) { return "\\fB" + escape(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escape(text) + "\\fR"; }

bool is_visible(const CLI::Option& option) {
  return !option.get_group().empty() && option.get_name() != "--help" &&
         option.get_name() != "-h,--help";
}

std::vector<const CLI::App*> visible_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
}

// CLI11 writes "TEXT:{table,json}" for an option with a check.
std::string value_name(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}');
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return type.substr(0, type.find(':'));
  }
  auto values = type.substr(open + 1, close - open - 1);
  std::ranges::replace(values, ',', '|');
  return values;
}

std::string option_term(const CLI::Option& option) {
  if (option.get_positional()) {
    const auto name = option.get_single_name();
    return italic(option.get_required() ? name : "[" + name + "]");
  }
  std::string term;
  for (const auto& name : option.get_snames())
    term += (term.empty() ? "" : ", ") + bold("-" + name);
  for (const auto& name : option.get_lnames()) {
    term += (term.empty() ? "" : ", ") + bold("--" + name);
  }
  if (option.get_items_expected_max() > 0) term += " " + italic(value_name(option));
  return term;
}

std::string option_entry(const CLI::Option& option) {
  std::string text = option.get_description();
  if (!option.get_default_str().empty() && text.find("default") == std::string::npos) {
    text += fmt::format("; default: {}", option.get_default_str());
  }
  if (!option.get_envname().empty()) {
    text += fmt::format("; environment: {}", option.get_envname());
  }
  return fmt::format(".TP\n{}\n{}\n", option_term(option), escape(text + "."));
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const auto* option : app.get_options()) {
    if (is_visible(*option)) text += option_entry(*option);
  }
  return text;
}

std::string literal_block(const std::vector<std::string>& lines) {
  std::string text = ".PP\n.nf\n.RS 2\n";
  for (const auto& line : lines) text += escape(line) + "\n";
  return text + ".RE\n.fi\n";
}

// The footer of a sub-command is "Examples:" and lines with an indent, then sentences.
std::string footer_of(const CLI::App& command, const Facts& facts) {
  auto footer = command.get_footer();
  if (const auto at = footer.find(facts.common_footer);
      !facts.common_footer.empty() && at != std::string::npos) {
    footer.erase(at);
  }
  std::istringstream lines(footer);
  std::vector<std::string> examples;
  std::string sentences;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line == "Examples:") continue;
    if (line.starts_with("  ")) {
      examples.push_back(line.substr(2));
    } else {
      sentences += ".PP\n" + escape(line) + "\n";
    }
  }
  return (examples.empty() ? "" : literal_block(examples)) + sentences;
}

void add_commands(const CLI::App& app, const std::string& path, const Facts& facts,
                  std::string& text) {
  for (const auto* command : visible_commands(app)) {
    const auto name = path + " " + command->get_name();
    const auto children = visible_commands(*command);
    std::string usage = name;
    for (const auto* option : command->get_options()) {
      if (!option->get_positional()) continue;
      usage += option->get_required() ? " " + option->get_single_name()
                                      : " [" + option->get_single_name() + "]";
    }
    const auto options = options_of(*command);
    text += fmt::format(".SS {}{}\n{}\n", escape(usage), children.empty() ? "" : " COMMAND",
                        escape(command->get_description() + "."));
    text += options;
    // What the children show in their own sections is not said twice.
    if (children.empty()) text += footer_of(*command, facts);
    add_commands(*command, name, facts, text);
  }
}

void collect_environment(const CLI::App& app, std::map<std::string, std::string>& variables) {
  for (const auto* option : app.get_options()) {
    if (option->get_envname().empty() || !is_visible(*option)) continue;
    variables[option->get_envname()] = fmt::format("For {}.", option->get_name());
  }
  for (const auto* command : visible_commands(app)) collect_environment(*command, variables);
}

std::string entries(const std::vector<Entry>& list) {
  std::string text;
  for (const auto& entry : list) {
    text += fmt::format(".TP\n{}\n{}\n", bold(entry.term), escape(entry.text));
  }
  return text;
}

std::string section(const Section& facts) {
  std::string text = fmt::format(".SH {}\n", escape(upper(facts.title)));
  for (std::size_t i = 0; i < facts.paragraphs.size(); ++i) {
    text += (i > 0 ? ".PP\n" : "") + escape(facts.paragraphs[i]) + "\n";
  }
  return text + entries(facts.entries);
}

std::string environment(const CLI::App& app) {
  std::map<std::string, std::string> variables;
  collect_environment(app, variables);
  Section facts{.title = "Environment"};
  for (const auto& [name, text] : variables) facts.entries.push_back({name, text});
  return variables.empty() ? std::string() : section(facts);
}

std::string ending(const Facts& facts) {
  std::string text;
  if (!facts.examples.empty()) text += ".SH EXAMPLES\n";
  for (std::size_t i = 0; i < facts.examples.size(); ++i) {
    text += (i > 0 ? ".PP\n" : "") + escape(facts.examples[i].about) + "\n" +
            literal_block(facts.examples[i].lines);
  }
  if (facts.see_also.empty()) return text;
  text += ".SH SEE ALSO\n";
  for (std::size_t i = 0; i < facts.see_also.size(); ++i) {
    const auto& page = facts.see_also[i];
    const auto open = std::min(page.find('('), page.size());
    text += fmt::format(".BR {} {}{}\n", escape(page.substr(0, open)), page.substr(open),
                        i + 1 < facts.see_also.size() ? " ," : "");
  }
  return text;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  if (text.starts_with('.') || text.starts_with('\'')) result = "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '~':
        result += "\\(ti";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '"':
        result += "\\(dq";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string to_roff(const CLI::App& app, const Facts& facts) {
  const auto commands = visible_commands(app);
  std::string text =
      fmt::format(".TH {} {} {} \"Faultline {}\" \"Faultline\"\n", escape(upper(facts.program)),
                  facts.section, facts.date, escape(facts.version));
  text += fmt::format(".SH NAME\n{} \\- {}\n", escape(facts.program), escape(facts.summary));
  text += fmt::format(".SH SYNOPSIS\n{} [\\fIOPTIONS\\fR]{}\n", bold(facts.program),
                      commands.empty() ? "" : " [\\fICOMMAND\\fR]");
  text += ".SH DESCRIPTION\n";
  if (facts.description.empty()) text += escape(facts.summary + ".") + "\n";
  for (std::size_t i = 0; i < facts.description.size(); ++i) {
    text += (i > 0 ? ".PP\n" : "") + escape(facts.description[i]) + "\n";
  }
  text += ".SH OPTIONS\n" + options_of(app);
  text += fmt::format(".TP\n{}, {}\nThis text in brief.\n", bold("-h"), bold("--help"));
  if (!commands.empty()) text += ".SH COMMANDS\n";
  add_commands(app, facts.program, facts, text);
  text += environment(app);
  for (const auto& each : facts.sections) text += section(each);
  return text + ending(facts);
}

}  // namespace faultline::manual
