#include "hub/core/calls/call_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "hub/core/delivery/delivery.h"
#include "hub/core/peers/peers.h"
#include "protocol/json_text.h"

namespace bus::hub {

namespace {

// A peer that leaves more than this of its answers unread is not read, until it has read them.
constexpr size_t kMaxUnreadFrames = size_t{64} * 1024;

// A block of chunks is handed on when it has about this much.
constexpr size_t kBlockBytes = size_t{64} * 1024;

// What stands in a frame beside its texts, at most.
constexpr size_t kFrameBytes = 256;

template <class Integer>
void append_number(std::string& out, Integer number) {
  std::array<char, 20> digits;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_from(std::string& out, int64_t pid, uint32_t uid, std::string_view source) {
  out += R"({"pid":)";
  append_number(out, pid);
  out += R"(,"uid":)";
  append_number(out, uid);
  if (!source.empty()) {
    out += R"(,"source":)";
    append_json_string(out, source);
  }
  out += '}';
}

int64_t pid_of(const Peer& peer) { return peer.kernel_pid != 0 ? peer.kernel_pid : peer.pid; }

std::string_view source_of(const Peer& peer) {
  return peer.phase == Phase::source ? std::string_view(peer.key) : std::string_view();
}

}  // namespace

GivenRequest::From origin_of(const Peer& peer) {
  return {pid_of(peer), peer.uid, std::string(source_of(peer))};
}

std::unique_ptr<CallOrigin> call_origin(const Peer& peer) {
  GivenRequest::From from = origin_of(peer);
  auto origin = std::make_unique<CallOrigin>();
  origin->pid = from.pid;
  origin->uid = peer.uid;
  origin->source = std::move(from.source);
  return origin;
}

std::string id_for(const CallPeer& provider, uint64_t number) {
  return provider.provider->id_prefix + std::to_string(number);
}

// ---- what is handed in

void CallWriter::respond(CallPeer& to, std::string_view id, std::string_view rest, size_t result_bytes) {
  to.frames += R"({"type":"response","id":)";
  append_json_string(to.frames, id);
  to.frames += rest;
  to.frames += "}\n";
  to.result_bytes += result_bytes;
  sent(to);
}

// A peer that asks faster than it reads is not read; so it has at most the answers to one read more.
void CallWriter::sent(CallPeer& to) {
  if (to.peer.abandoned) return to.frames.clear();
  size_t control = to.frames.capacity() - to.result_bytes;
  size_t more = control - std::min(control, to.control_charge.bytes());
  if (!hub_.ledger.has_room_for(*to.peer.account, Pool::replies, more)) overdrawn_.push_back(to.peer.id);
  to.control_charge.set(*to.peer.account, Pool::replies, control);
  to.results_charge.set(*to.peer.account, Pool::calls, to.result_bytes);
  hub_.peers.hold(to.peer, kHeldByCalls, to.frames.size() > kMaxUnreadFrames);
  wake(to);
}

void CallWriter::wake(CallPeer& to) {
  if (to.peer.abandoned || std::exchange(to.feeding, true)) return;
  hub_.delivery.feed(to.peer, to);
}

void CallWriter::queue(Call& call) {
  if (!std::exchange(call.queued, true)) call.caller->unwritten.push_back(call);
  wake(*call.caller);
}

void CallWriter::unqueue(Call& call) {
  if (std::exchange(call.queued, false)) call.caller->unwritten.remove(call);
}

void CallWriter::add_chunk(Call& call, std::string_view data_token) {
  CallExtras& extras = call.more();
  if (extras.chunks.empty() || extras.chunks.back().size() >= kBlockBytes) extras.chunks.emplace_back();
  std::string& block = extras.chunks.back();
  size_t before = block.size();
  block += R"({"type":"chunk","id":)";
  append_json_string(block, call.text.id());
  block += R"(,"seq":)";
  block += std::to_string(++extras.chunks_sent);
  block += R"(,"data":)";
  block += data_token;
  block += "}\n";
  extras.chunk_bytes += block.size() - before;
  if (extras.chunk_bytes > kPauseBytes && !std::exchange(extras.paused, true))
    send(*call.provider, Pause{id_for(*call.provider, call.number)});
  queue(call);
}

void CallWriter::set_progress(Call& call, const Progress& progress) {
  Progress forwarded = progress;
  forwarded.id = call.text.id();
  call.more().progress = encode(forwarded);
  queue(call);
}

// ---- what is written

bool CallWriter::render(CallPeer& peer, std::string& out, size_t want) {
  if (!peer.frames.empty()) {
    out += peer.frames;
    peer.frames = std::string();
    peer.result_bytes = 0;
    peer.control_charge.release();
    peer.results_charge.release();
    hub_.peers.hold(peer.peer, kHeldByCalls, false);
  }
  if (peer.provider) render_requests(peer, out, want);
  while (out.size() < want && !peer.unwritten.empty()) render_call(peer, peer.unwritten.front(), out);
  peer.feeding =
      !peer.unwritten.empty() || !peer.frames.empty() || (peer.provider && peer.provider->has_unwritten());
  return peer.feeding;
}

void CallWriter::render_requests(CallPeer& peer, std::string& out, size_t want) {
  Provider& provider = *peer.provider;
  for (auto at = provider.first_unwritten(); at != provider.given.end() && out.size() < want; ++at) {
    render_request(peer, *at->call, at->number, out);
    provider.unwritten_bytes -= at->call->text.bytes();
    provider.written_number = at->number;
  }
}

// Written by hand, as each request comes by here: no text but the task and the source may need escapes.
void CallWriter::render_request(const CallPeer& peer, const Call& call, uint64_t number,
                                std::string& out) const {
  out += R"({"type":"request","id":")";
  out += peer.provider->id_prefix;
  append_number(out, number);
  out += R"(","task":)";
  append_json_string(out, call.text.task());
  if (call.deadline.at() != kNever) {
    auto left = std::chrono::ceil<milliseconds>(call.deadline.at() - hub_.now).count();
    out += R"(,"timeout_ms":)";
    append_number(out, std::max<int64_t>(left, 1));
  }
  if (call.streams) out += R"(,"stream":true)";
  out += R"(,"from":)";
  if (call.extras && call.extras->origin) {
    const CallOrigin& origin = *call.extras->origin;
    append_from(out, origin.pid, origin.uid, origin.source);
  } else {
    const Peer& caller = call.caller->peer;
    append_from(out, pid_of(caller), caller.uid, source_of(caller));
  }
  out += call.text.rest();
  out += "}\n";
}

