#include "consumer/cli/bad_input.h"

#include <algorithm>
#include <cstdio>

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";
constexpr size_t kMostQuoted = 40;

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

std::string encoding_fault(std::string_view text, size_t at) {
  char byte[16];
  std::snprintf(byte, sizeof byte, "0x%02x", static_cast<unsigned>(static_cast<unsigned char>(text[at])));
  return "byte " + std::to_string(at + 1) + " is not UTF-8 (" + byte + ")";
}

// The text as a JSON string in shell quotes, where it can be shown so.
std::string as_json_string(std::string_view text) {
  bool plain = text.size() <= kMostQuoted && text.find_first_of("'\"\\") == std::string_view::npos &&
               safe_text(text) == text;
  return plain ? "'\"" + std::string(text) + "\"'" : std::string("'\"text\"'");
}

// A member's name without double quotes, as a shell leaves {"job":7}; empty: none.
std::string_view unquoted_name(std::string_view text) {
  constexpr std::string_view kNameBytes =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$-'";
  size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos || text[begin] != '{') return {};
  begin = std::min(text.find_first_not_of(" \t", begin + 1), text.size());
  size_t end = std::min(text.find_first_not_of(kNameBytes, begin), text.size());
  size_t colon = text.find_first_not_of(" \t", end);
  if (colon == std::string_view::npos || text[colon] != ':') return {};
  std::string_view name = text.substr(begin, end - begin);
  while (name.starts_with('\'')) name.remove_prefix(1);
  while (name.ends_with('\'')) name.remove_suffix(1);
  return name;
}

// Whether a whole event was meant: it has a type of "event", or an event_type.
bool is_meant_as_frame(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t");
  return begin != std::string_view::npos && text[begin] == '{' &&
         text.find("\"event") != std::string_view::npos;
}

// Whether the only fault of the text is that it ends.
bool is_valid_so_far(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  rapidjson::BaseReaderHandler<> nothing;
  auto result = reader.Parse<rapidjson::kParseIterativeFlag>(stream, nothing);
  return !result.IsError() || result.Offset() >= text.size() ||
         result.Code() == rapidjson::kParseErrorStringMissQuotationMark;
}

}  // namespace

bool is_utf16(std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return true;
  size_t zeros = static_cast<size_t>(std::count(text.begin(), text.end(), '\0'));
  return zeros > 0 && zeros * 3 >= text.size();
}

bool is_unfinished_json(std::string_view text) {
  text = without_mark(text);
  size_t depth = 0;
  bool in_string = false;
  bool begun = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      if (!begun && depth == 0 && i > 0 && text.find_first_not_of(" \t") != i) return false;
      in_string = begun = true;
    } else if (c == '{' || c == '[') {
      ++depth;
      begun = true;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return false;
      --depth;
    }
  }
  return begun && (depth > 0 || in_string) && is_valid_so_far(text);
}

Error bad_input(std::string_view text, std::string_view reason, Input input) {
  Error error = error_of(ErrorCode::bad_data, reason);
  if (is_utf16(text)) {
    error.message = "the text is UTF-16, not UTF-8";
    error.hint = "iconv -f UTF-16 -t UTF-8 converts it";
  } else if (auto at = first_byte_not_utf8(text)) {
    error.message = encoding_fault(text, *at);
    error.hint = "iconv converts it, such as from Latin-1: iconv -f ISO-8859-1 -t UTF-8";
  } else if (text.starts_with(kMark)) {
    error.message = "the text begins with a byte order mark (BOM)";
    error.hint = "remove it: sed '1s/^\\xEF\\xBB\\xBF//'";
  } else if (reason.find("nested deeper") != std::string_view::npos) {
    error.hint = {};  // it is JSON, and no other form of it would help
  } else if (is_unfinished_json(text)) {
    error.hint = "JSON that goes over several lines is put on one by: jq -c .";
  } else if (std::string_view name = unquoted_name(text); !name.empty()) {
    error.hint = "the names of members need double quotes, and in a shell the whole needs single ones: '{\"" +
                 std::string(name) + "\": …}'";
  } else if (input == Input::payload && reason.find("not JSON") != std::string_view::npos) {
    error.hint = "for plain text add --text; for a JSON string write " + as_json_string(text);
  } else if (input == Input::args && reason.find("not JSON") != std::string_view::npos) {
    error.hint =
        "a JSON string is written " + as_json_string(text) + ", and a member of an object -a NAME=VALUE";
  } else if (input == Input::frame && !is_meant_as_frame(text)) {
    error.hint = "without --type, each line is a whole event; if the lines are payloads, add --type TYPE";
    if (reason.starts_with("not JSON")) error.hint += " --text";
  }
  return error;
}

}  // namespace bus::cli
