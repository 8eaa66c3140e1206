#include "protocol/naming.h"

#include "protocol/json_text.h"
#include "protocol/member_name.h"

namespace bus {

MemberNames::Match MemberNames::find_closely(std::string_view name_token) const {
  std::string_view written = name_token.substr(1, name_token.size() - 2);
  for (size_t i = 0; i < size_; ++i) {
    if (written == names_[i]) return {i, true};
  }
  for (size_t i = 0; i < size_; ++i) {
    if (differs_in_case_only(name_token, names_[i])) return {i, false};
  }
  if (written.find('\\') == std::string_view::npos) return {};
  for (size_t i = 0; i < size_; ++i) {
    if (token_is(name_token, names_[i])) return {i, true};
  }
  return {};
}

}  // namespace bus
