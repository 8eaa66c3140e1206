#include "consumer/cli/value_text.h"

#include <utility>

#include "consumer/cli/call_error.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/one_call.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr size_t kMostShown = 60;  // columns of a value in an error

void add_number(std::string& out, const char* name, uint64_t number) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":" + std::to_string(number);
}

void add_flag(std::string& out, const char* name, bool flag) {
  if (!flag) return;
  out += std::string(",\"") + name + "\":true";
}

void add_key(std::string& out, std::string_view key) {
  out += out.back() == '{' ? "\"key\":" : ",\"key\":";
  append_json_string(out, key);
}

void add_times_and_value(std::string& out, const busd::Value& value, bool with_uid) {
  add_number(out, "age_ms", static_cast<uint64_t>(value.age.count()));
  if (value.ttl.count() > 0) add_number(out, "ttl_ms", static_cast<uint64_t>(value.ttl.count()));
  if (with_uid) add_number(out, "uid", value.uid);
  if (!value.json.empty()) out += ",\"value\":" + value.json;
  out += '}';
}

std::string present_json(const busd::Value& value) {
  std::string out = "{";
  add_number(out, "version", value.version);
  add_number(out, "rev", value.rev);
  add_flag(out, "deleted", value.deleted);
  if (!value.json.empty()) out += ",\"value\":" + value.json;
  return out + "}";
}

bool is_of_no_key(const busd::Change& change) {
  return change.status == BUSD_STALE && change.present &&
         (change.present->deleted || change.present->version == 0);
}

// What is wrong with the store. The hub's hint is told with its message, since it names the remedy; only what it says of
// the member `durable` is said of the option instead.
std::string store_hint(const std::string& hubs, ValueVerb verb) {
  if (hubs.find("leave durable out") != std::string::npos)
    return "leave --durable out, or start the hub with --values PATH";
  std::string look = "bus-status shows the store";
  if (verb == ValueVerb::put) look = "put --durable memory does without it; " + look;
  return hubs.empty() ? look : hubs + "; " + look;
}

// How bus-value get is called for a key: one that begins with "-" needs "--".
std::string get_command(const std::string& key, const std::string& option = {}) {
  std::string with = option.empty() ? option : " " + option;
  return "bus-value get" + (key.starts_with('-') ? with + " -- " + key : " " + key + with);
}

// The hub's own hints speak of members of the wire.
std::string hint_of(const busd::Change& change, std::string_view key, const std::string& hubs,
                    ValueVerb verb) {
  const std::string name(key);
  switch (change.status) {
    case BUSD_STALE:
      if (is_of_no_key(change)) return "with --create instead of --if-version, put creates it";
      return "read it again with " + get_command(name, "--with-version");
    case BUSD_EXISTS:
      if (change.present && !change.present->json.empty())
        return "its value is " + short_value(change.present->json);
      return get_command(name) + " prints its value";
    case BUSD_STORE:
      return store_hint(hubs, verb);
    case BUSD_PROTOCOL:
      // The same for all that a hub without values cannot do; a put is what needs them.
      return verb == ValueVerb::put && change.message.find("--values off") != std::string::npos
                 ? "start the hub without --values off, or with a newer busd"
                 : hubs;
    default:
      return hubs;
  }
}

}  // namespace

std::string state_json(const busd::Value& value) {
  std::string out = "{";
  add_key(out, value.key);
  add_number(out, "version", value.version);
  add_number(out, "rev", value.rev);
  add_times_and_value(out, value, true);
  return out;
}

std::string change_json(const busd::Change& change, std::string_view key) {
  std::string out = "{";
  if (!key.empty()) add_key(out, key);
  add_number(out, "version", change.version);
  add_number(out, "rev", change.rev);
  add_flag(out, "unchanged", change.unchanged);
  return out + "}";
}

std::string watched_json(const busd::Value& value) {
  std::string out = "{\"type\":\"value\"";
  add_key(out, value.key);
  add_number(out, "version", value.version);
  add_number(out, "rev", value.rev);
  add_flag(out, "snapshot", value.snapshot);
  add_flag(out, "deleted", value.deleted);
  add_flag(out, "expired", value.expired);
  if (value.skipped > 0) add_number(out, "skipped", value.skipped);
  add_times_and_value(out, value, false);
  return out;
}

std::string synced_json(const busd::Synced& synced) {
  std::string out = "{\"type\":\"synced\"";
  add_number(out, "rev", synced.rev);
  out += ",\"epoch\":";
  append_json_string(out, synced.epoch);
  add_number(out, "keys", synced.keys);
  add_flag(out, "reset", synced.reset);
  return out + "}";
}

std::string vanished_json(std::string_view key) {
  std::string out = "{\"type\":\"value\"";
  add_key(out, key);
  add_flag(out, "deleted", true);
  add_flag(out, "vanished", true);
  return out + "}";
}

Error error_of(const busd::Change& change, std::string_view key, ValueVerb verb) {
  Error error = error_of(busd::Error{change.status, change.message}, key);
  error.message = named_once(std::move(error.message), error.path);
  error.hint = hint_of(change, key, error.hint, verb);
  if (is_of_no_key(change)) error.message = "there is no key " + in_quotes(key);
  // A hub with other limits than ours.
  if (change.code == "too_large") error = error_of(ErrorCode::bad_data, change.message);
  if (change.present) error.members = ",\"present\":" + harmless_json(present_json(*change.present));
  return error;
}

Error error_of(const busd::Error& given, std::string_view key) {
  Error error = error_of(given);
  if (given.result == BUSD_NOT_FOUND) {
    error.message = "there is no key " + in_quotes(key);
    error.hint = "bus-value list shows the keys that there are";
  }
  return error;
}

std::string line_text(std::string_view json, bool to_terminal) {
  if (!json.starts_with('"')) return std::string(json);
  std::string line;
  for (char c : raw_text(json, false)) {
    switch (c) {
      case '\\':
        line += "\\\\";
        break;
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\t':
        line += "\\t";
        break;
      default:
        line += c;
    }
  }
  return to_terminal ? safe_text(line) : line;
}

std::string short_value(std::string_view json) { return cut_to_columns(safe_text(json), kMostShown); }

}  // namespace bus::cli
