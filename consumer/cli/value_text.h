// Values and their changes as lines, and what has become of a change as an error. Pure.
#pragma once

#include <string>
#include <string_view>

#include "busd/consumer.hpp"
#include "consumer/cli/error.h"
#include "consumer/cli/value_options.h"

namespace bus::cli {

// What get and list print of a key with --json: {"key":…,"version":…,"rev":…,"age_ms":…,"ttl_ms":…,"uid":…,"value":…}.
// `value` is left out when it is empty, `ttl_ms` when there is none.
std::string state_json(const busd::Value& value);

// What put and delete print with --json: {"version":…,"rev":…}, and "unchanged":true. `key` comes first, unless it is empty.
std::string change_json(const busd::Change& change, std::string_view key = {});

// What watch prints, {"type":"value",…} and {"type":"synced",…}.
std::string watched_json(const busd::Value& value);
std::string synced_json(const busd::Synced& synced);
// Of a key that is gone after a break, of whose deletion the hub knows nothing.
std::string vanished_json(std::string_view key);

// A change that failed, of put or delete. Its JSON form has what the key has now, if the hub said so, as the member `present`:
// {"version":…,"rev":…,"deleted":true,"value":…}.
Error error_of(const busd::Change& change, std::string_view key, ValueVerb verb = ValueVerb::put);
// A question of `key` that failed.
Error error_of(const busd::Error& given, std::string_view key);

// A value in a line of list and watch with --text. Line ends, tabs and backslashes of a string are escaped as \n, \r, \t and
// \\, so that each key keeps its line, and printf '%b' gives the text back.
std::string line_text(std::string_view json, bool to_terminal);

// A value in a line for people: cut, and safe for a terminal.
std::string short_value(std::string_view json);

}  // namespace bus::cli
