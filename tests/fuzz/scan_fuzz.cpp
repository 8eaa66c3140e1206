// Any bytes as one line: every body of the scanner gives the verdict and the members' places that RawJson
// and a second opinion on JSON give, wherever the line meets the borders of blocks; and whichever body looks,
// a line yields the same.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/check.h"
#include "protocol/frame.h"
#include "protocol/json_walk.h"
#include "protocol/limits.h"
#include "tests/fuzz/json_oracle.h"

namespace {

using namespace bus;

// In memory of its own size, so that a read past its end is seen.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(text.begin(), text.end()) {}
  std::string_view text() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

bool same(std::string_view a, std::string_view b) { return a.data() == b.data() && a.size() == b.size(); }

// The colon of each child and the comma behind it, by what RawJson found.
std::vector<uint32_t> places(std::string_view text, const std::vector<Member>& children) {
  std::vector<uint32_t> out;
  const char* end = text.data();  // of the value before
  auto add = [&](char mark, const char* from) {
    out.push_back(static_cast<uint32_t>(text.find(mark, static_cast<size_t>(from - text.data()))));
  };
  for (const Member& child : children) {
    if (!out.empty()) add(',', end);
    add(':', child.name_token.data() + child.name_token.size());
    end = child.value_token.data() + child.value_token.size();
  }
  return out;
}

// A walk finds what RawJson found, in the object and in each array or object that is directly inside.
void check_walk(std::string_view token, int levels) {
  RawJson json;
  BUSD_CHECK(!json.scan(token));
  JsonWalk walk(token);
  Member found;
  for (const Member& child : json.children()) {
    BUSD_CHECK(walk.next(found));
    BUSD_CHECK(found.name_token == child.name_token && same(found.value_token, child.value_token));
    bool is_nested = child.value_token.front() == '[' || child.value_token.front() == '{';
    if (is_nested && levels > 0) check_walk(child.value_token, levels - 1);
  }
  BUSD_CHECK(!walk.next(found));
}

void check_bodies(std::string_view text) {
  bool bare_object = text.starts_with('{') && text.ends_with('}');
  RawJson json;
  bool accepted = bare_object && !json.scan(text);
  BUSD_CHECK(accepted == (bare_object && fuzz::JsonOracle::accepts(text, kMaxDepth)));
  std::vector<uint32_t> expected;
  if (accepted) {
    expected = places(text, json.children());
    check_walk(text, 2);
  }
  scan::Marks marks;
  for (const scan::Body& body : scan::bodies()) {
    BUSD_CHECK(body.scan(text.data(), text.size(), 0, marks) == accepted);
    if (!accepted) continue;
    BUSD_CHECK(marks.size() == expected.size());
    for (size_t i = 0; i < expected.size(); ++i) BUSD_CHECK(marks[i] == expected[i]);
  }
}

// A known member before those of `text` changes neither the verdict nor the other marks.
void check_known(std::string_view text) {
  if (!text.starts_with('{')) return;
  constexpr std::string_view known = R"({"k":0,)";
  Exact longer(std::string(known) + std::string(text.substr(1)));
  scan::Marks whole;
  scan::Marks rest;
  for (const scan::Body& body : scan::bodies()) {
    bool accepted = body.scan(longer.text().data(), longer.text().size(), 0, whole);
    BUSD_CHECK(body.scan(longer.text().data(), longer.text().size(), known.size(), rest) == accepted);
    if (!accepted) continue;
    BUSD_CHECK(rest.size() + 2 == whole.size());
    for (size_t i = 0; i < rest.size(); ++i) BUSD_CHECK(rest[i] == whole[i + 2]);
  }
}

// Space behind the first bracket changes nothing but the places: so each byte meets a border somewhere.
void check_moved(std::string_view text) {
  if (!text.starts_with('{')) return;
  for (size_t by : {64 - text.size() % 64, 64 - text.size() / 2 % 64, size_t{61}}) {
    Exact moved("{" + std::string(by, ' ') + std::string(text.substr(1)));
    check_bodies(moved.text());
  }
}

// A line that one of the bodies has looked at.
struct Seen {
  Seen(std::string_view line, scan::Scan check) : scanner(check) {
    // What the line before has left must not show.
    scanner.scan(R"({"type":"event","event_type":"x","event_id":"\u0061","seq":1,"o":[1]})", event);
    kind = scanner.scan(line, event);
  }

  FrameScanner scanner;
  EventLine event;
  FrameKind kind;
};

void check_members(std::span<const Member> a, std::span<const Member> b) {
  BUSD_CHECK(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    BUSD_CHECK(same(a[i].name_token, b[i].name_token) && same(a[i].value_token, b[i].value_token));
  }
}

void check_events(const EventLine& a, const EventLine& b) {
  BUSD_CHECK(a.event_type == b.event_type && a.event_id == b.event_id && a.seq == b.seq);
  BUSD_CHECK(same(a.event_type_token, b.event_type_token) && same(a.event_id_token, b.event_id_token));
  BUSD_CHECK(same(a.source_time_token, b.source_time_token));
  BUSD_CHECK(same(a.payload_token, b.payload_token) ||
             (a.payload_token == "null" && b.payload_token == "null"));
  check_members(a.others, b.others);
}

void check_same(const Seen& a, const Seen& b) {
  BUSD_CHECK(a.kind == b.kind);
  if (a.kind == FrameKind::event) check_events(a.event, b.event);
  if (a.kind == FrameKind::fault) {
    BUSD_CHECK(a.scanner.fault().code == b.scanner.fault().code);
    BUSD_CHECK(a.scanner.fault().message == b.scanner.fault().message);
    BUSD_CHECK(a.event.event_id == b.event.event_id);
  }
  if (a.kind == FrameKind::other) {
    BUSD_CHECK(same(a.scanner.frame().line, b.scanner.frame().line));
    BUSD_CHECK(a.scanner.frame().type == b.scanner.frame().type);
    check_members(a.scanner.frame().members, b.scanner.frame().members);
  }
}

void check_frames(std::string_view line) {
  Seen slow(line, [](const char*, size_t, size_t, scan::Marks&) { return false; });
  for (const scan::Body& body : scan::bodies()) {
    Seen fast(line, body.scan);
    check_same(fast, slow);
    // Once more, now that its beginning is known.
    fast.kind = fast.scanner.scan(line, fast.event);
    check_same(fast, slow);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Exact line({reinterpret_cast<const char*>(data), size});
  check_bodies(line.text());
  check_moved(line.text());
  check_known(line.text());
  check_frames(line.text());
  return 0;
}
