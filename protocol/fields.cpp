#include "protocol/fields.h"

#include <charconv>

#include "protocol/base/strings.h"
#include "protocol/json_text.h"
#include "protocol/member_name.h"
#include "protocol/message.h"

namespace bus {

void Fields::fail(std::string fault) {
  if (!fault_) fault_ = std::move(fault);
}

// The value token of `name`; empty when it is absent or null, and once something is wrong.
std::string_view Fields::find(std::string_view name) {
  std::string_view found;
  if (fault_) return found;
  for (const Member& child : children_) {
    if (!token_is(child.name_token, name)) {
      if (!differs_in_case_only(child.name_token, name)) continue;
      fail(where_ + case_fault(child.name_token, name));
      return {};
    }
    if (!found.empty()) {
      fail(full(name) + " is given twice; give it once");
      return {};
    }
    found = child.value_token;
  }
  return found == "null" ? std::string_view() : found;
}

std::string_view Fields::find_required(std::string_view name) {
  std::string_view token = find(name);
  if (token.empty()) fail(full(name) + " is missing");
  return token;
}

std::string Fields::decoded(std::string_view name, std::string_view token) {
  std::string out;
  if (token.empty()) return out;
  if (kind_of(token) != JsonKind::string) {
    fail(kind_fault(full(name), "a string", token));
  } else if (!append_decoded(out, token)) {
    fail(full(name) + " holds half of a surrogate pair, which is no text");
  }
  return out;
}

std::string Fields::text(std::string_view name, size_t max_bytes) {
  std::string out = decoded(name, find(name));
  if (out.size() > max_bytes) {
    fail(full(name) + " has " + std::to_string(out.size()) + " bytes; the limit is " +
         std::to_string(max_bytes));
  }
  return out;
}

std::string Fields::required_text(std::string_view name) { return decoded(name, find_required(name)); }

std::string Fields::optional_identifier(std::string_view name) {
  std::string out = decoded(name, find(name));
  if (out.empty() || fault_) return out;
  if (auto problem = identifier_fault(full(name), out)) fail(std::move(*problem));
  return out;
}

std::string Fields::identifier(std::string_view name) {
  std::string out = required_text(name);
  if (fault_) return out;
  if (auto problem = identifier_fault(full(name), out)) fail(std::move(*problem));
  return out;
}

int64_t Fields::integer(std::string_view name, int64_t otherwise) {
  std::string_view token = find(name);
  if (token.empty()) return otherwise;
  int64_t value = 0;
  auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error == std::errc() && stop == token.data() + token.size()) return value;
  fail(kind_fault(full(name), "a whole number of 64 bits", token));
  return otherwise;
}

uint64_t Fields::count(std::string_view name) {
  std::string_view token = find(name);
  if (token.empty()) return 0;
  if (auto value = parse_u64(token)) return *value;
  fail(kind_fault(full(name), "a whole number from 0 to 18446744073709551615", token));
  return 0;
}

bool Fields::flag(std::string_view name) {
  std::string_view token = find(name);
  if (token.empty() || token == "false") return false;
  if (token == "true") return true;
  fail(kind_fault(full(name), "true or false", token));
  return false;
}

bool Fields::required_flag(std::string_view name) { return !find_required(name).empty() && flag(name); }

std::vector<std::string> Fields::identifiers(std::string_view name, size_t max_count) {
  std::vector<std::string> out;
  RawJson list;
  if (!open_array(name, list)) return out;
  if (list.children().size() > max_count) {
    fail(full(name) + " has " + std::to_string(list.children().size()) + " entries; the limit is " +
         std::to_string(max_count));
    return out;
  }
  std::string entry = std::string(name) + "[]";
  for (const Member& element : list.children()) {
    out.push_back(decoded(entry, element.value_token));
    if (fault_) return out;
    if (auto problem = identifier_fault(full(entry), out.back())) return fail(std::move(*problem)), out;
  }
  return out;
}

bool Fields::open_array(std::string_view name, RawJson& list) {
  std::string_view token = find(name);
  if (token.empty()) return false;
  if (kind_of(token) == JsonKind::array) return !list.scan(token);
  fail(kind_fault(full(name), "an array", token));
  return false;
}

bool Fields::open_object(std::string_view name, std::string_view token, RawJson& object) {
  if (kind_of(token) == JsonKind::object) return !object.scan(token);
  fail(kind_fault(full(name), "an object", token));
  return false;
}

}  // namespace bus
