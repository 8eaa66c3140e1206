// Which value each key has: what every answer and every change must bring.
//
// Pure counting, told by the generator of values what was put and what arrived. A value tells its key and how often that key was put,
// so that it can be told apart from every other one of the run. The first that is lost, old or changed is kept as the fault of the
// run; a run with a fault has no figures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace bus::bench {

// Such as "sensor.site4.room17.temperature": no two alike, and short or long as names of values are.
std::string value_key(size_t index);

class ValueAccounting {
 public:
  // `value_bytes` is the size of all values, which come in variants (payload.h).
  ValueAccounting(size_t keys, size_t value_bytes);

  size_t keys() const { return keys_.size(); }
  const std::string& key(size_t index) const { return keys_[index].name; }
  uint64_t puts(size_t index) const { return keys_[index].sent; }

  // The next value of a key, valid until the next call.
  std::string_view begin_put(size_t index);
  // The put was accepted, and made this version; 0: the server does not say.
  void stored(size_t index, uint64_t version);

  // What a get brought: the newest state that was accepted. Nobody puts the key meanwhile.
  void got(size_t index, uint64_t version, std::string_view value);

  // What a follower was told: the newest state that was sent, `skipped` ones after the one that it was told before. Its index;
  // keys() if there is a fault.
  size_t told(size_t follower, std::string_view key, uint64_t version, uint64_t skipped,
              std::string_view value);
  // A follower begins: it was told nothing.
  void follower_begins(size_t follower);
  // It must have been told of all keys.
  void follower_synced(size_t follower);

  // One line for people; empty while everything is as it must be.
  const std::string& fault() const { return fault_; }
  void fail(const std::string& what);

 private:
  struct Key {
    std::string name;
    uint64_t sent = 0;
    uint64_t accepted = 0;
  };
  struct Told {
    std::vector<uint64_t> puts;  // by key: the last one it was told of
    size_t keys = 0;
  };

  uint64_t number_of_put(size_t index, uint64_t put) const { return index * stride_ + put; }
  // Which put of the key the value is; 0, and a fault, if it is none.
  uint64_t put_in(size_t index, std::string_view value, std::string_view who);
  bool has_version(size_t index, uint64_t version, uint64_t put);

  uint64_t stride_;
  std::vector<std::string> variants_;
  std::vector<Key> keys_;
  std::unordered_map<std::string_view, size_t> index_of_;
  std::vector<Told> told_;
  std::string fault_;
};

}  // namespace bus::bench