// Of one call: a block of its stream, and when nothing of that is left, its end.
void CallWriter::render_call(CallPeer& peer, Call& call, std::string& out) {
  peer.unwritten.remove(call);
  call.queued = false;
  CallExtras* extras = call.extras.get();
  if (extras != nullptr && !extras->chunks.empty()) {
    std::string block = std::move(extras->chunks.front());
    extras->chunks.pop_front();
    extras->chunk_bytes -= block.size();
    out.empty() ? out.swap(block) : void(out += block);
    owner_.update_charge(call);
    resume_if_drained(call);
  }
  if (extras != nullptr && !extras->progress.empty() && !call.ended) {
    out += extras->progress;
    extras->progress = std::string();
  }
  if (extras != nullptr && !extras->chunks.empty()) {
    queue(call);
  } else if (call.ended) {
    out += R"({"type":"response","id":)";
    append_json_string(out, call.text.id());
    out += call.text.rest();
    out += "}\n";
    owner_.response_written(call);
  }
}

void CallWriter::resume_if_drained(Call& call) {
  if (call.provider == nullptr || call.extras->chunk_bytes >= kResumeBytes) return;
  if (std::exchange(call.extras->paused, false))
    send(*call.provider, Resume{id_for(*call.provider, call.number)});
}

// ---- sizes

size_t CallWriter::response_bytes(std::string_view id, std::string_view rest) {
  constexpr std::string_view kAround = R"({"type":"response","id":})";
  return kAround.size() + json_string_bytes(id) + rest.size() + 1;
}

size_t CallWriter::chunk_bytes(std::string_view id, std::string_view data_token) {
  constexpr std::string_view kAround = R"({"type":"chunk","id":,"seq":18446744073709551615,"data":})";
  return kAround.size() + json_string_bytes(id) + data_token.size() + 1;
}

size_t CallWriter::request_bytes(const CallPeer& provider, const Call& call) {
  size_t from = call.extras && call.extras->origin ? call.extras->origin->source.size() : 0;
  if (call.caller != nullptr) from = call.caller->peer.key.size();
  return kFrameBytes + provider.provider->id_prefix.size() + json_string_bytes(call.text.task()) + 6 * from +
         call.text.rest().size();
}

}  // namespace bus::hub
