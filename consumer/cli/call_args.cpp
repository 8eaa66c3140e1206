#include "consumer/cli/call_args.h"

#include <algorithm>
#include <cstddef>

#include "consumer/cli/bad_input.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/json_lookup.h"
#include "consumer/cli/text.h"
#include "protocol/raw_json.h"

namespace bus::cli {

namespace {

// The hub takes 512 levels of nesting in a frame (protocol/PROTOCOL.md 2).
constexpr size_t kMostLevels = 500;
constexpr size_t kMostKeyShown = 40;

// NAME=VALUE, cut in its parts; views into it.
struct Assignment {
  std::string_view key;
  std::string_view value;
  bool json = false;
};

std::optional<Assignment> parse_assignment(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  bool json = equals > 0 && text[equals - 1] == ':';
  return Assignment{text.substr(0, json ? equals - 1 : equals), text.substr(equals + 1), json};
}

std::vector<std::string_view> names_in_key(std::string_view key) {
  std::vector<std::string_view> names;
  for (size_t at = 0;;) {
    size_t dot = std::min(key.find('.', at), key.size());
    names.push_back(key.substr(at, dot - at));
    if (dot == key.size()) return names;
    at = dot + 1;
  }
}

std::string shortened(std::string_view text) {
  if (text.size() <= kMostKeyShown) return std::string(text);
  size_t end = kMostKeyShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) --end;  // no part of a character
  return std::string(text.substr(0, end)) + "…";
}

// As JSON writes one: "007", "1.5" and "+1" are none.
bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  return digits && (text.size() == 1 || text.front() != '0');
}

std::string assigned_value(const Assignment& assignment) {
  std::string_view value = assignment.value;
  bool typed = value == "true" || value == "false" || value == "null" || is_integer(value);
  if (assignment.json || typed) return std::string(value);
  std::string string;
  append_json_string(string, value);
  return string;
}

// A member of an object that is being put together. It has its value as raw JSON until a member is put into
// it, and from then on it has members.
struct ArgsNode {
  std::string name;   // as a JSON string
  std::string value;  // raw JSON, unless it is open
  bool open = false;
  std::vector<ArgsNode> members;
};

// False: its value is no object.
bool open_node(ArgsNode& node) {
  if (node.open) return true;
  RawJson json;
  if (json.scan(node.value) || kind_of(json.value()) != JsonKind::object) return false;
  for (const Member& member : json.children())
    node.members.push_back({std::string(member.name_token), std::string(member.value_token), false, {}});
  node.open = true;
  node.value.clear();
  return true;
}

ArgsNode* find_member(ArgsNode& node, std::string_view name) {
  for (ArgsNode& member : node.members) {
    if (string_text(member.name) == name) return &member;
  }
  return nullptr;
}

ArgsNode& add_member(ArgsNode& node, std::string_view name) {
  ArgsNode member;
  append_json_string(member.name, name);
  node.members.push_back(std::move(member));
  return node.members.back();
}

// "a.b" of the first names of a key.
std::string key_of(const std::vector<std::string_view>& names, size_t count) {
  std::string path;
  for (size_t i = 0; i < count; ++i) path += (i == 0 ? "" : ".") + std::string(names[i]);
  return path;
}

// Empty: it was put in its place.
std::string put_assignment(ArgsNode& root, std::string_view text) {
  Assignment assignment = *parse_assignment(text);
  auto names = names_in_key(assignment.key);
  ArgsNode* node = &root;
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    ArgsNode* member = find_member(*node, names[i]);
    if (member == nullptr) {
      member = &add_member(*node, names[i]);
      member->open = true;
    }
    if (!open_node(*member)) {
      return "-a " + shortened(text) + ": " + in_quotes(key_of(names, i + 1)) + " is " +
             shortened(member->value) + " already, and no object";
    }
    node = member;
  }
  ArgsNode* same = find_member(*node, names.back());
  if (same == nullptr) {
    add_member(*node, names.back()).value = assigned_value(assignment);
    return {};
  }
  std::string path = in_quotes(key_of(names, names.size()));
  if (same->open) return "-a " + shortened(text) + ": " + path + " has members already";
  return "-a " + shortened(text) + ": " + path + " is " + shortened(same->value) + " already";
}

void write_node(const ArgsNode& node, std::string& out) {
  if (!node.open) {
    out += node.value;
    return;
  }
  out += '{';
  for (const ArgsNode& member : node.members) {
    if (&member != &node.members.front()) out += ',';
    out += member.name;
    out += ':';
    write_node(member, out);
  }
  out += '}';
}

Error conflict_of(std::string message, std::string hint) {
  return {ErrorCode::conflict, kUsage, std::move(message), std::move(hint), {}};
}

}  // namespace

std::string assignment_fault(const std::string& assignment) {
  auto parts = parse_assignment(assignment);
  if (!parts) {
    return in_quotes(shortened(assignment)) +
           " has no \"=\"; write -a NAME=VALUE for a string or a number, -a " + "NAME:=JSON for any JSON";
  }
  if (first_byte_not_utf8(assignment)) return in_quotes(shortened(assignment)) + " is not UTF-8";
  auto names = names_in_key(parts->key);
  if (std::find(names.begin(), names.end(), "") != names.end()) {
    return in_quotes(shortened(assignment)) +
           " has an empty name before the \"=\"; dots separate names, and a name with a dot is written in "
           "ARGS";
  }
  if (names.size() > kMostLevels)
    return in_quotes(shortened(assignment)) + " has more than " + std::to_string(kMostLevels) + " names";
  if (!parts->json) return {};
  auto fault = json_fault(parts->value);
  if (!fault) return {};
  return in_quotes(shortened(assignment)) + ": the value is " + *fault + "; a string is given as " +
         shortened(parts->key) + "=VALUE, without the colon";
}

std::optional<Error> build_args(std::string_view base, const std::vector<std::string>& assignments,
                                std::string& out) {
  out = base;
  if (!base.empty()) {
    if (auto fault = json_fault(base)) return bad_input(base, "ARGS: " + *fault, Input::args);
  }
  if (assignments.empty()) return std::nullopt;
  ArgsNode root{{}, base.empty() ? "{}" : std::string(base), false, {}};
  if (!open_node(root)) {
    return conflict_of(
        "ARGS is no object, so that -a " + shortened(assignments.front()) + " has no place in it",
        "give an object, or leave ARGS out");
  }
  for (const std::string& assignment : assignments) {
    std::string fault = put_assignment(root, assignment);
    if (!fault.empty()) return conflict_of(fault, "give each value once, in ARGS or by -a");
  }
  out.clear();
  write_node(root, out);
  return std::nullopt;
}

}  // namespace bus::cli
