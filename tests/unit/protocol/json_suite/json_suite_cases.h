// Cases of our own over the categories of the public JSON parsing test suite (nst/JSONTestSuite): what every
// reader must accept (y_), must refuse (n_), and may judge as it likes (i_, where our verdict is written
// down).
//
// Beside each case stands how plain RapidJSON, called as raw_json.cpp calls it, differs from our verdict; the
// reasons why it does are the names of `Rapid`. json_suite_test.cpp holds everybody to this table.
#pragma once

#include <string>
#include <vector>

namespace bus::test {

enum class Rapid {
  agrees,
  lax_ends_at_nul,             // takes a NUL behind the value for the end of the text
  lax_has_no_depth_limit,      // the bound is ours, in its handler
  strict_about_range,          // refuses numbers beyond double, which RFC 8259 allows
  strict_about_lone_surrogate  // refuses the first half of a surrogate pair, which RFC 8259 allows
};

struct SuiteCase {
  const char* name;  // y_, n_ or i_, the category, and what is tried
  std::string text;  // as a value of its own
  bool accepted;
  Rapid rapid = Rapid::agrees;
};

std::vector<SuiteCase> array_cases();
std::vector<SuiteCase> number_cases();
std::vector<SuiteCase> object_cases();
std::vector<SuiteCase> string_cases();
std::vector<SuiteCase> structure_cases();

}  // namespace bus::test
