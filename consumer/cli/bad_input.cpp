#include "consumer/cli/bad_input.h"

#include <cstdio>

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

}  // namespace

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
  return begun && (depth > 0 || in_string);
}

Error bad_input(std::string_view text, std::string_view reason, bool json) {
  Error error = error_of(ErrorCode::bad_data, reason);
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    error.message = "the text is UTF-16, not UTF-8";
    error.hint = "iconv -f UTF-16 -t UTF-8 converts it";
  } else if (auto at = first_byte_not_utf8(text)) {
    error.message = encoding_fault(text, *at);
    error.hint = "iconv converts it, such as from Latin-1: iconv -f ISO-8859-1 -t UTF-8";
  } else if (text.starts_with(kMark)) {
    error.message = "the text begins with a byte order mark (BOM)";
    error.hint = "remove it: sed '1s/^\\xEF\\xBB\\xBF//'";
  } else if (is_unfinished_json(text)) {
    error.hint = "JSON that goes over several lines is put on one by: jq -c .";
  } else if (json && reason.find("not JSON") != std::string_view::npos) {
    error.hint = "for plain text add --text; for a JSON string write " + as_json_string(text);
  }
  return error;
}

}  // namespace bus::cli
