#include "consumer/gocache/core/request_reader.h"

#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;

namespace {

const Id kAction = an_id(0xaa, 1);
const Id kOutput = an_id(0xbb, 2);
const Id kOther = an_id(0xcc, 3);

// What was called, as text; pieces of one body are put together, because they may be cut anywhere.
class Calls final : public RequestSink {
 public:
  void request(const Request& request) override {
    last = request;
    add("request " + std::to_string(request.id) + " " + name_of(request.command) + " size " +
        std::to_string(request.body_size) + (request.fault.empty() ? "" : " fault " + request.fault));
  }
  void body(std::string_view bytes) override {
    REQUIRE_FALSE(bytes.empty());
    body_ += bytes;
  }
  void body_end(const std::string& fault) override {
    add("body [" + body_ + "]" + (fault.empty() ? "" : " fault " + fault));
    body_.clear();
  }
  void garbage(const std::string& why) override {
    why_garbage = why;
    add("garbage");
  }

  std::vector<std::string> all;
  Request last;
  std::string why_garbage;

 private:
  static std::string name_of(Command command) {
    switch (command) {
      case Command::get:
        return "get";
      case Command::put:
        return "put";
      case Command::close:
        return "close";
      case Command::unknown:
        break;
    }
    return "unknown";
  }
  void add(std::string text) { all.push_back(std::move(text)); }

  std::string body_;
};

struct Reading {
  Calls calls;
  RequestReader reader{calls};
};

// In one piece.
std::vector<std::string> whole(const std::string& text) {
  Reading reading;
  reading.reader.feed(text);
  return reading.calls.all;
}

// In one piece, in two that are cut at every byte, and byte by byte: always the same.
std::vector<std::string> calls_of(const std::string& text) {
  std::vector<std::string> wanted = whole(text);
  for (size_t at = 0; at <= text.size(); ++at) {
    Reading reading;
    reading.reader.feed(std::string_view(text).substr(0, at));
    reading.reader.feed(std::string_view(text).substr(at));
    INFO("cut at " << at << " of " << text);
    CHECK(reading.calls.all == wanted);
  }
  Reading reading;
  for (char c : text) reading.reader.feed({&c, 1});
  CHECK(reading.calls.all == wanted);
  return wanted;
}

using List = std::vector<std::string>;

std::string member(const std::string& name, const Id& id) {
  return ",\"" + name + "\":\"" + base64_of(id) + "\"";
}
std::string get(int64_t id) {
  return "{\"ID\":" + std::to_string(id) + ",\"Command\":\"get\"" + member("ActionID", kAction) + "}\n";
}
std::string put(int64_t id, const std::string& rest) {
  return "{\"ID\":" + std::to_string(id) + ",\"Command\":\"put\"" + member("ActionID", kAction) + rest +
         "}\n";
}
std::string sized_put(int64_t id, uint64_t size) {
  return put(id, member("OutputID", kOutput) + ",\"BodySize\":" + std::to_string(size));
}

Request parsed(const std::string& object) {
  Calls calls;
  RequestReader reader(calls);
  reader.feed(object);
  REQUIRE(calls.all.size() == 1);
  REQUIRE(calls.all[0].starts_with("request"));
  return calls.last;
}

std::string fault_of(const std::string& object) { return parsed(object).fault; }

}  // namespace

TEST_CASE("What the go command writes is read, wherever it is cut") {
  CHECK(
      calls_of(get(1) + "\n" + sized_put(2, 5) + "\n\"aGVsbG8=\"\n" + "{\"ID\":3,\"Command\":\"close\"}\n") ==
      List{"request 1 get size 0", "request 2 put size 5", "body [hello]", "request 3 close size 0"});
}

TEST_CASE("White space between values has no meaning, and none is needed") {
  CHECK(calls_of(" \r\n\t" + get(1) + get(2).substr(0, get(2).size() - 1) + sized_put(3, 1) +
                 " \t\r\n \"YQ==\"" + get(4)) == List{"request 1 get size 0", "request 2 get size 0",
                                                      "request 3 put size 1", "body [a]",
                                                      "request 4 get size 0"});
}

