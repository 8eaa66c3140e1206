// Whose child we are: what the paths that are handed out are used for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bus::gocache {

// Whether the program with this command line may hand on the paths that it is given, so that they are opened after its end: `go list
// -export` and its kind do, `go build` does not. What is not known may.
bool paths_may_escape(const std::vector<std::string>& command_line);

// What people call it: "go build", "gopls". At most 40 bytes.
std::string short_name(const std::vector<std::string>& command_line);

}  // namespace bus::gocache
