// The args of a call: ARGS, and the members that -a NAME=VALUE adds to them. Pure.
//
// A dot in NAME leads into an object: user.name=tony is {"user":{"name":"tony"}}. VALUE is an integer, true,
// false or null if it reads as one, and otherwise a string; NAME:=JSON takes any JSON as it is. What ARGS holds
// keeps its bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/cli/error.h"

namespace bus::cli {

// What is wrong with one NAME=VALUE by itself, as "what is wrong; what to do"; empty: nothing.
std::string assignment_fault(const std::string& assignment);

// Puts the args together into `out`: `base` is ARGS, or empty; each of `assignments` has no fault of its own.
// Without both, `out` is empty. An error says which of them do not go together, or what is wrong with ARGS.
std::optional<Error> build_args(std::string_view base, const std::vector<std::string>& assignments,
                                std::string& out);

}  // namespace bus::cli
