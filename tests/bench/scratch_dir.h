// Where servers live while they are measured: a private directory under /tmp, removed with all that is in it.
#pragma once

#include <string>

#include "protocol/base/result.h"

namespace bus::bench {

class ScratchDir {
 public:
  static Result<ScratchDir> make();
  ScratchDir(ScratchDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ScratchDir& operator=(ScratchDir&&) = delete;
  ~ScratchDir();

  // A new, empty directory in it. Paths stay short enough for a socket (unix(7): 107 bytes).
  Result<std::string> fresh();

 private:
  explicit ScratchDir(std::string path) : path_(std::move(path)) {}

  std::string path_;
  unsigned count_ = 0;
};

}  // namespace bus::bench
