// The figures of all shapes for programs: every sample and every median, as one JSON object.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/measure.h"

namespace bus::bench {

class JsonReport {
 public:
  JsonReport(std::string machine, std::string versions)
      : machine_(std::move(machine)), versions_(std::move(versions)) {}

  void add(const ShapeOutcome& result);
  std::string text() const;
  // Replaces what is there.
  Result<void> save(const std::string& path) const;

 private:
  std::string machine_;
  std::string versions_;
  std::vector<std::string> shapes_;
};

}  // namespace bus::bench
