// One connection: its descriptor, its watch, and the bytes in both directions.
//
// Knows the peer by id and asks the core what to do with it; all decisions about messages are the core's.
// Owned by Sessions (sessions.h), which closes and destroys it.
#pragma once

#include <string_view>
#include <vector>

#include "hub/core/hub_core.h"
#include "hub/shared_pages.h"
#include "protocol/base/fd.h"
#include "protocol/event/fd_watch.h"

namespace bus::hub {

class Sessions;

class Session final : private FdWatch::Handler {
 public:
  Session(Loop& loop, Fd fd, Sessions& owner);

  // The peer's id in the core; set once, right after the core has opened it.
  void set_id(PeerId id) { id_ = id; }
  PeerId id() const { return id_; }
  bool is_open() const { return static_cast<bool>(fd_); }

  // Writes what the socket takes of `bytes`; returns how many. Calls nothing of the core.
  size_t write(std::string_view bytes) noexcept;
  // The same of pieces in `pages`, which are not copied.
  size_t send_shared(SharedPages& pages, const std::vector<std::string_view>& pieces) noexcept;

  // Adapts the watch to what the core wants of the peer now. False when the connection is lost.
  bool apply(const Wants& wants);

  // Takes note of all that the socket has to tell, up to one largest frame: before a deadline expires.
  // False when the callback had no time for all of it; the next call goes on.
  bool catch_up();

  // Whether the peer was answered before the hub ends the connection, and may still be writing: then its
  // descriptor is a case for Farewells.
  bool owes_farewell() const;
  // Gives the connection away, as it is.
  Fd release();

  // Ends the connection. The peer sees EOF if its input was ended, and a reset if something of it was left
  // unread.
  void close();

 private:
  size_t write_pieces(const std::vector<std::string_view>& pieces, size_t skip) noexcept;
  void note_error(int error);
  enum class Input { more, none, ended };

  void on_readable() override;
  void on_writable() override;
  void on_change();
  Input read_once();
  void end_input();
  void discard_input();

  FdWatch::Mode mode_of(const Wants& wants) const;

  Sessions& owner_;
  PeerId id_ = 0;
  Fd fd_;
  bool input_ended_ = false;
  bool output_broken_ = false;  // EPIPE: what it sent before is still read, then it is lost
  size_t caught_up_bytes_ = 0;  // since its deadline passed
  FdWatch watch_;
};

}  // namespace bus::hub
