#include "tests/bench/nats_wire.h"

#include "tests/support/catch.h"
#include "tests/unit/bench/pieces.h"

using namespace bus::bench;

namespace {

Payloads parse(std::string_view bytes) { return parse_however_split(nats::make_parser, bytes); }

}  // namespace

TEST_CASE("NATS publications have the bytes of the protocol") {
  std::string out;
  nats::append_publication(out, "bench", "hello");
  CHECK(out == "PUB bench 5\r\nhello\r\n");
  CHECK(nats::subscribe("bench", 7) == "SUB bench 7\r\n");
  CHECK(nats::connect_and_ping().ends_with("}\r\nPING\r\n"));
}

TEST_CASE("NATS messages are cut out however the stream is split, whatever stands in them") {
  CHECK(parse("MSG bench 1 5\r\nhello\r\nMSG bench 1 0\r\n\r\nMSG bench 1 12\r\nMSG a 1 1\r\nb\r\n") ==
        Payloads{"hello", "", "MSG a 1 1\r\nb"});
}

TEST_CASE("Other operations of NATS are passed over") {
  CHECK(parse("PING\r\nMSG b 1 1\r\nx\r\nINFO {}\r\n+OK\r\nMSG b 1 1\r\ny\r\n") == Payloads{"x", "y"});
}

TEST_CASE("An error of NATS, and a size that is none, end the run") {
  Payloads refused = {"<not the protocol>"};
  CHECK(parse("-ERR 'Slow Consumer'\r\n") == refused);
  CHECK(parse("MSG b 1 x\r\nx\r\n") == refused);
  CHECK(parse("MSG b 1 99999999999\r\nx\r\n") == refused);
}
