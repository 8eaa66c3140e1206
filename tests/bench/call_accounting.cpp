#include "tests/bench/call_accounting.h"

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "tests/bench/accounting.h"
#include "tests/bench/payload.h"

namespace bus::bench {

CallAccounting::CallAccounting(size_t callers, size_t slots, size_t payload_bytes) : callers_(callers) {
  BUSD_CHECK(callers > 0 && slots > 0);
  for (size_t i = 0; i < kPayloadVariants; ++i)
    variants_.push_back(make_payload(PayloadKind::dense, payload_bytes, i));
  for (Caller& caller : callers_) {
    caller.slots.resize(slots);
    for (size_t slot = slots; slot-- > 0;) {
      caller.slots[slot].number = slot;
      caller.free.push_back(slot);
    }
  }
}

CallAccounting::Request CallAccounting::begin(size_t caller, TimePoint now) {
  Caller& from = callers_[caller];
  BUSD_CHECK(!from.free.empty());
  Slot& slot = from.slots[from.free.back()];
  from.free.pop_back();
  slot.number += from.slots.size();
  slot.began = now;
  slot.state = State::sent;
  ++open_;
  std::string& args = variants_[slot.number % variants_.size()];
  args.replace(kNumberMark.size(), kNumberDigits, number_text(caller * kNumbersPerPublisher + slot.number));
  return {slot.number, args};
}

CallAccounting::Slot* CallAccounting::slot_of(std::string_view args, std::string_view who) {
  auto number = number_of(args);
  size_t caller = number ? *number / kNumbersPerPublisher : callers_.size();
  if (caller >= callers_.size()) {
    fail(std::string(who) + " got a number that nobody sent: " + printable(args));
    return nullptr;
  }
  uint64_t own = *number % kNumbersPerPublisher;
  Slot& slot = callers_[caller].slots[own % callers_[caller].slots.size()];
  if (slot.state == State::free || slot.number != own) {
    fail(std::string(who) + " got request " + std::to_string(own) + " of caller " + std::to_string(caller) +
         ", which is not open");
    return nullptr;
  }
  // All but the number is that of its variant.
  constexpr size_t kFixedFrom = kNumberMark.size() + kNumberDigits;
  const std::string& sent = variants_[own % variants_.size()];
  if (args.size() == sent.size() && args.substr(kFixedFrom) == std::string_view(sent).substr(kFixedFrom))
    return &slot;
  fail(std::string(who) + " got changed bytes: " + printable(args));
  return nullptr;
}

void CallAccounting::given(std::string_view args) {
  Slot* slot = slot_of(args, "a provider");
  if (slot == nullptr) return;
  if (slot->state != State::sent) return fail("a request was given to providers twice: " + printable(args));
  slot->state = State::given;
}

Duration CallAccounting::answered(size_t caller, uint64_t number, std::string_view result, TimePoint now) {
  Slot* slot = slot_of(result, "a caller");
  if (slot == nullptr) return {};
  Caller& to = callers_[caller];
  if (&to.slots[number % to.slots.size()] != slot || slot->number != number || slot->state != State::given) {
    fail("caller " + std::to_string(caller) +
         " got the answer to another request, or to one that no provider had: " + std::to_string(number));
    return {};
  }
  slot->state = State::free;
  to.free.push_back(number % to.slots.size());
  --open_;
  ++completed_;
  return now - slot->began;
}

void CallAccounting::fail(const std::string& what) {
  if (fault_.empty()) fault_ = what;
}

}  // namespace bus::bench
