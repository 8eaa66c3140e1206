// What peers are written of calls: requests and their fate to providers, parts and ends to callers.
//
// Nothing is made before a socket has room for it, but for short frames that belong to no open call. Each peer has
// one feed, in which those go first; then come the requests that a provider was given, in their order; then, call
// by call in turns, what its own calls have brought. Judges nothing: that is the tracker's (tracker.h).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/core/calls/call_peer.h"
#include "hub/core/room.h"
#include "protocol/encode.h"
#include "protocol/messages/call.h"

namespace bus::hub {

// When this much of a stream waits for its reader, its provider is asked to pause; below the second number, to go
// on; beyond the third the reader is too slow.
inline constexpr size_t kPauseBytes = size_t{256} * 1024;
inline constexpr size_t kResumeBytes = size_t{64} * 1024;
inline constexpr size_t kMaxStreamBytes = size_t{4} * 1024 * 1024;

class CallWriter {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The end of the call is written: its caller has no such call any more.
    virtual void response_written(Call& call) = 0;
    // What the call holds has become less.
    virtual void update_charge(Call& call) = 0;
  };

  CallWriter(Hub& hub, Owner& owner) : hub_(hub), owner_(owner) {}

  // Peers for whose frames there was no memory, since the last call.
  std::vector<PeerId> take_overdrawn() { return std::exchange(overdrawn_, {}); }

  // A frame that belongs to no open call of the peer, or goes ahead of those that do.
  template <class M>
  void send(CallPeer& to, const M& message) {
    encode_to(to.frames, message);
    sent(to);
  }
  // The whole answer to a request that became no call: ,"result":… or ,"error":… It always has room where control
  // replies have; `result_bytes` of it are charged as calls are, which its caller has asked about.
  void respond(CallPeer& to, std::string_view id, std::string_view rest, size_t result_bytes = 0);
  void wake(CallPeer& to);

  // Its caller is to be written something of the call.
  void queue(Call& call);
  void unqueue(Call& call);
  void add_chunk(Call& call, std::string_view data_token);
  void set_progress(Call& call, const Progress& progress);

  bool render(CallPeer& peer, std::string& out, size_t want);

  // Bytes of a response's frame.
  static size_t response_bytes(std::string_view id, std::string_view rest);
  // Bytes of a chunk's frame at most.
  static size_t chunk_bytes(std::string_view id, std::string_view data_token);
  // Bytes of a request's frame at most.
  static size_t request_bytes(const CallPeer& provider, const Call& call);

 private:
  void sent(CallPeer& to);
  void render_requests(CallPeer& peer, std::string& out, size_t want);
  void render_request(const CallPeer& peer, const Call& call, uint64_t number, std::string& out) const;
  void render_call(CallPeer& peer, Call& call, std::string& out);
  void resume_if_drained(Call& call);

  Hub& hub_;
  Owner& owner_;
  std::vector<PeerId> overdrawn_;
};

// Whose request it is, as its provider is told.
GivenRequest::From origin_of(const Peer& peer);
// The same, for a call that may outlive the peer.
std::unique_ptr<CallOrigin> call_origin(const Peer& peer);
// The id by which the provider knows a call that it was given.
std::string id_for(const CallPeer& provider, uint64_t number);

}  // namespace bus::hub