TEST_CASE("A put without a body has no body line, whether BodySize is 0 or absent") {
  std::string absent = put(2, member("OutputID", kOutput));
  CHECK(calls_of(sized_put(1, 0) + absent + get(3)) ==
        List{"request 1 put size 0", "request 2 put size 0", "request 3 get size 0"});
}

TEST_CASE("Ids come in any order, and may be anything that is an integer") {
  CHECK(calls_of(get(9) + get(0) + get(-5) + get(INT64_MAX) + get(INT64_MIN)) ==
        List{"request 9 get size 0", "request 0 get size 0", "request -5 get size 0",
             "request 9223372036854775807 get size 0", "request -9223372036854775808 get size 0"});
}

TEST_CASE("The id of an output is its OutputID, or else its ObjectID") {
  CHECK(parsed(put(1, member("OutputID", kOutput))).output == kOutput);
  CHECK(parsed(put(1, member("ObjectID", kOther))).output == kOther);
  CHECK(parsed(put(1, member("ObjectID", kOutput) + member("OutputID", kOutput))).output == kOutput);
  CHECK(parsed(put(1, member("ObjectID", kOther) + member("OutputID", kOutput))).output == kOutput);
  CHECK(parsed(put(1, member("OutputID", kOutput) + member("ObjectID", kOther))).output == kOutput);
  CHECK(parsed(put(1, ",\"OutputID\":null" + member("ObjectID", kOther))).output == kOther);
  CHECK(parsed(put(1, ",\"OutputID\":\"\"" + member("ObjectID", kOther))).output == kOther);
  CHECK(parsed(put(1, member("OutputID", kOutput) + ",\"ObjectID\":null")).fault.empty());
}

TEST_CASE("A put without the id of an output is refused, and so is what has no id of an action") {
  CHECK(fault_of(put(1, "")) == "OutputID is missing");
  CHECK(fault_of(put(1, ",\"OutputID\":null")) == "OutputID is missing");
  CHECK(fault_of(put(1, ",\"OutputID\":\"\",\"ObjectID\":\"\"")) == "OutputID is missing");
  CHECK(fault_of(R"({"ID":1,"Command":"get"})") == "ActionID is missing");
  CHECK(fault_of(R"({"ID":1,"Command":"get","ActionID":null})") == "ActionID is missing");
  CHECK(fault_of(R"({"ID":1,"Command":"put"})") == "ActionID is missing");
}

TEST_CASE("Ids that are no base64 of 32 bytes are refused") {
  CHECK(fault_of(put(1, R"(,"OutputID":"aGVsbG8=")")) == "OutputID must have 32 bytes, not 5");
  CHECK(fault_of(put(1, R"(,"OutputID":"%%%%")")) == "OutputID is not base64");
  CHECK(fault_of(put(1, R"(,"OutputID":7)")) != "");
  CHECK(fault_of(R"({"ID":1,"Command":"get","ActionID":{}})") != "");
  CHECK(fault_of(put(1, member("OutputID", kOutput) + R"(,"ObjectID":"x")")) == "ObjectID is not base64");
}

TEST_CASE("Members that are not known, nested ones too, and escapes change nothing") {
  Request request =
      parsed(R"({"New":{"ID":7,"a":["}",{"b":"\"}{"}]},"I\u0044":4,"Command":"g\u0065t","ActionID":")" +
             base64_of(kAction) + "\"}");
  CHECK(request.id == 4);
  CHECK(request.command == Command::get);
  CHECK(request.action == kAction);
  CHECK(request.fault.empty());
  CHECK(calls_of("{\"x\":\"}\\\\\\\"}{\",\"ID\":4,\"Command\":\"close\"}{\"ID\":5,\"Command\":\"close\"}") ==
        List{"request 4 close size 0", "request 5 close size 0"});
}

