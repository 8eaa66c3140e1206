// Names of members that are nearly those that a frame defines: the same but for letter case, or a slip of the
// pen.
//
// Many JSON libraries match names without regard to case, and would let "TYPE" win over "type"; so
// frame.h and naming.h refuse such a name (PROTOCOL.md 2). All names of the wire are of a-z and '_'.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bus {

// Whether the string token `name_token` (with its quotes, already checked) stands for a name that equals
// `name` under Unicode's simple case folding, and is not `name` itself. `name` must be of a-z and '_'.
bool differs_in_case_only(std::string_view name_token, std::string_view name);

// What is wrong with such a member.
std::string case_fault(std::string_view name_token, std::string_view name);

// The one of `names` that whoever wrote `written`, which is none of them, seems to have meant: one that ends
// in '_' and `written`, else the nearest at an edit distance of 2 or less.
std::optional<std::string_view> meant_name(std::string_view written, std::span<const std::string_view> names);

}  // namespace bus
