// One connection to the hub in our loop, over the public library.
//
// Takes its items in bounded turns and hands them on. Never reconnects by itself, and never starts a hub: when the
// connection is gone, its owner is told and decides. Publishing waits for nothing as long as the owner stops at
// has_room().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "busd/calls.h"
#include "busd/consumer.h"
#include "protocol/base/result.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::sources {

inline busd_text text_of(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view_of(busd_text text) { return {text.data, text.length}; }

class HubLink final : FdWatch::Handler {
 public:
  class Owner {
   public:
    // `item` is good until the next use of the connection.
    virtual void on_item(const busd_item& item) = 0;
    // After the items of a turn: there may be room again.
    virtual void on_turn_done() {}
    virtual void on_link_lost(const std::string& reason) = 0;

   protected:
    ~Owner() = default;
  };

  // Publishing blocks beyond this many bytes, of which the last part is for what is on its way when has_room() says no:
  // one read of a pipe, and a line of the greatest length.
  static constexpr size_t kBufferBytes = size_t{4} << 20U;
  static constexpr size_t kRoomBytes = size_t{1} << 18U;

  HubLink(Loop& loop, Owner& owner);
  ~HubLink();
  HubLink(const HubLink&) = delete;
  HubLink& operator=(const HubLink&) = delete;

  // `options` say what the connection is; buffers and reconnecting are set here. Not to be called by on_item().
  Result<void> open(busd_connection_options options);
  bool is_open() const { return connection_ != nullptr; }
  // Leaves, after what was published has gone out, which takes `patience` at most.
  void close(Duration patience);

  // For the library's functions. Each use is to be followed by stir(), so that the loop knows what is due.
  busd_connection* get() { return connection_; }
  void stir();
  bool has_room() const { return connection_ != nullptr && busd_connection_unsent(connection_) < kRoomBytes; }
  // Sends what was held back.
  void send_held();

  // Provides the tasks; what is wrong, if anything.
  Result<void> provide(const std::vector<std::string>& tasks, uint32_t slots, int32_t priority);

 private:
  void on_readable() override { turn(); }
  void on_writable() override {}
  void turn();
  void lose(const std::string& reason);

  Loop& loop_;
  Owner& owner_;
  busd_connection* connection_ = nullptr;
  std::unique_ptr<FdWatch> watch_;
  Timer deadline_;
};

}  // namespace bus::sources
