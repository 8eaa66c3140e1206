// UTF-8 in strings (The Unicode Standard, table 3-7), at every place relative to the border of two blocks.
#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/places.h"

using namespace bus::test;

namespace {

void check_all(const std::vector<std::string>& parts, bool valid) {
  for (const std::string& part : parts) CHECK(complaint_anywhere(kStringPlaces, part, valid) == "");
}

struct Row {
  int first_low, first_high;
  int second_low, second_high;
  size_t bytes;
};
// All that are longer than a byte. The third byte and the fourth are any continuation.
constexpr Row kTable[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (int value : values) out += static_cast<char>(value);
  return out;
}

const Row* row_of(int first) {
  for (const Row& row : kTable) {
    if (first >= row.first_low && first <= row.first_high) return &row;
  }
  return nullptr;
}

}  // namespace

TEST_CASE(
    "The first and the last sequence of each row of table 3-7 are accepted wherever a block ends in them") {
  for (const Row& row : kTable) {
    std::string tail(row.bytes - 2, '\x80');
    std::string high_tail(row.bytes - 2, '\xBF');
    check_all(
        {bytes({row.first_low, row.second_low}) + tail, bytes({row.first_high, row.second_high}) + high_tail},
        true);
  }
}

TEST_CASE("A second byte just outside its row is refused wherever a block ends before it") {
  for (const Row& row : kTable) {
    std::string tail(row.bytes - 2, '\x80');
    check_all({bytes({row.first_low, row.second_low - 1}) + tail,
               bytes({row.first_high, row.second_high + 1}) + tail},
              false);
  }
}

TEST_CASE("A sequence that is cut short, or too long, is refused wherever a block ends in it") {
  for (const Row& row : kTable) {
    std::string whole = bytes({row.first_low, row.second_low}) + std::string(row.bytes - 2, '\x80');
    for (size_t size = 1; size < whole.size(); ++size) {
      std::string cut = whole.substr(0, size);
      check_all({cut, cut + "x", cut + whole, cut + "\\n", cut + "\xC0"}, false);
    }
    check_all({whole + "\x80", "\x80" + whole}, false);
  }
}

TEST_CASE("Bytes that never stand in UTF-8 are refused") {
  for (int first : {0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF}) {
    for (const char* tail :
         {"", "\x80", "\x80\x80", "\x80\x80\x80", "\x80\x80\x80\x80", "\x80\x80\x80\x80\x80"})
      CHECK(complaint_anywhere(kStringPlaces, bytes({first}) + tail, false) == "");
  }
}

// The shifts with which a block ends behind the first byte, and behind the second.
constexpr size_t kSecondNext = 57;
constexpr size_t kThirdNext = 56;

TEST_CASE("Every pair of a first and a second byte is judged by table 3-7") {
  Panel panel;
  for (int first = 0x80; first < 0x100; ++first) {
    const Row* row = row_of(first);
    std::string wrong;
    for (int second = 0; second < 0x100 && wrong.empty(); ++second) {
      bool valid = row != nullptr && second >= row->second_low && second <= row->second_high;
      std::string part = bytes({first, second}) + std::string(row != nullptr ? row->bytes - 2 : 1, '\x80');
      for (size_t shift : {kSecondNext, kThirdNext})
        wrong += panel.complaint(placed(kStringPlaces[0], shift, part), valid);
    }
    CHECK(wrong == "");
  }
}

TEST_CASE("Each byte behind the second is a continuation") {
  Panel panel;
  for (int c = 0; c < 0x100; ++c) {
    bool valid = c >= 0x80 && c <= 0xBF;
    for (size_t shift = 52; shift <= 60; ++shift) {
      CHECK(panel.complaint(placed(kStringPlaces[0], shift, bytes({0xE2, 0x82, c})), valid) == "");
      CHECK(panel.complaint(placed(kStringPlaces[0], shift, bytes({0xF1, 0x80, c, 0x80})), valid) == "");
      CHECK(panel.complaint(placed(kStringPlaces[0], shift, bytes({0xF1, 0x80, 0x80, c})), valid) == "");
    }
  }
}

TEST_CASE("Text in many scripts fills blocks") {
  check_all({"Gr\xC3\xBC\xC3\x9F\x65", "\xE4\xBD\xA0\xE5\xA5\xBD\xEF\xBC\x8C\xE4\xB8\x96\xE7\x95\x8C",
             "\xF0\x9F\x98\x80\xF0\x9F\x9A\x80", "a\xC2\xA2\xE2\x82\xAC\xF0\x90\x8D\x88z", "\xEF\xBB\xBF",
             "\xEF\xBF\xBF\xF4\x8F\xBF\xBF"},
            true);
}

TEST_CASE("UTF-8 stands in strings only") {
  for (const char* part : {"\xC3\xA9", "\xC2\xA0", "\xEF\xBB\xBF", "\xE2\x80\xA8", "0\xC2\xA0", "\xC2\x85 0"})
    CHECK(complaint_anywhere(kValuePlaces, part, false) == "");
}
