#include "hub/core/calls/tracker.h"

#include <algorithm>

#include "hub/core/base/config.h"
#include "hub/core/peers/closing.h"
#include "protocol/base/check.h"
#include "protocol/json_writer.h"

namespace bus::hub {

namespace {

// How often an idempotent call goes to another provider because the one that had it went.
constexpr uint8_t kMaxHandOvers = 2;

std::string pid_of(const CallPeer& peer) { return "pid " + std::to_string(peer.peer.shown_pid()); }

}  // namespace

std::string error_rest(std::string_view code, std::string_view message, std::string_view data) {
  std::string rest = R"(,"error":)";
  Writing::append(rest, CallError{std::string(code), std::string(message), "hub", data});
  return rest;
}

Tracker::Tracker(Hub& hub)
    : hub_(hub), writer_(hub, *this), memory_(hub, writer_, *this), exchange_(hub.turn) {}

Tracker::~Tracker() { BUSD_CHECK(calls_.empty()); }

// ---- a call's beginning

void Tracker::open(std::string_view id, std::string_view task, std::string_view rest, std::string_view args,
                   Terms terms) {
  Call& call = calls_.add();
  call.text.set(id, task, rest, args);
  call.caller = terms.caller;
  call.account = terms.account;
  call.began = hub_.now;
  call.waits = terms.waits;
  call.streams = terms.streams;
  call.idempotent = terms.idempotent;
  if (!terms.to.empty()) call.more().to = std::move(terms.to);
  if (terms.origin) call.more().origin = std::move(terms.origin);
  if (call.caller == nullptr) hub_.ledger.hold(*call.account);
  if (terms.caller != nullptr) terms.caller->open.insert(call);
  if (terms.streams) memory_.add_stream(call);
  TimePoint until = terms.until;
  if (Call* parent = terms.parent; parent != nullptr) {
    CallExtras& above = parent->more();
    call.more().parent = parent;
    call.extras->place_in_parent = above.children.size();
    above.children.push_back(&call);
    until = std::min(until, parent->deadline.at());
  }
  memory_.update(call);
  place(call, false, until);
}

void Tracker::place(Call& call, bool in_front, TimePoint until) {
  Choice choice = exchange_.choose(call);
  while (choice.provider != nullptr && hear_of(*choice.provider)) choice = exchange_.choose(call);
  if (choice.provider != nullptr) return give(call, *choice.provider, *choice.task, until);
  call.deadline.arm(hub_.deadlines, *this, until, 0, call.caller == nullptr ? 0 : call.caller->peer.id);
  bool may_wait = choice.any || (call.waits && !call.was_passed_on());
  if (!may_wait) return nobody_takes(call);
  if (call.parent() != nullptr && exchange_.is_deadlocked(call)) {
    return fail(call, CallEnd::other, "deadlock",
                "all who provide " + std::string(call.text.task()) + " wait for the end of this call", {});
  }
  if (!in_front && exchange_.waiting_beside(call) >= hub_.config.waiting_calls) {
    return fail(call, CallEnd::busy, "busy",
                "as many calls of this user wait for " + std::string(call.text.task()) + " as may, " +
                    std::to_string(hub_.config.waiting_calls) + " (--waiting-calls); try again later",
                {});
  }
  exchange_.join(call, in_front);
}

// One that was silent, and was heard of in this turn, first takes what has waited for it.
bool Tracker::hear_of(CallPeer& peer) {
  if (peer.provider->silent_since == 0 || peer.is_silent()) return false;
  peer.provider->silent_since = 0;
  serve(peer);
  return true;
}

void Tracker::nobody_takes(Call& call) {
  if (call.was_passed_on()) {
    return fail(call, CallEnd::declined, "declined",
                "every provider of " + std::string(call.text.task()) + " declined this request", {});
  }
  if (call.extras && call.extras->handed_over > 0)
    return fail(call, CallEnd::gone, "provider_gone",
                "its provider ended before it answered, and there is no other", {});
  fail(call, CallEnd::no_provider, "no_provider", exchange_.nobody_provides(call), {});
}

void Tracker::give(Call& call, CallPeer& peer, Task& task, TimePoint until) {
  if (CallWriter::request_bytes(peer, call) > kMaxFrameBytes) {
    return fail(
        call, CallEnd::other, "too_large",
        "as its provider would get it, this request is above " + std::to_string(kMaxFrameBytes) + " bytes",
        {});
  }
  Provider& provider = *peer.provider;
  call.provider = &peer;
  call.task = &task;
  call.number = ++provider.last_number;
  provider.given.push_back({call.number, &call});
  provider.unwritten_bytes += call.text.bytes();
  ++task.given;
  call.deadline.arm(hub_.deadlines, *this, until, peer.peer.id,
                    call.caller == nullptr ? 0 : call.caller->peer.id);
  writer_.wake(peer);
}

// ---- its end

// The provider has the call no longer.
void Tracker::take_back(Call& call) {
  CallPeer* peer = std::exchange(call.provider, nullptr);
  if (peer == nullptr) return;
  Provider& provider = *peer->provider;
  if (call.number > provider.written_number) provider.unwritten_bytes -= call.text.bytes();
  provider.given.erase(provider.at(call.number));
  provider.idle_since = hub_.now;
  --call.task->given;
  freed_.push_back(peer);
}

void Tracker::fail(Call& call, CallEnd how, std::string_view code, std::string_view message,
                   std::string_view reason) {
  end(call, how, error_rest(code, message), reason);
}

void Tracker::end(Call& call, CallEnd how, std::string_view rest, std::string_view reason) {
  BUSD_CHECK(!call.ended);
  call.ended = true;
  ++ends_[static_cast<size_t>(how)];
  if (call.task != nullptr) {
    ++call.task->ends[static_cast<size_t>(how)];
    call.task->latency.add(static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(hub_.now - call.began).count()));
  }
  if (call.provider != nullptr && !reason.empty() && call.number <= call.provider->provider->written_number)
    writer_.send(*call.provider, Cancel{id_for(*call.provider, call.number), std::string(reason)});
  take_back(call);
  call.task = nullptr;
  if (call.line != nullptr) exchange_.leave(call);
  call.deadline.disarm();
  end_children(call);
  if (call.caller == nullptr) {
    tell_origin(call, rest);
    return close(call);
  }
  bool fits = CallWriter::response_bytes(call.text.id(), rest) <= kMaxFrameBytes;
  std::string instead;
  if (!fits) instead = error_rest("too_large", "the result is larger than a frame");
  if (fits && rest.size() > call.text.bytes() && !memory_.make_room(call, rest.size()))
    instead = error_rest("busy", hub_.ledger.shortage_of(*call.account, Pool::calls, rest.size()));
  std::string id(call.text.id());
  call.text.set(id, {}, instead.empty() ? rest : std::string_view(instead));
  memory_.update(call);
  writer_.queue(call);
}

