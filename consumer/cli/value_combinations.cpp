#include "consumer/cli/value_combinations.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>

#include "consumer/cli/child_process.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr size_t kMostPatterns = 64;  // protocol/PROTOCOL.md 11

Error usage(ErrorCode code, std::string message, std::string hint = {}) {
  return {code, kUsage, std::move(message), std::move(hint), {}};
}

// An option that goes with some verbs only.
struct Belongs {
  bool given;
  const char* option;
  std::initializer_list<ValueVerb> verbs;
  const char* words;
};

std::optional<Error> misplaced_option(const ValueCommand& c) {
  using enum ValueVerb;
  const Belongs all[] = {
      {c.raw, "--raw", {get, list, watch}, "get, list and watch only"},
      {c.text, "--text", {get, put, list, watch}, "get, put, list and watch only"},
      {c.json, "--json", {get, put, erase, list}, "get, put, delete and list only; watch prints JSON anyhow"},
      {c.with_version, "--with-version", {get, put, erase, list}, "get, put, delete and list only"},
      {c.names, "--names", {list}, "list only"},
      {c.if_version.has_value(), "--if-version", {put, erase}, "put and delete only"},
      {c.create, "--create", {put}, "put only"},
      {c.if_changed, "--if-changed", {put}, "put only"},
      {c.ttl.has_value(), "--ttl", {put}, "put only"},
      {!c.durable.empty(), "--durable", {put}, "put only"},
      {c.hold, "--while", {put}, "put only"},
      {c.replace, "--replace", {put}, "put --while only"},
      {c.wait, "--wait", {put}, "put only"},
      {c.no_snapshot, "--no-snapshot", {watch}, "watch only"},
      {c.limit.has_value(), "--limit", {watch}, "watch only"},
      {!c.exec.empty(), "--exec", {watch}, "watch only"},
  };
  for (const Belongs& each : all) {
    if (!each.given || std::find(each.verbs.begin(), each.verbs.end(), c.which()) != each.verbs.end())
      continue;
    return usage(ErrorCode::conflict, std::string(each.option) + " goes with " + each.words);
  }
  return std::nullopt;
}

std::optional<Error> keys_fault(const ValueCommand& c) {
  using enum ValueVerb;
  bool many = c.which() == list || c.which() == watch;
  for (const std::string& key : c.patterns()) {
    if (key.empty()) return usage(ErrorCode::bad_value, "KEY is empty");
    if (std::string fault = identifier_fault(key); !fault.empty())
      return usage(ErrorCode::bad_value, "KEY " + in_quotes(key) + " " + fault);
    if (c.literal && !(is_pattern(key) && !many)) continue;
    std::string fault = many ? key_entry_fault(key) : key_fault(key);
    if (!fault.empty()) return error_of(ErrorCode::bad_pattern, fault);
  }
  return std::nullopt;
}

std::optional<Error> value_argument_fault(const ValueCommand& c) {
  if (c.words.empty()) {
    if (c.hold && !c.command.empty())
      return usage(
          ErrorCode::missing_argument, "put needs a VALUE before the \"--\"",
          "one that begins with \"-\" goes between two: bus-value put KEY --while -- VALUE -- COMMAND");
    return usage(ErrorCode::missing_argument, "put needs a VALUE",
                 "write JSON behind the key, text with --text, or \"-\" to read stdin");
  }
  if (c.words.size() == 1) return std::nullopt;
  if (c.is_command_without_while)
    return usage(ErrorCode::conflict, "a COMMAND behind \"--\" goes with --while only",
                 "bus-value put KEY VALUE --while -- COMMAND");
  return usage(ErrorCode::extra_argument, "one VALUE only; " + in_quotes(c.words[1]) + " is a second one",
               c.hold ? "COMMAND goes behind \"--\": bus-value put KEY VALUE --while -- COMMAND"
                      : "put quotes around a VALUE that contains spaces");
}

std::optional<Error> argument_fault(const ValueCommand& c) {
  using enum ValueVerb;
  // A variable that was not set: neither all keys nor the next word is meant.
  if (c.key.empty() && c.has_key) return usage(ErrorCode::bad_value, "KEY is empty");
  if (c.key.empty() && c.which() != list)
    return usage(
        ErrorCode::missing_argument, c.verb + (c.which() == put ? " needs KEY and VALUE" : " needs a KEY"),
        c.hold && !c.command.empty()
            ? "a KEY that begins with \"-\" is written so: bus-value put --while -- KEY VALUE -- COMMAND"
            : "");
  if (c.which() == put) return value_argument_fault(c);
  if (c.which() == get && !c.words.empty()) {
    return usage(ErrorCode::extra_argument,
                 "get takes one KEY only; " + in_quotes(c.words.front()) + " is not expected",
                 "bus-value list KEY... prints several");
  }
  if (c.which() == erase) {
    if (c.words.empty() || !c.if_version) return std::nullopt;
    return usage(ErrorCode::conflict, "--if-version goes with one KEY only",
                 "each key has a version of its own");
  }
  if (c.patterns().size() > kMostPatterns)
    return usage(ErrorCode::extra_argument, c.verb + " takes at most 64 keys and patterns");
  return std::nullopt;
}

