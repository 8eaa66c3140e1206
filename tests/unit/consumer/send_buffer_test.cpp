#include "consumer/src/send_buffer.h"

#include <algorithm>
#include <string>

#include "tests/support/catch.h"

namespace bus::sdk {
namespace {

TEST_CASE("What is written into a send buffer's room waits once it is added") {
  SendBuffer out;
  out.append("one\n");
  std::string_view line = "two\n";
  std::copy(line.begin(), line.end(), out.room(line.size()));
  CHECK(out.unsent() == "one\n");
  out.add(line.size());
  CHECK(out.unsent() == "one\ntwo\n");
  CHECK(out.size() == 8);
}

TEST_CASE("Room for more moves what waits, and loses none of it") {
  SendBuffer out;
  std::string all;
  for (size_t bytes = 1; bytes <= 1'048'576; bytes *= 4) {
    std::string line = std::string(bytes, 'x') + "\n";
    out.append(line);
    all += line;
  }
  CHECK(out.unsent() == all);
}

TEST_CASE("A line stays whole in a send buffer until its last byte is sent") {
  SendBuffer out;
  out.append("one\ntwo\nthree\n");
  out.sent(5);
  CHECK(out.unsent() == "wo\nthree\n");
  CHECK(out.unsent_lines() == "two\nthree\n");
  out.sent(3);
  CHECK(out.unsent() == "three\n");
  CHECK(out.unsent_lines() == "three\n");
  out.sent(6);
  CHECK(out.unsent().empty());
  CHECK(out.unsent_lines().empty());
  CHECK(out.size() == 0);
}

TEST_CASE("A send buffer sent in any pieces gives every byte once, and every unfinished line whole") {
  unsigned random = 1;
  auto next = [&random](unsigned below) { return (random = random * 1103515245U + 12345U) / 65536U % below; };
  SendBuffer out;
  std::string all;
  size_t sent = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string line = std::string(next(3000), static_cast<char>('a' + round % 26)) + "\n";
    out.append(line);
    all += line;
    size_t bytes = std::min<size_t>(next(3000), out.size());
    REQUIRE(out.unsent().substr(0, bytes) == std::string_view(all).substr(sent, bytes));
    out.sent(bytes);
    sent += bytes;
    size_t line_end = sent == 0 ? std::string::npos : all.rfind('\n', sent - 1);
    size_t boundary = line_end == std::string::npos ? 0 : line_end + 1;
    // When all is sent, there is no unfinished line.
    if (sent == all.size()) boundary = sent;
    REQUIRE(out.unsent_lines() == std::string_view(all).substr(boundary));
  }
  CHECK(out.unsent() == std::string_view(all).substr(sent));
}

}  // namespace
}  // namespace bus::sdk
