// All bodies of the scanner, and the two that judge them, side by side over one text.
//
// The judges are RawJson, which stands behind the scanner in the hub, and the fuzzers' oracle, which shares
// code with neither. Used by the tests of this folder and by the JSON suite's; the fuzz target asks the same
// by itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/raw_json.h"
#include "protocol/scan/scan.h"

namespace bus::test {

class Panel {
 public:
  // Who does not say that `text` is an object as the scanner wants it (`valid`), or is not; or marks other
  // places than where RawJson's children stand. Empty when all are right, for CHECK(… == "").
  std::string complaint(std::string_view text, bool valid);

  // The same, held to what the oracle says.
  std::string complaint(std::string_view text);

 private:
  std::string unlike(const scan::Body& body, std::string_view text, bool valid);
  bool goes_on_alike(const scan::Body& body, std::string_view text);
  std::vector<size_t> children_marks(std::string_view text) const;

  std::vector<scan::Body> bodies_ = scan::bodies();
  RawJson judge_;
  scan::Marks marks_;  // one for all, so that each finds what the one before it left
};

}  // namespace bus::test