std::optional<Error> hold_options_fault(const ValueCommand& c) {
  if (c.wait && !c.create) {
    bool replaces = c.hold && c.replace;
    return usage(ErrorCode::conflict,
                 replaces ? "--replace excludes --wait" : "--wait goes with --create or --while only",
                 "it waits until there is no such key, and then creates it");
  }
  if (c.hold) return std::nullopt;
  if (c.replace)
    return usage(ErrorCode::conflict, "--replace goes with --while only",
                 "without --create, put replaces anyhow");
  if (c.kill_on_loss) return usage(ErrorCode::conflict, "--kill-on-loss goes with --while only");
  return std::nullopt;
}

std::optional<Error> hold_fault(const ValueCommand& c) {
  if (auto error = hold_options_fault(c)) return error;
  if (!c.hold) return std::nullopt;
  if (c.command.empty()) {
    return usage(ErrorCode::missing_argument, "--while needs a COMMAND behind \"--\"",
                 "bus-value put KEY VALUE --while -- COMMAND");
  }
  if (!c.durable.empty() && c.durable != "memory") {
    return usage(ErrorCode::conflict, "--durable " + c.durable + " excludes --while",
                 "what is held is never stored");
  }
  if (c.json || c.with_version) {
    return usage(ErrorCode::conflict, std::string(c.json ? "--json" : "--with-version") + " excludes --while",
                 "COMMAND finds the version in BUSD_VERSION");
  }
  return program_fault(c.command.front());
}

// Takes the first word behind "--" as KEY, if there is none before it.
void take_key(ValueCommand& c) {
  c.key = c.command.front();
  c.has_key = true;
  c.command.erase(c.command.begin());
}

// Gives the words behind "--" to whom they belong. With --while that is COMMAND, behind what is missing of KEY and VALUE if a
// second "--" follows it; else they are arguments.
void part_words(ValueCommand& c) {
  auto& behind = c.command;
  bool lacks_key = c.key.empty() && !c.has_key;
  if (!c.hold) {
    if (lacks_key && !behind.empty()) take_key(c);
    c.is_command_without_while = !c.words.empty() && !behind.empty();
    c.words.insert(c.words.end(), behind.begin(), behind.end());
    behind.clear();
    return;
  }
  size_t missing = lacks_key ? 2 : 1;
  if (!c.words.empty() || behind.size() <= missing || behind[missing] != "--") return;
  if (lacks_key) take_key(c);
  c.words.push_back(behind[0]);
  behind.erase(behind.begin(), behind.begin() + 2);
}

// Words behind "--" that were hardly meant as keys: a command of watch, and options. Of put, they are a value or a command.
std::optional<Error> behind_dashes_fault(const ValueCommand& c) {
  if (c.which() == ValueVerb::put || c.literal) return std::nullopt;
  for (const std::string& word : c.command) {
    std::string name = word.substr(0, word.find('='));
    if (std::find(c.options.begin(), c.options.end(), name) == c.options.end()) continue;
    return usage(ErrorCode::extra_argument,
                 "options come before the \"--\", and " + in_quotes(word) + " is behind it",
                 "--literal takes it as a KEY");
  }
  bool may_be_command = c.has_key && !c.command.empty() && !c.command.front().starts_with('-');
  if (c.which() != ValueVerb::watch || !may_be_command) return std::nullopt;
  return usage(ErrorCode::conflict, "watch runs a command with --exec CMD",
               "of several keys, all go behind the \"--\", or all before it");
}

}  // namespace

std::optional<Error> complete_value(ValueCommand& command) {
  if (auto error = behind_dashes_fault(command)) return error;
  part_words(command);
  // What is held is deleted in the end: nothing that is there already may be lost by that unless it is asked for.
  if (command.hold && !command.replace && !command.if_version) command.create = true;
  if (auto error = misplaced_option(command)) return error;
  if (auto error = argument_fault(command)) return error;
  if (auto error = keys_fault(command)) return error;
  return hold_fault(command);
}

}  // namespace bus::cli
