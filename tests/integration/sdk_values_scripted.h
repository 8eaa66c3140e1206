// Hubs that follow a script of values: what they say, in short words, and a connection to one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/sdk_support.h"

namespace bus::test {

inline constexpr const char* kWelcome =
    R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns","calls","values"]})";

// The first line after the hello.
inline std::string welcome(ScriptPeer& peer) {
  peer.line();
  peer.say(kWelcome);
  return peer.line();
}
// What says that it can do everything but values.
inline void welcome_without_values(ScriptPeer& peer) {
  peer.line();
  peer.say(
      R"({"type":"hello_ack","bus_version":"v1","first_for_key":false,"capabilities":["patterns","calls"]})");
}

inline std::string result(const std::string& id, const std::string& json) {
  return R"({"type":"response","id":")" + id + R"(","result":)" + json + "}";
}
inline std::string failure(const std::string& id, const std::string& code, const std::string& data = "") {
  return R"({"type":"response","id":")" + id + R"(","error":{"code":")" + code +
         R"(","message":"why","by":"hub")" + (data.empty() ? "" : R"(,"data":)" + data) + "}}";
}
inline std::string value(const std::string& watch, const std::string& key, int n, bool snapshot = false) {
  return R"({"type":"value","watch":")" + watch + R"(","key":")" + key + R"(","version":)" +
         std::to_string(n) + R"(,"rev":)" + std::to_string(n) + (snapshot ? R"(,"snapshot":true)" : "") +
         R"(,"age_ms":0,"value":)" + std::to_string(n) + "}";
}
inline std::string synced(const std::string& watch, int rev, const std::string& epoch, bool reset = false) {
  return R"({"type":"synced","watch":")" + watch + R"(","rev":)" + std::to_string(rev) + R"(,"epoch":")" +
         epoch + R"(","keys":0)" + (reset ? R"(,"reset":true)" : "") + "}";
}

// A connection that leaves without a word, because no script answers a flush.
struct Client : busd::Connection {
  explicit Client(const ScriptedHub& hub)
      : busd::Connection(open_connection({.socket = hub.socket(), .no_start = true})) {}
  ~Client() {
    if (handle() != nullptr) abandon();
  }
};

// A hub for one connection: answers the n-th line after the hello with the n-th text, and writes the lines down.
struct Dialogue {
  explicit Dialogue(std::vector<std::string> answers)
      : hub({[this, answers = std::move(answers)](ScriptPeer& peer) {
          peer.line();
          peer.say(kWelcome);
          for (const std::string& each : answers) {
            said.push_back(peer.line());
            if (!each.empty()) peer.say(each);
          }
          for (std::string line = peer.line(); !line.empty(); line = peer.line()) said.push_back(line);
        }}) {}
  std::vector<std::string> said;
  ScriptedHub hub;
};

inline busd::Item next(busd::Connection& connection, busd_item_kind kind) {
  auto item = connection.next(kItemPatience);
  if (!item) FAIL("no item, but: " << busd_result_name(item.error().result) << ": " << item.error().message);
  INFO("kind " << item->kind() << " " << item->detail());
  REQUIRE(item->kind() == kind);
  return *item;
}

}  // namespace bus::test
