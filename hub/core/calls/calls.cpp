#include "hub/core/calls/calls.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "hub/core/base/config.h"
#include "hub/core/calls/describe_tasks.h"
#include "hub/core/peers/closing.h"
#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// Of one connection.
constexpr size_t kMaxTasksProvided = 1024;

// The result of a request whose end will be an event.
constexpr std::string_view kAccepted = R"({"accepted":true})";

constexpr std::string_view kSync = "bus.sync";

// Below these, the hub's own user, root, and the user of supervised sources may provide.
constexpr std::string_view kSourcesPrefix = "bus.source.";

// What a provided name takes beside its bytes, in the tables.
constexpr size_t kTaskBytes = 256;

// Hub tasks are not served to a peer that has so much of their results unread.
constexpr size_t kMaxUnreadResults = size_t{4} * 1024 * 1024;

// What may stand in the frame of a response beside a result.
constexpr size_t kResponseBytes = 512;

std::string result_rest(std::string_view result) { return R"(,"result":)" + std::string(result); }

Fault fault_without_id(const TaskFault& fault) {
  return {fault.code == "not_allowed" ? ErrorCode::not_allowed : ErrorCode::busy, fault.message};
}

void append_others(std::string& rest, const std::vector<Member>& others) {
  for (const Member& member : others) {
    rest += ',';
    rest += member.name_token;
    rest += ':';
    rest += member.value_token;
  }
}

}  // namespace

void Calls::begin(std::span<Room* const> rooms) {
  for (Room* room : rooms) {
    for (const HubTask& task : room->tasks()) served_[std::string(task.name)] = {room, &task};
  }
}

std::span<const MessageRule> Calls::messages() const {
  static constexpr std::array kRules{
      rule<&Calls::request>(Allowed::first_later),
      rule<&Calls::response>(Allowed::later),
      rule<&Calls::chunk>(Allowed::later),
      rule<&Calls::progress>(Allowed::later),
      rule<&Calls::cancel>(Allowed::later),
      rule<&Calls::provide>(Allowed::later),
      rule<&Calls::unprovide>(Allowed::later),
      sent_by_hub<Pause>(),
      sent_by_hub<Resume>(),
  };
  return kRules;
}

std::span<const HubTask> Calls::tasks() const {
  static constexpr std::array kTasks{
      // Whatever its connection sent before has been handled when it is answered.
      HubTask{
          kSync,
          [](Room&, std::string_view, size_t, TimePoint, std::string& result) -> std::optional<TaskFault> {
            result = "null";
            return {};
          }},
      HubTask{"bus.tasks",
              [](Room& room, std::string_view, size_t most, TimePoint now,
                 std::string& result) -> std::optional<TaskFault> {
                result = describe_tasks(static_cast<Calls&>(room).tracker_, most, now);
                return {};
              }},
  };
  return kTasks;
}

CallPeer& Calls::call_peer(Peer& peer) {
  if (CallPeer* found = find_part<CallPeer>(peer)) return *found;
  return make_part<CallPeer>(peer, peer, tracker_.writer());
}

// ---- providers

bool Calls::may_provide_below_bus(const Peer& peer) const {
  return peer.uid == hub_.config.uid || peer.uid == 0 || hub_.config.sources_uid == peer.uid;
}

// Why the tasks cannot be provided; all or none of them are.
std::optional<TaskFault> Calls::fault_of(const Peer& peer, const Provide& message) const {
  size_t bytes = 0;
  for (const std::string& task : message.tasks) {
    bytes += kTaskBytes + task.size();
    if (!task.starts_with(TaskTable::kHubPrefix)) continue;
    bool of_sources = task.starts_with(kSourcesPrefix) && task.size() > kSourcesPrefix.size();
    if (!of_sources || !may_provide_below_bus(peer))
      return TaskFault{"not_allowed", "tasks below bus. belong to the hub: " + printable(task)};
  }
  const CallPeer* known = find_part<CallPeer>(peer);
  std::set<std::string_view> tasks(message.tasks.begin(), message.tasks.end());
  if (known != nullptr && known->provider) {
    for (const Task* task : known->provider->tasks) tasks.insert(task->name);
  }
  if (tasks.size() > kMaxTasksProvided) {
    return TaskFault{"full", "a connection provides at most " + std::to_string(kMaxTasksProvided) +
                                 " tasks; open another one for more, or use patterns"};
  }
  if (!hub_.ledger.has_room_for(*peer.account, Pool::subscriptions, bytes))
    return TaskFault{"busy", hub_.ledger.shortage_of(*peer.account, Pool::subscriptions, bytes)};
  return {};
}

