// What `bus-source run FILE` is to run: the definition that bus-sources would have for it.
#pragma once

#include <string>
#include <vector>

#include "consumer/sources/core/definition.h"
#include "protocol/base/result.h"

namespace bus::cli {

// Error invalid: a line for each fault of the file NAME.source, or why there is nothing to run.
Result<sources::ReadDefinition> definition_to_try(const std::string& file,
                                                  const std::vector<std::string>& arguments);

}  // namespace bus::cli
