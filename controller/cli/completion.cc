#include "controller/cli/completion.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

namespace faultline::cli {
namespace {

// Arguments that take something that the definition does not list. An empty command: any.
struct ValueKind {
  std::string_view command;
  std::string_view argument;
  Lookup lookup;
};
constexpr std::array kValueKinds{
    ValueKind{"", "NODE", Lookup::kNodes},
    ValueKind{"", "SRC", Lookup::kNodes},
    ValueKind{"", "DST", Lookup::kNodes},
    ValueKind{"diagnose", "A", Lookup::kNodes},
    ValueKind{"diagnose", "B", Lookup::kNodes},
    ValueKind{"diagnose", "--inputs", Lookup::kFiles},
    ValueKind{"diagnose", "--record", Lookup::kFiles},
    ValueKind{"test ping", "TARGET", Lookup::kNodes},
    ValueKind{"test port", "TARGET", Lookup::kNodes},
    ValueKind{"test mtu", "TARGET", Lookup::kNodes},
    ValueKind{"test trace", "TARGET", Lookup::kNodes},
    ValueKind{"", "--vpc", Lookup::kFiles},
    ValueKind{"incident show", "ID", Lookup::kIncidents},
    ValueKind{"incident ack", "ID", Lookup::kIncidents},
    ValueKind{"incident resolve", "ID", Lookup::kIncidents},
    ValueKind{"incident note", "ID", Lookup::kIncidents},
    ValueKind{"incident silence", "ID", Lookup::kIncidents},
    ValueKind{"node token remove", "ID", Lookup::kTokens},
    ValueKind{"topology diff", "OLD", Lookup::kFiles},
    ValueKind{"topology diff", "NEW", Lookup::kFiles},
    ValueKind{"topology import", "FILE", Lookup::kFiles},
    ValueKind{"", "--bundle", Lookup::kFiles},
    ValueKind{"", "--facts", Lookup::kFiles},
    ValueKind{"", "--file", Lookup::kFiles},
    ValueKind{"", "--ca", Lookup::kFiles},
    ValueKind{"", "--token-file", Lookup::kFiles},
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string name_of(const CLI::Option& option) {
  if (option.get_positional()) return option.get_single_name();
  const auto& names = option.get_lnames();
  return names.empty() ? "-" + option.get_snames().front() : "--" + names.front();
}

// CLI11 writes "TEXT:{table,json}" for an option that must be one of these.
std::vector<std::string> enumerated(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}');
  std::vector<std::string> values;
  if (open == std::string::npos || close == std::string::npos) return values;
  std::istringstream list(type.substr(open + 1, close - open - 1));
  for (std::string value; std::getline(list, value, ',');) values.push_back(value);
  return values;
}

// The words before the one being typed, walked through.
class Walk {
 public:
  explicit Walk(const CLI::App& app) : root_(app), command_(&app) {}

  void take(const std::string& word) {
    if (pending_ != nullptr) {
      remember(*pending_, word);
      pending_ = nullptr;
    } else if (!only_positionals_ && word == "--") {
      only_positionals_ = true;
    } else if (!only_positionals_ && word.size() > 1 && word.front() == '-') {
      take_option(word);
    } else if (const auto* next = command_named(word)) {
      command_ = next;
      path_ += (path_.empty() ? "" : " ") + word;
    } else {
      ++positionals_;
    }
  }

  Completion finish(const std::string& typed) {
    completion_.prefix = typed;
    const auto equals = typed.find('=');
    if (pending_ != nullptr) {
      offer_values(*pending_, "");
    } else if (!only_positionals_ && typed.starts_with("--") && equals != std::string::npos) {
      completion_.prefix = typed.substr(equals + 1);
      const auto* option = option_named(typed.substr(0, equals));
      if (option != nullptr) offer_values(*option, typed.substr(0, equals + 1));
    } else if (!only_positionals_ && typed.starts_with('-')) {
      offer_options(typed);
    } else {
      offer_commands(typed);
      offer_positional();
    }
    return std::move(completion_);
  }

 private:
  [[nodiscard]] const CLI::App* command_named(const std::string& word) const {
    if (positionals_ > 0 || only_positionals_) return nullptr;
    for (const auto* command : command_->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->get_name() == word && !command->get_group().empty()) return command;
    }
    return nullptr;
  }

  // Of this command or one above it: options fall through to the parent.
  [[nodiscard]] const CLI::Option* option_named(const std::string& name) const {
    for (const auto* app = command_; app != nullptr; app = app->get_parent()) {
      if (const auto* option = app->get_option_no_throw(name)) return option;
    }
    return nullptr;
  }

  void take_option(const std::string& word) {
    const bool is_long = word.starts_with("--");
    const auto end = is_long ? word.find('=') : std::size_t{2};
    const auto* option = option_named(word.substr(0, end));
    if (option == nullptr || !takes_value(*option)) return;
    const bool attached = end != std::string::npos && end < word.size();
    if (attached) {
      remember(*option, word.substr(end + (is_long ? 1 : 0)));
    } else {
      pending_ = option;
    }
  }

  void remember(const CLI::Option& option, const std::string& value) {
    if (root_.get_option_no_throw(name_of(option)) != &option) return;
    completion_.global_options.push_back(name_of(option));
    completion_.global_options.push_back(value);
  }

  void offer(std::string word, std::string about) {
    completion_.candidates.push_back({std::move(word), std::move(about)});
  }

  void offer_values(const CLI::Option& option, const std::string& before) {
    for (const auto& value : enumerated(option)) {
      if (value.starts_with(completion_.prefix)) offer(before + value, "");
    }
    const auto name = name_of(option);
    for (const auto& kind : kValueKinds) {
      if (kind.argument == name && (kind.command.empty() || kind.command == path_)) {
        completion_.lookup = kind.lookup;
        return;
      }
    }
  }

  void offer_options(const std::string& typed) {
    for (const auto* app = command_; app != nullptr; app = app->get_parent()) {
      for (const auto* option : app->get_options()) {
        if (option->get_positional() || option->get_group().empty()) continue;
        const auto name = name_of(*option);
        const bool known = std::ranges::find(completion_.candidates, name, &Candidate::word) !=
                           completion_.candidates.end();
        if (name.starts_with(typed) && !known) offer(name, option->get_description());
      }
    }
  }

  void offer_commands(const std::string& typed) {
    if (positionals_ > 0 || only_positionals_) return;
    for (const auto* command : command_->get_subcommands([](const CLI::App*) { return true; })) {
      const bool visible = !command->get_group().empty();
      if (visible && command->get_name().starts_with(typed)) {
        offer(command->get_name(), command->get_description());
      }
    }
  }

  void offer_positional() {
    std::size_t index = 0;
    for (const auto* option : command_->get_options()) {
      if (!option->get_positional()) continue;
      // The last one may take any number of words.
      const bool takes_more = option->get_items_expected_max() > 1;
      if (index == positionals_ || (takes_more && index < positionals_)) {
        return offer_values(*option, "");
      }
      ++index;
    }
  }

  const CLI::App& root_;
  const CLI::App* command_;
  std::string path_;
  std::size_t positionals_ = 0;
  bool only_positionals_ = false;
  const CLI::Option* pending_ = nullptr;  // its value comes next
  Completion completion_;
};

}  // namespace

Completion complete(const CLI::App& app, std::span<const std::string> words) {
  Walk walk(app);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) walk.take(words[i]);
  return walk.finish(words.empty() ? std::string() : words.back());
}

}  // namespace faultline::cli
