// The same bytes in odd chunk sizes ask the same of a build cache, and nothing is asked that breaks its own rules.
//
// Input: one byte that seeds the chunk sizes, then what the go command writes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/gocache/core/request_reader.h"
#include "protocol/base/check.h"

namespace {

using bus::gocache::Command;
using bus::gocache::Request;

// What was called, each as text. How a body is cut is no part of it, and of what is no base64 any more neither is where that was seen.
class Calls final : public bus::gocache::RequestSink {
 public:
  void request(const Request& request) override {
    BUSD_CHECK(!is_in_body_);
    if (request.fault.empty()) check_fine(request);
    is_in_body_ = request.body_size > 0;
    promised_ = request.body_size;
    body_.clear();
    all.push_back("request " + std::to_string(request.id) + " " + request.name + " " +
                  std::to_string(request.body_size) + bus::gocache::hex(request.action) +
                  bus::gocache::hex(request.output) + request.fault);
  }
  void body(std::string_view bytes) override {
    BUSD_CHECK(is_in_body_ && !bytes.empty());
    body_ += bytes;
    BUSD_CHECK(body_.size() <= promised_);
  }
  void body_end(const std::string& fault) override {
    BUSD_CHECK(is_in_body_);
    is_in_body_ = false;
    if (fault.empty()) BUSD_CHECK(body_.size() == promised_);
    all.push_back("body " + (fault.empty() ? body_ : "fault"));
  }
  void garbage(const std::string& why) override {
    BUSD_CHECK(!is_in_body_ && !why.empty());
    all.emplace_back("garbage");
  }

  std::vector<std::string> all;

 private:
  static void check_fine(const Request& request) {
    BUSD_CHECK(request.command != Command::unknown);
    BUSD_CHECK(request.name == "get" || request.name == "put" || request.name == "close");
  }

  bool is_in_body_ = false;
  uint64_t promised_ = 0;
  std::string body_;
};

std::vector<std::string> whole(std::string_view text, bool& is_within) {
  Calls calls;
  bus::gocache::RequestReader reader(calls);
  reader.feed(text);
  is_within = reader.is_within();
  return std::move(calls.all);
}

std::vector<std::string> in_pieces(std::string_view text, uint32_t seed, bool& is_within) {
  Calls calls;
  bus::gocache::RequestReader reader(calls);
  auto random = [&seed] { return (seed = seed * 1664525U + 1013904223U) >> 16U; };
  while (!text.empty()) {
    size_t size = std::min<size_t>(1 + random() % (random() % 4 == 0 ? 40 : 5), text.size());
    // A copy of its own size, so that reading beyond it is seen.
    std::vector<char> piece(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    reader.feed({piece.data(), piece.size()});
    text.remove_prefix(size);
  }
  is_within = reader.is_within();
  return std::move(calls.all);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  bool is_within = false;
  bool is_within_too = false;
  auto wanted = whole(text, is_within);
  BUSD_CHECK(in_pieces(text, data[0], is_within_too) == wanted);
  BUSD_CHECK(is_within == is_within_too);
  return 0;
}
