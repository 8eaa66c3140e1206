#include "consumer/gocache/options.h"

#include "tests/support/catch.h"
#include "tests/unit/gocache/variable.h"

using namespace bus::gocache;

TEST_CASE("A size is a number of bytes, or a part of the disk") {
  CHECK(parse_amount("0")->bytes == 0);
  CHECK(parse_amount("1KiB")->of(999) == 1024);
  CHECK(parse_amount("500MiB")->bytes == uint64_t{500} << 20U);
  CHECK(parse_amount("10GiB")->bytes == uint64_t{10} << 30U);
  CHECK(parse_amount("2TiB")->bytes == uint64_t{2} << 40U);
  CHECK(parse_amount("8388607TiB")->bytes == uint64_t{8388607} << 40U);
  CHECK(parse_amount("5%")->of(1000) == 50);
  CHECK(parse_amount("0.5%")->of(1000) == 5);
  CHECK(parse_amount("100%")->of(1000) == 1000);
}

TEST_CASE("What is no size is refused") {
  for (const char* text :
       {"",    "x",   "-1",   "1.5GiB", "GiB", "10 GiB", "10GB ", "8388608TiB", "99999999999999999999",
        "%",   "0%",  "101%", "-5%",    "5%%", "nan%",   "inf%",  "1e1%",       "5 %",
        "TiB", "0x10"}) {
    INFO(text);
    CHECK_FALSE(parse_amount(text));
  }
}

TEST_CASE("Limits are those of the options, for the disk that there is") {
  Options options;
  Limits limits = options.limits(1000);
  CHECK(limits.max_bytes == uint64_t{10} << 30U);
  CHECK(limits.max_age_ns == int64_t{30} * 24 * 3600 * 1'000'000'000);
  CHECK(limits.min_free_bytes == 0);
  options.max_size = *parse_amount("5%");
  options.min_free = *parse_amount("10%");
  options.max_age = std::chrono::hours(1);
  limits = options.limits(1000);
  CHECK(limits.max_bytes == 50);
  CHECK(limits.min_free_bytes == 100);
  CHECK(limits.max_age_ns == int64_t{3600} * 1'000'000'000);
}

TEST_CASE("The default directory is the cache's or the home's, when these are absolute") {
  Variable home("HOME", "/home/a");
  {
    Variable cache("XDG_CACHE_HOME", "/cache");
    CHECK(default_directory() == "/cache/bus-gocache");
  }
  for (const char* unusable : {"", "relative"}) {
    Variable cache("XDG_CACHE_HOME", unusable);
    CHECK(default_directory() == "/home/a/.cache/bus-gocache");
    Variable no_home("HOME", unusable);
    CHECK(default_directory().empty());
  }
}

TEST_CASE("Options that do not go together are told") {
  auto fault_of = [](const std::function<void(Options&)>& set) {
    Options options;
    set(options);
    return combination_fault(options).has_value();
  };
  CHECK_FALSE(fault_of([](Options&) {}));
  CHECK(fault_of([](Options& o) { o.json = true; }));
  CHECK(fault_of([](Options& o) { o.rows = 5; }));
  CHECK_FALSE(fault_of([](Options& o) { o.verbose = true; }));
  for (const char* verb : {"stats", "top", "prune", "verify", "clear"}) {
    std::string name = verb;
    bool has_rows = name == "stats" || name == "top";
    bool removes = name == "prune" || name == "clear";
    CHECK_FALSE(fault_of([&](Options& o) { o.verb = name, o.json = true; }));
    CHECK(fault_of([&](Options& o) { o.verb = name, o.verbose = true; }));
    CHECK(fault_of([&](Options& o) { o.verb = name, o.rows = 5; }) != has_rows);
    CHECK(fault_of([&](Options& o) { o.verb = name, o.read_only = true; }) == removes);
  }
}
