#include "hub/core/values/value_writer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/peers.h"
#include "hub/core/values/replaced_values.h"
#include "protocol/encode.h"
#include "protocol/messages/call.h"
#include "protocol/messages/value.h"

namespace bus::hub {

namespace {

// A peer that leaves more than this of its answers unread is not read, until it has read them.
constexpr size_t kMaxUnreadFrames = size_t{64} * 1024;

// What watches give at a time: what a socket refuses of it waits in the hub.
constexpr size_t kFeedBytes = size_t{16} * 1024;

// Entries that are looked at, at a time.
constexpr size_t kMostLookedAt = 1000;

// An answer above this is replaced by `busy` when there is no memory for it.
constexpr size_t kSmallAnswer = 1024;

void append_number(std::string& out, uint64_t number) {
  std::array<char, 20> digits;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

uint64_t whole_ms(Duration duration) { return static_cast<uint64_t>(std::max<int64_t>(to_ms(duration), 0)); }

}  // namespace

bool ValuePeer::render(std::string& out, size_t want) { return writer.render(*this, out, want); }

// ---- what stands in answers

std::string ValueWriter::stale_data(const ValueEntry* entry) {
  StaleData data;
  data.deleted = entry == nullptr || !entry->visible().exists();
  if (entry != nullptr) {
    data.version = entry->visible().version;
    data.rev = entry->rev();
  }
  if (!data.deleted) data.value = *entry->visible().value;
  std::string out;
  Writing::append(out, data);
  return out;
}

void ValueWriter::append_times(std::string& out, const ValueState& state) const {
  out += R"(,"age_ms":)";
  append_number(out, whole_ms(clock_ - state.changed));
  if (state.expires == kNever) return;
  out += R"(,"ttl_ms":)";
  append_number(out, whole_ms(std::chrono::ceil<milliseconds>(state.expires - clock_)));
}

// Written by hand, as are values below: thousands of them make one snapshot.
void ValueWriter::append_state(std::string& out, const ValueEntry& entry, bool with_value) const {
  const ValueState& state = entry.visible();
  out += R"({"key":)";
  append_json_string(out, entry.key());
  out += R"(,"version":)";
  append_number(out, state.version);
  out += R"(,"rev":)";
  append_number(out, entry.rev());
  append_times(out, state);
  out += R"(,"uid":)";
  append_number(out, state.uid);
  if (with_value) {
    out += R"(,"value":)";
    out += *state.value;
  }
  out += '}';
}

// ---- what is handed in

void ValueWriter::respond(ValuePeer& to, std::string_view id, std::string_view result) {
  if (to.peer.abandoned) return;
  if (result.size() > kSmallAnswer &&
      !hub_.ledger.has_room_for(*to.peer.account, Pool::replies, to.frames.size() + result.size())) {
    return refuse(to, id,
                  {"busy", hub_.ledger.shortage_of(*to.peer.account, Pool::replies, result.size()), {}});
  }
  to.frames += R"({"type":"response","id":)";
  append_json_string(to.frames, id);
  if (!result.empty()) {
    to.frames += R"(,"result":)";
    to.frames += result;
  }
  to.frames += "}\n";
  queued(to);
}

// Written by hand: a put is hardly ever answered by anything else.
void ValueWriter::respond_to_change(ValuePeer& to, std::string_view id, uint64_t version, uint64_t rev,
                                    bool unchanged) {
  if (to.peer.abandoned) return;
  if (to.frames.empty()) to.frames.reserve(kSmallAnswer / 4);
  to.frames += R"({"type":"response","id":)";
  append_json_string(to.frames, id);
  to.frames += R"(,"result":{"version":)";
  append_number(to.frames, version);
  to.frames += R"(,"rev":)";
  append_number(to.frames, rev);
  to.frames += unchanged ? ",\"unchanged\":true}}\n" : "}}\n";
  queued(to);
}

void ValueWriter::refuse(ValuePeer& to, std::string_view id, const ValueFault& fault) {
  if (to.peer.abandoned) return;
  Response response;
  response.id = id;
  response.error = CallError{std::string(fault.code), fault.message, "hub", fault.data};
  std::string frame = encode(response);
  if (frame.size() > kMaxFrameBytes) {
    response.error->data = {};
    frame = encode(response);
  }
  to.frames += frame;
  queued(to);
}

void ValueWriter::queued(ValuePeer& to) {
  size_t bytes = to.frames.capacity();
  size_t more = bytes - std::min(bytes, to.frames_charge.bytes());
  if (!hub_.ledger.has_room_for(*to.peer.account, Pool::replies, more)) overdrawn_.push_back(to.peer.id);
  to.frames_charge.set(*to.peer.account, Pool::replies, bytes);
  feed(to);
}

bool ValueWriter::has_much_to_take(const ValuePeer& peer) { return peer.frames.size() > kMaxUnreadFrames; }

void ValueWriter::feed(ValuePeer& to) {
  if (to.peer.abandoned || std::exchange(to.feeding, true)) return;
  hub_.delivery.feed(to.peer, to);
}

void ValueWriter::wake(PeerWatch& watch) {
  if (!std::exchange(watch.is_queued, true)) watch.peer.behind.push_back(&watch);
  feed(watch.peer);
}

void ValueWriter::forget(PeerWatch& watch) {
  if (std::exchange(watch.is_queued, false)) std::erase(watch.peer.behind, &watch);
}

// ---- what is written

bool ValueWriter::render(ValuePeer& peer, std::string& out, size_t want) {
  if (!peer.frames.empty()) {
    out.empty() ? out.swap(peer.frames) : void(out += peer.frames);
    peer.frames.clear();
    // What is small is kept for the next ones, beside the pools.
    if (peer.frames.capacity() > kSmallAnswer) peer.frames = std::string();
    peer.frames_charge.release();
    owner_.answers_taken(peer);
  }
  if (!peer.behind.empty()) clock_ = owner_.time();
  size_t enough = std::min(want, kFeedBytes);
  size_t most = kMostLookedAt;
  while (out.size() < enough && most > 0 && !peer.behind.empty() && !peer.tail.text) {
    PeerWatch& watch = *peer.behind.front();
    peer.behind.pop_front();
    watch.is_queued = false;
    // A run of one watch, then the next one's.
    size_t until = out.size() + enough / 4;
    while (out.size() < until && !peer.tail.text && render_step(watch, out, most)) continue;
    if (!watch.is_behind()) continue;
    watch.is_queued = true;
    peer.behind.push_back(&watch);
  }
  peer.feeding = !peer.behind.empty();
  return peer.feeding;
}

bool ValueWriter::render_step(PeerWatch& watch, std::string& out, size_t& most) {
  WatchStep step = watches_.next(watch, most);
  switch (step.kind) {
    case WatchStep::Kind::nothing:
      return false;
    case WatchStep::Kind::value:
      append_value(out, watch, step);
      return true;
    case WatchStep::Kind::synced:
      break;
  }
  encode_to(out, Synced{watch.id, step.rev, epoch_, step.keys, step.reset});
  return true;
}

void ValueWriter::append_value(std::string& out, const PeerWatch& watch, const WatchStep& step) const {
  const ValueState& state = step.entry->visible();
  out += R"({"type":"value","watch":)";
  append_json_string(out, watch.id);
  out += R"(,"key":)";
  append_json_string(out, step.entry->key());
  out += R"(,"version":)";
  append_number(out, state.version);
  out += R"(,"rev":)";
  append_number(out, step.entry->rev());
  if (step.is_snapshot) out += R"(,"snapshot":true)";
  if (!state.exists()) out += R"(,"deleted":true)";
  if (state.expired) out += R"(,"expired":true)";
  if (step.skipped > 0) {
    out += R"(,"skipped":)";
    append_number(out, step.skipped);
  }
  append_times(out, state);
  if (state.exists() && watch.values) {
    out += R"(,"value":)";
    if (state.value.size() >= kHeldValueBytes) {
      watch.peer.tail = {state.value, "}\n"};
      return;
    }
    out += *state.value;
  }
  out += "}\n";
}

}  // namespace bus::hub
