// Frames that nobody means well with, against the real daemon: odd pieces, odd bytes, depth, numbers, members
// that stand twice, and text that tries to forge the log.
//
// One of each kind stands in framing_test.cpp; here are the tables. What a value of JSON is, is judged case
// by case in tests/unit/protocol/json_suite.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"
#include "tests/integration/golden.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::test;
using namespace std::string_literals;

namespace {

std::string repeated(const std::string& text, size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string event_with(const std::string& payload) {
  return R"({"type":"event","event_type":"x","payload":)" + payload + "}";
}

std::string arrived(uint64_t seq, const std::string& payload) {
  return R"({"type":"event","event_type":"x","seq":)" + std::to_string(seq) + R"(,"payload":)" + payload +
         "}";
}

// A hub with a consumer of everything and a publisher; a fault of the publisher is answered, and ends
// nothing.
struct Bench {
  HubProcess hub;
  RawClient consumer{hub.socket()};
  RawClient client{hub.socket()};
  uint64_t seq = 0;

  explicit Bench(const std::vector<std::string>& arguments = {}) : hub(arguments) {
    consumer.hello("k", {"*"});
    taken("0");
  }

  void taken(const std::string& payload) {
    client.send_line(event_with(payload));
    if (consumer.read_line() != arrived(++seq, payload))
      FAIL("not forwarded as it came: " << payload.substr(0, 200));
  }
  void refused(const std::string& line, const std::string& code) {
    client.send_line(line);
    std::string answer = client.read_line();
    if (!answer.starts_with(error(code)))
      FAIL(printable(line) << " is answered by " << answer << ", not by " << code);
  }
  // As the first frame of a connection, which it ends.
  void refused_at_first(const std::string& line, const std::string& code) const {
    RawClient stranger(hub.socket());
    stranger.send_line(line);
    auto lines = stranger.expect_end();
    if (lines.size() != 1 || !lines[0].starts_with(error(code)))
      FAIL(printable(line) << " is answered by " << (lines.empty() ? "nothing" : lines[0]) << ", not by "
                           << code);
  }
};

// `line` with its one @ replaced.
std::string at_mark(const std::string& line, const std::string& text) {
  size_t mark = line.find('@');
  return line.substr(0, mark) + text + line.substr(mark + 1);
}

}  // namespace

// ---- pieces

TEST_CASE("Frames that are cut and joined at every offset are the same frames", "[pieces]") {
  Bench bench;
  RawClient probe(bench.hub.socket());
  probe.hello("probe");
  const std::string first = R"(["\u00e9\n", {"a":"}{"}, "ü€😀"])";
  const std::string stream = event_with(first) + "\r\n\n" + event_with("-1.50e+3") + "\n" + kCheck + "\n";
  auto answered = [&] {
    bench.consumer.expect_line(arrived(++bench.seq, first));
    bench.consumer.expect_line(arrived(++bench.seq, "-1.50e+3"));
    bench.client.expect_line(R"({"type":"pre_shutdown_ack","last_for_key":false})");
  };
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    std::string head = stream.substr(0, cut);
    std::string tail = stream.substr(cut);
    // When the probe is answered, the hub has read what was sent before.
    bench.client.send(head);
    probe.round_trip();
    bench.client.send(tail + head);
    probe.round_trip();
    bench.client.send(tail);
    answered();
    answered();
  }
}

TEST_CASE("A conversation may come one byte at a time, each in a read of its own", "[pieces]") {
  HubProcess hub;
  RawClient probe(hub.socket());
  probe.hello("probe");
  RawClient client(hub.socket());
  std::string text =
      "\n" + hello_line("k", {"x"}) + "\r\n" + event_with("\"ü😀\\u00e9\"") + "\n{\n" + kBye + "\n";
  for (char c : text) {
    client.send(std::string(1, c));
    probe.round_trip();
  }
  client.expect_line(kFirst);
  client.expect_line(arrived(1, "\"ü😀\\u00e9\""));
  client.expect_line_with(error("bad_json"));
  client.expect_eof();
}

