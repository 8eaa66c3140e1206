// What a run has given, in a small file beside the store (PATH-run) that is mapped: written without a system call, and there after
// a SIGKILL, because the pages of a shared mapping belong to the kernel. A loss of power may take it back, except for the end of a
// run that ended in good order.
//
// There are two records, and a word that says which one counts: a run that begins writes the other one. So a SIGKILL at any moment leaves
// a whole record.
//
// Its lock, held for as long as the file is open, is that of the whole store: one hub at a time. While a run goes on, give(),
// set_memory() and set_stored() are the loop's, set_failed(), set_committed() and finish() the store's thread's; begin() is either's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/store/start.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::hub::store {

class RunPage {
 public:
  // A page without a file, for a store that has none yet.
  static Result<RunPage> in_memory();

  // Opens, creates (0600) and locks the file.
  //
  // Errors: busy    another hub has the lock
  //         denied  a symlink or not a regular file
  //         io      no space, or the file system cannot map files
  static Result<RunPage> lock(const std::string& path);

  // The same of a file that is there and cannot be written to. What is set is seen by nobody else.
  static Result<RunPage> lock_to_read(const std::string& path);

  RunPage(RunPage&& other) noexcept;
  RunPage& operator=(RunPage&&) = delete;
  ~RunPage();

  // The last run's record; nothing when there is none, or the file holds something else.
  std::optional<RunRecord> read() const;

  // What is known of a run that goes on from now. Not of its `failed`, `committed_rev` and `next_epoch`, which have functions of their own.
  void begin(const RunRecord& run) noexcept;
  // A run is about to begin whose epoch the database has before the page.
  void announce(uint64_t next_epoch) noexcept;
  // What the page says is on the disk.
  Result<void> sync();
  // The run ended in good order: all that was committed is on the disk, and so is this.
  Result<void> finish(bool memory);

  // The highest numbers that were given; before anybody sees them.
  void give(uint64_t rev, uint64_t version) noexcept;
  // From now on there are changes that no row shows; before the first of them is visible.
  void set_memory() noexcept;
  // Every committed row with a rev up to this one has the rev that its change was given.
  void set_stored(uint64_t rev) noexcept;
  // The run has failed: it is the last one of its epoch.
  void set_failed() noexcept;
  // The database has a row with this rev, or has noted it.
  void set_committed(uint64_t rev) noexcept;

 private:
  struct Layout;
  RunPage(Fd file, Layout* page) : file_(std::move(file)), page_(page) {}

  Fd file_;
  Layout* page_ = nullptr;
};

// Whether the file is a page; without touching it.
Result<bool> is_run_page(const std::string& path);

// This boot of the machine; all zeros when the kernel does not say.
BootId this_boot();

}  // namespace bus::hub::store
