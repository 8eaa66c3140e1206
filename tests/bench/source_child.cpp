// bus-bench-source: a source under measurement, as small as one in C. Its lines are times of CLOCK_MONOTONIC in nanoseconds.
//
//   stamp            one line, and then nothing
//   stubborn         the same, and SIGTERM is ignored
//   stamp-to FILE    the same as stamp, and first a line into the file, with the pid behind the time
//   stamps N US      so many lines, one every so many microseconds
//   frames N US      the same, as frames of type "socket": for a source that has a connection of its own
//   lines N          so many lines of 128 bytes, as fast as they go; each is a string that begins with its number
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace {

long long monotonic_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

int stamp_once() {
  std::printf("%lld\n", monotonic_ns());
  std::fflush(stdout);
  for (;;) ::pause();
}

int stamp_to(const char* path) {
  char line[64];
  int length = std::snprintf(line, sizeof line, "%lld %d\n", monotonic_ns(), ::getpid());
  int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || ::write(file, line, static_cast<size_t>(length)) != length) return 70;
  return stamp_once();
}

int stamp_often(long count, long pause_us, const char* form) {
  for (long i = 0; i < count; ++i) {
    std::printf(form, monotonic_ns());
    std::fflush(stdout);
    ::usleep(static_cast<unsigned>(pause_us));
  }
  for (;;) ::pause();
}

int print_lines(long count) {
  static char room[65536];
  std::setvbuf(stdout, room, _IOFBF, sizeof room);
  char filler[128];
  std::memset(filler, 'x', sizeof filler);
  // Two quotes, ten digits and the LF are the rest of 128 bytes.
  for (long i = 1; i <= count; ++i) std::printf("\"%010ld%.115s\"\n", i, filler);
  std::fflush(stdout);
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "";
  long count = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 0;
  long pause_us = argc > 3 ? std::strtol(argv[3], nullptr, 10) : 0;
  if (std::strcmp(what, "stubborn") == 0) std::signal(SIGTERM, SIG_IGN);
  if (std::strcmp(what, "stamp") == 0 || std::strcmp(what, "stubborn") == 0) return stamp_once();
  if (std::strcmp(what, "stamp-to") == 0 && argc > 2) return stamp_to(argv[2]);
  if (std::strcmp(what, "stamps") == 0) return stamp_often(count, pause_us, "%lld\n");
  if (std::strcmp(what, "frames") == 0) {
    return stamp_often(count, pause_us, "{\"type\":\"event\",\"event_type\":\"socket\",\"payload\":%lld}\n");
  }
  if (std::strcmp(what, "lines") == 0) return print_lines(count);
  std::fputs("bus-bench-source: a part of bus-bench\n", stderr);
  return 64;
}
