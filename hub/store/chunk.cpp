#include "hub/store/chunk.h"

#include <cstring>

#include "hub/store/checksum.h"
#include "protocol/base/strings.h"

namespace bus::hub::store {

namespace {

constexpr uint32_t kTombstone = 1;
constexpr uint32_t kExpired = 2;
constexpr uint32_t kExpires = 4;
constexpr uint32_t kForgotten = 8;

// Without padding: its bytes are in the file. Behind it lie the Expiry if it has one, the key, the value, and the checksum.
struct Header {
  uint32_t key_bytes = 0;
  uint32_t value_bytes = 0;
  uint32_t flags = 0;
  uint32_t uid = 0;
  uint64_t version = 0;
  uint64_t rev = 0;
  int64_t changed_ms = 0;
};
static_assert(sizeof(Header) == 40);
static_assert(sizeof(Expiry) == 32);

template <class T>
void append_object(std::string& to, const T& object) {
  to.append(reinterpret_cast<const char*>(&object), sizeof object);
}

template <class T>
T object_at(std::string_view bytes) {
  T out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

void append_checksum(std::string& to, size_t entry_at) {
  Checksum sum;
  sum.add(std::string_view(to).substr(entry_at));
  append_object(to, sum.value());
}

size_t expiry_bytes(const Header& header) { return (header.flags & kExpires) != 0 ? sizeof(Expiry) : 0; }

}  // namespace

void append_row(std::string& to, const Row& row) {
  size_t at = to.size();
  Header header;
  header.key_bytes = static_cast<uint32_t>(row.key.size());
  header.value_bytes = row.value ? static_cast<uint32_t>(row.value.size()) : 0;
  header.flags =
      (row.value ? 0U : kTombstone) | (row.expired ? kExpired : 0U) | (row.expires ? kExpires : 0U);
  header.uid = row.uid;
  header.version = row.version;
  header.rev = row.rev;
  header.changed_ms = row.changed_ms;
  append_object(to, header);
  if (row.expires) append_object(to, *row.expires);
  to += row.key;
  if (row.value) to += *row.value;
  append_checksum(to, at);
}

void append_forgotten(std::string& to, std::string_view key) {
  size_t at = to.size();
  Header header;
  header.key_bytes = static_cast<uint32_t>(key.size());
  header.flags = kForgotten;
  append_object(to, header);
  to += key;
  append_checksum(to, at);
}

Result<bool> ChunkReader::next(Entry& out) {
  if (rest_.empty()) return false;
  Error torn{Errc::protocol, "a value is not what was written"};
  if (rest_.size() < sizeof(Header)) return torn;
  auto header = object_at<Header>(rest_);
  size_t key_at = sizeof header + expiry_bytes(header);
  size_t sum_at = key_at + header.key_bytes + header.value_bytes;
  if (rest_.size() < sum_at + sizeof(uint64_t)) return torn;
  Checksum sum;
  sum.add(rest_.substr(0, sum_at));
  out.key = rest_.substr(key_at, header.key_bytes);
  if (object_at<uint64_t>(rest_.substr(sum_at)) != sum.value())
    return Error{Errc::protocol, "the value of " + printable(out.key) + " is not what was written"};
  out.bytes = rest_.substr(0, sum_at + sizeof(uint64_t));
  out.is_forgotten = (header.flags & kForgotten) != 0;
  rest_.remove_prefix(out.bytes.size());
  return true;
}

Row Entry::row() const {
  auto header = object_at<Header>(bytes);
  Row row;
  row.key = key;
  row.version = header.version;
  row.rev = header.rev;
  row.expired = (header.flags & kExpired) != 0;
  row.uid = header.uid;
  row.changed_ms = header.changed_ms;
  if ((header.flags & kExpires) != 0) row.expires = object_at<Expiry>(bytes.substr(sizeof header));
  if ((header.flags & kTombstone) == 0) {
    size_t at = sizeof header + expiry_bytes(header) + header.key_bytes;
    row.value = SharedText(bytes.substr(at, header.value_bytes));
  }
  return row;
}

}  // namespace bus::hub::store