TEST_CASE("64 KiB of empty lines are nothing, before the first frame and after it", "[pieces]") {
  HubProcess hub;
  for (const std::string& empty : {"\n"s, "\r\n"s, " \t\r\n"s}) {
    std::string lines = repeated(empty, 65536 / empty.size());
    RawClient client(hub.socket());
    client.send(lines + hello_line("k", {"x"}) + "\n" + lines + kEvent + "\n" + lines + "{\n");
    client.read_as<HelloAck>();
    auto rest = std::vector{client.read_line(), client.read_line()};
    std::sort(rest.begin(), rest.end());  // a reply may overtake an event
    CHECK(rest[0].find(",\"frame\":3}") != std::string::npos);
    CHECK(rest[1] == arrived(1, "null"));
  }
  CHECK(hub.status().events.refused == 3);
}

TEST_CASE("The cap holds for lines of spaces and for a first frame, LF included", "[pieces]") {
  Bench bench;
  std::string spaces(kMaxFrameBytes - 1, ' ');
  bench.client.send_line(spaces);
  bench.taken("1");
  RawClient newcomer(bench.hub.socket());
  std::string hello = hello_line("k", {"x"});
  newcomer.send_line(hello + spaces.substr(hello.size()));
  newcomer.read_as<HelloAck>();
  bench.refused_at_first(hello + spaces.substr(hello.size()) + " ", "frame_too_large");
  bench.refused_at_first(spaces + " ", "frame_too_large");
  bench.refused_at_first(std::string(10 * kMaxFrameBytes, '{'), "frame_too_large");
  bench.client.send_line(spaces + " ");
  auto lines = bench.client.expect_end();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with(error("frame_too_large")));
}

TEST_CASE("Nothing that comes after bye is looked at, whatever it is", "[pieces]") {
  HubProcess hub;
  for (const std::string& rest : {kEvent + "\n" + kEvent, R"({"type":"shutdown"})"s, "{"s, "\xff\0\n\n"s,
                                  std::string(2 * kMaxFrameBytes, 'x'), hello_line("other", {"x"})}) {
    RawClient client(hub.socket());
    client.send(kEvent + "\n" + kBye + "\n" + rest + "\n");
    client.expect_eof();
  }
  StatusResponse status = hub.status();
  CHECK(status.events.published == 6);
  CHECK(status.events.refused == 0);
  CHECK(status.active_conns == 0);
}