Answer Calls::provide(Peer& peer, Provide& message, TimePoint) {
  if (message.tasks.empty())
    return Fault{ErrorCode::bad_frame, "tasks is missing or empty; name what is provided"};
  CallPeer& part = call_peer(peer);
  if (auto fault = fault_of(peer, message)) {
    if (message.id.empty()) return fault_without_id(*fault);
    tracker_.writer().respond(part, message.id, error_rest(fault->code, fault->message));
    return {};
  }
  if (!part.provider) {
    part.provider = std::make_unique<Provider>();
    part.provider->id_prefix = hub_.config.start_id + "." + std::to_string(serial_of(peer.id)) + ".";
    part.provider->idle_since = hub_.now;
  }
  part.provider->slots = message.slots;
  part.provider->priority = message.priority;
  tracker_.provide(part, message.tasks);
  if (!message.id.empty()) tracker_.writer().respond(part, message.id, result_rest("null"));
  tracker_.settle();
  return {};
}

Answer Calls::unprovide(Peer& peer, Unprovide& message, TimePoint) {
  CallPeer& part = call_peer(peer);
  if (part.provider) {
    std::vector<Task*> tasks = part.provider->tasks;
    if (!message.tasks.empty()) {
      std::erase_if(tasks, [&](const Task* task) {
        return std::find(message.tasks.begin(), message.tasks.end(), task->name) == message.tasks.end();
      });
    }
    tracker_.unprovide(part, tasks);
  }
  if (!message.id.empty()) tracker_.writer().respond(part, message.id, result_rest("null"));
  tracker_.settle();
  return {};
}

// ---- callers

std::optional<TaskFault> Calls::fault_of(const CallPeer& caller, const Request& message) const {
  if (!message.reply_event.empty() && message.stream)
    return TaskFault{"bad_args", "a stream has no reply_event; leave one of them out"};
  if (!message.reply_event.empty() && message.timeout_ms == 0)
    return TaskFault{"bad_args", "reply_event needs a deadline; give a timeout_ms above 0"};
  if (caller.open.size() >= hub_.config.open_calls) {
    return TaskFault{"busy", "this connection has as many open calls as it may, " +
                                 std::to_string(hub_.config.open_calls) +
                                 " (--open-calls); wait for some of them to end"};
  }
  size_t bytes = message.id.size() + message.task.size() + message.args.size();
  for (const Member& member : message.others) bytes += member.name_token.size() + member.value_token.size();
  // A request to the hub becomes no call.
  if (!is_of_hub(message.task) && !tracker_.memory().has_room_for(*caller.peer.account, bytes)) {
    hub_.closing.refused_memory(caller.peer, Pool::calls);
    return TaskFault{"busy", hub_.ledger.shortage_of(*caller.peer.account, Pool::calls, bytes)};
  }
  if (hub_.closing.is_stopping()) return TaskFault{"stopping", "the hub stops"};
  return {};
}

