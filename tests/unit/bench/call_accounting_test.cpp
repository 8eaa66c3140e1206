#include "tests/bench/call_accounting.h"

#include "tests/bench/payload.h"
#include "tests/support/catch.h"

using namespace bus::bench;
using bus::milliseconds;
using bus::TimePoint;

namespace {

const TimePoint kBegin{milliseconds(1000)};
const TimePoint kLater = kBegin + milliseconds(3);

struct Sent {
  uint64_t number;
  std::string args;
};

Sent begin(CallAccounting& calls, size_t caller = 0) {
  auto request = calls.begin(caller, kBegin);
  return {request.number, std::string(request.args)};
}

}  // namespace

TEST_CASE("A request that is given once and answered once is complete, and its slot is free again") {
  CallAccounting calls(2, 2, 128);
  Sent first = begin(calls, 1);
  Sent second = begin(calls, 1);
  CHECK(first.args.size() == 128);
  CHECK(first.args != second.args);
  CHECK_FALSE(calls.has_free_slot(1));
  CHECK(calls.has_free_slot(0));
  CHECK(calls.open() == 2);

  calls.given(second.args);
  CHECK(calls.answered(1, second.number, second.args, kLater) == milliseconds(3));
  CHECK(calls.fault().empty());
  CHECK(calls.open() == 1);
  CHECK(calls.completed() == 1);
  CHECK(begin(calls, 1).number != second.number);
}

TEST_CASE("A request that is doubled, changed, or answered to the wrong one is a fault") {
  CallAccounting calls(2, 2, 128);
  Sent sent = begin(calls);
  Sent other = begin(calls);
  std::string changed = sent.args;
  changed[100] ^= 1;
  SECTION("given twice") {
    calls.given(sent.args);
    calls.given(sent.args);
  }
  SECTION("given with other bytes") { calls.given(changed); }
  SECTION("answered, and given to nobody") { calls.answered(0, sent.number, sent.args, kLater); }
  SECTION("answered twice") {
    calls.given(sent.args);
    calls.answered(0, sent.number, sent.args, kLater);
    CHECK(calls.fault().empty());
    calls.answered(0, sent.number, sent.args, kLater);
  }
  SECTION("answered with another one's result") {
    calls.given(sent.args);
    calls.given(other.args);
    calls.answered(0, sent.number, other.args, kLater);
  }
  SECTION("answered to another caller") {
    calls.given(sent.args);
    calls.answered(1, sent.number, sent.args, kLater);
  }
  SECTION("never sent") { calls.given(make_payload(PayloadKind::dense, 128)); }
  CHECK_FALSE(calls.fault().empty());
}
