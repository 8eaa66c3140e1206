#include "tests/bench/dbus_wire.h"

#include "tests/support/catch.h"
#include "tests/unit/bench/pieces.h"

using namespace std::string_literals;
using bus::bench::parse_however_split;
using bus::bench::parse_pieces;
using bus::bench::Payloads;
namespace dbus = bus::bench::dbus;

namespace {

// "a" on topic "t", serial 7: header fields up to byte 79, padded to 80.
const std::string kSignal = "l\x04\x01\x01"s + "\x06\0\0\0\x07\0\0\0\x3f\0\0\0"s +  //
                            "\x01\x01o\0\x06\0\0\0/bench\0"s + "\0"s +              //
                            "\x02\x01s\0\x08\0\0\0bench.Tt\0"s + std::string(7, '\0') +
                            "\x03\x01s\0\x05\0\0\0Event\0"s + "\0\0"s +  //
                            "\x08\x01g\0\x01s\0"s + "\0"s +              //
                            "\x01\0\0\0"s + "a\0"s;

std::string signal(uint32_t serial, const std::string& topic, const std::string& text) {
  std::string out;
  dbus::append_signal(out, serial, topic, text);
  return out;
}

}  // namespace

TEST_CASE("A D-Bus signal has the bytes of the specification") {
  CHECK(signal(7, "t", "a") == kSignal);
  std::string behind = "odd";
  dbus::append_signal(behind, 7, "t", "a");
  CHECK(behind == "odd" + kSignal);
}

TEST_CASE("A D-Bus call names the bus, and has a body only when it has an argument") {
  std::string hello = dbus::bus_call(1, "Hello");
  CHECK(hello.substr(0, 12) == "l\x01\0\x01\0\0\0\0\x01\0\0\0"s);
  CHECK(hello.size() % 8 == 0);
  CHECK(hello.size() == dbus::needed_bytes(hello));
  CHECK(hello.find("org.freedesktop.DBus\0"s) != std::string::npos);

  std::string add_match = dbus::bus_call(2, "AddMatch", "rule");
  CHECK(add_match.substr(0, 12) == "l\x01\0\x01\x09\0\0\0\x02\0\0\0"s);
  CHECK(add_match.size() == dbus::needed_bytes(add_match));
  CHECK(dbus::text_in(add_match) == "rule");
}

TEST_CASE("A topic becomes an interface name that is legal and its own") {
  CHECK(dbus::interface_of("key.1") == "bench.Tkey_2e1");
  CHECK(dbus::interface_of("key_2e1") == "bench.Tkey_5f2e1");
  CHECK(dbus::match_rule("a") == "type='signal',interface='bench.Ta'");
}

TEST_CASE("A D-Bus message tells its length in its fixed head") {
  CHECK(dbus::needed_bytes("") == 16);
  CHECK(dbus::needed_bytes("l\x04\x01\x01") == 16);
  CHECK(dbus::needed_bytes(kSignal.substr(0, 16)) == kSignal.size());
  CHECK(dbus::needed_bytes("B\x04\x01\x01") == 0);
}

TEST_CASE("A D-Bus stream gives its signals however it is split") {
  std::string stream = signal(1, "key.1", "first") + dbus::bus_call(2, "Hello") + signal(3, "key.1", "") +
                       signal(4, "key.1", std::string(300, 'x')) + signal(5, "key.1", "last");
  CHECK(parse_however_split(dbus::make_parser, stream) ==
        Payloads{"first", "", std::string(300, 'x'), "last"});
}

TEST_CASE("A D-Bus stream of the other byte order is not the protocol") {
  CHECK(parse_pieces(*dbus::make_parser(), {"B\x04\x01\x01"}) == Payloads{"<not the protocol>"});
}

TEST_CASE("A text that claims more bytes than its D-Bus message has is empty") {
  std::string message = kSignal;
  message[message.size() - 6] = '\x7f';
  CHECK(dbus::text_in(message).empty());
}

TEST_CASE("A D-Bus answer is told by the type of its message") {
  CHECK(dbus::answer_in("l\x02\x01\x01") == dbus::Answer::success);
  CHECK(dbus::answer_in("l\x03\x01\x01") == dbus::Answer::error);
  CHECK(dbus::answer_in(kSignal) == dbus::Answer::none);
}
