#include "tests/bench/accounting.h"

#include "tests/bench/payload.h"
#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

std::string numbered(uint64_t number, size_t publisher = 0) {
  std::string payload = make_payload(PayloadKind::text, 100);
  payload.replace(kNumberMark.size(), kNumberDigits, number_text(publisher * kNumbersPerPublisher + number));
  return payload;
}

Accounting accounting_of(size_t publishers, size_t subscribers, size_t topics = 1) {
  return Accounting(publishers, subscribers, topics, make_payload(PayloadKind::text, 100));
}

}  // namespace

TEST_CASE("A message is completed once every subscriber has it") {
  Accounting accounting = accounting_of(1, 3);
  CHECK(accounting.received(0, numbered(1)));
  CHECK(accounting.received(2, numbered(1)));
  CHECK(accounting.received(2, numbered(2)));
  CHECK(accounting.completed(0) == 0);
  CHECK(accounting.received(1, numbered(1)));
  CHECK(accounting.completed(0) == 1);
  CHECK(accounting.delivered() == 4);
  CHECK(accounting.fault().empty());
}

TEST_CASE("Publishers are counted apart, in whatever order they come together") {
  Accounting accounting = accounting_of(2, 1);
  CHECK(accounting.received(0, numbered(1, 1)));
  CHECK(accounting.received(0, numbered(2, 1)));
  CHECK(accounting.received(0, numbered(1, 0)));
  CHECK(accounting.completed(0) == 1);
  CHECK(accounting.completed(1) == 2);
}

TEST_CASE("With many topics each subscriber gets every so many-th message") {
  Accounting accounting = accounting_of(1, 3, 3);
  for (uint64_t number = 1; number <= 7; ++number)
    CHECK(accounting.received((number - 1) % 3, numbered(number)));
  CHECK(accounting.completed(0) == 7);
  CHECK_FALSE(accounting.received(0, numbered(8)));
  CHECK(accounting.fault() == "subscriber 0 got message 8 of publisher 0 where 10 was due: doubled or late");
}

TEST_CASE("A lost message is reported, and stays the fault of the run") {
  Accounting accounting = accounting_of(1, 2);
  CHECK(accounting.received(1, numbered(1)));
  CHECK_FALSE(accounting.received(1, numbered(3)));
  CHECK(accounting.fault() == "subscriber 1 got message 3 of publisher 0 where 2 was due: lost or overtaken");
  CHECK_FALSE(accounting.received(1, numbered(2)));
  CHECK(accounting.fault().find("message 3") != std::string::npos);
}

TEST_CASE("A doubled message is reported") {
  Accounting accounting = accounting_of(1, 1);
  CHECK(accounting.received(0, numbered(1)));
  CHECK_FALSE(accounting.received(0, numbered(1)));
  CHECK(accounting.fault().find("doubled") != std::string::npos);
}

TEST_CASE("Two swapped messages are reported at the first of them") {
  Accounting accounting = accounting_of(1, 1);
  CHECK_FALSE(accounting.received(0, numbered(2)));
  CHECK(accounting.fault().find("overtaken") != std::string::npos);
}

TEST_CASE("A changed message is reported: its size, its number, its publisher, its text") {
  Accounting cut = accounting_of(1, 1);
  CHECK_FALSE(cut.received(0, numbered(1).substr(0, 99)));
  Accounting other = accounting_of(1, 1);
  CHECK_FALSE(other.received(0, std::string(100, 'x')));
  Accounting nobody = accounting_of(1, 1);
  CHECK_FALSE(nobody.received(0, numbered(1, 5)));
  CHECK(nobody.fault().find("nobody sent") != std::string::npos);
  Accounting text = accounting_of(1, 1);
  std::string payload = numbered(1);
  payload[50] = '#';
  CHECK_FALSE(text.received(0, payload));
  CHECK(text.fault().find("changed") != std::string::npos);
}
