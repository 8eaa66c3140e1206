// Files and directories as a careful daemon touches them: no symlinks followed, ownership and mode checked.
#pragma once

#include <string>
#include <sys/types.h>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus {

// Makes sure that `path` is a directory of ours that nobody else can enter or write (mode 0700), creating it
// and missing parents (parents with the usual mode). An existing one is checked, never changed.
//
// Errors: denied  it is a symlink, not a directory, belongs to another user, or is open to others
//         io      mkdir failed for another reason
Result<void> ensure_private_dir(const std::string& path);

// The same judgement of an existing directory, without creating it. Error unavailable: there is none.
Result<void> check_private_dir(const std::string& path);

// Like check_private_dir, but others may enter and list the directory. They may not write to it. Error
// denied: they may, or it is a symlink, not a directory, or belongs to another user.
Result<void> check_own_dir(const std::string& path);

// Opens a regular file of ours for appending, creating it 0600. Error denied: a symlink or not a regular
// file.
Result<Fd> open_append(const std::string& path);

// Opens (creating it 0600) and flocks `path` exclusively, without waiting. The file is never deleted by
// anyone, but if somebody did, two holders would be possible: so the inode is compared after locking, and the
// call starts over.
//
// Errors: busy    another process holds the lock, or the file does not stay
//         denied  a symlink or not a regular file (left untouched)
Result<Fd> try_lock_file(const std::string& path);

// Writes `text` to a blocking descriptor, all of it.
Result<void> write_all(int fd, std::string_view text);

// The whole of a small file; error too_long beyond `max_bytes`.
Result<std::string> read_file(const std::string& path, size_t max_bytes);

// "a/b/c" -> "a/b"; "c" -> "."; "/c" -> "/".
std::string parent_dir(const std::string& path);

}  // namespace bus
