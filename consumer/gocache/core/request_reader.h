// What the go command asks of its cache, out of the bytes that it writes: one JSON value after another.
//
// A request is an object. If its BodySize is above 0, the value behind it is the body: a string of base64 of any length, which is decoded as it
// comes and never held. White space between values has no meaning. A function of the bytes; knows no file.
//
// Facts: cmd/go/internal/cacheprog and cmd/go/internal/cache/prog.go of Go 1.26; with Go 1.23 and before, OutputID was called ObjectID.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/gocache/core/id.h"
#include "protocol/base/base64.h"
#include "protocol/raw_json.h"

namespace bus::gocache {

enum class Command { get, put, close, unknown };

struct Request {
  int64_t id = 0;
  Command command = Command::unknown;
  std::string name;        // of the command
  Id action;               // of get and put
  Id output;               // of put: OutputID, or else ObjectID
  uint64_t body_size = 0;  // bytes, decoded; above 0: body() and body_end() follow
  std::string fault;       // why it cannot be done, for the answer; empty: it can
};

class RequestSink {
 public:
  virtual void request(const Request& request) = 0;
  virtual void body(std::string_view bytes) = 0;
  // `fault`: why the body is not what the request has promised; empty: it is.
  virtual void body_end(const std::string& fault) = 0;
  // Something that is no request, and has no id that an answer could have.
  virtual void garbage(const std::string& why) = 0;

 protected:
  ~RequestSink() = default;
};

class RequestReader {
 public:
  explicit RequestReader(RequestSink& sink) : sink_(sink) {}

  void feed(std::string_view text);
  // Whether the text that was fed ends within a request or its body.
  bool is_within() const { return state_ != State::between || body_size_ > 0; }

 private:
  enum class State { between, object, body, rest_of_line };

  size_t begin_value(std::string_view text);
  size_t read_object(std::string_view text);
  size_t read_body(std::string_view text);
  size_t skip_line(std::string_view text);
  bool find_end(std::string_view text, size_t& at);
  void take_object(std::string_view object);
  Request parse();
  void decode(std::string_view text);
  void end_body(const std::string& fault);
  void refuse(const std::string& why);

  RequestSink& sink_;
  State state_ = State::between;
  RawJson json_;

  std::string object_;  // what has come of it, when it came in pieces
  size_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;

  uint64_t body_size_ = 0;  // promised; 0: no body is to come
  uint64_t body_bytes_ = 0;
  Base64Decoder base64_;
  std::string decoded_;
  std::string body_fault_;
};

}  // namespace bus::gocache
