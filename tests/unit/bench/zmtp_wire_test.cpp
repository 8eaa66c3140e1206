#include "tests/bench/zmtp_wire.h"

#include "tests/support/catch.h"
#include "tests/unit/bench/pieces.h"

using namespace std::string_literals;
using bus::bench::parse_however_split;
using bus::bench::parse_pieces;
using bus::bench::Payloads;
namespace zmtp = bus::bench::zmtp;

namespace {

std::string message(const std::string& topic, const std::string& payload) {
  std::string out;
  zmtp::append_message(out, topic, payload);
  return out;
}

}  // namespace

TEST_CASE("A ZMTP greeting offers version 3.0 and no security") {
  std::string greeting = zmtp::greeting();
  CHECK(greeting.size() == zmtp::kGreetingBytes);
  CHECK(greeting.substr(0, 12) == "\xff\0\0\0\0\0\0\0\0\x7f\x03\0"s);
  CHECK(greeting.substr(12) == "NULL" + std::string(48, '\0'));
  CHECK(zmtp::is_greeting(greeting));
}

TEST_CASE("A ZMTP greeting of version 2 or with another mechanism is refused") {
  std::string version = zmtp::greeting();
  version[10] = 2;
  CHECK_FALSE(zmtp::is_greeting(version));
  std::string mechanism = zmtp::greeting();
  mechanism.replace(12, 5, "CURVE");
  CHECK_FALSE(zmtp::is_greeting(mechanism));
  CHECK_FALSE(zmtp::is_greeting(zmtp::greeting().substr(1)));
}

TEST_CASE("ZMTP frames have the bytes of the specification") {
  CHECK(zmtp::ready("PUB") == "\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"s);
  CHECK(zmtp::is_ready(zmtp::ready("SUB")));
  CHECK_FALSE(
      zmtp::is_ready("\x04\x06\x05"
                     "ERROR"));
  CHECK_FALSE(zmtp::is_ready("\x00\x06\x05READY"s));
  CHECK(zmtp::subscription("key.1") == "\x00\x07\x01key.1\0"s);
  CHECK(zmtp::cancellation("key.1") == "\x00\x07\x00key.1\0"s);
  CHECK(message("a", "{}") ==
        "\x01\x02"
        "a\0\x00\x02{}"s);
  CHECK(message("a", std::string(256, 'x')) ==
        "\x01\x02"
        "a\0\x02\0\0\0\0\0\0\x01\0"s +
            std::string(256, 'x'));
}

TEST_CASE("A ZMTP frame tells its length in one byte or in eight") {
  CHECK(zmtp::needed_bytes("") == 2);
  CHECK(zmtp::needed_bytes("\x01") == 2);
  CHECK(zmtp::needed_bytes("\x00\xff"s) == 2 + 255);
  CHECK(zmtp::needed_bytes("\x02\x00"s) == 9);
  CHECK(zmtp::needed_bytes("\x02\0\0\0\0\0\0\x01\0"s) == 9 + 256);
  CHECK(zmtp::needed_bytes("\x02\xff\xff\xff\xff\xff\xff\xff\xff") == 0);
  CHECK(zmtp::needed_bytes("\x10") == 0);
}

TEST_CASE("A ZMTP stream gives its payloads however it is split") {
  std::string stream = message("key.1", "first") + "\x04\x05\x04PING"s + message("key.1", "") +
                       message("key.1", std::string(300, 'x')) + message("key.1", "last");
  CHECK(parse_however_split(zmtp::make_parser, stream) ==
        Payloads{"first", "", std::string(300, 'x'), "last"});
}

TEST_CASE("The ZMTP parser passes over probes") {
  std::string stream = message(zmtp::kProbeMark + "1"s, "") + message("key.1", "first");
  CHECK(parse_however_split(zmtp::make_parser, stream) == Payloads{"first"});
}

TEST_CASE("A ZMTP message of one frame or of three is not the protocol") {
  CHECK(parse_pieces(*zmtp::make_parser(), {"\x00\x01"
                                            "a"s}) == Payloads{"<not the protocol>"});
  CHECK(parse_pieces(*zmtp::make_parser(), {"\x01\x01"
                                            "a\x01\x01"
                                            "b"s}) == Payloads{"<not the protocol>"});
}

TEST_CASE("A ZMTP topic is compared to its end") {
  std::string frame = message("key.1", "").substr(0, 8);
  CHECK(zmtp::is_topic(frame, "key.1"));
  CHECK_FALSE(zmtp::is_topic(frame, "key"));
  CHECK_FALSE(zmtp::is_topic(frame, "key.10"));
}
