// All servers that can be compared, and the order in which tables list them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/contender.h"

namespace bus::bench {

struct ContenderOptions {
  std::string own_directory;                              // where the programs built beside bus-bench are
  std::vector<std::pair<std::string, std::string>> hubs;  // column name and path of each busd
};

// Those built here first: every busd, then the null hub; then the real peers.
std::vector<std::unique_ptr<Contender>> all_contenders(const ContenderOptions& options);

std::unique_ptr<Contender> make_busd(const std::string& name, const std::string& program);
std::unique_ptr<Contender> make_null_hub(const std::string& program);
std::unique_ptr<Contender> make_nats();
std::unique_ptr<Contender> make_redis();
std::unique_ptr<Contender> make_mosquitto();
std::unique_ptr<Contender> make_dbus_daemon();
std::unique_ptr<Contender> make_zeromq(const std::string& proxy_program);

}  // namespace bus::bench
