#include "tests/unit/protocol/json_suite/json_suite_cases.h"

using namespace std::string_literals;

namespace bus::test {

std::vector<SuiteCase> array_cases() {
  return {
      {"y_array_empty", "[]", true},
      {"y_array_empty_with_space", "[ \t]", true},
      {"y_array_of_empties", R"([[],{},""])", true},
      {"y_array_space_around_items", "[ 7 , 8\n]", true},
      {"y_array_of_null", "[null]", true},
      {"y_array_mixed", R"([null,4,"4",{"four":[4]}])", true},
      {"y_array_one_and_line_end", "[9\n]", true},
      {"y_array_leading_space", " [2]", true},
      {"y_array_trailing_space", "[3] \r\n", true},
      {"y_array_several_nulls", "[1,null,null,2]", true},
      {"y_array_deep_and_wide", "[[[[1],2],3],[4,[5]]]", true},
      {"n_array_no_comma", "[1 true]", false},
      {"n_array_number_then_string", R"(["x" 3])", false},
      {"n_array_items_touch", "[[][]]", false},
      {"n_array_extra_close", "[6]]", false},
      {"n_array_extra_comma", R"(["",])", false},
      {"n_array_comma_twice", "[5,,6]", false},
      {"n_array_comma_first", "[,5]", false},
      {"n_array_comma_only", "[,]", false},
      {"n_array_commas_only", "[,,]", false},
      {"n_array_two_commas_last", "[5,,]", false},
      {"n_array_colon_for_comma", R"(["": 5])", false},
      {"n_array_colon_in_list", "[5:6]", false},
      {"n_array_unclosed", R"(["x")", false},
      {"n_array_unclosed_comma", "[8,", false},
      {"n_array_unclosed_nested", "[[1]", false},
      {"n_array_unclosed_object_inside", "[{}", false},
      {"n_array_unclosed_with_line_ends", "[\"x\",\n4\n,7,", false},
      {"n_array_minus_only", "[-]", false},
      {"n_array_inner_array_no_comma", "[3[4]]", false},
      {"n_array_just_comma_then_space", R"([ , ""])", false},
      {"n_array_star", "[*]", false},
      {"n_array_bare_word", "[x", false},
      {"n_array_spread", "[...[1]]", false},
      {"n_array_closed_as_object", "[1}", false},
      {"n_array_vertical_tab", "[\"\x0B\"]", false},
      {"n_array_form_feed", "[1\x0C]", false},
      {"n_array_nul_inside", "[1\x00]"s, false},
      {"n_array_invalid_utf8", "[\xFF]", false},
      {"n_array_lead_byte_after", "[1\xE5]", false},
  };
}

}  // namespace bus::test
