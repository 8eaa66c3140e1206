// squares.cpp - a provider and a caller in C++: many calls at once, without a thread.
//
//   example-squares serve               provides math.square, until it is interrupted
//   example-squares 100                 asks for the squares of 1 to 100, all at once, and prints their sum
#include <busd/consumer.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

busd::Connection* interrupted = nullptr;

int fail(const busd::Error& error) {
  std::fprintf(stderr, "squares: %s\n", error.message.c_str());
  return 69;
}

int serve(busd::Connection& connection) {
  auto square = [](busd::Request request) {
    char* end = nullptr;
    long n = std::strtol(request.args().c_str(), &end, 10);
    if (end == request.args().c_str() || *end != '\0') {
      (void)request.fail("bad_args", "args must be a number");
    } else {
      (void)request.respond(std::to_string(n * n));
    }
  };
  auto served = connection.serve("math.square", square, {.slots = 64});
  if (!served) return fail(served.error());
  interrupted = &connection;
  std::signal(SIGINT, [](int) { interrupted->wake(); });
  std::fputs("ready\n", stderr);
  auto run = connection.run();
  return run ? 0 : fail(run.error());
}

int ask(busd::Connection& connection, int count) {
  std::vector<busd::Call> calls;
  for (int n = 1; n <= count; ++n) calls.push_back(connection.call_async("math.square", std::to_string(n)));
  if (!busd::wait_all(calls, std::chrono::seconds(10))) return fail({BUSD_TIMED_OUT, "no answer in time"});
  long sum = 0;
  for (const busd::Call& call : calls) {
    const busd::Answer& answer = call.answer();
    if (!answer) return fail({answer.status, answer.code + ": " + answer.message});
    sum += std::strtol(answer.result.c_str(), nullptr, 10);
  }
  std::printf("%ld\n", sum);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string what = argc > 1 ? argv[1] : "1";
  auto connection = busd::Connection::open({});
  if (!connection) return fail(connection.error());
  if (what == "serve") return serve(*connection);
  return ask(*connection, static_cast<int>(std::strtol(what.c_str(), nullptr, 10)));
}
