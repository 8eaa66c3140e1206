#include "protocol/event_pattern.h"

#include "tests/support/catch.h"

using bus::EventPattern;
using bus::matches;
using bus::parse_event_pattern;

TEST_CASE("An entry without a trailing .* is an exact type") {
  for (const char* entry : {"build.done", "a*", "*a", "**", "*.x", "build.*.done", " *"}) {
    CAPTURE(entry);
    EventPattern pattern = parse_event_pattern(entry);
    CHECK(pattern.kind == EventPattern::Kind::exact);
    CHECK(pattern.text == entry);
    CHECK(matches(pattern, entry));
    CHECK_FALSE(matches(pattern, std::string(entry) + "x"));
  }
}

TEST_CASE("A prefix pattern matches longer types only, and keeps its dot") {
  EventPattern pattern = parse_event_pattern("build.*");
  CHECK(pattern.kind == EventPattern::Kind::prefix);
  CHECK(pattern.text == "build.");
  CHECK(matches(pattern, "build.done"));
  CHECK(matches(pattern, "build.x.y"));
  CHECK(matches(pattern, "build.."));
  CHECK_FALSE(matches(pattern, "build."));
  CHECK_FALSE(matches(pattern, "build"));
  CHECK_FALSE(matches(pattern, "builder.done"));
  CHECK_FALSE(matches(pattern, "Build.done"));
}

TEST_CASE("A prefix pattern may be nothing but its dot, or hold a star of its own") {
  CHECK(matches(parse_event_pattern(".*"), ".x"));
  CHECK_FALSE(matches(parse_event_pattern(".*"), "."));
  CHECK_FALSE(matches(parse_event_pattern(".*"), "x"));
  CHECK(matches(parse_event_pattern("*.*"), "*.x"));
  CHECK_FALSE(matches(parse_event_pattern("*.*"), "a.x"));
}

TEST_CASE("A single star matches every type") {
  EventPattern pattern = parse_event_pattern("*");
  CHECK(pattern.kind == EventPattern::Kind::all);
  for (const char* type : {"a", "a.b", "*", "\xC3\xA9"}) CHECK(matches(pattern, type));
}
