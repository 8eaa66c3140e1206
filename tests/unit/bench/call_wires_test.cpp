#include <memory>

#include "tests/bench/busd_calls.h"
#include "tests/bench/dbus_calls.h"
#include "tests/bench/dbus_wire.h"
#include "tests/bench/nats_calls.h"
#include "tests/support/catch.h"

using namespace std::string_literals;
using namespace bus::bench;

namespace {

// What a parser made of a stream, one line for each request and reply, and "no" where it gave up.
class Heard final : public CallSink {
 public:
  void request(std::string_view reply_to, std::string_view args) override {
    requests.emplace_back(reply_to);
    text += "request " + std::string(args) + "\n";
  }
  void reply(uint64_t number, std::string_view result) override {
    text += "reply " + std::to_string(number) + " " + std::string(result) + "\n";
  }

  std::vector<std::string> requests;  // how to answer them
  std::string text;
};

Heard hear(CallWire& wire, const std::vector<std::string_view>& pieces) {
  Heard heard;
  std::unique_ptr<CallParser> parser = wire.make_call_parser();
  for (std::string_view piece : pieces) {
    std::vector<char> own(piece.begin(), piece.end());
    if (parser->take({own.data(), own.size()}, heard)) continue;
    heard.text += "no";
    break;
  }
  return heard;
}

// However the stream is split, it says the same.
Heard hear(CallWire& wire, const std::string& bytes) {
  Heard whole = hear(wire, std::vector<std::string_view>{bytes});
  std::string_view all = bytes;
  for (size_t at = 0; at < bytes.size(); ++at) {
    INFO("cut at " << at);
    CHECK(hear(wire, {all.substr(0, at), all.substr(at)}).text == whole.text);
  }
  return whole;
}

}  // namespace

TEST_CASE("A call of busd is a request with a deadline, and a response") {
  busd::Calls wire;
  std::string out;
  wire.append_request(out, 0, 17, 0, R"({"n":1})");
  CHECK(out == R"({"type":"request","id":"17","task":"bench.echo","timeout_ms":30000,"args":{"n":1}})"
               "\n");

  Heard heard = hear(
      wire,
      R"({"type":"request","id":"a.1.9","task":"bench.echo","timeout_ms":7,"from":{"pid":1},"args":{"n":1}})"
      "\n"
      R"({"type":"response","id":"17","result":{"n":2}})"
      "\n");
  CHECK(heard.text == "request {\"n\":1}\nreply 17 {\"n\":2}\n");
  std::string reply;
  wire.append_reply(reply, heard.requests[0], 1, "null");
  CHECK(reply == R"({"type":"response","id":"a.1.9","result":null})"
                 "\n");
  CHECK(hear(wire, R"({"type":"response","id":"17","error":{"code":"busy","message":"x","by":"hub"}})"
                   "\n")
            .text == "no");
}

TEST_CASE("A call of NATS is answered to the caller's inbox, where its number stands") {
  nats::Calls wire;
  std::string out;
  wire.append_request(out, 3, 17, 0, "{}");
  CHECK(out == "PUB bench.echo _INBOX.benchbenchxx0000000003.17 2\r\n{}\r\n");

  Heard heard = hear(wire,
                     "MSG bench.echo 1 _INBOX.b.17 2\r\n{}\r\n"
                     "PING\r\n"
                     "MSG _INBOX.b.17 1 3\r\n[1]\r\n");
  CHECK(heard.text == "request {}\nreply 17 [1]\n");
  std::string reply;
  wire.append_reply(reply, heard.requests[0], 1, "[1]");
  CHECK(reply == "PUB _INBOX.b.17 3\r\n[1]\r\n");
  CHECK(hear(wire, "-ERR 'no'\r\n").text == "no");
}

TEST_CASE("A call of D-Bus names its provider, and its reply the caller") {
  dbus::Calls wire;
  std::string call;
  wire.append_request(call, 0, 17, 2, "{}");
  CHECK(call.size() == dbus::needed_bytes(call));
  CHECK(call.find("\x06\x01s\0\x08\0\0\0bench.P2\0"s) != std::string::npos);
  CHECK(hear(wire, call).text == "request {}\n");

  // The serial of the call, and the name of its sender, which the bus writes into it.
  std::string reply;
  wire.append_reply(reply, "\x12\0\0\0:1.7"s, 1, "[1]");
  CHECK(reply.find("\x05\x01u\0\x12\0\0\0"s) != std::string::npos);
  CHECK(reply.find("\x06\x01s\0\x04\0\0\0:1.7\0"s) != std::string::npos);
  CHECK(hear(wire, reply + reply).text == "reply 17 [1]\nreply 17 [1]\n");
}
