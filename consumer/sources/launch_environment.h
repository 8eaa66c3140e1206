// The environment that a source is started with: a clean one, and what its definition adds.
#pragma once

#include <string>
#include <vector>

#include "consumer/sources/core/definition.h"

namespace bus::sources {

// PATH HOME USER LANG TZ, as far as we have them, BUSD_SOCKET and BUSD_SOURCE; then `environment` of the definition.
std::vector<std::string> launch_environment(const Definition& definition, const std::string& socket);

// Where it is started: its `directory`, or the home directory.
std::string launch_directory(const Definition& definition);

// The file that the definition's command is, seen from where it is started, or as $PATH of its environment has it; empty:
// $PATH has none.
std::string program_file(const Definition& definition);

// Of this user, by $HOME or the user database; "/" if there is none.
std::string home_directory();

}  // namespace bus::sources
