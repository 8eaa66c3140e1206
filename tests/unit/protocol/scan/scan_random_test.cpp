// Random objects, whole and damaged: all bodies agree with the judges. The fuzz target goes further where it
// runs; this one runs everywhere.
#include <random>

#include "tests/support/catch.h"
#include "tests/support/slow.h"
#include "tests/unit/protocol/scan/panel.h"

using namespace bus::test;

namespace {

constexpr uint64_t kTexts = kSlowBuild ? 1500 : 6000;

class Writer {
 public:
  explicit Writer(uint64_t seed) : random_(seed) {}

  size_t below(size_t bound) { return random_() % bound; }
  std::string_view any(const std::vector<std::string_view>& words) { return words[below(words.size())]; }

  std::string object(size_t levels_left) {
    std::string out = "{";
    for (size_t i = 0, count = below(5); i < count; ++i) {
      out.append(i > 0 ? "," : "").append(space()).append(string()).append(space()).append(":");
      out.append(space()).append(value(levels_left)).append(space());
    }
    return out + "}";
  }

  // Something that may break the text, or not.
  void damage(std::string& text) {
    static const std::vector<std::string_view> kWords = {
        "{",    "}", "[",  "]",    ":",  ",",    "\"",   "\\",           "0",   "-", "e", ".",
        "true", " ", "\n", "\"\"", "{}", "\x80", "\xC3", "\xED\xA0\x80", "\x01"};
    size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text.erase(at, 1);
        return;
      case 1:
        text.insert(at, any(kWords));
        return;
      case 2:
        text[at] = static_cast<char>(below(256));
        return;
      default:
        text[at] = text[below(text.size())];
    }
  }

 private:
  std::string value(size_t levels_left) {
    switch (below(levels_left > 0 ? 6 : 4)) {
      case 0:
        return std::to_string(static_cast<int64_t>(random_()) >> below(64));
      case 1:
        return "-0." + std::to_string(below(1000)) + "e-" + std::to_string(below(20));
      case 2:
        return std::string(any({"true", "false", "null", "0", "1.25E+3"}));
      case 3:
        return string();
      case 4:
        return object(levels_left - 1);
      default:
        return array(levels_left - 1);
    }
  }
  std::string array(size_t levels_left) {
    std::string out = "[";
    for (size_t i = 0, count = below(5); i < count; ++i)
      out.append(i > 0 ? "," : "").append(space()).append(value(levels_left));
    return out + "]";
  }
  std::string string() {
    std::string out = "\"" + std::string(below(4) == 0 ? below(90) : below(9), 's');
    if (below(4) == 0)
      out += any({"\\n", "\\\\", "\\\"", "\\u00e9", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"});
    return out + "\"";
  }
  std::string space() { return below(8) == 0 ? std::string(below(3) == 0 ? below(70) : 1, ' ') : ""; }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("Random objects are accepted, and what becomes of them by damage is judged alike by all") {
  Panel panel;
  for (uint64_t seed = 0; seed < kTexts; ++seed) {
    Writer writer(seed);
    std::string text = writer.object(4);
    std::string complaint = panel.complaint(text, true);
    for (size_t i = writer.below(3); i > 0 && !text.empty(); --i) writer.damage(text);
    if (complaint.empty()) complaint = panel.complaint(text);
    CAPTURE(seed);
    if (!complaint.empty()) FAIL(complaint);
  }
}
