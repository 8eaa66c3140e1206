// What a table of figures is worthless without: the machine, and the versions of the servers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/contender.h"
#include "tests/bench/scratch_dir.h"

namespace bus::bench {

// "AMD EPYC 7B13, 2 cpus, Linux 6.1.0".
std::string machine_description();

// Whether `program` can be run: an absolute path, or a name in PATH.
bool is_installed(const std::string& program);

// "NATS 2.9.10, Redis 7.0.15": of those that tell.
std::string versions_of(const std::vector<std::unique_ptr<Contender>>& contenders, ScratchDir& scratch);

}  // namespace bus::bench
