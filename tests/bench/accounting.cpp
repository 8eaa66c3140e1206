#include "tests/bench/accounting.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "tests/bench/payload.h"

namespace bus::bench {

namespace {

// Comparing all bytes of every message would cost the generator as much as receiving it.
constexpr uint64_t kComparedOneOf = 256;

}  // namespace

Accounting::Accounting(size_t publishers, size_t subscribers, size_t topics, std::string payload)
    : publishers_(publishers), topics_(topics), payload_(std::move(payload)) {
  BUSD_CHECK(publishers > 0 && subscribers > 0 && topics > 0);
  BUSD_CHECK(topics == 1 || (publishers == 1 && topics == subscribers));
  for (size_t subscriber = 0; subscriber < subscribers; ++subscriber) {
    next_.insert(next_.end(), publishers, topics == 1 ? 1 : subscriber + 1);
  }
}

bool Accounting::received(size_t subscriber, std::string_view payload) {
  if (!fault_.empty()) return false;
  auto number = number_of(payload);
  if (!number || !looks_right(payload))
    return fail(subscriber, "got a changed message: " + printable(payload));
  size_t publisher = *number / kNumbersPerPublisher;
  uint64_t got = *number % kNumbersPerPublisher;
  if (publisher >= publishers_) return fail(subscriber, "got a number that nobody sent");
  uint64_t& next = next_[subscriber * publishers_ + publisher];
  if (got != next) {
    return fail(subscriber, "got message " + std::to_string(got) + " of publisher " +
                                std::to_string(publisher) + " where " + std::to_string(next) +
                                (got > next ? " was due: lost or overtaken" : " was due: doubled or late"));
  }
  next += topics_;
  ++delivered_;
  return true;
}

uint64_t Accounting::completed(size_t publisher) const {
  if (topics_ > 1) return delivered_;
  uint64_t least = next_[publisher];
  for (size_t at = publisher; at < next_.size(); at += publishers_) least = std::min(least, next_[at]);
  return least - 1;
}

bool Accounting::fail(size_t subscriber, const std::string& what) {
  fault_ = "subscriber " + std::to_string(subscriber) + " " + what;
  return false;
}

bool Accounting::looks_right(std::string_view payload) const {
  if (payload.size() != payload_.size() || payload.back() != payload_.back()) return false;
  if (delivered_ % kComparedOneOf != 0) return true;
  constexpr size_t kFixedFrom = kNumberMark.size() + kNumberDigits;
  return payload.substr(kFixedFrom) == std::string_view(payload_).substr(kFixedFrom);
}

}  // namespace bus::bench