Answer Calls::request(Peer& peer, Request& message, TimePoint now) {
  CallPeer& caller = call_peer(peer);
  if (caller.open.find(message.id) != nullptr)
    return Fault{ErrorCode::bad_frame,
                 "the id " + printable(message.id) + " is that of an open request; use another"};
  Call* parent = nullptr;
  if (!message.parent.empty()) {
    Named named = this->named(peer, message.parent);
    if (named.fault) return std::move(named.fault);
    parent = named.call;
  }
  if (auto fault = fault_of(caller, message)) {
    if (fault->code == "busy") tracker_.count_busy();
    tracker_.writer().respond(caller, message.id, error_rest(fault->code, fault->message));
    return {};
  }
  if (!message.parent.empty() && parent == nullptr) {
    tracker_.writer().respond(caller, message.id,
                              error_rest("canceled", "the request that this one is made for has ended"));
    return {};
  }
  if (is_of_hub(message.task)) {
    serve_own(caller, message, now);
    return {};
  }
  Tracker::Terms terms;
  terms.account = peer.account;
  terms.caller = &caller;
  terms.until = message.timeout_ms == 0 ? kNever : now + milliseconds(message.timeout_ms);
  terms.parent = parent;
  terms.waits = message.wait;
  terms.streams = message.stream;
  terms.idempotent = message.idempotent;
  terms.to = std::move(message.to);
  if (!message.reply_event.empty()) {
    terms.caller = nullptr;
    terms.origin = call_origin(peer);
    terms.origin->reply_event = std::move(message.reply_event);
    tracker_.writer().respond(caller, message.id, result_rest(kAccepted));
  }
  std::string rest;
  append_others(rest, message.others);
  rest += R"(,"args":)";
  tracker_.open(message.id, message.task, rest, message.args, std::move(terms));
  tracker_.settle();
  return {};
}

// Below bus., except what sources provide.
bool Calls::is_of_hub(std::string_view task) {
  return task.starts_with(TaskTable::kHubPrefix) && !task.starts_with(kSourcesPrefix);
}

void Calls::serve_own(CallPeer& caller, const Request& message, TimePoint now) {
  std::string result;
  std::optional<TaskFault> fault;
  auto at = served_.find(message.task);
  if (at == served_.end()) {
    fault = TaskFault{"no_provider", "the hub has no task " + printable(message.task)};
  } else if (caller.frames.size() > kMaxUnreadResults && message.task != kSync) {
    fault = TaskFault{"busy", "earlier answers to this connection are unread; read them first"};
  } else {
    fault =
        at->second.task->serve(*at->second.room, message.args, kMaxFrameBytes - kResponseBytes, now, result);
    hub_.turn.spend(result.size() / 64);
  }
  bool is_control = fault || message.task == kSync;
  if (!is_control && !hub_.ledger.has_room_for(*caller.peer.account, Pool::calls, result.size())) {
    hub_.closing.refused_memory(caller.peer, Pool::calls);
    fault = TaskFault{"busy", hub_.ledger.shortage_of(*caller.peer.account, Pool::calls, result.size())};
    is_control = true;
  }
  std::string rest = fault ? error_rest(fault->code, fault->message) : result_rest(result);
  if (message.reply_event.empty()) {
    tracker_.writer().respond(caller, message.id, rest, is_control ? 0 : result.size());
  } else {
    tracker_.writer().respond(caller, message.id, result_rest(kAccepted));
    tracker_.publish_end(message.reply_event, message.id, message.task, rest);
  }
}

Answer Calls::cancel(Peer& peer, Cancel& message, TimePoint) {
  CallPeer* caller = find_part<CallPeer>(peer);
  Call* call = caller == nullptr ? nullptr : caller->open.find(message.id);
  // One that has just ended is no mistake of its caller's.
  if (call == nullptr || call->ended) return {};
  tracker_.fail(*call, CallEnd::canceled, "canceled", "its caller canceled this call", "canceled");
  tracker_.settle();
  return {};
}

// ---- what providers say of calls

Calls::Named Calls::named(Peer& peer, std::string_view id) const {
  CallPeer* part = find_part<CallPeer>(peer);
  if (part != nullptr && part->provider && id.starts_with(part->provider->id_prefix)) {
    Provider& provider = *part->provider;
    auto number = parse_u64(id.substr(provider.id_prefix.size()));
    if (number && *number > 0 && *number <= provider.written_number) return {provider.find(*number), {}};
  }
  return {nullptr, Fault{ErrorCode::bad_frame,
                         "no request with the id " + printable(id) + " was ever given to this connection"}};
}

