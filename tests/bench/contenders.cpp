#include "tests/bench/contenders.h"

namespace bus::bench {

std::vector<std::unique_ptr<Contender>> all_contenders(const ContenderOptions& options) {
  std::vector<std::unique_ptr<Contender>> all;
  for (const auto& [name, path] : options.hubs) all.push_back(make_busd(name, path));
  all.push_back(make_null_hub(options.own_directory + "/bus-bench-null-hub"));
  all.push_back(make_nats());
  all.push_back(make_redis());
  all.push_back(make_mosquitto());
  all.push_back(make_dbus_daemon());
  all.push_back(make_zeromq(options.own_directory + "/bus-bench-zmq-proxy"));
  return all;
}

}  // namespace bus::bench
