#include "consumer/gocache/core/id.h"

#include "tests/support/catch.h"

using namespace bus::gocache;

TEST_CASE("An id is made of 32 bytes, no more and no fewer") {
  std::string bytes = "0123456789abcdef0123456789ABCDEF";
  auto id = id_of(bytes);
  REQUIRE(id);
  CHECK(id->view() == bytes);
  CHECK_FALSE(id_of(bytes.substr(1)));
  CHECK_FALSE(id_of(bytes + "0"));
  CHECK_FALSE(id_of(""));
}

TEST_CASE("An id in hex has lower case, and comes back") {
  Id id;
  for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(i * 8 + 7);
  std::string text = hex(id);
  CHECK(text == "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
  CHECK(id_of_hex(text) == id);
}

TEST_CASE("What is not the hex of an id is refused") {
  std::string text(64, 'a');
  CHECK(id_of_hex(text));
  CHECK_FALSE(id_of_hex(""));
  CHECK_FALSE(id_of_hex(text.substr(1)));
  CHECK_FALSE(id_of_hex(text + "a"));
  // The names of the go command's files have no capitals.
  for (char c : std::string("AFgG/:`@ \0\x80", 11)) {
    for (size_t at : {size_t{0}, size_t{1}, size_t{62}, size_t{63}}) {
      std::string wrong = text;
      wrong[at] = c;
      CHECK_FALSE(id_of_hex(wrong));
    }
  }
}

TEST_CASE("The number of an id is of its first eight bytes only") {
  Id one;
  Id other;
  other.bytes[8] = 1;
  CHECK(one.number() == other.number());
  other.bytes[7] = 1;
  CHECK(one.number() != other.number());
}
