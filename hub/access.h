// Who beside the hub's own user can reach its socket: the modes that --allow-uid and --allow-gid ask for.
//
// Modes only let others come to the door. Who is admitted the core decides, by what the kernel says of each
// connection.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "hub/options.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::hub {

struct Access {
  mode_t directory_mode = 0700;
  mode_t socket_mode = 0600;
  std::optional<gid_t> group;  // of both

  bool is_private() const { return socket_mode == 0600; }
};

// The users of --allow-uid beside our own and root, who are admitted anyway.
std::vector<uint32_t> other_users(const Options& options);

// One group and nobody else: the modes are for that group. Other users or more groups: for all. Nobody, or a
// standard place, where no other user looks: private.
Access access_of(const Options& options, const Endpoint& endpoint);

// Creates the directory as `access` asks for, or checks the one that is there, which is never changed: it is
// ours, and nobody else can write to it.
//
// Error denied: it is not so, or it cannot be given to the group.
Result<void> ensure_directory(const std::string& path, const Access& access);

// Opens the socket that was bound with mode 0600. Error denied: we may not give it to the group.
Result<void> open_socket(const std::string& path, const Access& access);

// Whether these two would succeed, found out without creating anything. The first one returns whether the
// directory would be created.
Result<bool> try_directory(const std::string& path, const Access& access);
Result<void> try_open_socket(const std::string& path, const Access& access);

// One line about the users of --allow-uid and --allow-gid: that they can reach the socket, or what keeps them
// from it. Empty when there are none.
struct Reach {
  bool possible = true;
  std::string text;
};
Reach reach_of(const Options& options, const Endpoint& endpoint);
// The same for a socket that was passed, whose modes are its opener's.
Reach reach_of_passed(const Options& options, const Endpoint& endpoint);

}  // namespace bus::hub
