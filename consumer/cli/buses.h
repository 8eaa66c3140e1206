// The places of hubs, as the programs show them: where a bus is, which other hubs its user has, and whether a
// hub is older than the programs.
#pragma once

#include <string>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/command_line.h"
#include "consumer/cli/console.h"
#include "consumer/cli/status_report.h"

namespace bus::cli {

busd::HubOptions hub_of(const Place& place);

// Says on stderr where the bus is if that is an unusual place, such as /tmp. To be called once.
// From then on, errors about the place name the variable that it comes from.
void note_place(const busd::HubOptions& hub, Console& console);

// That no hub runs at the place, or can: "no hub runs at PATH", or that its directory does not exist.
std::string absence(const busd::HubOptions& hub, const std::string& socket);

// One hub at a standard place of the user.
struct Bus {
  std::string name;
  std::string socket;
  int64_t pid = 0;
  bool answers = false;  // the rest is known
  std::string version;
  size_t consumers = 0;
};

// The user's hubs that listen, by their paths.
std::vector<Bus> find_buses();
// A table, or a line of JSON: [{"bus":…,"socket":…,"pid":…,"answers":true,"version":…,"consumers":…}].
std::string buses_table(const std::vector<Bus>& buses);
std::string buses_json(const std::vector<Bus>& buses);

// Whether version `one` is older than `other`: "0.9.1" is older than "0.10". Not where one is no version.
bool older_version(const std::string& one, const std::string& other);

// That the hub is older than this program, and the command that renews it; empty: it is not.
std::string renewal_hint(const busd::HubOptions& hub, const StatusReport& report);

// What a person should know beside the status, one line each: an old hub, and the user's other hubs of the
// same name.
std::string remarks(const busd::HubOptions& hub, const StatusReport& report);

}  // namespace bus::cli