TEST_CASE("A command that is not known is told with its id, and its body is passed over") {
  CHECK(calls_of("{\"ID\":1,\"Command\":\"fly\"}" + get(2)) ==
        List{"request 1 unknown size 0 fault unknown command \"fly\"; known are get, put and close",
             "request 2 get size 0"});
  CHECK(calls_of("{\"ID\":1,\"Command\":\"fly\",\"BodySize\":5}\"aGVsbG8=\"" + get(2)) ==
        List{"request 1 unknown size 5 fault unknown command \"fly\"; known are get, put and close",
             "body [hello]", "request 2 get size 0"});
  CHECK(fault_of("{\"ID\":1}") != "");
  CHECK(fault_of("{\"ID\":1,\"Command\":7}") != "");
}

TEST_CASE("The body of a put that is refused is passed over") {
  CHECK(calls_of(put(1, ",\"BodySize\":5") + "\"aGVsbG8=\"\n" + get(2)) ==
        List{"request 1 put size 5 fault OutputID is missing", "body [hello]", "request 2 get size 0"});
}

TEST_CASE("A BodySize that is none is refused") {
  std::string output = member("OutputID", kOutput);
  CHECK(fault_of(put(1, output + ",\"BodySize\":-1")) == "BodySize must not be negative");
  for (const char* wrong : {"1.5", "1e3", "9223372036854775808", "\"5\"", "true", "[1]"}) {
    INFO(wrong);
    Request request = parsed(put(1, output + ",\"BodySize\":" + wrong));
    CHECK_FALSE(request.fault.empty());
    CHECK(request.body_size == 0);
  }
  CHECK(parsed(put(1, output + ",\"BodySize\":9223372036854775807")).body_size == INT64_MAX);
}

TEST_CASE("A body that is not what was promised is told, and the next request is read") {
  auto second = [](const std::string& body) { return calls_of(sized_put(1, 5) + body + "\n" + get(2)); };
  auto wanted = [](const std::string& body) {
    return List{"request 1 put size 5", "body [" + body, "request 2 get size 0"};
  };
  CHECK(second("\"aGVsbA==\"") == wanted("hell] fault the body has 4 bytes, and BodySize is 5"));
  CHECK(second("\"\"") == wanted("] fault the body has 0 bytes, and BodySize is 5"));
  CHECK(second("\"aGVsbG\"") == wanted("hel] fault the body is not base64: it ends too early"));
}

TEST_CASE("A body that is too long, or no base64, is told once, and the next request is read") {
  for (std::string body : {"\"aGVsbG9o\"", "\"aGVsbG9oZWxsbw==\"", "\"aGVs*G8=\"", "\"aGVsbG8=aGVs\"",
                           "\"aGVs\\nbG8=\"", "\"aGVs bG8=\""}) {
    std::string text = sized_put(1, 5) + body + "\n" + get(2);
    for (size_t at = 0; at <= text.size(); ++at) {
      Reading reading;
      reading.reader.feed(std::string_view(text).substr(0, at));
      reading.reader.feed(std::string_view(text).substr(at));
      INFO(body << " cut at " << at);
      REQUIRE(reading.calls.all.size() == 3);
      CHECK(reading.calls.all[1].find("] fault the body ") != std::string::npos);
      CHECK(reading.calls.all[2] == "request 2 get size 0");
    }
  }
}

TEST_CASE("A put whose body does not come is told, and what comes is read") {
  CHECK(calls_of(sized_put(1, 5) + get(2)) == List{"request 1 put size 5",
                                                   "body [] fault the body is missing behind a BodySize of 5",
                                                   "request 2 get size 0"});
  CHECK(calls_of(sized_put(1, 5) + "17\n" + get(2)) ==
        List{"request 1 put size 5", "body [] fault the body is missing behind a BodySize of 5", "garbage",
             "request 2 get size 0"});
}

TEST_CASE("What is no request is garbage, up to the end of its line") {
  for (std::string line :
       {"hello", "17", "[]", "\"text\"", "null", "}", "]{}", "\xff\xfe", "x{\"ID\":1}", "<html>{}", "//"}) {
    INFO(line);
    CHECK(calls_of(line + "\n" + get(2)) == List{"garbage", "request 2 get size 0"});
  }
  CHECK(calls_of(std::string("\0\n", 2) + get(2)) == List{"garbage", "request 2 get size 0"});
}

