#include "consumer/gocache/run_log.h"

#include "tests/unit/gocache/support.h"

using namespace bus;
using namespace bus::gocache;

namespace {

constexpr int64_t kNow = int64_t{1'790'000'000} * kSecondNs;

RunRecord record(int64_t ended_ns) {
  RunRecord out;
  out.began_ns = ended_ns - kSecondNs;
  out.ended_ns = ended_ns;
  out.pid = 17;
  out.parent = "go build";
  out.counts = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  return out;
}

std::vector<RunRecord> all_of(const Place& place) {
  std::vector<RunRecord> out;
  for_each_run(place, [&](const RunRecord& each) { out.push_back(each); });
  return out;
}

}  // namespace

TEST_CASE("A run is a line of JSON with all its counts") {
  CHECK(
      json_of(record(2 * kSecondNs)) ==
      R"({"began_ns":1000000000,"ended_ns":2000000000,"pid":17,"parent":"go build","gets":1,"hits":2,"misses":3,)"
      R"("hit_bytes":4,"evicted_misses":5,"waited_hits":6,"waited_ms":7,"puts":8,"put_bytes":9,"stored_bytes":10,)"
      R"("elsewhere":11,"healed":12,"refused":13})");
}

TEST_CASE("Counts are added one by one") {
  Counts counts = record(kNow).counts;
  counts.add(record(kNow).counts);
  CHECK(counts.gets == 2);
  CHECK(counts.evicted_misses == 10);
  CHECK(counts.refused == 26);
}

TEST_CASE("Runs come back as they were noted, the oldest first") {
  Rig rig;
  CHECK(all_of(rig.place).empty());
  RunRecord odd = record(kNow);
  odd.parent = "a \"b\"\n\\c";
  odd.counts.gets = UINT64_MAX;
  note_run(rig.place, odd);
  note_run(rig.place, record(kNow + 1));
  auto runs = all_of(rig.place);
  REQUIRE(runs.size() == 2);
  CHECK(json_of(runs[0]) == json_of(odd));
  CHECK(json_of(runs[1]) == json_of(record(kNow + 1)));
}

TEST_CASE("What is no record is passed over") {
  Rig rig;
  write_file(rig.own("runs.ndjson"), "\nnonsense\n[]\n{}\n{\"began_ns\":\"x\"}\n" + json_of(record(kNow)) +
                                         "\n{\"began_ns\":5,\"parent\":7,\"new\":{\"gets\":1}}\n" +
                                         json_of(record(kNow)).substr(0, 50));
  auto runs = all_of(rig.place);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].pid == 17);
  CHECK(runs[1].began_ns == 5);
  CHECK(runs[1].counts.gets == 0);
}

TEST_CASE("A log of more than one read is read, wherever its lines are cut") {
  Rig rig;
  std::string text;
  for (int i = 0; i < 2000; ++i) text += json_of(record(kNow + i)) + "\n";
  write_file(rig.own("runs.ndjson"), text);
  auto runs = all_of(rig.place);
  REQUIRE(runs.size() == 2000);
  for (int i = 0; i < 2000; ++i) REQUIRE(runs[static_cast<size_t>(i)].ended_ns == kNow + i);
}

TEST_CASE("Runs of more than 30 days ago are forgotten") {
  Rig rig;
  note_run(rig.place, record(kNow - 30 * kDayNs - 1));
  note_run(rig.place, record(kNow - 30 * kDayNs));
  note_run(rig.place, record(kNow + 365 * kDayNs));
  shorten_run_log(rig.place, kNow);
  auto runs = all_of(rig.place);
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].ended_ns == kNow - 30 * kDayNs);
  CHECK_FALSE(exists(rig.own("runs.ndjson.new")));
}

TEST_CASE("Of more than 10 000 runs the newest are kept") {
  Rig rig;
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += json_of(record(kNow + i)) + "\n";
  write_file(rig.own("runs.ndjson"), text);
  shorten_run_log(rig.place, kNow);
  CHECK(contents(rig.own("runs.ndjson")) == text);
  note_run(rig.place, record(kNow + 10'000));
  shorten_run_log(rig.place, kNow);
  auto runs = all_of(rig.place);
  REQUIRE(runs.size() == 10'000);
  CHECK(runs.front().ended_ns == kNow + 1);
  CHECK(runs.back().ended_ns == kNow + 10'000);
}

TEST_CASE("Where the log cannot be written, nothing is noted, and nothing is wrong") {
  Rig rig;
  std::filesystem::create_directory(rig.own("runs.ndjson"));
  note_run(rig.place, record(kNow));
  shorten_run_log(rig.place, kNow);
  CHECK(all_of(rig.place).empty());
}
