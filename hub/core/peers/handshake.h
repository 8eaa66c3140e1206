// What a connection becomes by its first frame: a consumer, a source, a client, or an anonymous source.
//
// Asks the rooms whether a consumer may come in, answers its hello, and tells them that it has joined.
#pragma once

#include <span>
#include <string>

#include "hub/core/base/config.h"
#include "hub/core/peers/closing.h"
#include "hub/core/peers/peers.h"
#include "hub/core/room.h"
#include "protocol/messages/hello.h"

namespace bus::hub {

class Handshake {
 public:
  Handshake(const HubConfig& config, Ledger& ledger, Peers& peers, Closing& closing)
      : config_(config), ledger_(ledger), peers_(peers), closing_(closing) {}
  // Once, before anybody says hello.
  void begin(std::span<Room* const> rooms) { rooms_ = rooms; }

  Answer hello(Peer& peer, Hello& message, TimePoint now);
  // It has published without a hello.
  void become_anonymous(Peer& peer);
  // What a room says of a peer that has waited.
  void decide(Peer& peer, const Welcome& welcome, TimePoint now);

 private:
  HelloAck ack(bool first) const;
  void become_source(Peer& peer, Hello& message, TimePoint now);
  void become_client(Peer& peer, TimePoint now);
  void become_consumer(Peer& peer, Hello& message, TimePoint now);
  bool charge_subscription(Peer& peer, const Hello& message, TimePoint now);
  void join(Peer& peer, TimePoint now);
  void reject(Peer& peer, const std::string& reason, TimePoint now);

  const HubConfig& config_;
  Ledger& ledger_;
  Peers& peers_;
  Closing& closing_;
  std::span<Room* const> rooms_;
};

}  // namespace bus::hub