Answer Calls::chunk(Peer& peer, Chunk& message, TimePoint) {
  Named named = this->named(peer, message.id);
  if (named.fault) return std::move(named.fault);
  CallPeer& part = call_peer(peer);
  if (named.call == nullptr) {
    ++part.provider->late;
    return {};
  }
  if (!named.call->streams)
    return Fault{ErrorCode::not_allowed, "this request asks for no stream; answer it by one response"};
  if (CallWriter::chunk_bytes(named.call->text.id(), message.data) > kMaxFrameBytes) {
    tracker_.fail(*named.call, CallEnd::other, "too_large", "a part of the answer is larger than a frame",
                  "canceled");
    tracker_.settle();
    return Fault{ErrorCode::frame_too_large,
                 "with its caller's id, this chunk is above " + std::to_string(kMaxFrameBytes) + " bytes"};
  }
  tracker_.memory().add_chunk(*named.call, message.data);
  tracker_.settle();
  return {};
}

Answer Calls::progress(Peer& peer, Progress& message, TimePoint) {
  Named named = this->named(peer, message.id);
  if (named.fault) return std::move(named.fault);
  if (named.call == nullptr) {
    ++call_peer(peer).provider->late;
  } else if (named.call->caller != nullptr) {
    tracker_.memory().set_progress(*named.call, message);
  }
  tracker_.settle();
  return {};
}

Answer Calls::response(Peer& peer, Response& message, TimePoint) {
  if (message.error && !message.result.empty())
    return Fault{ErrorCode::bad_frame, "response has a result and an error; send one of them"};
  Named named = this->named(peer, message.id);
  if (named.fault) return std::move(named.fault);
  CallPeer& part = call_peer(peer);
  if (named.call == nullptr) {
    ++part.provider->late;
    return {};
  }
  Call& call = *named.call;
  if (message.error && message.error->code == "declined") {
    tracker_.pass_on(call);
    tracker_.settle();
    return {};
  }
  std::string rest;
  rest.reserve(16 + message.result.size());
  append_others(rest, message.others);
  if (message.error) {
    message.error->by.clear();
    Writing::append(rest += R"(,"error":)", *message.error);
  } else {
    (rest += R"(,"result":)") += message.result.empty() ? "null" : message.result;
  }
  bool fits = call.caller == nullptr || CallWriter::response_bytes(call.text.id(), rest) <= kMaxFrameBytes;
  tracker_.end(call, message.error ? CallEnd::failed : CallEnd::done, rest, {});
  tracker_.settle();
  if (fits) return {};
  return Fault{ErrorCode::frame_too_large, "with its caller's id, this response is above " +
                                               std::to_string(kMaxFrameBytes) +
                                               " bytes; its caller was told too_large"};
}

// ---- who comes and goes

void Calls::input_ended(Peer& peer) {
  CallPeer* part = find_part<CallPeer>(peer);
  if (part == nullptr) return;
  tracker_.provider_gone(*part);
  tracker_.settle();
}

void Calls::leave(Peer& peer) {
  CallPeer* part = find_part<CallPeer>(peer);
  if (part == nullptr) return;
  tracker_.provider_gone(*part);
  tracker_.settle();
  hub_.closing.owe(peer, kHeldByCalls, !part->open.empty());
}

void Calls::gone(Peer& peer) {
  CallPeer* part = find_part<CallPeer>(peer);
  if (part == nullptr) return;
  tracker_.caller_gone(*part);
  tracker_.settle();
}

void Calls::stop() { tracker_.stop(); }

// Those that have more control replies unread than there is memory for.
void Calls::end_of_turn(TimePoint) {
  tracker_.end_of_turn();
  for (PeerId id : tracker_.writer().take_overdrawn()) {
    Peer* peer = hub_.peers.find(id);
    if (peer == nullptr || peer->abandoned) continue;
    hub_.closing.refused_memory(*peer, Pool::replies);
    hub_.closing.close_now(*peer, Notice::Kind::unread,
                           hub_.ledger.shortage_of(*peer->account, Pool::replies, 1));
  }
}

void Calls::describe(StatusWriter& out, TimePoint) const {
  describe_calls(tracker_, hub_.config.waiting_calls, out);
}

}  // namespace bus::hub
