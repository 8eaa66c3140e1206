// The store of the hub's values, at the edge: what the room of values asks of a ValueKeeper, done with hub/store.
//
// The loop never waits for the disk here, but for the beginning and the end of the hub: open() reads what is there, before anybody can
// connect, and finish() waits for the last commits. Rows are translated between the core's clock of values (boot_now()) and
// times that another boot of the machine understands. Judges nothing.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "hub/boot_timer.h"
#include "hub/core/values/value_keeper.h"
#include "hub/log.h"
#include "hub/store/store.h"
#include "hub/value_place.h"
#include "protocol/event/directory_watch.h"
#include "protocol/event/fd_watch.h"
#include "protocol/event/loop.h"

namespace bus::hub {

// Random numbers of this run.
struct ValueSeeds {
  uint64_t fresh_epoch = 0;  // not 0
  uint64_t hash_key[2] = {0, 0};
};

// Whom the store tells what has come of its work: entries of the core.
struct ValueEvents {
  std::function<void(uint64_t number)> committed;
  // Unavailable: its files are no longer at their place.
  std::function<void(const Error& reason)> failed;
  std::function<void()> on_time;
};

class ValueStore final : public ValueKeeper, FdWatch::Handler {
 public:
  ValueStore(Loop& loop, Log& log);
  // finish(), if there is something to finish.
  ~ValueStore() override;

  // Reads what is kept at the place. What cannot be had is no reason not to serve: then nothing is stored, and the log and
  // KeptValues::fault say why.
  KeptValues open(const ValuePlace& place, const ValueSeeds& seeds);
  // From now on these are told. Before the loop runs.
  void begin(ValueEvents events) { events_ = std::move(events); }
  // The end in good order: waits for what was submitted, and for the store to close, store::kStopPatience at most in all. A disk that
  // takes longer is left alone; what it has not committed by then is lost, as with SIGKILL.
  void finish();

  TimePoint clock(TimePoint now) noexcept override;
  int64_t wall_ms() noexcept override;
  void wake_at(TimePoint when) noexcept override;
  bool can_give() noexcept override;
  void give(uint64_t rev, uint64_t version) noexcept override;
  void set_memory() noexcept override;
  void set_stored(uint64_t rev) noexcept override;
  void submit(Batch batch) override;

 private:
  Result<void> start(std::unique_ptr<store::Database> database, const store::Start& start);
  void watch_place();
  void on_readable() override;
  void on_writable() override {}
  void take();
  bool tell_next();
  void keep_numbers();
  void send(store::Batch batch, bool is_ours = false);
  bool wait_until(TimePoint deadline);

  Loop& loop_;
  Log& log_;
  ValueEvents events_;
  std::unique_ptr<BootTimer> timer_;     // nullptr: there is none
  std::unique_ptr<store::Store> store_;  // nullptr: nothing is stored
  std::optional<FdWatch> watch_;
  std::optional<DirectoryWatch> place_;  // of the store's files
  std::string path_;                     // of them
  store::BootId boot_{};

  // What is submitted, and nothing is heard of; in the order in which it will be.
  struct Sent {
    uint64_t number = 0;
    bool is_ours = false;
    bool has_rows = false;
    uint64_t rev = 0;  // the highest one that the database has then
    store::Meta meta;
  };
  std::deque<Sent> sent_;
  bool is_keeping_numbers_ = false;  // a batch of ours is among them
  store::Meta meta_;                 // as it is submitted
  store::Meta committed_meta_;
  uint64_t told_rev_ = 0;  // the highest one in the database that the core knows of
  uint64_t rev_ = 0;       // the highest ones that were given
  uint64_t version_ = 0;
  bool has_memory_ = false;

  struct Committed {
    uint64_t number;
    uint64_t rev;  // the highest one of its rows
  };
  std::deque<Committed> committed_;  // and not told yet
  std::optional<Error> failure_;
  bool has_failed_ = false;
};

}  // namespace bus::hub
