// What is wrong with the verb of a program that has several, such as bus-value.
#pragma once

#include <algorithm>
#include <string>

#include "consumer/cli/text.h"
#include "protocol/base/spelling.h"

namespace bus::cli {

// Each of `verbs` has a `name`, and in `mistaken` what other programs call it. `what` is what they are called, such as "command", or empty, and `all` names them all: "it is get
// or put". Empty: `text` is one of them.
template <class Verbs>
std::string verb_fault(const Verbs& verbs, const std::string& text, const char* what, const char* all) {
  for (const auto& verb : verbs) {
    if (text == verb.name) return {};
  }
  std::string fault = std::string("there is no ") + what + (*what == '\0' ? "" : " ") + in_quotes(text);
  auto meant = [&](const auto& verb) { return fault + "; did you mean " + verb.name + "?"; };
  for (const auto& verb : verbs) {
    bool is_meant = std::find(verb.mistaken.begin(), verb.mistaken.end(), text) != verb.mistaken.end();
    if (is_meant) return meant(verb);
  }
  for (const auto& verb : verbs) {
    if (alike(text, verb.name)) return meant(verb);
  }
  return fault + "; " + all;
}

}  // namespace bus::cli
