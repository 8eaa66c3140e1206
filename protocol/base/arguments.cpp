#include "protocol/base/arguments.h"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/base/spelling.h"

namespace bus {

namespace {

constexpr int kUsage = 64;  // sysexits.h: EX_USAGE, in all programs

constexpr size_t kHelpColumn = 26;

std::string help_line(const std::string& left, const std::string& text) {
  std::string line = "  " + left;
  if (text.empty()) return line + "\n";
  if (line.size() < kHelpColumn) return line + std::string(kHelpColumn - line.size(), ' ') + text + "\n";
  return line + "\n" + std::string(kHelpColumn, ' ') + text + "\n";
}

// "-5" is a number, "-" alone is stdin.
bool is_option(std::string_view text) {
  return text.size() >= 2 && text[0] == '-' && (text[1] < '0' || text[1] > '9');
}

std::string value_in_words(const Declared& declared) {
  struct Words {
    std::string_view name;
    const char* words;
  };
  static constexpr std::array<Words, 19> kWords{{{"N", "a number"},
                                                 {"D", "a duration such as 500ms or 2s"},
                                                 {"TIME", "a time such as 500ms or 30s"},
                                                 {"SIZE", "a size such as 8MiB"},
                                                 {"PERCENT", "a number from 1 to 100"},
                                                 {"USER", "a user"},
                                                 {"GROUP", "a group"},
                                                 {"LEVEL", "a level"},
                                                 {"PATH", "a path"},
                                                 {"NAME", "a name"},
                                                 {"TYPE", "an event type, such as build.done"},
                                                 {"CMD", "a command"},
                                                 {"DIR", "a directory"},
                                                 {"FILE", "a file"},
                                                 {"ID", "an ID"},
                                                 {"SOURCE", "the name of a source"},
                                                 {"NAME=VALUE", "a NAME=VALUE, such as user.name=tony"},
                                                 {"TEMPLATE", "a template"},
                                                 {"MS", "milliseconds since 1970"}}};
  for (const Words& each : kWords) {
    if (declared.value_name == each.name) return each.words;
  }
  std::string choice;
  for (char c : declared.value_name) choice += c == '|' ? std::string(" or ") : std::string(1, c);
  return declared.value_name.find('|') == std::string::npos ? "a value (" + choice + ")" : choice;
}

// As it is typed into a shell.
std::string shell_word(const std::string& text) {
  constexpr std::string_view kBare =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@=,%";
  if (!text.empty() && text.find_first_not_of(kBare) == std::string::npos) return text;
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string in_quotes(const std::string& text) { return "\"" + text + "\""; }

// An argument in the line that says how the program is called.
std::string in_usage(const Declared& argument) {
  std::string name = argument.listed + (argument.repeatable ? "..." : "");
  if (argument.behind_dashes) name = "-- " + name;
  return argument.required ? " " + name : " [" + name + "]";
}

}  // namespace

std::string usage_text(const std::string& program, const std::vector<std::unique_ptr<Declared>>& declared) {
  std::string usage = "Usage: " + program + " [OPTIONS]";
  std::string arguments;
  std::string options;
  for (const auto& each : declared) {
    if (each->hidden) continue;
    if (each->is_argument()) {
      usage += in_usage(*each);
      arguments += help_line(each->listed, each->help);
    } else {
      std::string value = each->value_name.empty() ? "" : " " + each->value_name;
      options += help_line(each->listed + value, each->help);
    }
  }
  if (!arguments.empty()) arguments = "\nPositionals:\n" + arguments;
  return usage + "\n" + arguments + "\nOptions:\n" + options;
}

std::vector<ErrorReport> ArgumentReader::read(const std::vector<std::string>& arguments) {
  arguments_ = &arguments;
  bool only_arguments = false;
  Declared* behind_dashes = nullptr;
  for (const auto& each : declared_) {
    if (each->behind_dashes) behind_dashes = each.get();
  }
  for (at_ = 0; at_ < arguments.size(); ++at_) {
    const std::string& argument = arguments[at_];
    if (only_arguments && behind_dashes != nullptr) {
      take(*behind_dashes, argument);
    } else if (only_arguments || !is_option(argument)) {
      read_argument(argument);
    } else if (argument == "--") {
      only_arguments = true;
    } else if (argument[1] == '-') {
      read_long(argument);
    } else {
      read_short(argument);
    }
  }
  check_together();
  if (!unknown_.empty()) return std::move(unknown_);
  if (wrong_.size() > 1) wrong_.resize(1);
  return std::move(wrong_);
}

void ArgumentReader::read_long(const std::string& argument) {
  size_t equals = argument.find('=');
  std::string name = argument.substr(0, equals);
  Declared* declared = find_typed(name);
  if (declared == nullptr) return unknown(name);
  if (equals == std::string::npos) return take_value(*declared, nullptr);
  if (declared->is_flag) return wrong(ReportCode::bad_value, name + " takes no value");
  std::string value = argument.substr(equals + 1);
  take_value(*declared, &value);
}

void ArgumentReader::read_short(const std::string& argument) {
  // "-type x" is not -t with the value "ype".
  if (argument.size() > 2 && find("-" + argument.substr(0, argument.find('='))) != nullptr)
    return unknown(argument.substr(0, argument.find('=')));
  for (size_t i = 1; i < argument.size(); ++i) {
    Declared* declared = find_typed(std::string("-") + argument[i]);
    if (declared == nullptr) return unknown(i == 1 ? argument : std::string("-") + argument[i]);
    if (declared->is_flag) {
      take(*declared, {});
      continue;
    }
    std::string rest = argument.substr(i + 1);
    if (rest.starts_with('=')) rest.erase(0, 1);
    return take_value(*declared, i + 1 < argument.size() ? &rest : nullptr);
  }
}

void ArgumentReader::read_argument(const std::string& text) {
  Declared* last = nullptr;
  for (const auto& each : declared_) {
    if (!each->is_argument() || each->behind_dashes) continue;
    last = each.get();
    if (!last->given || last->repeatable) return take(*last, text);
  }
  if (last == nullptr)
    return wrong(ReportCode::extra_argument, in_quotes(text) + " is not expected",
                 program_ + " takes options only");
  wrong(ReportCode::extra_argument, "one " + last->name() + " only; " + in_quotes(text) + " is a second one",
        last->extra_hint);
}

void ArgumentReader::take_value(Declared& declared, const std::string* inline_value) {
  if (declared.is_flag) return take(declared, {});
  if (inline_value != nullptr) return take(declared, *inline_value);
  bool more = at_ + 1 < arguments_->size() && !is_option((*arguments_)[at_ + 1]);
  if (more) return take(declared, (*arguments_)[++at_]);
  if (declared.value_is_optional) {
    given_.push_back(&declared);
    declared.given = true;
    return declared.take({});
  }
  std::string hint;
  const std::string next = at_ + 1 < arguments_->size() ? (*arguments_)[at_ + 1] : "--";
  if (next != "--" && find(next.substr(0, next.find('='))) == nullptr) {
    hint = "one that begins with \"-\" is written " + declared.names.back() + "=" + next;
    ++at_;
  }
  wrong(ReportCode::missing_value, declared.name() + " needs " + value_in_words(declared), hint);
}

void ArgumentReader::take(Declared& declared, const std::string& value) {
  if (declared.given && !declared.repeatable)
    return wrong(ReportCode::conflict, declared.name() + " is given twice");
  declared.given = true;
  given_.push_back(&declared);
  std::string fault = declared.check == nullptr ? std::string() : declared.check(value);
  // An empty value is a variable of the caller's that was not set, not a wish for the default.
  if (fault.empty() && value.empty() && !declared.is_flag && !declared.is_argument())
    fault = "must not be empty";
  if (fault.empty()) return declared.take(value);
  wrong_.push_back(error_of(ReportCode::bad_value, kUsage, declared.name() + ": " + fault));
}

// What an option says of the others; what is missing comes last, because a mistyped option may be it.
void ArgumentReader::check_together() {
  for (const Declared* declared : given_) {
    for (const auto& [other, hint] : declared->excludes) {
      if (other->given) wrong(ReportCode::conflict, declared->name() + " excludes " + other->name(), hint);
    }
    for (const auto& [other, hint] : declared->needs) {
      if (!other->given)
        wrong(ReportCode::missing_argument, declared->name() + " requires " + other->name(), hint);
    }
  }
  for (const auto& declared : declared_) {
    if (declared->required && !declared->given)
      wrong(ReportCode::missing_argument, declared->name() + " is required",
            (declared->behind_dashes ? "put -- before it: " + form() : "write " + completed()) + " (see " +
                program_ + " --help)");
  }
}

// What must be given. Where -- was forgotten, what was typed says nothing of what is meant by it.
std::string ArgumentReader::form() const {
  std::string command = program_;
  for (const auto& declared : declared_) {
    if (declared->required) command += (declared->behind_dashes ? " -- " : " ") + declared->names.back();
  }
  return command;
}

// What was typed, and the names of what is missing.
std::string ArgumentReader::completed() const {
  constexpr size_t kMostBytes = 200;
  std::string command = program_;
  std::string behind_dashes;
  for (const auto& declared : declared_) {
    if (!declared->required || declared->given) continue;
    (declared->behind_dashes ? behind_dashes : command) += " " + declared->names.back();
  }
  for (const std::string& argument : *arguments_) {
    std::string word = shell_word(argument);
    if (command.size() + word.size() > kMostBytes) return command + " …";
    command += " " + word;
  }
  return behind_dashes.empty() ? command : command + " --" + behind_dashes;
}

Declared* ArgumentReader::find_typed(const std::string& name) const {
  Declared* declared = find(name);
  if (declared != nullptr) declared->typed = name;
  return declared;
}

Declared* ArgumentReader::find(std::string_view name) const {
  for (const auto& declared : declared_) {
    if (declared->is_argument()) continue;
    if (std::find(declared->names.begin(), declared->names.end(), name) != declared->names.end())
      return declared.get();
  }
  return nullptr;
}

void ArgumentReader::unknown(const std::string& option) {
  for (const auto& declared : declared_) {
    for (const auto& [mistaken, hint] : declared->mistaken_for) {
      if (mistaken == option)
        return unknown_.push_back({ReportCode::unknown_option, kUsage, "unknown option " + option, hint, {}});
    }
  }
  auto before = arguments_->begin() + static_cast<std::ptrdiff_t>(at_);
  for (const auto& declared : declared_) {
    const std::string& word = declared->command_word;
    if (word.empty() || std::find(arguments_->begin(), before, word) == before) continue;
    return unknown_.push_back({ReportCode::unknown_option,
                               kUsage,
                               "unknown option " + option,
                               "if it is the program's, put -- before it",
                               {}});
  }
  std::string suggestion = suggestion_for(option);
  std::string hint = suggestion.empty() ? "see " + program_ + " --help" : "did you mean " + suggestion + "?";
  for (const auto& declared : declared_) {
    bool may_be_meant = suggestion.empty() && !option.starts_with("--");
    if (may_be_meant && *declared->dash_hint != '\0') hint = declared->dash_hint;
  }
  unknown_.push_back({ReportCode::unknown_option, kUsage, "unknown option " + option, hint, {}});
}

std::string ArgumentReader::suggestion_for(const std::string& option) const {
  std::vector<std::string> names;
  for (const auto& declared : declared_) {
    if (!declared->is_argument() && !declared->hidden)
      names.insert(names.end(), declared->names.begin(), declared->names.end());
  }
  return nearest_option(option, names);
}

void ArgumentReader::wrong(ReportCode code, std::string message, std::string hint) {
  wrong_.push_back({code, kUsage, std::move(message), std::move(hint), {}});
}

}  // namespace bus
