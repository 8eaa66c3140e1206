// Puts a part of JSON at every place relative to the 64-byte blocks that the scanner works in.
//
// A rule that holds within a block may break where a block ends, and each part meets a border at each of its
// bytes when it is moved along two blocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/slow.h"
#include "tests/unit/protocol/scan/panel.h"

namespace bus::test {

// An object around a part; `filling` is repeated to move it.
struct Place {
  std::string_view before;
  char filling;
  std::string_view between;
  std::string_view after;
};

// A value: behind spaces, a string, a number; followed by each token that may follow, with space and without.
inline const std::vector<Place> kValuePlaces = {
    {R"({"a":)", ' ', "", "}"},
    {R"({"a":[")", 'x', R"(",)", "]}"},
    {R"({"a":[1)", '1', ",", "\r]}"},
    {R"({ "a" )", '\t', ":", R"(,"b":[0]})"},
    {R"({"a":{"b":[)", '\n', "", R"( , null]}})"},
};

// What stands in a string: a value's, a name's, the first of it and the last.
inline const std::vector<Place> kStringPlaces = {
    {R"({"a":")", 'x', "", R"("})"},
    {R"({")", 'x', "", R"(y":1.5})"},
    {R"({"a":)", ' ', "\"", R"(","b":2})"},
    {R"({"a":["\\)", '.', "", R"(,:{}[]\""]})"},
};

// Along two blocks; with sanitizers along one, because they look for other faults than wrong answers.
inline constexpr size_t kShifts = kSlowBuild ? 67 : 131;

inline std::string placed(const Place& place, size_t shift, std::string_view part) {
  std::string text(place.before);
  text.append(shift, place.filling).append(place.between).append(part).append(place.after);
  return text;
}

// The panel's first complaint about `part` anywhere; empty when there is none.
inline std::string complaint_anywhere(const std::vector<Place>& places, std::string_view part, bool valid) {
  Panel panel;
  for (const Place& place : places) {
    for (size_t shift = 0; shift < kShifts; ++shift) {
      std::string complaint = panel.complaint(placed(place, shift, part), valid);
      if (!complaint.empty()) return complaint;
    }
  }
  return {};
}

}  // namespace bus::test
