// Whether the files of a store that is open are still those at its path.
//
// What is written to a file that was removed, moved away or replaced is lost: the next hub opens what is at the path. So they are looked
// at before a commit is answered, and when something changes beside them. By their names alone: SQLite's locks would end with
// any other descriptor of its file that is closed (sqlite.org/howtocorrupt.html, 2.2).
#pragma once

#include <array>
#include <string>
#include <sys/types.h>

#include "protocol/base/result.h"

namespace bus::hub::store {

class FilesInPlace {
 public:
  // Those that are at the path now: the database, its log and its page. Error: one of them is not there, or cannot be looked at.
  Result<void> note(const std::string& path);
  // Errors: unavailable  one of them is no longer there, or it is another one; `what` says which
  //         io           that cannot be found out
  Result<void> look() const;

 private:
  struct File {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
  };
  std::array<File, 3> files_;
};

}  // namespace bus::hub::store
