// Whatever a hub sends, in whatever pieces: the client's core neither crashes nor depends on how the stream
// was cut.
//
// The first two bytes choose the pieces, the rest is the hub's stream. Run in pieces, whole, and in other
// pieces, on one connection after the other: the same must come out, and the losses must explain every gap.
// And of each line that a hub may have written, HubEventReader must say what FrameScanner says.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "consumer/src/client_core.h"
#include "protocol/base/check.h"
#include "protocol/encode.h"

namespace {

using bus::sdk::ClientCore;
using bus::sdk::Item;
using bus::sdk::ItemKind;

void add(std::string& out, std::string_view text) {
  out += text;
  out += '|';
}

void add(std::string& out, const bus::EventLine& event) {
  add(out, event.event_type);
  add(out, event.event_id);
  add(out, event.source_time_token);
  add(out, event.payload_token);
  for (const auto& member : event.others) {
    add(out, member.name_token);
    add(out, member.value_token);
  }
}

template <class T>
void add_call(std::string& out, const T& message) {
  if constexpr (std::is_same_v<T, std::monostate>) {
    BUSD_CHECK(false);  // an item of calls has a message
  } else {
    // As its sender would write it: texts, raw values and other members.
    add(out, bus::encode(message));
  }
}

// Everything that an item says; each view is read to its end, for AddressSanitizer.
void describe(const Item& in, std::string& out) {
  out += std::to_string(static_cast<int>(in.kind));
  switch (in.kind) {
    case ItemKind::reset:
      add(out, in.first ? "first" : "");
      break;
    case ItemKind::turned_away:
      add(out, in.detail);
      break;
    case ItemKind::event:
      add(out, in.frame);
      add(out, *in.event);
      break;
    case ItemKind::lost:
      add(out, std::to_string(in.lost_after) + "-" + std::to_string(in.lost_before));
      break;
    case ItemKind::source_status:
      add(out, in.status.source);
      add(out, in.status.detail);
      break;
    case ItemKind::refused:
      add(out, in.error.message);
      break;
    case ItemKind::interest:
      add(out, in.interest.event_type);
      add(out, std::to_string(in.interest.consumers));
      break;
    case ItemKind::check_ack:
      add(out, in.last ? "last" : "");
      break;
    case ItemKind::call_end:
    case ItemKind::chunk:
    case ItemKind::progress:
    case ItemKind::request:
    case ItemKind::canceled:
    case ItemKind::pause:
    case ItemKind::resume:
      BUSD_CHECK(in.number == 0);
      add(out, in.frame);
      std::visit([&out](const auto& message) { add_call(out, message); }, in.call);
      break;
    case ItemKind::value:
      BUSD_CHECK(in.news.keys.size() == 1);
      add(out, std::to_string(in.number) + " " + std::to_string(in.news.keys[0].rev));
      add(out, in.news.keys[0].key);
      add(out, in.news.keys[0].value);
      break;
    case ItemKind::synced:
      BUSD_CHECK(in.news.keys.empty() && !in.news.epoch.empty());
      add(out, std::to_string(in.number) + (in.news.reset ? " reset" : ""));
      break;
    case ItemKind::broken:
    case ItemKind::watch_end:
    case ItemKind::answered:
    case ItemKind::held:
      BUSD_CHECK(false);  // the core knows of no connection that could break, and of nothing that was asked
  }
}

// What a connection's events and losses say together.
class Ledger {
 public:
  // The events before a greater seq are exactly those that were reported as lost. (Frames over the cap, which
  // count before it is known what they were, are longer than any input here.)
  void add(const Item& in) {
    if (in.kind == ItemKind::lost) {
      BUSD_CHECK(in.lost_count > 0 && in.lost_after == last_seq_ && lost_ == 0);
      BUSD_CHECK(in.lost_before - in.lost_after - 1 == in.lost_count);
      lost_ = in.lost_count;
    } else if (in.kind == ItemKind::event && in.event->seq) {
      BUSD_CHECK(*in.event->seq <= last_seq_ ? lost_ == 0 : *in.event->seq == last_seq_ + lost_ + 1);
      last_seq_ = *in.event->seq;
      lost_ = 0;
    } else {
      BUSD_CHECK(lost_ == 0);
    }
  }

