#include "protocol/line_reader.h"

#include <vector>

#include "tests/support/catch.h"

using bus::LineReader;
using Next = bus::LineReader::Next;

namespace {

// What a stream is cut into: lines, and "<too long>" where one was.
using Lines = std::vector<std::string>;

void drain(LineReader& reader, Lines& lines) {
  std::string_view line;
  for (;;) {
    switch (reader.next(line)) {
      case Next::none:
        return;
      case Next::line:
        lines.emplace_back(line);
        break;
      case Next::too_long:
        lines.emplace_back("<too long>");
        break;
    }
  }
}

// Each chunk stands in memory of its own, so that a view that outlives it shows under a sanitizer.
void feed(LineReader& reader, std::string_view bytes, Lines& lines) {
  std::vector<char> chunk(bytes.begin(), bytes.end());
  reader.feed({chunk.data(), chunk.size()});
  drain(reader, lines);
}

}  // namespace

TEST_CASE("Lines of one chunk come out without their LF, empty ones too") {
  LineReader reader;
  Lines lines;
  feed(reader, "one\n\n two \r\n", lines);
  CHECK(lines == Lines{"one", "", " two \r"});
  CHECK(reader.partial_bytes() == 0);
  CHECK(reader.held_bytes() == 0);
}

TEST_CASE("A complete line is a view into the chunk") {
  LineReader reader;
  std::string chunk = "abc\ndef\n";
  reader.feed(chunk);
  std::string_view line;
  REQUIRE(reader.next(line) == Next::line);
  CHECK(static_cast<const void*>(line.data()) == chunk.data());
  REQUIRE(reader.next(line) == Next::line);
  CHECK(static_cast<const void*>(line.data()) == chunk.data() + 4);
  CHECK(reader.next(line) == Next::none);
}

TEST_CASE("A stream gives the same lines at every split offset") {
  const std::string stream = "{\"a\":1}\n\nxx\n0123456789\n\n0123456789abcdef\ny\n01234567\ntail";
  const Lines expected = {"{\"a\":1}", "", "xx", "<too long>", "", "<too long>", "y", "01234567"};
  for (size_t split = 0; split <= stream.size(); ++split) {
    CAPTURE(split);
    LineReader reader(9);
    Lines lines;
    feed(reader, std::string_view(stream).substr(0, split), lines);
    feed(reader, std::string_view(stream).substr(split), lines);
    CHECK(lines == expected);
    CHECK(reader.partial_bytes() == 4);
  }
}

TEST_CASE("A stream gives the same lines in chunks of every size") {
  const std::string stream = "one\n\nthree\n01234567890123456789\n01234567\n012345678\nend\n";
  const Lines expected = {"one", "", "three", "<too long>", "01234567", "<too long>", "end"};
  for (size_t size = 1; size <= stream.size(); ++size) {
    CAPTURE(size);
    LineReader reader(9);
    Lines lines;
    for (size_t at = 0; at < stream.size(); at += size) {
      feed(reader, std::string_view(stream).substr(at, size), lines);
    }
    CHECK(lines == expected);
    CHECK(reader.held_bytes() == 0);
  }
}

TEST_CASE("A line of exactly the cap is accepted, one byte more is not") {
  const std::string longest(bus::kMaxFrameBytes - 1, 'x');
  LineReader reader;
  Lines lines;
  feed(reader, longest + "\n" + longest + "x\n" + "next\n", lines);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == longest);
  CHECK(lines[1] == "<too long>");
  CHECK(lines[2] == "next");
}

TEST_CASE("A line that never ends is reported once, when the cap is passed, and holds no memory") {
  LineReader reader(100);
  Lines lines;
  feed(reader, std::string(99, 'x'), lines);
  CHECK(lines.empty());
  CHECK(reader.partial_bytes() == 99);
  CHECK(reader.held_bytes() == 99);
  feed(reader, "x", lines);
  CHECK(lines == Lines{"<too long>"});
  CHECK(reader.held_bytes() == 0);
  for (int i = 0; i < 100; ++i) feed(reader, std::string(1000, 'x'), lines);
  CHECK(lines.size() == 1);
  CHECK(reader.held_bytes() == 0);
  CHECK(reader.partial_bytes() == 0);
  feed(reader, "xx\nback\n", lines);
  CHECK(lines == Lines{"<too long>", "back"});
}

TEST_CASE("An empty feed changes nothing") {
  LineReader reader;
  Lines lines;
  feed(reader, "", lines);
  feed(reader, "par", lines);
  feed(reader, "", lines);
  feed(reader, "tial\n", lines);
  CHECK(lines == Lines{"partial"});
}

TEST_CASE("keep_rest lets the chunk go and gives its lines later") {
  LineReader reader;
  std::string_view line;
  {
    std::vector<char> chunk;
    for (char c : std::string_view("first\nsecond\nthird\npart")) chunk.push_back(c);
    reader.feed({chunk.data(), chunk.size()});
    REQUIRE(reader.next(line) == Next::line);
    CHECK(line == "first");
    reader.keep_rest();
  }
  CHECK(reader.held_bytes() == std::string("second\nthird\npart").size());
  reader.feed("");
  REQUIRE(reader.next(line) == Next::line);
  CHECK(line == "second");
  reader.keep_rest();
  LineReader moved = std::move(reader);
  Lines lines;
  drain(moved, lines);
  feed(moved, "ial\n", lines);
  CHECK(lines == Lines{"third", "partial"});
  CHECK(moved.held_bytes() == 0);
}

TEST_CASE("keep_rest keeps a line that was begun in an earlier chunk") {
  LineReader reader(100);
  Lines lines;
  feed(reader, "be", lines);
  {
    std::vector<char> chunk = {'g', 'u', 'n', '\n', 'x', '\n'};
    reader.feed({chunk.data(), chunk.size()});
    reader.keep_rest();
  }
  drain(reader, lines);
  CHECK(lines == Lines{"begun", "x"});
}

TEST_CASE("A blank line has nothing but spaces, tabs and CR") {
  CHECK(bus::is_blank(""));
  CHECK(bus::is_blank(" \t\r"));
  CHECK_FALSE(bus::is_blank(" {"));
  CHECK_FALSE(bus::is_blank("\v"));
  CHECK_FALSE(bus::is_blank(std::string_view("\0", 1)));
}
