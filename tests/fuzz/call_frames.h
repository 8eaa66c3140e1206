// Of hub_core_fuzz: frames of calls that a random mutation would need long to find, and what a peer may get of
// calls (PROTOCOL.md 10).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/base/check.h"
#include "protocol/decode.h"
#include "protocol/messages/call.h"

namespace bus::test {

// "@" stands for the id of the request that the peer was given last.
inline constexpr std::string_view kCallFrames[] = {
    R"({"type":"provide","id":"p","tasks":["a.*"],"slots":1})",
    R"({"type":"provide","tasks":["a.b","*"],"slots":2,"priority":1})",
    R"({"type":"unprovide","tasks":["a.*"]})",
    R"({"type":"unprovide","id":"u"})",
    R"({"type":"request","id":"1","task":"a.b","timeout_ms":2000,"stream":true,"args":[1.10]})",
    R"({"type":"request","id":"2","task":"a.b","wait":true,"idempotent":true})",
    R"({"type":"request","id":"3","task":"a.c","parent":"@","timeout_ms":500,"idempotent":true,"stream":true})",
    R"({"type":"request","id":"4","task":"c","to":"s","timeout_ms":0,"wait":true})",
    R"({"type":"request","id":"5","task":"a.b","reply_event":"a.b","timeout_ms":1000})",
    R"({"type":"request","id":"6","task":"bus.sync"})",
    R"({"type":"request","id":"7","task":"bus.tasks","reply_event":"c"})",
    R"({"type":"request","id":"8","task":"a.b","parent":"@","wait":true})",
    R"({"type":"response","id":"@","result":{"x":1}})",
    R"({"type":"response","id":"@","error":{"code":"declined","message":""}})",
    R"({"type":"response","id":"@","error":{"code":"e","message":"m","data":[1]}})",
    R"({"type":"progress","id":"@","done":1,"total":2,"text":"t"})",
    R"({"type":"cancel","id":"1"})",
    R"({"type":"cancel","id":"2","reason":"r"})",
    R"({"type":"hello","pid":10,"event_key":"k","event_types":["a.*"],"version":"v1","cleanup_task":"a.b"})",
    R"({"type":"hello","pid":11,"event_key":"k","event_types":["c"],"version":"v1","cleanup_task":"d"})",
};

// Calls as one peer sees them.
class CallView {
 public:
  // A line that came out; false when it is of no call. `given`: the ids of all requests that the hub has given.
  bool take(std::string_view line, std::set<std::string>& given) {
    auto is = [&](std::string_view type) {
      return line.substr(9).starts_with(type) && line.substr(9 + type.size()).starts_with("\",");
    };
    if (is(GivenRequest::kType)) {
      last_given_ = decoded<GivenRequest>(line).id;
      BUSD_CHECK(given.insert(last_given_).second);
    } else if (is(Chunk::kType)) {
      auto chunk = decoded<Chunk>(line);
      BUSD_CHECK(chunk.seq == ++chunks_[chunk.id]);
    } else if (is(Response::kType)) {
      chunks_.erase(decoded<Response>(line).id);
    } else if (is(Cancel::kType)) {
      BUSD_CHECK(given.count(decoded<Cancel>(line).id) == 1);
    } else if (is(Pause::kType)) {
      BUSD_CHECK(given.count(decoded<Pause>(line).id) == 1);
    } else if (is(Resume::kType)) {
      BUSD_CHECK(given.count(decoded<Resume>(line).id) == 1);
    } else if (is(Progress::kType)) {
      static_cast<void>(decoded<Progress>(line));
    } else {
      return false;
    }
    return true;
  }

  // The frame with the id for each "@".
  std::string filled_in(std::string_view frame) const {
    std::string out;
    for (char c : frame) c == '@' ? out += last_given_ : out += c;
    return out;
  }
  // Parts of the answer to that request.
  std::string chunks(size_t count, size_t bytes) const {
    std::string out;
    for (size_t i = 0; i < count; ++i)
      out += R"({"type":"chunk","id":")" + last_given_ + R"(","data":")" + std::string(bytes, 'c') + "\"}\n";
    return out;
  }

 private:
  template <class M>
  static M decoded(std::string_view line) {
    auto message = decode_line<M>(line);
    BUSD_CHECK(message);
    return std::move(*message);
  }

  std::string last_given_ = "x";
  std::map<std::string, uint64_t> chunks_;  // of the open calls, by their ids
};

}  // namespace bus::test
