// The body of a put on its way to a file: bytes come in, a path goes out, whatever fails.
//
// First choice is the cache. An output that is there already is compared with what comes, and only written if it differs: so a damaged one
// is healed, and one that a linker has open is left alone. If a file cannot be made or written, what has come so far goes on to the next
// place: the run's private directory, and then memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "consumer/gocache/place.h"
#include "consumer/gocache/private_place.h"

namespace bus::gocache {

// What a run writes to.
struct Writing {
  Place* place;     // nullptr: there is no cache to write to
  std::string run;  // the name of its lease, which the names of its files begin with
  PrivatePlace& elsewhere;
  size_t files = 0;  // that were begun
};

class Body {
 public:
  Body(Writing& writing, const Id& output, uint64_t size);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  void write(std::string_view bytes);
  struct Kept {
    std::string path;  // absolute
    bool in_cache = false;
    bool is_new = false;  // the cache has a file more
    std::string trouble;  // why it is not in the cache
  };
  // All has come. Error: it could be kept nowhere.
  Result<Kept> end();

 private:
  // In the order in which they are tried.
  enum class Where { same, cache, elsewhere, memory, nowhere };

  bool open_here();
  bool open_existing();
  bool open_in_cache();
  bool take(Result<PrivatePlace::File> file);
  bool write_here(std::string_view bytes);
  bool is_in_existing(std::string_view bytes);
  void move_on();
  bool name_in_cache();
  void note_trouble(const char* what);

  Writing& writing_;
  Id output_;
  uint64_t size_;
  Where where_;
  PrivatePlace::File file_;  // in the cache, its path is relative to DIR/bus-gocache
  uint64_t bytes_ = 0;       // that have come
  std::string trouble_;
};

// What a file of so many bytes takes on the disk.
constexpr uint64_t disk_bytes(uint64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace bus::gocache
