#include "consumer/gocache/core/request_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "protocol/base/strings.h"
#include "protocol/json_text.h"

namespace bus::gocache {

namespace {

// A request of the go command has about 200 bytes.
constexpr size_t kMostObjectBytes = size_t{64} << 10U;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// What `token` must be, and is not.
struct Wrong {
  std::string what;
};

std::optional<Wrong> read_number(std::string_view name, std::string_view token, int64_t& out) {
  if (kind_of(token) != JsonKind::number) return Wrong{kind_fault(name, "an integer", token)};
  int64_t number = 0;
  auto [end, fault] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (fault != std::errc() || end != token.data() + token.size())
    return Wrong{std::string(name) + " must be an integer, not " + printable(token, 40)};
  out = number;
  return std::nullopt;
}

// Nothing is read where there is nothing: null, or the empty text.
std::optional<Wrong> read_id(std::string_view name, std::string_view token, std::optional<Id>& out) {
  if (kind_of(token) == JsonKind::null) return std::nullopt;
  if (kind_of(token) != JsonKind::string) return Wrong{kind_fault(name, "base64", token)};
  auto bytes = decode_base64(decode_json_string(token));
  if (!bytes) return Wrong{std::string(name) + " is not base64"};
  if (bytes->empty()) return std::nullopt;
  out = id_of(*bytes);
  if (!out) return Wrong{std::string(name) + " must have 32 bytes, not " + std::to_string(bytes->size())};
  return std::nullopt;
}

Command command_of(std::string_view name) {
  if (name == "get") return Command::get;
  if (name == "put") return Command::put;
  return name == "close" ? Command::close : Command::unknown;
}

std::string missing_in(const Request& request, bool has_action, bool has_output) {
  if (request.command == Command::unknown)
    return "unknown command " + printable(request.name, 40) + "; known are get, put and close";
  if (request.command == Command::close) return {};
  if (!has_action) return "ActionID is missing";
  if (request.command == Command::put && !has_output) return "OutputID is missing";
  return {};
}

}  // namespace

void RequestReader::feed(std::string_view text) {
  while (!text.empty()) {
    size_t taken = 0;
    switch (state_) {
      case State::between:
        taken = begin_value(text);
        break;
      case State::object:
        taken = read_object(text);
        break;
      case State::body:
        taken = read_body(text);
        break;
      case State::rest_of_line:
        taken = skip_line(text);
        break;
    }
    text.remove_prefix(taken);
  }
}

size_t RequestReader::begin_value(std::string_view text) {
  const auto* first = std::find_if_not(text.begin(), text.end(), is_space);
  auto taken = static_cast<size_t>(first - text.begin());
  if (first == text.end()) return taken;
  if (body_size_ > 0 && *first == '"') {
    state_ = State::body;
    return taken + 1;
  }
  if (body_size_ > 0) end_body("the body is missing behind a BodySize of " + std::to_string(body_size_));
  if (*first == '{') {
    state_ = State::object;
    return taken;
  }
  refuse("is no JSON object: " + printable(text.substr(taken), 40));
  return taken;
}

size_t RequestReader::read_object(std::string_view text) {
  size_t taken = 0;
  // Not further than the limit, so that what is passed over does not depend on how the text is cut.
  text = text.substr(0, kMostObjectBytes + 1 - object_.size());
  bool is_whole = find_end(text, taken);
  if (object_.size() + taken > kMostObjectBytes) {
    refuse("is longer than " + std::to_string(kMostObjectBytes) + " bytes");
    return taken;
  }
  if (is_whole && object_.empty()) {
    state_ = State::between;
    take_object(text.substr(0, taken));
    return taken;
  }
  object_.append(text.substr(0, taken));
  if (!is_whole) return taken;
  state_ = State::between;
  take_object(object_);
  object_.clear();
  return taken;
}

// Goes on from `at` to behind the object's last brace, and says whether it is there.
bool RequestReader::find_end(std::string_view text, size_t& at) {
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (escaped_) {
      escaped_ = false;
    } else if (in_text_) {
      if (c == '"') in_text_ = false;
      if (c == '\\') escaped_ = true;
    } else if (c == '"') {
      in_text_ = true;
    } else if (c == '{') {
      ++depth_;
    } else if (c == '}' && --depth_ == 0) {
      ++at;
      return true;
    }
  }
  return false;
}

