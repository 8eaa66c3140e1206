// The scanner reads nothing outside of the text: it is put between two pages that nobody may read.
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/unit/protocol/scan/panel.h"

using namespace bus;
using namespace bus::test;

namespace {

// One page with a forbidden one on either side; touching those ends the program.
class GuardedPage {
 public:
  GuardedPage() : size_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* pages = mmap(nullptr, 3 * size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(pages != MAP_FAILED);
    pages_ = static_cast<char*>(pages);
    REQUIRE(mprotect(pages_ + size_, size_, PROT_READ | PROT_WRITE) == 0);
  }
  GuardedPage(const GuardedPage&) = delete;
  GuardedPage& operator=(const GuardedPage&) = delete;
  ~GuardedPage() { munmap(pages_, 3 * size_); }

  std::string_view at_begin(std::string_view text) { return put(pages_ + size_, text); }
  std::string_view at_end(std::string_view text) { return put(pages_ + 2 * size_ - text.size(), text); }

 private:
  static std::string_view put(char* where, std::string_view text) {
    std::memcpy(where, text.data(), text.size());
    return {where, text.size()};
  }

  size_t size_;
  char* pages_ = nullptr;
};

// Texts whose last bytes make the scanner look ahead: escapes, literals, numbers, sequences.
const std::vector<std::string> kTexts = {
    R"({"a":[true,false,null],"b":"\u00e9\n\\","c":-1.5e+3,"d":")"
    "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"
    R"(","e":{},"f":[[]],"g":"\ud83d\ude00","h":"0123456789012345678901234567890123456789"})",
    R"({"long name of a member":"and a text that is longer than a block of the scanner, and then some more of it"})",
};

}  // namespace

TEST_CASE("Every beginning of a text is judged without a read past its end") {
  GuardedPage page;
  Panel panel;
  for (const std::string& whole : kTexts) {
    for (size_t size = 0; size <= whole.size(); ++size) {
      std::string_view text = page.at_end(std::string_view(whole).substr(0, size));
      CHECK(panel.complaint(text, size == whole.size()) == "");
    }
  }
}

TEST_CASE("Every beginning of a text is judged without a read before its begin") {
  GuardedPage page;
  Panel panel;
  for (const std::string& whole : kTexts) {
    for (size_t size = 0; size <= whole.size(); ++size) {
      std::string_view text = page.at_begin(std::string_view(whole).substr(0, size));
      CHECK(panel.complaint(text, size == whole.size()) == "");
    }
  }
}

TEST_CASE("Objects of every size are accepted at the end of a page") {
  GuardedPage page;
  Panel panel;
  for (size_t filling = 0; filling < 200; ++filling) {
    for (const char* last :
         {"true", "false", "0", "\"\\u00e9\"", "\"\\\\\"", "\"\xF0\x9F\x98\x80\"", "[]", "{}"}) {
      std::string text = R"({"a":")" + std::string(filling, 'x') + R"(","b":)" + last + "}";
      CHECK(panel.complaint(page.at_end(text), true) == "");
    }
  }
}

TEST_CASE("What ends in the middle of a token is refused at the end of a page") {
  GuardedPage page;
  Panel panel;
  for (size_t filling = 0; filling < 200; ++filling) {
    for (const char* last :
         {"t", "tru", "fals", "n", "\"\\", "\"\\u", "\"\\u00e", "\"\xF0\x9F", "-", "1.", "1e", "[", "\""}) {
      std::string text = R"({"a":")" + std::string(filling, 'x') + R"(","b":)" + last;
      CHECK(panel.complaint(page.at_end(text), false) == "");
    }
  }
}
