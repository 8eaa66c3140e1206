#include "tests/bench/frame_batch.h"

#include <set>
#include <sstream>

#include "protocol/decode.h"
#include "protocol/messages/call.h"
#include "protocol/messages/source_status.h"
#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

// As long as a hub's ids become.
constexpr std::string_view kCall = "3b8zt3w0felcy.16777216.1";

std::vector<std::string> lines_of(const FrameBatch& batch) {
  REQUIRE(batch.bytes.ends_with('\n'));
  std::vector<std::string> lines;
  std::istringstream in(batch.bytes);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  REQUIRE(lines.size() == batch.frames + 1);
  return lines;
}

bool is_good(FrameSort sort, const std::string& line) {
  bus::FrameScanner scanner;
  bus::EventLine event;
  switch (sort) {
    case FrameSort::event:
      return scanner.scan(line, event) == bus::FrameKind::event;
    case FrameSort::source_status:
      return bus::decode_line<bus::SourceStatus>(line).has_value();
    case FrameSort::chunk:
      return bus::decode_line<bus::Chunk>(line).has_value();
    case FrameSort::response:
      return bus::decode_line<bus::Response>(line).has_value();
    case FrameSort::request:
      return bus::decode_line<bus::Request>(line).has_value();
  }
  return false;
}

}  // namespace

TEST_CASE("Frames of a batch have the same size, differ, and are of their sort") {
  for (FrameSort sort : kFrameSorts) {
    for (size_t bytes : {kMinBatchFrameBytes, size_t{1000}, size_t{256} * 1024}) {
      INFO(title_of(sort) << " of " << bytes << " bytes");
      FrameBatch batch = make_batch(sort, bytes, kCall);
      std::vector<std::string> lines = lines_of(batch);
      lines.pop_back();
      for (const std::string& line : lines) REQUIRE(line.size() + 1 == bytes);
      CHECK(std::set(lines.begin(), lines.end()).size() == lines.size());
      CHECK(is_good(sort, lines.back()));
    }
  }
}

TEST_CASE("A batch asks once for an answer, and requests are answered, too") {
  for (FrameSort sort : kFrameSorts) {
    FrameBatch batch = make_batch(sort, 1024, kCall);
    CHECK(batch.frames > 1);
    CHECK(batch.answers == (sort == FrameSort::request ? batch.frames + 1 : 1));
    CHECK(lines_of(batch).back() == R"({"type":"request","id":"sync","task":"bus.sync"})");
  }
}
