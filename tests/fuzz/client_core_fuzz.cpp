// Whatever a hub sends, in whatever pieces: the client's core neither crashes nor depends on how the stream
// was cut.
//
// The first two bytes choose the pieces, the rest is the hub's stream. Run once in pieces and once whole: the
// same must come out.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "consumer/src/client_core.h"
#include "protocol/base/check.h"

namespace {

using bus::sdk::ClientCore;
using bus::sdk::Inbound;

void add(std::string& out, std::string_view text) {
  out += text;
  out += '|';
}

// Everything that an item says; each view is read to its end, for AddressSanitizer.
void describe(const Inbound& in, std::string& out) {
  out += std::to_string(static_cast<int>(in.kind));
  switch (in.kind) {
    case Inbound::Kind::welcome:
      add(out, in.first ? "first" : "");
      break;
    case Inbound::Kind::refused:
      add(out, in.text);
      break;
    case Inbound::Kind::event:
      add(out, in.frame);
      add(out, in.event.event_type);
      add(out, in.event.event_id);
      add(out, in.event.source_time_token);
      add(out, in.event.payload_token);
      for (const auto& member : in.event.others) {
        add(out, member.name_token);
        add(out, member.value_token);
      }
      break;
    case Inbound::Kind::lost:
      BUSD_CHECK(in.lost_count > 0);
      BUSD_CHECK(in.lost_before - in.lost_after - 1 == in.lost_count);
      add(out, std::to_string(in.lost_after) + "-" + std::to_string(in.lost_before));
      break;
    case Inbound::Kind::source_status:
      add(out, in.status.source);
      add(out, in.status.detail);
      break;
    case Inbound::Kind::error:
      add(out, in.error.message);
      break;
    case Inbound::Kind::check_ack:
      add(out, in.last ? "last" : "");
      break;
  }
}

std::string run(std::string_view stream, size_t first, size_t step) {
  bus::Hello hello;
  hello.event_key = "k";
  hello.event_types = {"a.*"};
  ClientCore core(hello);
  core.connected(bus::kNever);
  std::string out;
  bool greeted = false;
  size_t size = first;
  for (size_t at = 0; at < stream.size(); at += size, size = step) {
    size = std::min(std::max<size_t>(size, 1), stream.size() - at);
    // Each piece in memory of its own, gone when it is used up.
    std::unique_ptr<char[]> piece(new char[size]);
    std::copy_n(stream.data() + at, size, piece.get());
    core.receive(std::string_view(piece.get(), size));
    while (const Inbound* in = core.next()) {
      bool greeting = in->kind == Inbound::Kind::welcome || in->kind == Inbound::Kind::refused;
      BUSD_CHECK(greeting != greeted);  // first, and never again
      greeted = true;
      describe(*in, out);
    }
  }
  out += std::to_string(core.skipped());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  BUSD_CHECK(run(stream, data[0], data[1]) == run(stream, stream.size(), stream.size()));
  // Most mutations break the greeting; behind an accepted one, the rest is reached as well.
  std::string greeted =
      "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true,\"capabilities\":[\"patterns\"]}"
      "\n";
  greeted += stream;
  BUSD_CHECK(run(greeted, data[0], data[1]) == run(greeted, greeted.size(), greeted.size()));
  return 0;
}
