#include "hub/effect.h"

#include <cstdlib>
#include <unistd.h>

#include "hub/access.h"
#include "hub/process_limits.h"
#include "hub/value_place.h"

namespace bus::hub {

std::vector<std::string> without_effect(const Options& options, const Endpoint& endpoint,
                                        bool passed_socket) {
  std::vector<std::string> out;
  Reach reach = passed_socket ? reach_of_passed(options, endpoint) : reach_of(options, endpoint);
  if (!reach.possible) out.push_back(reach.text);
  bool only_own = other_users(options).empty() && options.allow_gids.empty();
  if (options.uid_share_percent != kDefaultUidShare && only_own) {
    out.emplace_back(
        "uid-share has no effect: it limits other users, and none is admitted (--allow-uid, --allow-gid)");
  }
  if (options.sources_uid && only_own && *options.sources_uid != ::geteuid() && *options.sources_uid != 0) {
    out.emplace_back("sources-user has no effect: that user is not admitted (--allow-uid, --allow-gid)");
  }
  return out;
}

std::vector<std::string> expected_without_effect(const Options& options, const Endpoint& endpoint) {
  std::vector<std::string> out = without_effect(options, endpoint, false);
  size_t most = connections_of(most_descriptors());
  // The default is nobody's wish; the log says where it is lowered.
  if (options.max_connections > most && options.max_connections != Options().max_connections) {
    out.push_back("max-connections " + std::to_string(options.max_connections) + " is lowered to " +
                  std::to_string(most) + ": the hard limit of open files (ulimit -Hn) allows no more");
  }
  auto place = value_place(options, endpoint, [](const char* name) { return std::getenv(name); });
  // Without a place there will be no hub, which the start says.
  auto trouble = place ? place_trouble(*place) : std::nullopt;
  if (trouble) out.push_back("values will not be stored: " + *trouble);
  return out;
}

bool changes_settings(const Options& options) {
  Options plain;
  plain.endpoint = options.endpoint;
  plain.log_file = options.log_file;
  plain.log_level = options.log_level;
  return print_config(plain) != print_config(options);
}

}  // namespace bus::hub
