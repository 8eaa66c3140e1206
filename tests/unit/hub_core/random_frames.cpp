#include "tests/unit/hub_core/random_frames.h"

#include <algorithm>
#include <utility>

#include "protocol/limits.h"

namespace bus::test {

namespace {

std::string text(const std::string& name, const std::string& value) {
  std::string out = "\"";
  out += name;
  out += "\":\"";
  out += value;
  out += '"';
  return out;
}

}  // namespace

std::string RandomFrames::object(std::vector<std::string> members) {
  bool odd = dice_.one_in(3);
  if (odd) {
    for (size_t i = members.size(); i > 1; --i) std::swap(members[i - 1], members[dice_.below(i)]);
  }
  auto space = [&] { return odd ? dice_.pick<const char*>({"", "", " ", "\t", " \r "}) : ""; };
  std::string out = space();
  out += '{';
  for (const std::string& member : members) {
    if (out.back() != '{') out += ',';
    out += space();
    out += member;
    out += space();
  }
  // Behind a member that may end in a space, so that the next one is not taken for the first.
  out += '}';
  out += space();
  return out += '\n';
}

std::string RandomFrames::scope_members() {
  if (habits_.one_scope) return text("event_key", "crowd");
  std::string out = text("event_key", dice_.pick<const char*>({"k", "l"}));
  if (dice_.one_in(2)) return out;
  out += ',';
  return out += text("subscription_id", dice_.pick<const char*>({"k", "s", "t"}));
}

std::string RandomFrames::type_entry() {
  return dice_.pick<const char*>({"\"a\"", "\"a.b\"", "\"a.*\"", "\"a.b.*\"", "\"*\"", "\"b\"", "\"\\u0062\"",
                                  "\"a.\"", "\"x.*.y\"", "\".*\""});
}

void RandomFrames::add_interest(std::vector<std::string>& members, size_t one_in) {
  if (dice_.one_in(8)) members.emplace_back("\"background\":true");
  if (dice_.one_in(8)) members.emplace_back(dice_.one_in(4) ? "\"observer\":false" : "\"observer\":true");
  if (!dice_.one_in(one_in)) return;
  std::string types = "\"publishes\":[";
  for (size_t i = 1 + dice_.below(5); i > 0; --i) {
    types += type_entry();
    if (i > 1) types += ',';
  }
  members.push_back(types += ']');
}

std::string RandomFrames::client_hello() {
  std::vector<std::string> members = {text("type", "hello"), "\"pid\":7", text("role", "client"),
                                      text("event_key", "")};
  if (dice_.one_in(10)) members.push_back("\"event_types\":[" + std::string(type_entry()) + "]");
  add_interest(members, 3);
  return object(std::move(members));
}

std::string RandomFrames::consumer_hello() {
  std::vector<std::string> members = {dice_.one_in(5) ? "\"\\u0074ype\":\"hell\\u006f\""
                                                      : text("type", "hello")};
  std::string pid = "\"pid\":";
  pid += std::to_string(dice_.pick<int>({0, 100, 42, 4242}));
  members.push_back(pid);
  members.push_back(scope_members());
  std::string types = "\"event_types\":[";
  for (size_t i = dice_.below(4); i > 0; --i) {
    types += type_entry();
    if (i > 1) types += ',';
  }
  types += ']';
  members.push_back(dice_.one_in(10) ? "\"event_types\":null" : types);
  if (dice_.one_in(4)) members.push_back(text("role", "consumer"));
  if (dice_.one_in(12)) members.emplace_back("\"exclusive\":true");
  if (dice_.one_in(6)) members.emplace_back("\"capabilities\":[\"patterns\"]");
  if (dice_.one_in(3)) members.push_back(text("cleanup_task", dice_.one_in(20) ? "bus.sweep" : "sweep"));
  add_interest(members, 20);
  return object(std::move(members));
}

std::string RandomFrames::source_hello() {
  std::vector<std::string> members = {text("type", "hello"), "\"pid\":43", text("role", "source")};
  if (!dice_.one_in(5)) {
    std::string name = "source";
    name += std::to_string(dice_.below(habits_.names));
    members.push_back(text("source", name));
  }
  add_interest(members, 2);
  return object(std::move(members));
}

std::string RandomFrames::event_type() {
  return dice_.pick<const char*>({"a", "a", "a.b", "a.b", "a.b.c", "b", "\\u0062", "c", "a.", ".a", "a..b",
                                  "x.*.y", "d\xc3\xa9", "a.*"});
}

std::string RandomFrames::event_id() {
  uint64_t id = habits_.ids;
  if (id > 0) {
    id = dice_.below(habits_.ids);
  } else if (last_id_ == 0 || !dice_.one_in(8)) {
    id = ++last_id_;
  } else {
    // As far back as the window may reach, and beyond.
    id = last_id_ - std::min<uint64_t>(last_id_ - 1, dice_.below(12'000));
  }
  std::string out = "e";
  return out += std::to_string(id);
}

std::string RandomFrames::payload() {
  std::string out = dice_.pick<const char*>({"null", "1.10", "18446744073709551616",
                                             "{\"a\":[1,{\"b\":\"]}\\\"\"}],\"a\":2}", "\"\\ud800 \\/ \"",
                                             "[ true , false ]", "{}", "\"\""});
  if (dice_.one_in(2)) return out;
  out = "\"";
  out += std::string(dice_.below(habits_.most_padding), 'p');
  return out += '"';
}

std::string RandomFrames::event() {
  std::vector<std::string> members = {text("type", "event"), text("event_type", event_type())};
  if (dice_.one_in(habits_.ids == 0 ? 1 : 2)) members.push_back(text("event_id", event_id()));
  if (dice_.one_in(20)) members.emplace_back("\"source_time\":\"17\\u00300\"");
  if (!dice_.one_in(10)) {
    std::string value = "\"payload\":";
    value += payload();
    members.push_back(value);
  }
  // What the hub's own form has not.
  if (dice_.one_in(15)) members.emplace_back("\"seq\":18446744073709551615");
  if (dice_.one_in(15)) members.emplace_back("\"trace\\u0070arent\" : \"00-1\"");
  if (dice_.one_in(15)) members.emplace_back("\"app\":{\"x\":[1,2]}");
  if (dice_.one_in(30)) members.emplace_back("\"app\":null");
  if (dice_.one_in(30)) members.emplace_back("\"source_time\":null");
  // Rarely one member twice, which is a fault that names the event.
  if (dice_.one_in(100)) members.push_back(members[1]);
  return object(std::move(members));
}

std::string RandomFrames::check() {
  std::vector<std::string> members = {text("type", "pre_shutdown_check")};
  // The own scope, without its name.
  if (dice_.one_in(6)) {
    if (dice_.one_in(2)) members.push_back(text("event_key", ""));
    if (dice_.one_in(2)) members.emplace_back("\"subscription_id\":null");
  } else {
    members.push_back(scope_members());
  }
  return object(std::move(members));
}

std::string RandomFrames::source_status() {
  std::string name = "source";
  name += std::to_string(dice_.below(habits_.names));
  std::vector<std::string> members = {text("type", "source_status"), text("source", name)};
  members.push_back(
      text("state", dice_.pick<const char*>({"connecting", "connected", "disconnected", "reconnecting"})));
  if (dice_.one_in(2)) members.push_back(text("detail", "attempt \\u0032"));
  return object(std::move(members));
}

std::string RandomFrames::bad() {
  std::string line = dice_.pick<const char*>({
      "{ not json",
      "{\"type\":\"event\",\"event_type\":\"a\",\"event_id\":\"e\"",
      "[]",
      "\"x\"",
      "\xff",
      R"({"type":"quux"})",
      R"({"type":7})",
      "{}",
      R"({"type":"event"})",
      R"({"type":"event","event_id":"e-1"})",
      R"({"type":"event","event_type":7,"event_id":"e-2"})",
      R"({"type":"event","event_type":"a","event_id":5})",
      R"({"type":"event","event_type":""})",
      R"({"type":"event","event_type":"a","seq":-1,"event_id":"\u0065"})",
      R"({"type":"event","event_type":"a\u0001"})",
      R"({"type":"event","event_type":"\ud800","event_id":"h"})",
      R"({"type":"event","event_type":"a","event_id":"i","TYPE":"shutdown"})",
      R"({"type":"event","event_type":"a","\u017feq":77})",
      R"({"type":"bye","Type":"shutdown"})",
      R"({"type":"hello_ack","bus_version":"v1","first_for_key":true})",
      R"({"type":"bye","type":"bye"})",
      R"({"type":"status_query"})",
      R"({"type":"shutdown"})",
      R"({"type":"pre_shutdown_ack","last_for_key":true})",
      R"({"type":"hello","pid":1.5,"event_key":"k"})",
      R"({"type":"hello","pid":1,"event_key":"k"})",
      R"({"type":"source_status","source":"s","state":"lost"})",
      R"({"type":"source_status","state":"connected"})",
      R"({"type":"pre_shutdown_check","event_key":7})",
      R"({"type":"error","code":"busy","message":"no"})",
  });
  if (dice_.one_in(20)) {
    line = R"({"type":"event","event_id":")";
    line += std::string(kMaxIdentifierBytes + dice_.below(2), 'i');
    line += "\"}";
  }
  return line += '\n';
}

std::string RandomFrames::huge_event() {
  // With the largest seq, 27 bytes, the second is one byte above the cap, the third fills the cap itself.
  std::string line = R"({"type":"event","event_type":"a","event_id":"huge","payload":")";
  size_t bytes = kMaxFrameBytes - dice_.pick<size_t>({27, 26, 0, 28});
  line += std::string(bytes - line.size() - 3, 'x');
  return line += "\"}\n";
}

}  // namespace bus::test
