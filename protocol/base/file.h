// Files and directories as a careful daemon touches them: no symlinks followed, ownership and mode checked.
#pragma once

#include <string>
#include <sys/types.h>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus {

// Makes sure that `path` is a directory of ours that nobody else can write to, so that what is in it was put
// there by us or by root. A missing one is created with mode 0700, its parents with the usual mode; an
// existing one is checked, never changed. Returns whether it was created here. Others may enter it: what they
// reach there is decided by each file's mode.
//
// Errors: denied  it is a symlink, not a directory, belongs to another user, or others may write to it
//         io      mkdir failed for another reason
Result<bool> ensure_own_dir(const std::string& path);

// The same judgement of an existing directory, without creating it. Error unavailable: there is none.
Result<void> check_own_dir(const std::string& path);

// What ensure_own_dir() would return, found out without creating anything.
Result<bool> try_own_dir(const std::string& path);

// Whether we may make and remove entries in the directory; else errno says why not.
bool may_create_in(const std::string& directory);

// Opens a regular file of ours for appending, creating it 0600. Error denied: a symlink or not a regular
// file.
Result<Fd> open_append(const std::string& path);

// Whether open_append(), or try_lock_file(), could open the file, found out without creating or changing it.
Result<void> try_open_append(const std::string& path);
Result<void> try_open_lock(const std::string& path);

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

// A relative path as seen from the current directory. Error denied, unavailable, io: there is none.
Result<std::string> absolute_path(const std::string& path);

}  // namespace bus
