// The files of a store: PATH, PATH-wal, PATH-shm and PATH-journal, which are SQLite's, and PATH-run (run_page.h).
//
// Whether they may be touched, by looking at them; making the first one; and setting them aside.
#pragma once

#include <optional>
#include <string>

#include "protocol/base/result.h"

namespace bus::hub::store {

struct Files {
  // An empty file is as good as none.
  bool database = false;
  bool log = false;  // of changes, perhaps without a database that they belong to
  bool page = false;
  // Why nothing can be written there, though it may be read.
  std::optional<Error> read_only;
};

// What is there. Makes `path`, which SQLite opens, free of symlinks in its directory.
//
// Errors: denied   the directory or a file belongs to somebody else, others may write to it, or it is a symlink or not a file
//         invalid  it is another program's file, or a newer busd's
// None of the files was touched then.
Result<Files> look_at_files(std::string& path);

// An empty file at `path` that only we can read; what was left there of an earlier attempt is gone.
Result<void> make_empty_file(const std::string& path);

// The directory, and its own entry in the one above, are on the disk.
Result<void> sync_directory(const std::string& directory);

// Renames the files to PATH.corrupt-N, PATH.corrupt-N-wal and so on, for the first N that is free. Returns PATH.corrupt-N.
Result<std::string> set_aside(const std::string& path);

}  // namespace bus::hub::store