TEST_CASE("Of 10 000 frames in one write each is taken or answered, in order", "[pieces]") {
  HubProcess hub({"--queue-frames", "20000"});
  RawClient consumer(hub.socket());
  consumer.hello("k", {"x"});
  RawClient source(hub.socket());
  std::string all;
  for (int n = 1; n <= 10'000; ++n) all += (n % 10 == 0 ? "{\"n\":" : event_with(std::to_string(n))) + "\n";
  source.send(all + kBye + "\n");
  uint64_t seq = 0;
  for (int n = 1; n <= 10'000; ++n) {
    if (n % 10 != 0) {
      REQUIRE(consumer.read_line() == arrived(++seq, std::to_string(n)));
      continue;
    }
    std::string answer = source.expect_line_with(error("bad_json"));
    REQUIRE(answer.ends_with(",\"frame\":" + std::to_string(n) + "}"));
  }
  source.expect_eof();
}

TEST_CASE("Whoever sends faults without end and reads no answer is closed, and that is all", "[pieces]") {
  Bench bench;
  std::string faults = repeated("{\n", 100'000);
  bench.client.send(faults);
  StatusResponse status =
      bench.hub.wait_for_status([](const StatusResponse& s) { return s.connections.unread == 1; });
  bench.client.expect_end();
  CHECK(status.events.refused < 100'000);
  RawClient next(bench.hub.socket());
  next.send_line(event_with("1"));
  bench.consumer.expect_line(arrived(2, "1"));
  next.close();
  bench.consumer.close();
  bench.hub.expect_no_descriptor_leak();
}

// ---- bytes

TEST_CASE("Bytes that are no UTF-8 or no text are bad_json wherever they stand", "[bytes]") {
  Bench bench;
  const std::vector<std::string> bytes = {"\x80"s,
                                          "\xbf"s,
                                          "\xc3"s,
                                          "\xe2\x82"s,
                                          "\xf0\x9f\x98"s,  // what lacks its beginning or its end
                                          "\xc0\x80"s,
                                          "\xc0\xaf"s,
                                          "\xc1\xbf"s,
                                          "\xe0\x80\xaf"s,
                                          "\xe0\x9f\xbf"s,
                                          "\xf0\x80\x80\xaf"s,
                                          "\xf0\x8f\xbf\xbf"s,  // longer than need be
                                          "\xed\xa0\x80"s,
                                          "\xed\xbf\xbf"s,
                                          "\xed\xa0\xbd\xed\xb8\x80"s,  // halves of surrogate pairs
                                          "\xf4\x90\x80\x80"s,
                                          "\xf5\x80\x80\x80"s,
                                          "\xf8\x88\x80\x80\x80"s,  // beyond Unicode
                                          "\xfe"s,
                                          "\xff"s,
                                          "\0"s,
                                          "\x01"s,
                                          "\x1f"s,
                                          "\t"s,
                                          "\r"s,
                                          "\b"s,
                                          "\x1b[2J"s,  // control characters
                                          "\\"s,
                                          "\\x41"s,
                                          "\\u12"s,
                                          "\\u00g0"s,
                                          "\\\0"s};  // escapes that are none
  const std::vector<std::string> lines = {
      R"({"type":"event","event_type":"x","payload":"@"})",
      R"({"type":"event","event_type":"x","payload":{"a":["@"]}})",
      R"({"type":"event","event_type":"x","payload":{"@":1}})",
      R"({"type":"event","event_type":"@"})",
      R"({"type":"event","event_type":"x","event_id":"@"})",
      R"({"type":"event","event_type":"x","trace":"@","payload":1})",
      R"({"type":"event","event_type":"x","@":1,"payload":1})",
      R"({"type":"@","event_type":"x"})",
      R"({"type":"source_status","source":"s","state":"connected","detail":"@"})",
      R"({"type":"hello","pid":1,"event_key":"@","event_types":[],"version":"v1"})"};
  size_t pad = 0;
  for (const std::string& line : lines) {
    for (const std::string& byte : bytes) {
      // The scanner looks at 64 bytes at a time: at every place of such a block, and across two.
      pad = (pad + 7) % 67;
      bench.refused(at_mark(line, std::string(pad, 'a') + byte), "bad_json");
      bench.refused(at_mark(line, std::string(pad, 'a') + byte + "z"), "bad_json");
    }
  }
  bench.taken("\"" + std::string("\x7f\xc2\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf") + "\"");
}

TEST_CASE("Bytes around a frame are spaces, tabs and CR, or the line is bad_json", "[bytes]") {
  Bench bench;
  for (const std::string& odd : {"\xef\xbb\xbf"s, "\0"s, "\v"s, "\f"s, "\xc2\xa0"s, "\xe2\x80\xa8"s,
                                 "\x1b[2J"s, ","s, "{}"s, "//"s, "#"s, "}"s, "\x04"s}) {
    bench.refused(odd + kEvent, "bad_json");
    bench.refused(kEvent + odd, "bad_json");
    bench.refused("{" + odd + kEvent.substr(1), "bad_json");
    bench.refused_at_first(odd + kEvent, "bad_json");
  }
  bench.refused(kBye + "\r" + kBye, "bad_json");  // CR ends no line
  std::string utf16;
  for (char c : kEvent) utf16 += {c, '\0'};
  bench.refused(utf16, "bad_json");
  bench.refused("\xff\xfe" + utf16, "bad_json");
  bench.client.send_line("\t\r { \"type\"\r:\t\"event\" ,\r\"event_type\":\"x\" } \r\r");
  bench.consumer.expect_line(arrived(++bench.seq, "null"));
}

TEST_CASE("Half a surrogate pair is bad_frame in the protocol's own text, and passes in the source's",
          "[bytes]") {
  Bench bench;
  for (const char* half : {R"(\ud800)", R"(\uDBFF)", R"(\udc00)", R"(\ud800\ud800)", R"(\ude00\ud83d)",
                           R"(\ud83dx)", R"(\ud83d\n)"}) {
    for (const char* line :
         {R"({"type":"event","event_type":"@"})", R"({"type":"event","event_type":"x","event_id":"@"})",
          R"({"type":"event","event_type":"x","source_time":"@"})",
          R"({"type":"source_status","source":"@","state":"connected"})",
          R"({"type":"source_status","source":"s","state":"connected","detail":"@"})",
          R"({"type":"hello","pid":1,"event_key":"@","event_types":[],"version":"v1"})",
          R"({"type":"hello","pid":1,"event_key":"k","event_types":["@"],"version":"v1"})",
          R"({"type":"hello","pid":1,"event_key":"k","event_types":[],"version":"v1","subscription_id":"@"})",
          R"({"type":"pre_shutdown_check","event_key":"@"})"}) {
      bench.refused(at_mark(line, half), "bad_frame");
    }
    bench.taken("\"" + std::string(half) + "\"");
    bench.taken("{\"" + std::string(half) + "\":0}");
    bench.client.send_line(at_mark(R"({"type":"event","event_type":"x","trace":"@"})", half));
    bench.consumer.expect_line(R"({"type":"event","event_type":"x","seq":)" + std::to_string(++bench.seq) +
                               R"(,"trace":")" + half + R"(","payload":null})");
  }
  bench.client.send_line(R"({"type":"event","event_type":"\ud83d\ude00"})");
  bench.consumer.expect_line_with(R"("event_type":"\ud83d\ude00")");
}

TEST_CASE("A control character in an identifier is bad_frame, as an escape and as DEL", "[bytes]") {
  Bench bench;
  for (const char* text : {R"(a\nb)", R"(\r)", R"(\u0000)", R"(\u001b[31m)", R"(\u007f)", "\x7f", R"(\t)"}) {
    for (
        const char* line :
        {R"({"type":"event","event_type":"@"})",
         R"({"type":"source_status","source":"@","state":"connected"})",
         R"({"type":"hello","pid":1,"event_key":"@","event_types":[],"version":"v1"})",
         R"({"type":"hello","pid":1,"event_key":"k","event_types":["@"],"version":"v1"})",
         R"({"type":"hello","pid":1,"event_key":"k","event_types":[],"version":"v1","subscription_id":"@"})",
         R"({"type":"hello","pid":1,"event_key":"","event_types":[],"version":"v1","role":"source","source":"@"})",
         R"({"type":"hello","pid":1,"event_key":"k","event_types":[],"version":"v1","capabilities":["@"]})",
         R"({"type":"pre_shutdown_check","event_key":"@"})"}) {
      bench.refused(at_mark(line, text), "bad_frame");
      bench.refused_at_first(at_mark(line, text), "bad_frame");
    }
  }
}

// ---- depth and numbers

TEST_CASE("Nesting of 512 levels passes, of 513 and of 500 000 is bad_json, in whatever stands open",
          "[depth]") {
  Bench bench;
  struct Kind {
    std::string open, close;
    size_t levels;  // per piece
  };
  for (const Kind& kind : {Kind{"[", "]", 1}, Kind{R"({"a":)", "}", 1}, Kind{R"([{"a":)", "}]", 2}}) {
    auto nested = [&](size_t levels) {
      return repeated(kind.open, levels / kind.levels) + "0" + repeated(kind.close, levels / kind.levels);
    };
    // The frame itself is the first level; where pieces have two, the even number below.
    for (size_t levels : {size_t{127}, size_t{128}, size_t{511}}) bench.taken(nested(levels));
    std::string too_deep = kind.levels == 1 ? nested(512) : nested(512).insert(0, "[") + "]";
    for (const std::string& value :
         {too_deep, repeated(kind.open, (kMaxFrameBytes - 200) / kind.open.size()),
          nested((kMaxFrameBytes - 200) / (kind.open.size() + kind.close.size()))}) {
      bench.refused(event_with(value), "bad_json");
      bench.refused(R"({"type":"event","event_type":"x","trace":)" + value + "}", "bad_json");
      bench.refused(R"({"type":"pre_shutdown_check","event_key":"k","x":)" + value + "}", "bad_json");
      bench.refused_at_first("[" + value + "]", "bad_json");
    }
    bench.client.send_line(R"({"type":"pre_shutdown_check","event_key":"k","x":)" + nested(511) + "}");
    bench.client.read_as<PreShutdownAck>();
  }
  for (const char* brackets : {"[", "{", "]", "[{", "[[]"}) {
    bench.refused(repeated(brackets, 500'000 / std::string(brackets).size()), "bad_json");
  }
  bench.taken("\"still there\"");
}

TEST_CASE("Numbers of 10 000 digits pass as payload, and are out of range where the protocol counts",
          "[numbers]") {
  Bench bench;
  std::string digits(10'000, '9');
  for (const std::string& number : {digits, "-" + digits, "0." + digits, digits + "." + digits, "1e" + digits,
                                    "1E-" + digits, "-0." + std::string(10'000, '0') + "e+" + digits}) {
    bench.taken(number);
    bench.taken("[" + number + "]");
  }
  for (const std::string& none : {"0" + digits, std::string(10'000, '0'), "-" + std::string(10'000, '0'),
                                  "+" + digits, "." + digits, digits + ".", digits + "e", "--" + digits,
                                  digits + "." + digits + "." + digits, "0x" + digits, digits + "n"}) {
    bench.refused(event_with(none), "bad_json");
  }
  for (const std::string& number : {digits, "-" + digits, "18446744073709551616"s, "-1"s, "1." + digits}) {
    bench.refused(R"({"type":"event","event_type":"x","seq":)" + number + "}", "bad_frame");
    bench.refused_at_first(R"({"type":"event","event_type":"x","seq":)" + number + "}", "bad_frame");
  }
  for (const std::string& number : {digits, "-" + digits, "9223372036854775808"s, "1e3"s, "0." + digits}) {
    bench.refused_at_first(
        R"({"type":"hello","pid":)" + number + R"(,"event_key":"k","event_types":[],"version":"v1"})",
        "bad_frame");
  }
  bench.client.send_line(R"({"type":"event","event_type":"x","seq":18446744073709551615})");
  bench.consumer.expect_line(arrived(++bench.seq, "null"));
}

// ---- members

TEST_CASE("Every member that a frame's type defines is bad_frame when it stands twice", "[members]") {
  Bench bench;
  struct Frame {
    std::string head;
    std::vector<std::string> members;
  };
  for (const Frame& frame :
       {Frame{R"({"type":"event","event_type":"x")",
              {R"("type":"event")", R"("event_type":"x")", R"("event_id":"i")", R"("source_time":"1")",
               R"("seq":1)", R"("payload":1)"}},
        Frame{R"({"type":"source_status","source":"s","state":"connected")",
              {R"("type":"source_status")", R"("source":"s")", R"("state":"connected")", R"("detail":"d")"}},
        Frame{R"({"type":"hello","pid":1,"event_key":"k","event_types":["x"],"version":"v1")",
              {R"("type":"hello")", R"("pid":1)", R"("event_key":"k")", R"("event_types":["x"])",
               R"("version":"v1")", R"("subscription_id":"s")", R"("role":"consumer")", R"("source":"s")",
               R"("exclusive":false)", R"("capabilities":[])"}},
        Frame{R"({"type":"pre_shutdown_check","event_key":"k")",
              {R"("type":"pre_shutdown_check")", R"("event_key":"k")", R"("subscription_id":"s")"}}}) {
    for (const std::string& member : frame.members) {
      bool there = frame.head.find(member.substr(0, member.find(':') + 1)) != std::string::npos;
      std::string once = frame.head + (there ? "" : "," + member);
      size_t colon = member.find(':');
      // Written otherwise, and as null, it is the same member.
      std::string escaped = "\"\\u00" + std::string(1, "0123456789abcdef"[(member[1] >> 4) & 15]) +
                            std::string(1, "0123456789abcdef"[member[1] & 15]) + member.substr(2);
      for (const std::string& again : {member, escaped, member.substr(0, colon) + ":null"}) {
        bench.refused(once + "," + again + "}", "bad_frame");
        bench.refused(once + "," + again + R"(,"x":[]})", "bad_frame");
      }
    }
  }
  // Of others' members, and of what the protocol does not know, each is forwarded.
  bench.client.send_line(
      R"({"type":"event","pid":1,"x":1,"pid":2,"event_type":"x","x":{"type":1,"type":2}})");
  bench.consumer.expect_line(R"({"type":"event","event_type":"x","seq":)" + std::to_string(++bench.seq) +
                             R"(,"pid":1,"x":1,"pid":2,"x":{"type":1,"type":2},"payload":null})");
}

TEST_CASE("A hello at its limits is taken, and above any one of them bad_frame", "[members]") {
  Bench bench;
  auto list = [](size_t entries, size_t bytes, bool equal) {
    std::string out;
    for (size_t i = 0; i < entries; ++i) {
      std::string number = equal ? "0" : std::to_string(i);
      out += (i == 0 ? "\"" : ",\"") + number + std::string(bytes - number.size(), 't') + "\"";
    }
    return "[" + out + "]";
  };
  auto hello = [](const std::string& key, const std::string& types, const std::string& capabilities) {
    return R"({"type":"hello","pid":1,"event_key":")" + key + R"(","event_types":)" + types +
           R"(,"version":"v1","capabilities":)" + capabilities + "}";
  };
  std::string key(kMaxIdentifierBytes, 'k');
  for (bool equal : {false, true}) {
    RawClient client(bench.hub.socket());
    client.send_line(hello(key + "", list(kMaxEventTypes, kMaxIdentifierBytes, equal), list(64, 255, equal)));
    client.read_as<HelloAck>();
    client.close();
    bench.refused_at_first(hello("k", list(kMaxEventTypes + 1, 5, equal), "[]"), "bad_frame");
    bench.refused_at_first(hello("k", "[]", list(kMaxCapabilities + 1, 5, equal)), "bad_frame");
  }
  bench.refused_at_first(hello(key + "k", "[]", "[]"), "bad_frame");
  bench.refused_at_first(hello("k", list(1, kMaxIdentifierBytes + 1, false), "[]"), "bad_frame");
  bench.refused_at_first(hello("k", "[[\"x\"]]", "[]"), "bad_frame");
  bench.refused_at_first(hello("k", "[\"x\",null]", "[]"), "bad_frame");
  bench.refused_at_first(hello("k", "{\"x\":1}", "[]"), "bad_frame");
  bench.refused_at_first(hello("k", "\"x\"", "[]"), "bad_frame");
  // 255 bytes count after decoding: as escapes they are six times as long on the wire.
  RawClient escaped(bench.hub.socket());
  escaped.send_line(hello(repeated("\\u006b", kMaxIdentifierBytes), "[]", "[]"));
  escaped.read_as<HelloAck>();
  bench.refused_at_first(hello(repeated("\\u006b", kMaxIdentifierBytes + 1), "[]", "[]"), "bad_frame");
}

// ---- the log

namespace {

// What of a line is not as the log's own: level=L msg="…" and then key=number or key="…", printable, valid
// UTF-8.
std::string log_fault(const std::string& line) {
  if (line.size() > 4000) return "is too long";
  if (!is_utf8(line)) return "is no UTF-8";
  for (size_t i = 0; i < line.size(); ++i) {
    auto c = static_cast<unsigned char>(line[i]);
    if (c < 0x20 || c == 0x7f) return "holds a control character";
    if (c == 0xc2 && static_cast<unsigned char>(line[i + 1]) < 0xa0) return "holds a C1 control character";
  }
  std::string_view rest = line;
  if (rest.starts_with("time=")) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
  std::string keys;
  while (!rest.empty()) {
    size_t equals = rest.find('=');
    if (equals == std::string_view::npos ||
        rest.substr(0, equals).find_first_of(" \"") != std::string_view::npos)
      return "has something that is no key: " + std::string(rest);
    keys += std::string(rest.substr(0, equals)) + " ";
    rest.remove_prefix(equals + 1);
    size_t end = 0;
    if (rest.starts_with('"')) {
      for (end = 1; end < rest.size() && rest[end] != '"'; ++end) end += rest[end] == '\\' ? 1U : 0U;
      if (end >= rest.size()) return "has a text without an end";
      ++end;
    } else {
      end = std::min(rest.find(' '), rest.size());
    }
    if (end < rest.size() && rest[end] != ' ') return "goes on after a text: " + std::string(rest);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return keys.starts_with("level msg ") ? "" : "begins with " + keys;
}

// All that may come into a log by the wire, of texts that would forge a line or reach a terminal.
void provoke_the_log(const HubProcess& hub) {
  // What an identifier may hold: quotes, backslashes, C1 control characters, text like the log's own.
  const std::string evil = R"(\" level=error msg=\"forged\\)"
                           "\xc2\x85\xc2\x9b[2J\xe2\x80\xa8\xe2\x80\xae";
  const std::string longest = repeated("\xf0\x9f\x98\x80", 63) + "\xc2\x9b";
  for (const std::string& text : {evil, longest, "\\\\n"s, "%s%n"s}) {
    auto hello = [&](const std::string& more) {
      return R"({"type":"hello","pid":42,"event_key":")" + text + R"(","event_types":[")" + text +
             R"("],"version":"v1")" + more + "}";
    };
    RawClient alone(hub.socket());
    alone.send_line(hello(R"(,"exclusive":true)"));
    CHECK(alone.read_as<HelloAck>().first_for_key);
    RawClient rejected(hub.socket());
    rejected.send_line(hello(""));
    CHECK(rejected.read_as<HelloAck>().rejected);
    RawClient source(hub.socket());
    source.send_line(R"({"type":"hello","pid":1,"role":"source","source":")" + text + "\"}");
    source.read_as<HelloAck>();
    source.send_line(kBye);
    source.expect_eof();
    // Its scope's lock is held until the hub ends that.
    alone.send_line(R"({"type":"pre_shutdown_check","event_key":")" + text + "\"}");
    auto lines = alone.expect_end();
    CHECK(std::count(lines.begin(), lines.end(), R"({"type":"pre_shutdown_ack","last_for_key":true})") == 1);
  }
  for (const std::string& line :
       {R"({"type":"a\nlevel=error msg=\"forged\"\u001b[31m\u0000\u009b"})"s,
        R"({"type":")" + repeated(R"(\n)", 100'000) + "\"}", "{\"type\":\"\x7f\xc2\x9b\xe2\x80\xa8\"}"s,
        R"({"type":"event","event_type":"\nlevel=error msg=\"forged\""})"s, "level=error msg=\"forged\""s,
        "\x1b]0;forged\x07"s, "\xff\xfe\0\0"s, std::string(200'000, '['),
        R"({"type":"source_status","source":"s","state":"\nlevel=error msg=\"forged\""})"s,
        R"({"type":"hello","event_key":"k","role":"\nlevel=error"})"s,
        R"({"type":"event","event_type":"x","event_id":"\nlevel=error msg=\"forged\"","seq":"\n"})"s}) {
    RawClient client(hub.socket());
    client.send_line(line);
    client.expect_line_with(R"({"type":"error",)");
    client.expect_eof();
  }
}

}  // namespace

