// Which sources are disabled: marks that survive, as empty files in a directory of their own.
//
// Asked and changed by name; knows no sources.
#pragma once

#include <set>
#include <string>

#include "protocol/base/result.h"

namespace bus::sources {

class Marks {
 public:
  // The marks of the bus `bus` in `state_directory`, which is made with the first mark.
  Marks(const std::string& state_directory, const std::string& bus)
      : state_directory_(state_directory), directory_(state_directory + "/" + bus + ".disabled") {}

  // Reads them again.
  void read();
  bool is_disabled(const std::string& name) const { return names_.contains(name); }
  Result<void> set_disabled(const std::string& name, bool disabled);
  const std::string& directory() const { return directory_; }

 private:
  std::string state_directory_;
  std::string directory_;
  std::set<std::string, std::less<>> names_;
};

}  // namespace bus::sources
