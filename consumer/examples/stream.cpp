// stream.cpp - a provider and a caller of a stream in C++: much data in small parts, through the hub.
//
//   example-stream serve                provides bytes.stream, until it is interrupted
//   example-stream 1073741824           asks for so many bytes, and prints how many came and their checksum
//
// The reader sets the pace: while it does not keep up, chunk() waits, and neither side nor the hub holds more than a
// few of the parts. Bytes that are no text, or in bulk, go beside the hub: busd_stream_open(3).
#include <busd/consumer.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kPartBytes = 32 * 1024;

busd::Connection* interrupted = nullptr;

int fail(const busd::Error& error) {
  std::fprintf(stderr, "stream: %s\n", error.message.c_str());
  return 69;
}

// FNV-1a, eight bytes at a time: quick, and different when parts are lost, doubled or changed.
class Checksum {
 public:
  void add(std::string_view bytes) {
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      std::uint64_t word = 0;
      for (int i = 7; i >= 0; --i)
        word = word << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
      mix(word);
    }
    for (char c : bytes) mix(static_cast<unsigned char>(c));
  }
  std::uint64_t value() const { return value_; }

 private:
  void mix(std::uint64_t word) { value_ = (value_ ^ word) * 1'099'511'628'211U; }

  std::uint64_t value_ = 14'695'981'039'346'656'037U;
};

// A JSON string of `bytes` characters, which differ from part to part.
std::string part(std::size_t bytes, std::uint64_t number) {
  std::string data = "\"" + std::to_string(number);
  data.resize(1 + bytes, 'x');
  return data += '"';
}

// {"bytes":N,"checksum":N}
std::string summary(std::uint64_t bytes, const Checksum& checksum) {
  return "{\"bytes\":" + std::to_string(bytes) + ",\"checksum\":" + std::to_string(checksum.value()) + "}";
}

void send_bytes(busd::Request request) {
  const std::uint64_t bytes = std::strtoull(request.args().c_str(), nullptr, 10);
  Checksum checksum;
  std::uint64_t number = 0;
  for (std::uint64_t left = bytes; left > 0; ++number) {
    std::string data = part(left < kPartBytes ? static_cast<std::size_t>(left) : kPartBytes, number);
    // Waits while the reader does not keep up. Fails when the request has ended, or wake() was called.
    if (!request.chunk(data)) return;
    checksum.add(std::string_view(data).substr(1, data.size() - 2));
    left -= data.size() - 2;
  }
  (void)request.respond(summary(bytes, checksum));
}

int serve(busd::Connection& connection) {
  auto served = connection.serve("bytes.stream", send_bytes);
  if (!served) return fail(served.error());
  interrupted = &connection;
  std::signal(SIGINT, [](int) { interrupted->wake(); });
  std::fputs("ready\n", stderr);
  auto run = connection.run();
  return run ? 0 : fail(run.error());
}

int ask(busd::Connection& connection, const std::string& bytes) {
  Checksum checksum;
  std::uint64_t got = 0;
  busd::Call call = connection.call_async("bytes.stream", bytes, {.timeout = busd::forever, .stream = true});
  call.on_chunk([&](std::string_view data) {
    data = data.substr(1, data.size() - 2);  // they need no decoding
    checksum.add(data);
    got += data.size();
  });
  busd::Answer answer = call.wait();
  if (!answer) return fail({answer.status, answer.code + ": " + answer.message});
  if (answer.result != summary(got, checksum))
    return fail({BUSD_PROTOCOL, "got " + summary(got, checksum) + " of " + answer.result});
  std::printf("%s\n", answer.result.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "1073741824";
  auto connection = busd::Connection::open({});
  if (!connection) return fail(connection.error());
  return what == "serve" ? serve(*connection) : ask(*connection, what);
}
