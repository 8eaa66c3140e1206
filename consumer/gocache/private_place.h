// Where what is put goes when the cache cannot take it: a directory of our own elsewhere, for as long as the run lives, and where even that
// fails, memory. So a build goes on whatever becomes of the cache.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::gocache {

class PrivatePlace {
 public:
  // `made`: told the directory when there is one, so that a process that finds us dead can remove it.
  explicit PrivatePlace(std::function<void(const std::string&)> made) : made_(std::move(made)) {}
  PrivatePlace(const PrivatePlace&) = delete;
  PrivatePlace& operator=(const PrivatePlace&) = delete;
  // Removes the directory with what is in it.
  ~PrivatePlace();

  struct File {
    Fd fd;
    std::string path;
  };
  // In $TMPDIR, or else /tmp.
  Result<File> on_disk();
  // Its path is good for as long as we live and keep it.
  Result<File> in_memory();
  // A whole one, whose path is handed out.
  void keep(File file);

 private:
  Result<void> make();

  std::function<void(const std::string&)> made_;
  std::string directory_;
  Fd lock_;  // on the directory, for as long as we live
  size_t made_files_ = 0;
  std::vector<Fd> in_memory_;
};

// Removes those of runs that are dead.
void remove_dead_private_places();

// Removes a directory that such an object has made, if it is one.
void remove_private_place(const std::string& directory);

}  // namespace bus::gocache
