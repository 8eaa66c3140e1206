#include "consumer/gocache/core/entry.h"

#include "tests/unit/gocache/support.h"

using namespace bus::gocache;

namespace {

const Entry kEntry{an_id(0xab, 1), an_id(0xcd, 2), 12345, 1'790'000'000'123'456'789};

}  // namespace

TEST_CASE("The line of an entry is the go command's") {
  // cmd/go/internal/cache: fmt.Sprintf("v1 %x %x %20d %20d\n", id, out, size, time)
  std::string wanted = "v1 ab" + std::string(31 * 2, '0') + " cd" + std::string(31 * 2, '0') +
                       "                12345  1790000000123456789\n";
  for (size_t i = 6; i < 3 + 64; i += 2) wanted[i] = '1';
  for (size_t i = 3 + 64 + 1 + 3; i < 3 + 64 + 1 + 64; i += 2) wanted[i] = '2';
  CHECK(line_of(kEntry) == wanted);
  CHECK(wanted.size() == kEntryBytes);
}

TEST_CASE("The line of an entry comes back, at the ends of its numbers too") {
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, static_cast<uint64_t>(INT64_MAX)}) {
    for (int64_t time : {int64_t{0}, INT64_MAX}) {
      Entry entry = kEntry;
      entry.size = size;
      entry.time_ns = time;
      CHECK(line_of(entry).size() == kEntryBytes);
      CHECK(entry_of(line_of(entry)) == entry);
    }
  }
}

TEST_CASE("An entry that is cut, or longer than a line, is none") {
  std::string line = line_of(kEntry);
  for (size_t length = 0; length < line.size(); ++length) CHECK_FALSE(entry_of(line.substr(0, length)));
  CHECK_FALSE(entry_of(line + "\n"));
  CHECK_FALSE(entry_of(" " + line.substr(0, line.size() - 1)));
}

TEST_CASE("A change of the form of an entry makes it none") {
  const std::string line = line_of(kEntry);
  auto with = [&](size_t at, char c) {
    std::string out = line;
    out[at] = c;
    return out;
  };
  CHECK_FALSE(entry_of(with(0, 'w')));
  CHECK_FALSE(entry_of(with(1, '2')));
  CHECK_FALSE(entry_of(with(2, '\t')));
  CHECK_FALSE(entry_of(with(3, 'g')));
  CHECK_FALSE(entry_of(with(3, 'A')));
  CHECK_FALSE(entry_of(with(67, '0')));
  CHECK_FALSE(entry_of(with(68, '-')));
  CHECK_FALSE(entry_of(with(132, '0')));
  CHECK_FALSE(entry_of(with(153, '0')));
  CHECK_FALSE(entry_of(with(152, 'x')));
  CHECK_FALSE(entry_of(with(152, ' ')));
  CHECK_FALSE(entry_of(with(147, '-')));
  CHECK_FALSE(entry_of(with(kEntryBytes - 1, ' ')));
  std::string zeros = line;
  std::fill(zeros.begin(), zeros.end(), '\0');
  CHECK_FALSE(entry_of(zeros));
}

TEST_CASE("An entry with numbers that the go command could not read is none") {
  const std::string line = line_of(kEntry);
  auto with_size = [&](const std::string& text) {
    REQUIRE(text.size() == 20);
    return line.substr(0, 133) + text + line.substr(153);
  };
  CHECK(entry_of(with_size(" 9223372036854775807")));
  CHECK_FALSE(entry_of(with_size(" 9223372036854775808")));
  CHECK_FALSE(entry_of(with_size("99999999999999999999")));
  CHECK_FALSE(entry_of(with_size("                  -1")));
  CHECK_FALSE(entry_of(with_size("                    ")));
  CHECK_FALSE(entry_of(line.substr(0, 154) + "                  -1\n"));
}