 private:
  uint64_t last_seq_ = 0;
  uint64_t lost_ = 0;
};

// One connection of `core`.
std::string run(ClientCore& core, std::string_view stream, size_t first, size_t step) {
  constexpr bus::TimePoint kDue = bus::TimePoint{} + bus::seconds(5);
  uint64_t skipped = core.skipped();
  core.connected(kDue);
  std::string out;
  Ledger ledger;
  bool greeted = false;
  size_t size = first;
  for (size_t at = 0; at < stream.size(); at += size, size = step) {
    size = std::min(std::max<size_t>(size, 1), stream.size() - at);
    // Each piece in memory of its own, gone when it is used up.
    std::unique_ptr<char[]> piece(new char[size]);
    std::copy_n(stream.data() + at, size, piece.get());
    core.receive(std::string_view(piece.get(), size));
    BUSD_CHECK(core.deadline() == (greeted ? bus::kNever : kDue));
    while (const Item* in = core.next()) {
      bool greeting = in->kind == ItemKind::reset || in->kind == ItemKind::turned_away;
      BUSD_CHECK(greeting != greeted);  // first, and never again
      greeted = true;
      ledger.add(*in);
      describe(*in, out);
    }
  }
  out += std::to_string(core.skipped() - skipped);
  return out;
}

// In pieces, whole, and once more in pieces: the same, whatever the connection before has left.
void compare_cuts(std::string_view stream, size_t first, size_t step) {
  bus::Hello hello;
  hello.event_key = "k";
  hello.event_types = {"a.*"};
  ClientCore core(hello);
  std::string in_pieces = run(core, stream, first, step);
  BUSD_CHECK(run(core, stream, stream.size(), stream.size()) == in_pieces);
  BUSD_CHECK(run(core, stream, step, first) == in_pieces);
}

// The frame that a hub sends for `event`.
std::string hub_line(const bus::EventLine& event) {
  std::string line = "{\"type\":\"event\",\"event_type\":" + std::string(event.event_type_token);
  if (!event.event_id_token.empty()) line += ",\"event_id\":" + std::string(event.event_id_token);
  if (!event.source_time_token.empty()) line += ",\"source_time\":" + std::string(event.source_time_token);
  line += ",\"seq\":" + std::to_string(event.seq.value_or(1));
  for (const auto& member : event.others) {
    line += "," + std::string(member.name_token) + ":" + std::string(member.value_token);
  }
  return line + ",\"payload\":" + std::string(event.payload_token) + "}";
}

void compare(bus::sdk::HubEventReader& reader, std::string_view line) {
  bus::EventLine read;
  bool taken = reader.read(line, read);
  bus::EventLine scanned;
  if (bus::FrameScanner().scan(line, scanned) != bus::FrameKind::event) return;
  std::string sent = hub_line(scanned);
  if (sent == line) {
    bool plain = scanned.others.empty() &&
                 sent.substr(0, sent.size() - scanned.payload_token.size()).find('\\') == std::string::npos;
    uint64_t seq = scanned.seq.value_or(0);
    BUSD_CHECK(taken == (plain && seq > 0 && seq < 10'000'000'000'000'000'000U));
    std::string first;
    std::string second;
    add(first, read);
    add(second, scanned);
    BUSD_CHECK(!taken || (first == second && read.seq == scanned.seq));
  }
  bus::EventLine again;
  bus::EventLine alone;
  bus::sdk::HubEventReader other;
  BUSD_CHECK(reader.read(sent, again) == other.read(sent, alone));
}

void compare_lines(std::string_view stream) {
  bus::sdk::HubEventReader reader;
  while (!stream.empty()) {
    size_t end = std::min(stream.find('\n'), stream.size());
    compare(reader, stream.substr(0, end));
    stream.remove_prefix(std::min(end + 1, stream.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  compare_cuts(stream, data[0], data[1]);
  compare_lines(stream);
  // Most mutations break the greeting; behind an accepted one, the rest is reached as well.
  std::string greeted =
      "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true,\"capabilities\":[\"patterns\"]}"
      "\n";
  greeted += stream;
  compare_cuts(greeted, data[0], data[1]);
  return 0;
}
