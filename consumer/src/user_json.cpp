#include "consumer/src/user_json.h"

#include <algorithm>

#include "protocol/raw_json.h"

namespace bus::sdk {

namespace {

bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string_view without_json_space(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::string> without_line_ends(std::string_view& text, std::string& store) {
  if (is_one_line(text)) return std::nullopt;
  if (auto fault = json_fault(text)) return fault;
  store.assign(text);
  std::replace(store.begin(), store.end(), '\n', ' ');
  text = store;
  return std::nullopt;
}

}  // namespace bus::sdk