TEST_CASE("Whatever clients say, the log at level debug has one whole line for each thing that happens",
          "[log]") {
  TempDir directory;
  bool to_file = GENERATE(false, true);
  CAPTURE(to_file);
  std::vector<std::string> arguments = {"--log-level", "debug", "--cleanup-timeout", "20ms"};
  if (to_file) arguments.insert(arguments.end(), {"--log-file", directory.file("bus.log")});
  HubProcess hub(directory, arguments);
  provoke_the_log(hub);
  hub.stop();
  std::string log = hub.log();
  if (to_file) {
    CHECK(log.empty());
    auto written = read_file(directory.file("bus.log"), 1 << 24);
    REQUIRE(written);
    log = *written;
  }
  REQUIRE(log.ends_with('\n'));
  std::set<std::string> kinds;
  size_t lines = 0;
  for (size_t start = 0, end = 0; (end = log.find('\n', start)) != std::string::npos; start = end + 1) {
    std::string line = log.substr(start, end - start);
    INFO(printable(line, 4000));
    CHECK(log_fault(line) == "");
    CHECK(line.starts_with("time=") == to_file);
    size_t message = line.find("msg=\"") + 5;
    kinds.insert(line.substr(message, line.find('"', message) - message));
    ++lines;
  }
  CHECK(kinds == std::set<std::string>{"serving", "joined", "left", "connection refused", "bad frame",
                                       "clean-up took too long", "stopping", "stopped"});
  // serving, stopping, stopped; of four texts: two who join and leave, one refused, one closed; eleven
  // faults.
  CHECK(lines == 3 + 4 * 7 + 11);
}
