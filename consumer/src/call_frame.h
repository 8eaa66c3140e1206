// The frames of calls, built from what a user gives and checked before they are sent.
//
// What the hub would refuse never leaves: a user learns of it at once, and no error has to be put down to a
// call later.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/raw_json.h"

namespace bus::sdk {

class CallFrame {
 public:
  // Sets `json`, of a user, for encode(): without the space around it and without line ends; null if it is
  // empty. Returns what is wrong with it, if that was looked for: encode() checks it whole.
  std::optional<std::string> take_json(std::string_view name, std::string_view json);
  std::string_view json() const { return json_; }

  // Sets `members`, the inside of an object, as `others`.
  std::optional<std::string> take_members(std::string_view members);
  const std::vector<Member>& others() const { return others_; }

  // Encodes `message`, in which `name` is json() or empty. Returns what is wrong with it.
  template <class T>
  std::optional<std::string> encode(const T& message, std::string_view name) {
    text_.clear();
    encode_to(text_, message);
    if (auto fault = check(name)) return fault;
    // Members of the user's may have names that the message has, too.
    if (others_.empty()) return std::nullopt;
    OrFault<T> read = decode<T>(scanner_.frame());
    return read ? std::nullopt : std::optional<std::string>(read.fault().message);
  }
  // The line that encode() made, with its LF.
  std::string_view text() const { return text_; }

 private:
  std::optional<std::string> check(std::string_view name);

  std::string text_;
  std::string_view json_;
  std::string json_store_;
  std::string members_store_;
  std::vector<Member> others_;
  RawJson members_;
  FrameScanner scanner_;
  EventLine event_;
};

}  // namespace bus::sdk
