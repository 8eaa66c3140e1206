// One call, from its request until its response is written (PROTOCOL.md 10).
//
// Ten thousand of them may be open, so what few calls need is in CallExtras. A call is in at most one list: while
// it waits for a provider in a line (waiting_line.h), then, while something waits for its caller's socket, in
// the list of what the caller is to be written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/deadlines.h"

namespace bus::hub {

struct Call;
struct CallPeer;
struct Line;
struct Task;

// How a call ended, for counters.
enum class CallEnd : uint8_t {
  done,    // its provider gave a result
  failed,  // its provider gave an error
  timeout,
  canceled,
  gone,  // its provider went
  declined,
  no_provider,
  busy,
  other,
};
inline constexpr size_t kCallEnds = 9;

// What is to be remembered of a call's frames, in one piece of memory: the caller's id, the task, and the rest
// of the request, then of the response: ,"name":value for each member.
class CallText {
 public:
  // The rest is in two parts, so that a long value is copied here only.
  void set(std::string_view id, std::string_view task, std::string_view rest, std::string_view value = {}) {
    size_t rest_bytes = rest.size() + value.size();
    auto bytes = std::make_unique_for_overwrite<char[]>(id.size() + task.size() + rest_bytes);
    char* out = std::copy(id.begin(), id.end(), bytes.get());
    out = std::copy(task.begin(), task.end(), out);
    out = std::copy(rest.begin(), rest.end(), out);
    std::copy(value.begin(), value.end(), out);
    bytes_ = std::move(bytes);
    id_bytes_ = static_cast<uint8_t>(id.size());
    task_bytes_ = static_cast<uint8_t>(task.size());
    rest_bytes_ = static_cast<uint32_t>(rest_bytes);
  }
  std::string_view id() const { return {bytes_.get(), id_bytes_}; }
  std::string_view task() const { return {bytes_.get() + id_bytes_, task_bytes_}; }
  std::string_view rest() const { return {bytes_.get() + id_bytes_ + task_bytes_, rest_bytes_}; }
  size_t bytes() const { return size_t{id_bytes_} + task_bytes_ + rest_bytes_; }

 private:
  std::unique_ptr<char[]> bytes_;
  uint32_t rest_bytes_ = 0;
  uint8_t id_bytes_ = 0;    // kMaxIdBytes
  uint8_t task_bytes_ = 0;  // kMaxIdentifierBytes
};

// Whose request it is, as its provider is told, when that cannot be asked of the caller.
struct CallOrigin {
  int64_t pid = 0;
  uint32_t uid = 0;
  std::string source;
  std::string reply_event;                            // empty: nobody is told by an event
  std::function<void(std::string_view rest)> on_end;  // of a call that the hub makes itself
};

struct CallExtras {
  // The call that its caller serves while it makes this one, and those that are made while this one is served.
  Call* parent = nullptr;
  size_t place_in_parent = 0;
  std::vector<Call*> children;
  size_t depth = 0;

  std::string to;                   // the source that is to serve it; empty: any
  std::vector<uint64_t> passed_by;  // peers that declined it
  uint8_t handed_over = 0;          // how often its provider went
  std::unique_ptr<CallOrigin> origin;

  // What the provider has sent and the caller's socket has not taken: whole frames in blocks.
  std::deque<std::string> chunks;
  size_t chunk_bytes = 0;
  uint64_t chunks_sent = 0;  // and received from the provider
  bool paused = false;       // the provider was told
  std::string progress;      // the newest, a whole frame
};

struct Call {
  Call() { deadline.call = this; }

  uint64_t id = 0;               // given by Slots: calls are numbered as they come
  CallPeer* caller = nullptr;    // nullptr: it has gone, or is not told by a response
  CallPeer* provider = nullptr;  // who has it
  uint64_t number = 0;           // the provider's, of the calls that it was given
  Line* line = nullptr;          // in which it waits
  Task* task = nullptr;          // by which it was given last, for counters
  Account* account = nullptr;    // its caller's user
  Call* before = nullptr;        // in the one list that it is in
  Call* behind = nullptr;
  Call* behind_in_chain = nullptr;  // OpenCalls' own, as is id_hash
  struct EndBy : Deadline {
    Call* call = nullptr;
  } deadline;
  TimePoint began;
  CallText text;
  PoolCharge charge;
  std::unique_ptr<CallExtras> extras;  // rarely there are any
  bool ended = false;                  // its response waits for the caller's socket
  bool queued = false;                 // in its caller's list
  bool to_end = false;                 // its parent has ended
  bool waits = false;                  // for a provider, too, when there is none
  bool streams = false;
  bool idempotent = false;
  uint16_t id_hash = 0;

  CallExtras& more() {
    if (!extras) extras = std::make_unique<CallExtras>();
    return *extras;
  }
  Call* parent() const { return extras ? extras->parent : nullptr; }
  std::string_view to() const { return extras ? std::string_view(extras->to) : std::string_view(); }
  bool was_passed_on() const { return extras && !extras->passed_by.empty(); }
  bool sent_chunks() const { return extras && extras->chunks_sent > 0; }
};

// A list of calls, linked through them.
class CallList {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  Call& front() const { return *first_; }

  void push_back(Call& call) { insert(call, last_, nullptr); }
  void push_front(Call& call) { insert(call, nullptr, first_); }
  void remove(Call& call) {
    (call.before == nullptr ? first_ : call.before->behind) = call.behind;
    (call.behind == nullptr ? last_ : call.behind->before) = call.before;
    call.before = nullptr;
    call.behind = nullptr;
    --size_;
  }

 private:
  void insert(Call& call, Call* before, Call* behind) {
    call.before = before;
    call.behind = behind;
    (before == nullptr ? first_ : before->behind) = &call;
    (behind == nullptr ? last_ : behind->before) = &call;
    ++size_;
  }

  Call* first_ = nullptr;
  Call* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace bus::hub
