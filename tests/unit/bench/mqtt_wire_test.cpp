#include "tests/bench/mqtt_wire.h"

#include "tests/support/catch.h"
#include "tests/unit/bench/pieces.h"

using namespace std::string_literals;
using bus::bench::parse_however_split;
using bus::bench::parse_pieces;
using bus::bench::Payloads;
namespace mqtt = bus::bench::mqtt;

TEST_CASE("MQTT packets have the bytes of the standard") {
  CHECK(mqtt::connect_packet("c1") == "\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02"s + "c1");
  CHECK(mqtt::subscribe_packet(1, {"a", "bc"}) ==
        "\x82\x0b\x00\x01\x00\x01"s + "a" + "\x00\x00\x02"s + "bc\0"s);
  std::string publish = "before";
  mqtt::append_publish(publish, "a.b", "{}");
  CHECK(publish == "before\x30\x07\x00\x03"s + "a.b{}");
}

TEST_CASE("An MQTT packet tells its length in up to four bytes") {
  CHECK(mqtt::needed_bytes("") == 2);
  CHECK(mqtt::needed_bytes("\x30") == 2);
  CHECK(mqtt::needed_bytes("\x30\x00"s) == 2);
  CHECK(mqtt::needed_bytes("\x30\x7f") == 2 + 127);
  CHECK(mqtt::needed_bytes("\x30\x80") == 3);
  CHECK(mqtt::needed_bytes("\x30\x80\x01") == 3 + 128);
  CHECK(mqtt::needed_bytes("\x30\xff\xff\xff\x7f") == 5 + 268'435'455);
  CHECK(mqtt::needed_bytes("\x30\xff\xff\xff\xff") == 0);
}

TEST_CASE("An MQTT stream gives its publications however it is split") {
  std::string stream;
  mqtt::append_publish(stream, "key.1", "first");
  stream += "\xd0\x00"s;  // PINGRESP
  mqtt::append_publish(stream, "key.1", "");
  mqtt::append_publish(stream, "key.1", std::string(200, 'x'));
  mqtt::append_publish(stream, "key.1", "last");
  CHECK(parse_however_split(mqtt::make_parser, stream) ==
        Payloads{"first", "", std::string(200, 'x'), "last"});
}

TEST_CASE("An MQTT publication whose topic is longer than itself is not the protocol") {
  CHECK(parse_pieces(*mqtt::make_parser(), {"\x30\x03\x00\x02"s + "a"}) == Payloads{"<not the protocol>"});
  CHECK(parse_pieces(*mqtt::make_parser(), {"\x30\x01\x00"s}) == Payloads{"<not the protocol>"});
  CHECK(parse_pieces(*mqtt::make_parser(), {"\xff\xff\xff\xff\xff"}) == Payloads{"<not the protocol>"});
}

TEST_CASE("Only an accepting CONNACK accepts an MQTT client") {
  CHECK(mqtt::is_accepting_connack("\x20\x02\x00\x00"s));
  CHECK_FALSE(mqtt::is_accepting_connack("\x20\x02\x00\x05"s));
  CHECK_FALSE(mqtt::is_accepting_connack("\x90\x02\x00\x00"s));
}

TEST_CASE("Only a SUBACK that grants every topic puts MQTT subscriptions in force") {
  CHECK(mqtt::is_granting_suback("\x90\x04\x00\x01\x00\x00"s, 1, 2));
  CHECK_FALSE(mqtt::is_granting_suback("\x90\x04\x00\x01\x00\x80"s, 1, 2));
  CHECK_FALSE(mqtt::is_granting_suback("\x90\x03\x00\x01\x00"s, 1, 2));
  CHECK_FALSE(mqtt::is_granting_suback("\x90\x04\x00\x02\x00\x00"s, 1, 2));
  CHECK_FALSE(mqtt::is_granting_suback("\x20\x02\x00\x00"s, 1, 0));
}
