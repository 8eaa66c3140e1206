#include "consumer/src/barrier.h"

#include <string_view>

#include "protocol/encode.h"
#include "protocol/messages/call.h"
#include "protocol/messages/pre_shutdown.h"

namespace bus::sdk {

namespace {

// No call of a user's has such an id: those are numbers.
constexpr std::string_view kIdPrefix = "sync-";

// A scope that is not the one of a connection that says `hello`. Only a consumer has one.
std::string foreign_scope(const Hello& hello) {
  if (hello.role != Role::consumer) return {};
  const std::string& own = hello.subscription_id.empty() ? hello.event_key : hello.subscription_id;
  return own == "barrier" ? "another barrier" : "barrier";
}

}  // namespace

Barrier::Barrier(const Hello& hello) : check_(encode(PreShutdownCheck{foreign_scope(hello), ""})) {}

std::string Barrier::question(uint64_t ordinal) const {
  if (!has_calls_) return check_;
  Request request;
  request.id = std::string(kIdPrefix) + std::to_string(ordinal);
  request.task = "bus.sync";
  return encode(request);
}

bool Barrier::is_answer(const Item& item) {
  return item.kind == ItemKind::call_end && std::get_if<Response>(&item.call)->id.starts_with(kIdPrefix);
}

uint64_t Barrier::take_answer(const Item& item) {
  if (open_.empty()) return 0;
  // An error in place of the answer tells as much: all before it was processed.
  bool refused = item.kind == ItemKind::refused && item.error.frame == open_.front();
  if (!refused && !is_answer(item) && item.kind != ItemKind::check_ack) return 0;
  uint64_t ordinal = open_.front();
  open_.pop_front();
  return ordinal;
}

}  // namespace bus::sdk
