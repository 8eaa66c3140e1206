// minimal.cpp - a consumer in C++ with set-up and clean-up.
//
//   example-minimal-cpp build 'build.*'        runs until the hub refuses it for good
//   example-minimal-cpp build 'build.*' 3      ends after three events
//
// However many consumers use the key "build", the first one runs the set-up and the last one the clean-up.
#include <busd/consumer.hpp>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

void print(std::FILE* where, std::string_view before, std::string_view what) {
  std::fprintf(where, "%.*s%.*s\n", static_cast<int>(before.size()), before.data(),
               static_cast<int>(what.size()), what.data());
  std::fflush(where);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s KEY EVENT_TYPE [COUNT]\n", argv[0]);
    return 64;
  }
  long wanted = argc > 3 ? std::strtol(argv[3], nullptr, 10) : -1;

  auto consumer = busd::Consumer::open({
      .key = argv[1],
      .event_types = {argv[2]},
      .on_first = [] { return std::fputs("set-up: first of the key\n", stderr) >= 0; },
      .on_last = [] { return std::fputs("clean-up: last of the key\n", stderr) >= 0; },
  });
  if (!consumer) {
    std::fprintf(stderr, "%s: %s\n", argv[0], consumer.error().message.c_str());
    return 69;
  }
  std::fprintf(stderr, "ready\n");

  while (wanted != 0) {
    auto item = consumer->next();
    if (!item) {
      std::fprintf(stderr, "%s: %s\n", argv[0], consumer->error().message.c_str());
      return 69;
    }
    if (item->is_event()) {
      print(stdout, "", item->event().payload());
      if (wanted > 0) --wanted;
    } else if (item->is_lost()) {
      std::fprintf(stderr, "%llu events lost\n", static_cast<unsigned long long>(item->lost().count));
    } else if (item->is_break()) {
      print(stderr, "the hub is gone, reconnecting: ", item->detail());
    } else if (item->is_source_status()) {
      print(stderr, "a source changed its state: ", item->source_status().source);
    }
  }
  return 0;  // the destructor of the consumer leaves the hub, and runs the clean-up if it is the last one
}