// Of a call whose caller is not told by a response.
void Tracker::tell_origin(Call& call, std::string_view rest) {
  if (!call.extras || !call.extras->origin) return;
  CallOrigin& origin = *call.extras->origin;
  if (origin.on_end) origin.on_end(rest);
  if (!origin.reply_event.empty()) publish_end(origin.reply_event, call.text.id(), call.text.task(), rest);
}

void Tracker::publish_end(std::string_view event_type, std::string_view id, std::string_view task,
                          std::string_view rest) {
  std::string payload;
  ObjectWriter writer(payload);
  writer.text("id", id);
  writer.text("task", task);
  size_t bytes = payload.size();
  payload += rest;
  payload += '}';
  if (hub_.events->publish_own(event_type, payload)) return;
  payload.resize(bytes);
  payload += error_rest("too_large", "the result is larger than an event, or nested deeper");
  payload += '}';
  static_cast<void>(hub_.events->publish_own(event_type, payload));
}

void Tracker::end_children(Call& call) {
  if (!call.extras) return;
  if (Call* parent = std::exchange(call.extras->parent, nullptr); parent != nullptr) {
    std::vector<Call*>& siblings = parent->extras->children;
    size_t place = call.extras->place_in_parent;
    siblings.back()->extras->place_in_parent = place;
    std::swap(siblings[place], siblings.back());
    siblings.pop_back();
  }
  for (Call* child : std::exchange(call.extras->children, {})) {
    child->extras->parent = nullptr;
    if (std::exchange(child->to_end, true)) continue;
    ending_.push_back(child);
  }
}

void Tracker::close(Call& call) {
  writer_.unqueue(call);
  if (call.to_end) std::erase(ending_, &call);
  memory_.forget(call);
  CallPeer* caller = call.caller;
  Account& account = *call.account;
  if (caller != nullptr) caller->open.erase(call);
  calls_.erase(call.id);
  if (caller == nullptr) {
    hub_.ledger.release(account);
  } else if (caller->open.empty()) {
    hub_.closing.owes_nothing(caller->peer, kHeldByCalls, hub_.now);
  }
}

void Tracker::response_written(Call& call) { close(call); }

void Tracker::slow_reader(Call& call, std::string_view why) {
  fail(call, CallEnd::other, "slow_reader", why, "slow_reader");
}

void Tracker::expired(Deadline& deadline, TimePoint) {
  Call& call = *static_cast<Call::EndBy&>(deadline).call;
  bool provided = exchange_.is_provided(call);
  std::string message = provided ? "no provider had a free slot in time"
                                 : "nobody provided " + std::string(call.text.task()) + " in time";
  if (CallPeer* peer = call.provider; peer != nullptr) {
    if (std::exchange(peer->provider->silent_since, peer->peer.frames_in + 1) == 0) silent_.push_back(peer);
    message = pid_of(*peer) + " did not answer in time";
  }
  fail(call, CallEnd::timeout, "timeout", message, "timeout");
  settle();
}

