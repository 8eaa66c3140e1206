// A list of JSON rows for the result of a task, which must not become longer than a number of bytes: rows for which there
// is no room are counted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/json_writer.h"

namespace bus::hub {

class RowList {
 public:
  // `most` bytes are what the whole result may have; the rows leave it some for what stands beside them.
  explicit RowList(size_t most) : most_(most > kBeside ? most - kBeside : 0) {}

  // With those that are left out.
  size_t size() const { return rows_ + left_out_; }

  void add(std::string_view row) {
    // Once a row was left out, so are those behind it: what is shown is the beginning.
    if (left_out_ > 0 || text_.size() + row.size() + 1 > most_) {
      ++left_out_;
      return;
    }
    if (!text_.empty()) text_ += ',';
    text_ += row;
    ++rows_;
  }
  // The rows of another list, as far as they fit, behind these.
  void append(const RowList& other) {
    bool fits = left_out_ == 0 && text_.size() + other.text_.size() + 1 <= most_;
    if (fits && !other.text_.empty()) {
      if (!text_.empty()) text_ += ',';
      text_ += other.text_;
      rows_ += other.rows_;
      left_out_ += other.left_out_;
    } else {
      left_out_ += other.size();
    }
  }
  // As a member, and behind it how many were left out.
  void write(ObjectWriter& writer, std::string_view name) const {
    writer.raw(name, "[" + text_ + "]");
    if (left_out_ > 0) writer.number("left_out", left_out_);
  }

  // For members beside the rows: names of at most 255 bytes, escaped, and numbers.
  static constexpr size_t kBeside = size_t{16} * 1024;

 private:
  size_t most_;
  std::string text_;
  size_t rows_ = 0;
  size_t left_out_ = 0;
};

}  // namespace bus::hub
