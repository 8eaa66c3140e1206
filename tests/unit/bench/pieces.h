// What a parser of the benchmark makes of a stream that comes in pieces. For tests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/contender.h"

namespace bus::bench {

// The payloads in order, and "<not the protocol>" where the parser gave up.
using Payloads = std::vector<std::string>;

class PayloadList final : public MessageSink {
 public:
  void message(std::string_view payload) override { payloads.emplace_back(payload); }

  Payloads payloads;
};

// Each piece stands in memory of its own, so that a look beyond its end, or a view that outlives it, shows
// under a sanitizer.
inline Payloads parse_pieces(Parser& parser, const std::vector<std::string_view>& pieces) {
  PayloadList list;
  for (std::string_view piece : pieces) {
    std::vector<char> own(piece.begin(), piece.end());
    if (parser.take({own.data(), own.size()}, list)) continue;
    list.payloads.emplace_back("<not the protocol>");
    break;
  }
  return std::move(list.payloads);
}

// Cuts `bytes` into two pieces at every place, and into single bytes. All must parse alike: that is what is
// returned, or the first outcome that differs from that of the whole.
template <class MakeParser>
Payloads parse_however_split(MakeParser make_parser, std::string_view bytes) {
  Payloads whole = parse_pieces(*make_parser(), {bytes});
  std::vector<std::string_view> single_bytes;
  for (size_t at = 0; at < bytes.size(); ++at) {
    Payloads split = parse_pieces(*make_parser(), {bytes.substr(0, at), bytes.substr(at)});
    if (split != whole) return split;
    single_bytes.push_back(bytes.substr(at, 1));
  }
  Payloads split = parse_pieces(*make_parser(), single_bytes);
  return split == whole ? whole : split;
}

}  // namespace bus::bench
