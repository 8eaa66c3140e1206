// The log of one source as a file, where its definition asks for one: a line each, and one older file beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/sources/core/log_ring.h"
#include "protocol/base/fd.h"

namespace bus::sources {

class LogFile {
 public:
  // A file of more bytes becomes PATH.1, in place of the one before.
  static constexpr size_t kMaxBytes = size_t{8} << 20U;

  explicit LogFile(std::string path);

  const std::string& path() const { return path_; }
  // Why nothing could be written, or the last line was lost. Empty: nothing was.
  const std::string& trouble() const { return trouble_; }
  // "2026-07-01T12:00:00.123Z 3 stdout TEXT". A line that the disk does not take is lost; the next one that it takes
  // comes with a line that says how many were.
  //
  // Whether it is the first that is lost, unless the file could not be opened to begin with; trouble() says why.
  bool write(Stream stream, uint64_t run, int64_t time_ms, std::string_view text);

 private:
  void open();
  bool put(const std::string& lines);

  std::string path_;
  std::string trouble_;
  Fd file_;
  size_t bytes_ = 0;
  uint64_t lost_ = 0;
  bool is_told_ = false;
  bool torn_ = false;  // its last line has no end
};

}  // namespace bus::sources