TEST_CASE("An object that is no JSON, or has no ID, is garbage, and what follows is read") {
  for (std::string object :
       {"{}", "{x}", "{\"ID\"}", "{\"ID\":}", "{\"Command\":\"get\"}", "{{}}", "{\"a\":[}", "{\"ID\":1,}",
        "{\"ID\":01}", "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}"}) {
    INFO(object);
    CHECK(calls_of(object + get(2)) == List{"garbage", "request 2 get size 0"});
  }
  CHECK(calls_of("{\"id\":1,\"Command\":\"close\"}" + get(2)) == List{"garbage", "request 2 get size 0"});
}

TEST_CASE("An ID that is no integer is refused with the id 0") {
  for (const char* wrong : {"\"1\"", "1.5", "null", "9223372036854775808"}) {
    Request request = parsed(std::string("{\"ID\":") + wrong + ",\"Command\":\"close\"}");
    CHECK(request.id == 0);
    CHECK_FALSE(request.fault.empty());
  }
}

TEST_CASE("An object of 64 KiB is read, and one of a byte more is garbage, wherever it is cut") {
  constexpr size_t kMost = size_t{64} << 10U;
  auto object = [](size_t bytes) {
    std::string text = R"({"ID":1,"Command":"close","x":")";
    text.append(bytes - text.size() - 2, 'x');
    return text + "\"}";
  };
  REQUIRE(object(kMost).size() == kMost);
  for (size_t piece : {size_t{1}, size_t{1000}, kMost - 1, kMost, kMost + 1, size_t{1} << 20U}) {
    Reading reading;
    std::string text = object(kMost) + object(kMost + 1) + "\n" + get(2);
    for (size_t at = 0; at < text.size(); at += piece)
      reading.reader.feed(std::string_view(text).substr(at, piece));
    CHECK(reading.calls.all == List{"request 1 close size 0", "garbage", "request 2 get size 0"});
  }
}

TEST_CASE("An object that is too long is passed over as far as its line, wherever it is cut") {
  std::string text = "{\"x\":\"" + std::string(size_t{70} << 10U, 'x') + "\n" + get(1) + "\"}\n" + get(2);
  std::vector<std::string> wanted = whole(text);
  CHECK(wanted == List{"garbage", "request 1 get size 0", "garbage", "request 2 get size 0"});
  for (size_t piece : {size_t{1}, size_t{777}, size_t{65536}, size_t{65537}}) {
    Reading reading;
    for (size_t at = 0; at < text.size(); at += piece)
      reading.reader.feed(std::string_view(text).substr(at, piece));
    CHECK(reading.calls.all == wanted);
  }
}

TEST_CASE("Brackets that are never closed hold no more than the limit") {
  Reading reading;
  std::string brackets(size_t{1} << 16U, '{');
  for (int i = 0; i < 64; ++i) reading.reader.feed(brackets);
  CHECK(reading.calls.all == List{"garbage"});
  reading.reader.feed("\n" + get(2));
  CHECK(reading.calls.all == List{"garbage", "request 2 get size 0"});
}

TEST_CASE("A body is handed on as it comes") {
  Reading reading;
  reading.reader.feed(sized_put(1, 6) + "\"aGVs");
  CHECK(reading.reader.is_within());
  reading.reader.feed("bG8h");
  reading.reader.feed("\"");
  CHECK(reading.calls.all == List{"request 1 put size 6", "body [hello!]"});
  CHECK_FALSE(reading.reader.is_within());
}

TEST_CASE("Whether the end comes within something is known") {
  auto is_within = [](const std::string& text) {
    Reading reading;
    reading.reader.feed(text);
    return reading.reader.is_within();
  };
  CHECK_FALSE(is_within(""));
  CHECK_FALSE(is_within(get(1) + "\n\n"));
  CHECK_FALSE(is_within(sized_put(1, 0)));
  CHECK(is_within("{"));
  CHECK(is_within(get(1) + "{\"ID\""));
  CHECK(is_within(sized_put(1, 5)));
  CHECK(is_within(sized_put(1, 5) + "\n\""));
  CHECK(is_within("what"));
  CHECK_FALSE(is_within(sized_put(1, 5) + "\"aGVsbG8=\""));
}
