#include "consumer/src/watches.h"

#include <algorithm>
#include <utility>

#include "consumer/src/value_answers.h"
#include "protocol/base/strings.h"

namespace bus::sdk {

void Watches::open(uint64_t number, Watch what) {
  what.id = std::to_string(number);
  watches_[number].what = std::move(what);
  last_number_ = number;
}

Watch Watches::question(uint64_t number) const { return watches_.at(number).what; }

std::vector<uint64_t> Watches::unasked() const {
  std::vector<uint64_t> numbers;
  for (const auto& [number, watch] : watches_) {
    if (watch.ordinal == 0) numbers.push_back(number);
  }
  return numbers;
}

bool Watches::leave(uint64_t number) {
  auto at = watches_.find(number);
  if (at == watches_.end() || at->second.left) return false;
  at->second.left = true;
  return at->second.ordinal != 0;
}

bool Watches::on_item(Item& item) {
  auto at = watches_.find(item.number);
  if (at == watches_.end() || at->second.left) return false;
  Open& watch = at->second;
  if (item.kind == ItemKind::synced) {
    watch.what.since = item.news.rev;
    watch.what.epoch = item.news.epoch;
    watch.synced = true;
    watch.given = false;
    if (std::exchange(watch.anew, false)) item.news.reset = true;
    return true;
  }
  KeyFact& fact = item.news.keys.front();
  if (fact.value.empty() && !fact.deleted && watch.what.values) fact.value = "null";
  // A snapshot has the revs of what it tells in their order, but whether it is all that there is shows only at
  // its end: what comes before `synced` is no place to go on from.
  if (fact.snapshot) watch.synced = false;
  if (watch.synced) watch.what.since = fact.rev;
  watch.given = true;
  return true;
}

// By its id, or by the frame that is refused.
Watches::Table::iterator Watches::asked_by(const Item& item) {
  bool refused = item.kind == ItemKind::refused;
  const Response* response = std::get_if<Response>(&item.call);
  if (!refused && response == nullptr) return watches_.end();
  auto number = parse_u64(refused ? item.error.id : response->id);
  if (number) return watches_.find(*number);
  if (!refused || !item.error.id.empty() || item.error.frame == 0) return watches_.end();
  return std::find_if(watches_.begin(), watches_.end(),
                      [&](const auto& each) { return each.second.ordinal == item.error.frame; });
}

bool Watches::on_answer(Item& item, bool& is_over) {
  auto at = asked_by(item);
  if (at == watches_.end()) return false;
  bool left = at->second.left;
  Response response;
  if (item.kind == ItemKind::refused) {
    response.error = CallError{name_of(item.error.code), item.error.message, "hub", {}};
  } else {
    response = std::move(*std::get_if<Response>(&item.call));
  }
  is_over = left || !response.error || response.error->code != "stopping";
  if (!is_over) return true;
  item.kind = ItemKind::watch_end;
  item.number = at->first;
  read_end(response, left, item);
  watches_.erase(at);
  return true;
}

void Watches::on_break() {
  for (auto& [number, watch] : watches_) {
    watch.anew = watch.anew || (watch.given && !watch.what.since);
    watch.ordinal = 0;
    watch.synced = false;
    watch.given = false;
  }
}

std::vector<uint64_t> Watches::end_left() {
  std::vector<uint64_t> ended;
  for (const auto& [number, watch] : watches_) {
    if (watch.left) ended.push_back(number);
  }
  for (uint64_t number : ended) watches_.erase(number);
  return ended;
}

}  // namespace bus::sdk
