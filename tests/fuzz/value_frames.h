// Of hub_core_fuzz: frames of values that a random mutation would need long to find, and what a peer may get of
// watches (PROTOCOL.md 11).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "protocol/base/check.h"
#include "protocol/decode.h"
#include "protocol/messages/call.h"
#include "protocol/messages/value.h"

namespace bus::test {

inline constexpr std::string_view kValueFrames[] = {
    R"({"type":"put","id":"1","key":"a.b","value":{"x":1.10}})",
    R"({"type":"put","key":"a.c","version":1,"value":[]})",
    R"({"type":"put","id":"2","key":"a.b","version":2,"ttl_ms":500,"value":null})",
    R"({"type":"put","id":"3","key":"c","create":true,"while_connected":true,"value":"lock"})",
    R"({"type":"put","id":"4","key":"a.b","if_changed":true,"durable":"memory","value":{"x":1.10}})",
    R"({"type":"put","id":"5","key":"c","durable":"power","value":1})",
    R"({"type":"put","id":"6","key":"bus.hub","value":1})",
    R"({"type":"delete","id":"7","key":"a.b"})",
    R"({"type":"delete","key":"c","version":2})",
    R"({"type":"get","id":"8","key":"a.b"})",
    R"({"type":"list","id":"9","keys":["a.*","bus.*"],"limit":1})",
    R"({"type":"list","id":"9","after":"a.b","values":false})",
    R"({"type":"watch","id":"w","keys":["*"]})",
    R"({"type":"watch","id":"v","keys":["a.*","a.b","bus.source.s"],"values":false})",
    R"({"type":"watch","id":"w","keys":["c"],"snapshot":false})",
    R"({"type":"watch","id":"u","keys":["*"],"since":3,"epoch":"0"})",
    R"({"type":"watch","id":"u","keys":["bus.*"],"since":2,"epoch":"x"})",
    R"({"type":"unwatch","id":"w"})",
    R"({"type":"unwatch","id":"u"})",
};

// Watches as one peer sees them.
class ValueView {
 public:
  // A line that came out; false when it is of no watch.
  bool take(std::string_view line) {
    if (auto value = decode_line<Value>(line)) {
      BUSD_CHECK(value->rev > revs_[value->watch]);
      revs_[value->watch] = value->rev;
      BUSD_CHECK(value->deleted || !value->expired);
      return true;
    }
    if (auto synced = decode_line<Synced>(line)) {
      BUSD_CHECK(synced->rev >= revs_[synced->watch]);
      // What follows is sent anew if the hub has forgotten a deletion that was not read.
      return true;
    }
    // The id is free again.
    if (auto response = decode_line<Response>(line)) revs_.erase(response->id);
    return false;
  }

 private:
  std::map<std::string, uint64_t> revs_;  // the last one of each open watch
};

}  // namespace bus::test