void RequestReader::take_object(std::string_view object) {
  if (auto fault = json_.scan(object)) return sink_.garbage("is " + *fault);
  bool has_id = false;
  for (const Member& member : json_.children()) has_id = has_id || token_is(member.name_token, "ID");
  if (!has_id) return sink_.garbage("has no ID: " + printable(object, 100));
  Request request = parse();
  body_size_ = request.body_size;
  body_bytes_ = 0;
  base64_ = Base64Decoder();
  body_fault_.clear();
  sink_.request(request);
}

Request RequestReader::parse() {
  Request out;
  std::optional<Id> action;
  std::optional<Id> output;
  std::optional<Id> object;
  int64_t size = 0;
  auto note = [&](std::optional<Wrong> wrong) {
    if (wrong && out.fault.empty()) out.fault = std::move(wrong->what);
  };
  for (const Member& member : json_.children()) {
    std::string_view token = member.value_token;
    if (token_is(member.name_token, "ID")) {
      note(read_number("ID", token, out.id));
    } else if (token_is(member.name_token, "Command")) {
      if (kind_of(token) == JsonKind::string) out.name = decode_json_string(token);
      out.command = command_of(out.name);
    } else if (token_is(member.name_token, "ActionID")) {
      note(read_id("ActionID", token, action));
    } else if (token_is(member.name_token, "OutputID")) {
      note(read_id("OutputID", token, output));
    } else if (token_is(member.name_token, "ObjectID")) {
      note(read_id("ObjectID", token, object));
    } else if (token_is(member.name_token, "BodySize")) {
      note(read_number("BodySize", token, size));
    }
  }
  if (!output) output = object;
  if (size < 0) note(Wrong{"BodySize must not be negative"});
  out.body_size = size > 0 ? static_cast<uint64_t>(size) : 0;
  if (action) out.action = *action;
  if (output) out.output = *output;
  if (std::string missing = missing_in(out, action.has_value(), output.has_value()); !missing.empty())
    note(Wrong{std::move(missing)});
  return out;
}

size_t RequestReader::read_body(std::string_view text) {
  size_t end = text.find('"');
  bool is_end = end != std::string_view::npos;
  decode(text.substr(0, end));
  if (!is_end) return text.size();
  state_ = State::between;
  if (body_fault_.empty() && !base64_.is_whole()) body_fault_ = "the body is not base64: it ends too early";
  if (body_fault_.empty() && body_bytes_ != body_size_) {
    body_fault_ = "the body has " + std::to_string(body_bytes_) + " bytes, and BodySize is " +
                  std::to_string(body_size_);
  }
  end_body(std::exchange(body_fault_, {}));
  return end + 1;
}

void RequestReader::decode(std::string_view text) {
  if (!body_fault_.empty() || text.empty()) return;
  size_t room = Base64Decoder::most_bytes(text.size());
  if (decoded_.size() < room) decoded_.resize(room);
  auto end = base64_.decode(text, decoded_.data());
  if (!end) {
    body_fault_ = "the body is not base64";
    return;
  }
  auto bytes = static_cast<size_t>(*end - decoded_.data());
  body_bytes_ += bytes;
  if (body_bytes_ > body_size_) {
    body_fault_ = "the body has more bytes than BodySize, which is " + std::to_string(body_size_);
  } else if (bytes > 0) {
    sink_.body({decoded_.data(), bytes});
  }
}

void RequestReader::end_body(const std::string& fault) {
  body_size_ = 0;
  sink_.body_end(fault);
}

// What comes up to the end of the line belongs to it.
void RequestReader::refuse(const std::string& why) {
  state_ = State::rest_of_line;
  object_.clear();
  depth_ = 0;
  in_text_ = escaped_ = false;
  sink_.garbage(why);
}

size_t RequestReader::skip_line(std::string_view text) {
  size_t at = text.find('\n');
  if (at == std::string_view::npos) return text.size();
  state_ = State::between;
  return at + 1;
}

}  // namespace bus::gocache
