// A hub without sockets, with callers and providers (PROTOCOL.md 10).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/json_text.h"
#include "protocol/raw_json.h"
#include "tests/support/core_rig.h"
#include "tests/support/wire.h"

namespace bus::test {

// The value token of a member, or "" when the object has none.
inline std::string token_of(std::string_view line, std::string_view name) {
  RawJson json;
  if (json.scan(line)) return {};
  for (const Member& member : json.children()) {
    if (token_is(member.name_token, name)) return std::string(member.value_token);
  }
  return {};
}
// A member that is a string.
inline std::string text_of(std::string_view line, std::string_view name) {
  std::string token = token_of(line, name);
  return token.size() < 2 || token[0] != '"' ? std::string() : decode_json_string(token);
}
// Of a `response` with an error.
inline std::string code_of(std::string_view line) { return text_of(token_of(line, "error"), "code"); }

// A `response` with that result.
inline std::string ok(const std::string& id, const std::string& result) {
  return R"({"type":"response","id":")" + id + R"(","result":)" + result + "}";
}
inline size_t count_of(const std::vector<std::string>& lines, const std::string& type) {
  size_t count = 0;
  for (const std::string& line : lines) count += text_of(line, "type") == type ? 1U : 0U;
  return count;
}

class CallRig : public CoreRig {
 public:
  explicit CallRig(hub::HubConfig config = rig_config()) : CoreRig(std::move(config)) {}

  // A connection with a hello, which is no consumer.
  hub::PeerId client(uint32_t uid = kOurUid, const std::string& name = "peer") {
    hub::PeerId id = connect(uid);
    send_line(
        id,
        R"({"type":"hello","pid":43,"event_key":"","event_types":[],"version":"v1","role":"source","source":")" +
            name + "\"}");
    static_cast<void>(lines(id));
    return id;
  }
  hub::PeerId provider(const std::string& tasks, const std::string& more = "",
                       const std::string& name = "peer") {
    hub::PeerId id = client(kOurUid, name);
    provide(id, tasks, more);
    return id;
  }
  void provide(hub::PeerId id, const std::string& tasks, const std::string& more = "") {
    send_line(id, R"({"type":"provide","tasks":[)" + tasks + "]" + more + "}");
  }
  void request(hub::PeerId id, const std::string& its_id, const std::string& task,
               const std::string& more = "") {
    send_line(id, R"({"type":"request","id":")" + its_id + R"(","task":")" + task + "\"" + more + "}");
  }
  // Answers the request that the provider has just got, or the one of that id.
  void result(hub::PeerId provider, const std::string& id, const std::string& json = "1") {
    send_line(provider, R"({"type":"response","id":")" + id + R"(","result":)" + json + "}");
  }
  void error(hub::PeerId provider, const std::string& id, const std::string& code) {
    send_line(provider,
              R"({"type":"response","id":")" + id + R"(","error":{"code":")" + code + R"(","message":"m"}})");
  }
  void chunk(hub::PeerId provider, const std::string& id, const std::string& data) {
    send_line(provider, R"({"type":"chunk","id":")" + id + R"(","data":)" + data + "}");
  }
  void progress(hub::PeerId provider, const std::string& id, uint64_t done) {
    send_line(provider, R"({"type":"progress","id":")" + id + R"(","done":)" + std::to_string(done) + "}");
  }
  void cancel(hub::PeerId id, const std::string& its_id) {
    send_line(id, R"({"type":"cancel","id":")" + its_id + "\"}");
  }

  // The ids of the requests that the provider has got since the last call.
  std::vector<std::string> given(hub::PeerId provider) {
    std::vector<std::string> ids;
    for (const std::string& line : lines(provider)) {
      if (text_of(line, "type") == "request") ids.push_back(text_of(line, "id"));
    }
    return ids;
  }
  // Of the single one; "" for none or many.
  std::string given_one(hub::PeerId provider) {
    std::vector<std::string> ids = given(provider);
    return ids.size() == 1 ? ids.front() : std::string();
  }
  // What `bus.tasks` says.
  std::string tasks() {
    hub::PeerId asker = connect();
    request(asker, "t", "bus.tasks");
    std::string line = this->line(asker);
    hang_up(asker);
    return token_of(line, "result");
  }
};

}  // namespace bus::test
