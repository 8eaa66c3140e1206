#include "tests/unit/protocol/json_suite/json_suite_cases.h"

using namespace std::string_literals;

namespace bus::test {

namespace {

std::string repeated(std::string_view text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

}  // namespace

std::vector<SuiteCase> structure_cases() {
  return {
      {"y_structure_lone_true", "true", true},
      {"y_structure_lone_false", "false", true},
      {"y_structure_lone_null", "null", true},
      {"y_structure_lone_string", R"("x")", true},
      {"y_structure_lone_number", "42", true},
      {"y_structure_space_around", " \t\r\n{}\n ", true},
      {"y_structure_spaces_inside", "[ \n\t\r{ \"k\" : [ ] } ]", true},
      {"y_structure_line_end_last", "[]\n", true},
      {"y_structure_500_nested_arrays", std::string(500, '[') + std::string(500, ']'), true},
      {"n_structure_nothing", "", false},
      {"n_structure_space_only", " ", false},
      {"n_structure_line_end_only", "\n", false},
      {"n_structure_true_cut", "tru", false},
      {"n_structure_false_cut", "fals", false},
      {"n_structure_null_cut", "nul", false},
      {"n_structure_true_upper", "True", false},
      {"n_structure_all_upper", "NULL", false},
      {"n_structure_true_and_more", "truey", false},
      {"n_structure_two_literals", "true false", false},
      {"n_structure_literals_touch", "nullnull", false},
      {"n_structure_undefined", "undefined", false},
      {"n_structure_quoted_badly", R"("true)", false},
      {"n_structure_two_objects", "{}{}", false},
      {"n_structure_two_arrays", "[][]", false},
      {"n_structure_object_then_string", R"({} "x")", false},
      {"n_structure_object_then_word", "{}x", false},
      {"n_structure_array_then_comma", "[],", false},
      {"n_structure_number_then_comma", "1,", false},
      {"n_structure_open_array", "[", false},
      {"n_structure_open_object", "{", false},
      {"n_structure_close_array", "]", false},
      {"n_structure_close_object", "}", false},
      {"n_structure_array_as_object", "[}", false},
      {"n_structure_object_as_array", "{]", false},
      {"n_structure_angle_brackets", "<null>", false},
      {"n_structure_parentheses", "(1)", false},
      {"n_structure_line_comment", "{}//c", false},
      {"n_structure_line_comment_slash", "{}/", false},
      {"n_structure_hash_comment", "{}#c", false},
      {"n_structure_block_comment", "/**/{}", false},
      {"n_structure_block_comment_open", "{}/*", false},
      {"n_structure_lone_minus", "-", false},
      {"n_structure_lone_u_escape", R"(\u0061)", false},
      {"n_structure_bom", "\xEF\xBB\xBF{}", false},
      {"n_structure_bom_last", "{}\xEF\xBB\xBF", false},
      {"n_structure_bom_cut", "\xEF\xBB{}", false},
      {"n_structure_utf16_bom", "\xFF\xFE[\x00]\x00"s, false},
      {"n_structure_utf16", "\x00[\x00]"s, false},
      {"n_structure_no_break_space", "[\xC2\xA0]", false},
      {"n_structure_word_joiner", "[\xE2\x81\xA0]", false},
      {"n_structure_ideographic_space", "\xE3\x80\x80[]", false},
      {"n_structure_form_feed", "\x0C[]", false},
      {"n_structure_vertical_tab", "[]\x0B", false},
      {"n_structure_invalid_utf8_only", "\xE5", false},
      {"n_structure_ascii_art", "[1,2,3]^", false},
      {"n_structure_open_array_string", R"(["x)", false},
      {"n_structure_open_array_open_object", "[{", false},
      {"n_structure_open_object_open_string", R"({"x)", false},
      {"n_structure_many_open_pairs", std::string(300, '[') + R"({"":)", false},
      {"n_structure_100000_open_arrays", std::string(100000, '['), false},
      {"n_structure_500_nested_and_one_more_close", std::string(500, '[') + std::string(501, ']'), false},
      {"n_structure_nul_before", "\x00{}"s, false},
      {"n_structure_capital_literal_in_array", "[TRUE]", false},
      {"n_structure_nul_behind", "{}\x00"s, false, Rapid::lax_ends_at_nul},
      {"n_structure_nul_and_more_behind", "{}\x00x"s, false, Rapid::lax_ends_at_nul},
      {"n_structure_nul_behind_literal", "null\x00"s, false, Rapid::lax_ends_at_nul},
      {"i_structure_600_nested_arrays", std::string(600, '[') + std::string(600, ']'), false,
       Rapid::lax_has_no_depth_limit},
      {"i_structure_600_nested_objects", repeated(R"({"k":)", 600) + "{}" + std::string(600, '}'), false,
       Rapid::lax_has_no_depth_limit},
  };
}

}  // namespace bus::test
