#include "tests/bench/payload.h"

#include "protocol/raw_json.h"
#include "tests/support/catch.h"

using namespace bus::bench;

TEST_CASE("A payload is valid JSON of exactly the size that was asked for") {
  for (PayloadKind kind : {PayloadKind::dense, PayloadKind::text}) {
    for (size_t bytes = kMinPayloadBytes; bytes < 2000; ++bytes) {
      std::string payload = make_payload(kind, bytes);
      bus::RawJson json;
      auto fault = json.scan(payload);
      INFO(payload);
      REQUIRE(payload.size() == bytes);
      REQUIRE(fault.value_or("") == "");
    }
    CHECK(make_payload(kind, 16 * 1024).size() == 16 * 1024);
  }
}

TEST_CASE("A dense payload has every kind of JSON value, a text payload is one string with escapes") {
  std::string dense = make_payload(PayloadKind::dense, 1024);
  for (const char* part : {"true", "false", "null", "-17.25", "e-23", "E+3", "[", "{", "\"a1f\""}) {
    CHECK(dense.find(part) != std::string::npos);
  }
  std::string text = make_payload(PayloadKind::text, 1024);
  CHECK(text.find("\\\"") != std::string::npos);
  CHECK(text.find('[') == std::string::npos);
}

TEST_CASE("The number of a payload is read back from where it is written") {
  std::string payload = make_payload(PayloadKind::dense, 128);
  CHECK(number_of(payload) == 0);
  payload.replace(kNumberMark.size(), kNumberDigits, number_text(700'000'042));
  CHECK(payload.starts_with(R"({"n":"0700000042",)"));
  CHECK(number_of(payload) == 700'000'042);
}

TEST_CASE("A payload without a number has none") {
  CHECK_FALSE(number_of(""));
  CHECK_FALSE(number_of(R"({"n":"00000000)"));
  CHECK_FALSE(number_of(R"({"n":"00000000x1","v":[]})"));
  CHECK_FALSE(number_of(R"({"m":"0000000001","v":[]})"));
}

TEST_CASE("Counting up a number carries through its nines") {
  std::string number = number_text(8);
  for (const char* next : {"0000000009", "0000000010"}) {
    increment_number(number);
    CHECK(number == next);
  }
  number = number_text(1'999'999);
  increment_number(number);
  CHECK(number == "0002000000");
}
