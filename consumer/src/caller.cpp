#include "consumer/src/caller.h"

#include <algorithm>

#include "protocol/base/strings.h"

namespace bus::sdk {

namespace {

const std::string& id_of(const Item& item) {
  if (const auto* response = std::get_if<Response>(&item.call)) return response->id;
  if (const auto* chunk = std::get_if<Chunk>(&item.call)) return chunk->id;
  return std::get_if<Progress>(&item.call)->id;
}

}  // namespace

Caller::Open& Caller::add(uint64_t number, TimePoint until) {
  Open& call = open_[number];
  call.until = until;
  if (until != kNever) deadlines_.emplace(until, number);
  return call;
}

void Caller::sent(uint64_t number, TimePoint until, uint64_t ordinal) {
  add(number, until).ordinal = ordinal;
}

void Caller::waits(uint64_t number, TimePoint until, std::string_view frame) {
  add(number, until).frame = frame;
  waiting_bytes_ += frame.size();
}

bool Caller::waits(uint64_t number) const {
  auto at = open_.find(number);
  return at != open_.end() && !at->second.frame.empty();
}

Caller::Calls::iterator Caller::find(std::string_view id) {
  auto number = parse_u64(id);
  return number ? open_.find(*number) : open_.end();
}

Caller::Calls::iterator Caller::close(Calls::iterator call) {
  deadlines_.erase({call->second.until, call->first});
  waiting_bytes_ -= call->second.frame.size();
  return open_.erase(call);
}

bool Caller::on_item(Item& item) {
  auto call = find(id_of(item));
  if (call == open_.end()) return false;
  item.number = call->first;
  if (item.kind == ItemKind::call_end) close(call);
  return true;
}

bool Caller::on_refused(Item& item) {
  auto call = find(item.error.id);
  if (call == open_.end() && item.error.id.empty() && item.error.frame != 0) {
    call = std::find_if(open_.begin(), open_.end(),
                        [&](const auto& each) { return each.second.ordinal == item.error.frame; });
  }
  if (call == open_.end()) return false;
  Response response;
  response.error = CallError{name_of(item.error.code), item.error.message, "hub", {}};
  item.kind = ItemKind::call_end;
  item.number = call->first;
  item.frame = {};
  item.call = std::move(response);
  close(call);
  return true;
}

void Caller::end(uint64_t number, std::string_view code, std::string message) {
  auto call = open_.find(number);
  if (call == open_.end()) return;
  close(call);
  ends_.push_back(End{number, code, std::move(message)});
}

void Caller::forget(uint64_t number) {
  if (auto call = open_.find(number); call != open_.end()) close(call);
}

void Caller::limit(uint64_t number, TimePoint until) {
  auto call = open_.find(number);
  if (call == open_.end() || call->second.until <= until) return;
  deadlines_.erase({call->second.until, number});
  call->second.until = until;
  deadlines_.emplace(until, number);
}

void Caller::on_break(bool for_good) {
  for (auto call = open_.begin(); call != open_.end();) {
    if (!for_good && !call->second.frame.empty()) {
      ++call;
      continue;
    }
    ends_.push_back(
        End{call->first, "lost",
            call->second.frame.empty()
                ? "the connection broke before the answer came; whether the work was done is unknown"
                : "there is no connection to send the request on"});
    call = close(call);
  }
}

void Caller::expire(TimePoint now) {
  while (deadline() <= now)
    end(deadlines_.begin()->second, "timeout", "the hub has not told the end of the call in time");
}

Item* Caller::take_end() {
  if (ends_.empty()) return nullptr;
  End& end = ends_.front();
  Response response;
  response.error = CallError{std::string(end.code), std::move(end.message), "library", {}};
  end_.kind = ItemKind::call_end;
  end_.number = end.number;
  end_.call = std::move(response);
  ends_.pop_front();
  return &end_;
}

}  // namespace bus::sdk
