#include "consumer/gocache/bus_link.h"

#include "busd/consumer.hpp"
#include "protocol/json_writer.h"

namespace bus::gocache {

namespace {

constexpr std::chrono::milliseconds kPatience{2000};

}  // namespace

std::string json_of(const Upkeep::Pruned& pruned) {
  std::string out;
  ObjectWriter writer(out);
  writer.number("files", pruned.files);
  writer.number("disk_bytes", pruned.disk_bytes);
  writer.number("entries", pruned.entries);
  writer.number("left_files", pruned.left_files);
  writer.number("left_disk_bytes", pruned.left_bytes);
  writer.flag("held_by_builds", pruned.held_by_builds);
  writer.flag("held_by_paths", pruned.held_by_paths);
  writer.end();
  return out;
}

void tell_bus(const Options& given, const News& news) {
  busd::ConnectionOptions options;
  options.socket = given.place.socket;
  options.no_start = given.no_start;
  options.no_reconnect = true;
  options.open_timeout = kPatience;
  auto connection = busd::Connection::open(options);
  if (!connection) return;
  static_cast<void>(connection->publish("gocache.run", json_of(news.run)));
  if (news.pruned && news.pruned->files > 0)
    static_cast<void>(connection->publish("gocache.evicted", json_of(*news.pruned)));
  std::string totals;
  ObjectWriter writer(totals);
  writer.text("dir", news.directory);
  writer.number("disk_bytes", news.disk_bytes);
  writer.number("runs", news.totals.runs);
  add_members(writer, news.totals.counts);
  writer.end();
  static_cast<void>(connection->put("gocache.totals", totals));
  static_cast<void>(connection->close(kPatience));
}

}  // namespace bus::gocache
