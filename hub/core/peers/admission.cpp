#include "hub/core/peers/admission.h"

#include <algorithm>
#include <utility>

namespace bus::hub {

bool Admission::allows(const Credentials& credentials) const {
  auto lists = [](const std::vector<uint32_t>& list, uint32_t id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  return credentials.uid == config_.uid || credentials.uid == 0 ||
         lists(config_.allow_uids, credentials.uid) || lists(config_.allow_gids, credentials.gid) ||
         std::any_of(credentials.groups.begin(), credentials.groups.end(),
                     [&](uint32_t gid) { return lists(config_.allow_gids, gid); });
}

std::string Admission::denial_of(uint32_t uid) const {
  return "uid " + std::to_string(uid) + " may not use the hub at " + config_.socket + "; its owner (uid " +
         std::to_string(config_.uid) + ") can admit it with busd --allow-uid " + std::to_string(uid);
}

std::string Admission::crowd_around(const Peer& peer) const {
  const Account& account = *peer.account;
  if (peer.from_reserve) {
    return "the hub has no file descriptor left for this connection; close some connections, or start the "
           "hub with "
           "a higher limit of open files";
  }
  if (admitted_ >= config_.max_connections) {
    return "all " + std::to_string(config_.max_connections) +
           " connections of this hub are in use; close some (bus-status lists them), or start the hub with a "
           "larger --max-connections";
  }
  if (account.connections >= account.max_connections) {
    return "uid " + std::to_string(account.uid) + " has " + std::to_string(account.connections) +
           " connections, the most that one user may have here; close some, or start the hub with a larger "
           "--uid-share";
  }
  return {};
}

void Admission::take_place(Peer& peer) {
  peer.admitted = true;
  ++admitted_;
  ++peer.account->connections;
}

bool Admission::take_administrative_place(Peer& peer) {
  if (peer.administers) return true;
  bool may = peer.uid == config_.uid || peer.uid == 0;
  if (!may || administrators_ >= kAdministrativePlaces) return false;
  peer.administers = true;
  ++administrators_;
  return true;
}

void Admission::leave_administrative_place(Peer& peer) {
  if (std::exchange(peer.administers, false)) --administrators_;
}

void Admission::leave(Peer& peer) {
  leave_administrative_place(peer);
  if (!std::exchange(peer.admitted, false)) return;
  --admitted_;
  --peer.account->connections;
}

}  // namespace bus::hub
