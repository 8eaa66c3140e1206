#include "tests/bench/value_accounting.h"

#include <array>

#include "protocol/base/check.h"
#include "protocol/base/strings.h"
#include "tests/bench/payload.h"

namespace bus::bench {

namespace {

constexpr uint64_t kNumbers = 10'000'000'000;  // of kNumberDigits

}  // namespace

std::string value_key(size_t index) {
  constexpr std::array<std::string_view, 5> kEnds = {"temperature", "humidity", "door", "power", "co2"};
  constexpr size_t kRooms = 25;
  size_t room = index / kEnds.size();
  size_t site = room / kRooms;
  std::string name = "sensor.site" + std::to_string(site) + ".room" + std::to_string(room % kRooms) + ".";
  return name.append(kEnds[index % kEnds.size()]);
}

ValueAccounting::ValueAccounting(size_t keys, size_t value_bytes) : stride_(kNumbers / keys), keys_(keys) {
  BUSD_CHECK(keys > 0);
  for (size_t i = 0; i < kPayloadVariants; ++i)
    variants_.push_back(make_payload(PayloadKind::dense, value_bytes, i));
  for (size_t i = 0; i < keys; ++i) {
    keys_[i].name = value_key(i);
    index_of_.emplace(keys_[i].name, i);
  }
}

std::string_view ValueAccounting::begin_put(size_t index) {
  uint64_t number = number_of_put(index, ++keys_[index].sent);
  std::string& value = variants_[number % variants_.size()];
  value.replace(kNumberMark.size(), kNumberDigits, number_text(number));
  return value;
}

void ValueAccounting::stored(size_t index, uint64_t version) {
  Key& key = keys_[index];
  if (++key.accepted > key.sent) return fail("more puts of " + key.name + " were accepted than were sent");
  has_version(index, version, key.accepted);
}

void ValueAccounting::got(size_t index, uint64_t version, std::string_view value) {
  uint64_t put = put_in(index, value, "a get");
  if (put == 0 || !has_version(index, version, put)) return;
  if (put != keys_[index].accepted) {
    fail("a get of " + keys_[index].name + " brought put " + std::to_string(put) + " instead of " +
         std::to_string(keys_[index].accepted));
  }
}

size_t ValueAccounting::told(size_t follower, std::string_view key, uint64_t version, uint64_t skipped,
                             std::string_view value) {
  auto found = index_of_.find(key);
  if (found == index_of_.end()) {
    fail("a follower was told of a key that nobody put: " + printable(key));
    return keys();
  }
  size_t index = found->second;
  uint64_t put = put_in(index, value, "a follower");
  if (put == 0 || !has_version(index, version, put)) return keys();
  if (follower >= told_.size()) follower_begins(follower);
  Told& told = told_[follower];
  uint64_t& before = told.puts[index];
  // The answer to the put may come later than the news of it.
  bool is_newest = put >= keys_[index].accepted && put <= keys_[index].sent;
  bool follows = before == 0 ? is_newest : put == before + 1 + skipped;
  if (!follows) {
    fail("a follower of " + keys_[index].name + " was told of put " + std::to_string(put) + ", with " +
         std::to_string(skipped) + " skipped, after put " + std::to_string(before));
    return keys();
  }
  if (before == 0) ++told.keys;
  before = put;
  return index;
}

void ValueAccounting::follower_begins(size_t follower) {
  if (follower >= told_.size()) told_.resize(follower + 1);
  told_[follower].puts.assign(keys(), 0);
  told_[follower].keys = 0;
}

void ValueAccounting::follower_synced(size_t follower) {
  size_t told = follower < told_.size() ? told_[follower].keys : 0;
  if (told != keys())
    fail("a snapshot has " + std::to_string(told) + " of " + std::to_string(keys()) + " keys");
}

void ValueAccounting::fail(const std::string& what) {
  if (fault_.empty()) fault_ = what;
}

uint64_t ValueAccounting::put_in(size_t index, std::string_view value, std::string_view who) {
  auto number = number_of(value);
  if (!number || *number / stride_ != index || *number % stride_ == 0) {
    fail(std::string(who) + " of " + keys_[index].name + " brought no value of it: " + printable(value));
    return 0;
  }
  // All but the number is that of its variant.
  constexpr size_t kFixedFrom = kNumberMark.size() + kNumberDigits;
  const std::string& sent = variants_[*number % variants_.size()];
  if (value.size() == sent.size() && value.substr(kFixedFrom) == std::string_view(sent).substr(kFixedFrom))
    return *number % stride_;
  fail(std::string(who) + " of " + keys_[index].name + " brought changed bytes: " + printable(value));
  return 0;
}

bool ValueAccounting::has_version(size_t index, uint64_t version, uint64_t put) {
  if (version == 0 || version == put) return true;
  fail("put " + std::to_string(put) + " of " + keys_[index].name + " made version " +
       std::to_string(version));
  return false;
}

}  // namespace bus::bench
