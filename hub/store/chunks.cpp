#include "hub/store/chunks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "hub/store/chunk.h"

namespace bus::hub::store {

namespace {

// A chunk of a large commit is closed behind this many bytes, and a step of compact() reads as much: a fraction of a millisecond.
constexpr size_t kChunkBytes = 262'144;

Error out_of_order(uint64_t id) {
  return {Errc::protocol, "its chunks are out of order at " + std::to_string(id)};
}

}  // namespace

Result<Chunks> Chunks::prepare(Connection& connection, const uint64_t hash_key[2]) {
  Chunks out(hash_key);
  BUSD_ASSIGN(out.put_, connection.prepare("INSERT INTO chunk VALUES (?, ?)"));
  BUSD_ASSIGN(out.oldest_, connection.prepare("SELECT id, entries FROM chunk WHERE id >= ? ORDER BY id"));
  BUSD_ASSIGN(out.remove_, connection.prepare("DELETE FROM chunk WHERE id < ?"));
  return out;
}

// From the newest chunk to the oldest, so that the first entry of a key is the one that counts.
Result<std::vector<Row>> Chunks::read(Connection& connection) {
  BUSD_ASSIGN(Statement all, connection.prepare("SELECT id, entries FROM chunk ORDER BY id DESC"));
  std::vector<Row> rows;
  bool is_newest = true;
  for (;;) {
    BUSD_ASSIGN(bool found, all.step());
    if (!found) break;
    uint64_t id = all.number(0);
    if (is_newest) next_ = id + 1;
    if (id == 0 || id > kMostChunks || (!is_newest && id + 1 != first_)) return out_of_order(id);
    if (all.bytes(1).empty()) return Error{Errc::protocol, "a chunk is not what was written"};
    first_ = id;
    is_newest = false;
    ChunkReader reader(all.bytes(1));
    for (Entry entry;;) {
      BUSD_ASSIGN(bool more, reader.next(entry));
      if (!more) break;
      uint64_t units = units_of(entry.bytes.size());
      total_units_ += units;
      KeyIndex::Place& place = index_.at(entry.key);
      if (place.chunk() != 0) continue;
      place = {id, entry.is_forgotten ? 0 : units};
      if (entry.is_forgotten) {
        forgotten_.emplace_back(entry.key);
      } else {
        live_units_ += units;
        rows.push_back(entry.row());
      }
    }
  }
  for (const std::string& key : std::exchange(forgotten_, {})) index_.erase(key);
  std::reverse(rows.begin(), rows.end());
  return rows;
}

// Also from the newest to the oldest: of a key only the newest is written.
Result<void> Chunks::append(const std::vector<Batch>& batches) {
  uint64_t this_commit = next_;
  uint64_t before = total_units_;
  for (auto batch = batches.rbegin(); batch != batches.rend(); ++batch) {
    for (auto row = batch->rows.rbegin(); row != batch->rows.rend(); ++row) {
      put(*row, this_commit);
      if (chunk_.size() >= kChunkBytes) BUSD_TRY(write_chunk());
    }
    for (const std::string& key : batch->forgotten) forget(key, this_commit);
  }
  for (const std::string& key : std::exchange(forgotten_, {})) index_.erase(key);
  owed_units_ += 4 * (total_units_ - before);
  return write_chunk();
}

void Chunks::put(const Row& row, uint64_t this_commit) {
  KeyIndex::Place& place = index_.at(row.key);
  if (place.chunk() >= this_commit) return;
  size_t before = chunk_.size();
  append_row(chunk_, row);
  uint64_t units = units_of(chunk_.size() - before);
  live_units_ += units - place.units();
  total_units_ += units;
  place = {next_, units};
}

void Chunks::forget(const std::string& key, uint64_t this_commit) {
  KeyIndex::Place& place = index_.at(key);
  if (place.chunk() >= this_commit) return;
  if (place.chunk() != 0) {
    size_t before = chunk_.size();
    append_forgotten(chunk_, key);
    total_units_ += units_of(chunk_.size() - before);
    live_units_ -= place.units();
  }
  place = {next_, 0};
  forgotten_.push_back(key);
}

Result<void> Chunks::write_chunk() {
  if (chunk_.empty()) return {};
  put_.bind(1, next_++);
  put_.bind_bytes(2, chunk_.data(), chunk_.size());
  auto done = put_.run();
  chunk_.clear();
  return done;
}

bool Chunks::wants_compaction(uint64_t spare_bytes) const {
  return total_units_ > 2 * live_units_ + spare_bytes / kUnitBytes && owed_units_ > 0;
}

Result<void> Chunks::compact() {
  uint64_t end = next_;
  size_t read_bytes = 0;
  uint64_t read_units = 0;
  oldest_.bind(1, first_);
  while (first_ < end && read_bytes < kChunkBytes) {
    BUSD_ASSIGN(bool found, oldest_.step());
    if (!found || oldest_.number(0) != first_) return out_of_order(first_);
    ChunkReader reader(oldest_.bytes(1));
    for (Entry entry;;) {
      BUSD_ASSIGN(bool more, reader.next(entry));
      if (!more) break;
      read_bytes += entry.bytes.size();
      read_units += units_of(entry.bytes.size());
      keep_newest(entry);
    }
    ++first_;
  }
  oldest_.reset();
  total_units_ -= read_units;
  owed_units_ -= std::min(owed_units_, read_units);
  remove_.bind(1, first_);
  BUSD_TRY(remove_.run());
  return write_chunk();
}

// An entry of the chunk first_, in the next one if it is the newest of its key.
void Chunks::keep_newest(const Entry& entry) {
  KeyIndex::Place* place = index_.find(entry.key);
  if (entry.is_forgotten || place == nullptr || place->chunk() != first_) return;
  chunk_ += entry.bytes;
  total_units_ += place->units();
  *place = {next_, place->units()};
}

}  // namespace bus::hub::store
