// All sessions of the hub, and the core whose edge they are.
//
// Does after each entry into the core what hub_core.h asks for: what each peer that is dirty wants. Owns no
// listener and no signals; that is daemon.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/hub_core.h"
#include "hub/farewells.h"
#include "hub/session.h"
#include "hub/shared_pages.h"
#include "protocol/event/later.h"
#include "protocol/event/loop.h"

namespace bus::hub {

class Sessions final : private Transport {
 public:
  Sessions(Loop& loop, HubConfig config, TimePoint start);
  ~Sessions() override;

  HubCore& core() { return core_; }
  bool empty() const { return open_count_ == 0; }

  // As the entries of the core, which see hub_core.h.
  void values_committed(uint64_t batch);
  void values_failed(const Error& reason);

  // Takes a connection that was accepted; `supply` says at what cost.
  void add(Fd fd, const Credentials& credentials, Supply supply);
  // Whether what was read is still to be answered, once what else is ready was read.
  bool turn_is_open() const { return core_.turn_is_open(); }
  // Frees descriptors that only courtesy keeps.
  void end_farewells() { farewells_.close_all(); }
  // Deadlines: reads and writes for the peers that are due, then lets the core expire those for which there
  // was time.
  void expire();
  // No new connections will come: each one is closed once it has been told what is queued, at `deadline` at
  // the latest. Consumers are told `farewell`, unless it is empty.
  void begin_stop(TimePoint deadline, std::string_view farewell);
  void close_all();
  // Destroys what was closed; for the end of a turn. Returns whether a descriptor was freed since the last
  // call.
  bool destroy_closed();

  // For Session.
  bool turn_is_over() noexcept override;
  // In place of the time now, which costs more to ask.
  TimePoint turn_began() const { return loop_.times().begun(); }
  void process_dirty();
  // After an entry that may leave the turn open.
  void end_turn_in_time();
  void end_turn();
  void update(Session& session);
  void lost(Session& session) { remove(session); }
  std::string& read_buffer() { return read_buffer_; }

 private:
  size_t write(PeerId peer, std::string_view bytes) noexcept override;
  std::shared_ptr<char> shared_buffer(size_t bytes) noexcept override { return pages_.shared_buffer(bytes); }
  size_t send_shared(PeerId peer, const std::vector<std::string_view>& pieces) noexcept override;
  ProcessStats process_stats() noexcept override;
  Session* find(PeerId peer);
  void remove(Session& session);

  Loop& loop_;
  std::string read_buffer_;  // shared: what was read has been handed to the core when the next one reads
  SharedPages pages_;
  HubCore core_;
  std::vector<std::unique_ptr<Session>> open_;  // by place_of() their ids
  size_t open_count_ = 0;
  std::vector<std::unique_ptr<Session>> closed_;
  Farewells farewells_;
  Later end_of_look_;
  bool processing_ = false;
};

}  // namespace bus::hub
