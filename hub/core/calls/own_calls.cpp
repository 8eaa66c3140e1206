// Calls that the hub makes itself: they have an origin in place of a caller, and a function that is told their end.
#include <utility>

#include "hub/core/calls/calls.h"
#include "hub/core/peers/closing.h"

namespace bus::hub {

namespace {

// The error in what tells of a call's end, if there is one.
std::optional<TaskFault> fault_in(std::string_view rest) {
  auto response = decode_line<Response>(R"({"type":"response","id":"x")" + std::string(rest) + "}");
  if (!response || !response->error) return {};
  return TaskFault{std::move(response->error->code), std::move(response->error->message)};
}

}  // namespace

void Calls::call_for(const Peer& peer, std::string_view task, std::string_view args, Duration limit,
                     OnEnd on_end) {
  if (hub_.closing.is_stopping()) return on_end(TaskFault{"stopping", "the hub stops"});
  if (size_t bytes = task.size() + args.size(); !tracker_.memory().has_room_for(*peer.account, bytes))
    return on_end(TaskFault{"busy", hub_.ledger.shortage_of(*peer.account, Pool::calls, bytes)});
  Tracker::Terms terms;
  terms.account = peer.account;
  terms.until = hub_.now + limit;
  terms.origin = call_origin(peer);
  terms.origin->on_end = [on_end = std::move(on_end)](std::string_view rest) { on_end(fault_in(rest)); };
  tracker_.open("hub", task, R"(,"args":)", args, std::move(terms));
  tracker_.settle();
}

}  // namespace bus::hub
