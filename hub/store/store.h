// The store of values as the loop has it: batches go in, and which are committed comes out, in the same order.
//
// A thread of its own works on the database, the only one that the hub has beside the loop. They share two queues and an eventfd;
// no function here waits for the disk. Batches that wait are committed together, so that many need one fsync; but nothing waits
// for an fsync that only something behind it asks for.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "hub/store/database.h"
#include "protocol/base/clock.h"
#include "protocol/base/result.h"

namespace bus::hub::store {

// How often the thread looks after its files: a watch of the directory does not see what happens to the directories above it.
inline constexpr Duration kLookEvery = seconds(3);

// How long the end of the process waits for a disk that hangs; then the thread is left to the kernel, and the run has no clean end.
inline constexpr Duration kStopPatience = seconds(5);

struct Completion {
  uint64_t batch = 0;
  bool committed = false;
};

struct Report {
  std::vector<Completion> completions;
  std::optional<Error> failed;  // once: from now on nothing is committed
  bool ended = false;           // after close(): the database is closed
};

class Store {
 public:
  // Takes no more than the thread's memory; error io: there is none.
  static Result<std::unique_ptr<Store>> begin(std::unique_ptr<Database> database,
                                              Duration stop_patience = kStopPatience);
  // Finishes what was submitted, and waits for the end, at most `stop_patience`. Without close() the run has no clean end.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Readable when take() has something to say.
  int fd() const;

  // Not after close().
  void submit(Batch batch);
  // Has the thread see soon whether the files are still in their place, because something has changed there; it does so every few
  // seconds by itself.
  void look();
  Report take();

  // Asks the thread to finish what was submitted, and to close the database. The run has a clean end when the last completion was
  // taken before this, and nothing is given any more. `memory`: something that no row shows is lost with this run, a tombstone
  // too.
  void close(bool memory);

  // What the run has given (run_page.h). A system call is not needed, so this is for every change.
  RunPage& page() { return *page_; }

 private:
  struct Shared;
  Store(std::shared_ptr<Shared> shared, RunPage first_page, Duration stop_patience);
  void adopt_page();
  void end(std::optional<RunRecord> last_record, bool memory);

  std::shared_ptr<Shared> shared_;  // with the thread, which may outlive us
  RunPage first_page_;
  RunPage* page_;
  Duration stop_patience_;
  size_t waiting_ = 0;  // submitted, and their completions not taken
  bool closed_ = false;
};

}  // namespace bus::hub::store
