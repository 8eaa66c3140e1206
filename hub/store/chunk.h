// What a chunk holds: entries, one after the other. Each is a row, or says that a key was forgotten, and ends with a checksum of its own.
//
// An entry is in this machine's byte order, which its checksum depends on, too.
#pragma once

#include <string>
#include <string_view>

#include "hub/store/row.h"
#include "protocol/base/result.h"

namespace bus::hub::store {

void append_row(std::string& to, const Row& row);
void append_forgotten(std::string& to, std::string_view key);

// One entry, where it lies.
struct Entry {
  std::string_view bytes;  // all of it
  std::string_view key;
  bool is_forgotten = false;

  // Not of a key that was forgotten.
  Row row() const;
};

class ChunkReader {
 public:
  explicit ChunkReader(std::string_view chunk) : rest_(chunk) {}

  // Whether there is another entry. Error protocol: one that is not what was written.
  Result<bool> next(Entry& out);

 private:
  std::string_view rest_;
};

}  // namespace bus::hub::store
