// bus-bench-zmq-proxy XSUB_PATH XPUB_PATH | --version: what a ZeroMQ user runs as a hub, and nothing more.
// Publishers connect to the first Unix socket, subscribers to the second. Prints "ready" once both are bound;
// runs until it is ended.
//
// The only place of the benchmark with libzmq: the clients speak ZMTP themselves (zmtp_wire.h).
#include <cstdio>
#include <string>
#include <string_view>
#include <zmq.h>

namespace {

// Without high-water marks: the generator's window bounds what is under way, and nothing may be dropped.
bool bind_unlimited(void* socket, const char* path) {
  constexpr int kUnlimited = 0;
  constexpr int kBacklog = 4096;
  return socket != nullptr && zmq_setsockopt(socket, ZMQ_SNDHWM, &kUnlimited, sizeof kUnlimited) == 0 &&
         zmq_setsockopt(socket, ZMQ_RCVHWM, &kUnlimited, sizeof kUnlimited) == 0 &&
         zmq_setsockopt(socket, ZMQ_BACKLOG, &kBacklog, sizeof kBacklog) == 0 &&
         zmq_bind(socket, (std::string("ipc://") + path).c_str()) == 0;
}

int fail(const char* what) {
  std::fprintf(stderr, "bus-bench-zmq-proxy: %s: %s\n", what, zmq_strerror(zmq_errno()));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::printf("libzmq %d.%d.%d\n", ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH);
    return 0;
  }
  if (argc != 3) {
    std::fputs("usage: bus-bench-zmq-proxy XSUB_PATH XPUB_PATH | --version\n", stderr);
    return 2;
  }
  void* context = zmq_ctx_new();
  if (context == nullptr || zmq_ctx_set(context, ZMQ_IO_THREADS, 1) != 0) return fail("context");
  void* publishers = zmq_socket(context, ZMQ_XSUB);
  if (!bind_unlimited(publishers, argv[1])) return fail(argv[1]);
  void* subscribers = zmq_socket(context, ZMQ_XPUB);
  if (!bind_unlimited(subscribers, argv[2])) return fail(argv[2]);
  std::puts("ready");
  std::fflush(stdout);
  zmq_proxy(publishers, subscribers, nullptr);
  return fail("proxy");
}