void Tracker::pass_on(Call& call) {
  if (call.sent_chunks()) {
    return fail(call, CallEnd::declined, "declined",
                "its provider declined it after it had sent a part of the answer", {});
  }
  call.more().passed_by.push_back(call.provider->peer.id);
  give_again(call);
}

// To another provider, or it waits for one; what this one has said of its progress is no longer true.
void Tracker::give_again(Call& call) {
  call.more().progress.clear();
  writer_.unqueue(call);  // a call is in one list
  TimePoint until = call.deadline.at();
  take_back(call);
  place(call, true, until);
}

// ---- providers and callers

void Tracker::provide(CallPeer& peer, const std::vector<std::string>& names) {
  exchange_.provide(peer, names);
  recheck(peer);
}

void Tracker::unprovide(CallPeer& peer, const std::vector<Task*>& tasks) {
  for (Call* call : exchange_.withdraw(peer, tasks))
    fail(*call, CallEnd::no_provider, "no_provider", exchange_.nobody_provides(*call), {});
  for (Call* call : exchange_.declined(tasks)) nobody_takes(*call);
  for (Call* call : exchange_.deadlocked(tasks)) {
    fail(*call, CallEnd::other, "deadlock",
         "all who still provide " + std::string(call->text.task()) + " wait for the end of this call", {});
  }
  // Those that were passed over, because others were there.
  for (const Task* task : tasks) freed_.insert(freed_.end(), task->providers.begin(), task->providers.end());
  exchange_.forget_absent();
}

void Tracker::provider_gone(CallPeer& peer) {
  if (!peer.provider) return;
  std::vector<Task*> tasks = peer.provider->tasks;
  std::vector<Provider::Given> given = peer.provider->given;
  std::string who = pid_of(peer);
  unprovide(peer, tasks);
  std::vector<Call*> waiting;
  for (const Provider::Given& each : given) {
    Call& call = *each.call;
    if (call.provider != &peer) continue;
    bool again =
        call.idempotent && !call.sent_chunks() && (!call.extras || call.extras->handed_over < kMaxHandOvers);
    if (!again) {
      fail(call, CallEnd::gone, "provider_gone",
           who + ", which served this request, ended or left before it answered", {});
      continue;
    }
    ++call.more().handed_over;
    Choice choice = exchange_.choose(call);
    bool waits = choice.provider == nullptr && (choice.any || call.waits);
    waits ? waiting.push_back(&call) : give_again(call);
  }
  // Each goes to the front of its line, so that the oldest comes to stand first.
  for (auto call = waiting.rbegin(); call != waiting.rend(); ++call) {
    if ((*call)->provider == &peer) give_again(**call);
  }
  std::erase(freed_, &peer);
  std::erase(silent_, &peer);
  peer.provider.reset();
}

void Tracker::caller_gone(CallPeer& peer) {
  std::vector<Call*> open;
  open.reserve(peer.open.size());
  peer.open.for_each([&](Call& call) { open.push_back(&call); });
  std::sort(open.begin(), open.end(), [](const Call* a, const Call* b) { return a->id < b->id; });
  for (Call* call : open) {
    if (call->ended) {
      close(*call);
      continue;
    }
    writer_.unqueue(*call);
    peer.open.erase(*call);
    call->caller = nullptr;
    hub_.ledger.hold(*call->account);
    end(*call, CallEnd::canceled, {}, "gone");
  }
}

void Tracker::stop() {
  std::vector<Call*> open;
  calls_.for_each([&](Call& call) {
    if (!call.ended) open.push_back(&call);
  });
  for (Call* call : open) {
    if (!call->ended) fail(*call, CallEnd::other, "stopping", "the hub stops", "stopping");
  }
  ending_.clear();
  freed_.clear();
}

void Tracker::end_of_turn() {
  std::erase_if(silent_, [this](CallPeer* peer) {
    if (peer->is_silent()) return false;
    peer->provider->silent_since = 0;
    recheck(*peer);
    return true;
  });
  settle();
}

void Tracker::settle() {
  while (!ending_.empty() || !freed_.empty()) {
    if (!ending_.empty()) {
      Call& child = *ending_.back();
      ending_.pop_back();
      child.to_end = false;
      if (child.ended) continue;
      bool in_time = child.deadline.at() > hub_.now;
      fail(child, in_time ? CallEnd::canceled : CallEnd::timeout, in_time ? "canceled" : "timeout",
           "the call that this one was made for has ended", in_time ? "canceled" : "timeout");
      continue;
    }
    CallPeer& peer = *freed_.back();
    freed_.pop_back();
    serve(peer);
  }
}

void Tracker::serve(CallPeer& peer) {
  while (peer.has_free_slot()) {
    auto [call, task] = exchange_.next_for(peer);
    if (call == nullptr) return;
    exchange_.leave(*call);
    exchange_.served(*call);
    give(*call, peer, *task, call->deadline.at());
  }
}

}  // namespace bus::hub
