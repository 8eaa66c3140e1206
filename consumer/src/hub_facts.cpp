#include "consumer/src/hub_facts.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "consumer/src/socket_trouble.h"
#include "protocol/base/file.h"
#include "protocol/base/lock_holder.h"
#include "protocol/base/unix_socket.h"
#include "protocol/encode.h"
#include "protocol/messages/status.h"

namespace bus::sdk {

namespace {

void inspect_socket(const Endpoint& endpoint, HubFacts& facts) {
  auto socket = connect_unix(endpoint.socket, milliseconds(100));
  if (!socket) {
    facts.trouble = explained(endpoint, std::move(socket.error()));
    return;
  }
  // A status query is no activity (PROTOCOL.md 4): looking at a hub does not keep it from leaving for lack of
  // use.
  std::string query = encode(StatusQuery{});
  (void)::send(socket->get(), query.data(), query.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  auto peer = peer_credentials(socket->get());
  if (!peer) return;
  facts.peer_pid = peer->pid;
  facts.peer_uid = peer->uid;
}

}  // namespace

HubFacts hub_inspect(const Endpoint& endpoint) {
  HubFacts facts;
  LockFacts lock = inspect_lock(endpoint.lock);
  facts.lock_held = lock.state == LockState::held;
  facts.lock_pid = lock.pid;
  facts.starter_pid = inspect_lock(endpoint.start_lock).pid;
  struct stat at_path {};
  bool found = ::lstat(endpoint.socket.c_str(), &at_path) == 0;
  bool missing = !found && (errno == ENOENT || errno == ENOTDIR);
  facts.socket_exists = found && S_ISSOCK(at_path.st_mode);
  inspect_socket(endpoint, facts);
  bool silent = facts.peer_pid == 0 && facts.trouble.code == Errc::unavailable;
  facts.absent = silent && ((missing && !facts.lock_held) || (found && lock.state == LockState::free));
  return facts;
}

// A hub whose files were removed has either the removed lock or, a moment later, a new one.
HubFacts hub_prove(const Endpoint& endpoint) {
  HubFacts facts = hub_inspect(endpoint);
  struct stat lock {};
  if (facts.lock_held || ::lstat(endpoint.lock.c_str(), &lock) == 0) return facts;
  std::vector<int64_t> holders = removed_lock_holders(endpoint.lock);
  facts = hub_inspect(endpoint);
  if (facts.lock_held || holders.empty()) return facts;
  facts.absent = false;
  facts.lock_held = true;
  facts.lock_removed = true;
  facts.lock_pid = holders.front();
  return facts;
}

bool is_own_hub(const HubFacts& facts) {
  return facts.peer_pid > 0 && (facts.peer_uid == 0 || facts.peer_uid == ::geteuid());
}

Endpoint locate(const Endpoint& endpoint) {
  if (endpoint.elsewhere.empty() || !hub_inspect(endpoint).absent) return endpoint;
  for (const std::string& socket : endpoint.elsewhere) {
    auto other = endpoint_at(socket);
    if (!other || !check_own_dir(other->directory) || !is_own_hub(hub_inspect(*other))) continue;
    other->name = endpoint.name;
    other->notice = endpoint.notice;
    return std::move(*other);
  }
  return endpoint;
}

std::vector<Endpoint> hubs_at(const StandardPlaces& places) {
  std::vector<Endpoint> found;
  for (const std::string& directory : places.directories) {
    if (!check_own_dir(directory)) continue;
    std::vector<std::string> sockets;
    std::error_code failure;
    std::filesystem::directory_iterator files(directory, failure);
    for (; !failure && files != std::filesystem::directory_iterator(); files.increment(failure)) {
      if (files->path().extension() == ".sock") sockets.push_back(files->path().string());
    }
    std::sort(sockets.begin(), sockets.end());
    for (std::string& socket : sockets) {
      auto endpoint = endpoint_at(std::move(socket));
      if (endpoint && is_own_hub(hub_inspect(*endpoint))) found.push_back(std::move(*endpoint));
    }
  }
  return found;
}

}  // namespace bus::sdk
