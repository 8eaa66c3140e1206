#include "consumer/cli/screen.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// The alternate screen, without a cursor; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";

// These end a program that has no handler for them. SIGINT, SIGTERM and SIGHUP are those of signals.cpp.
constexpr std::array kFatalSignals{SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,    SIGSEGV,
                                   SIGUSR1, SIGUSR2, SIGALRM, SIGSYS,  SIGXCPU, SIGVTALRM, SIGPROF};

// Handlers get no argument, so what they need is the process's own. Written only while none of them runs.
struct Terminal {
  std::atomic<bool> entered{false};
  std::atomic<bool> stop_wanted{false};
  std::atomic<bool> continued{false};
  std::atomic<int> fd{-1};
  bool has_settings = false;
  termios settings{};
  std::array<struct sigaction, kFatalSignals.size()> before{};
};

Terminal terminal;

// Async-signal-safe, like everything that handlers call (signal-safety(7)).
void restore_terminal() {
  if (!terminal.entered.exchange(false)) return;
  int saved = errno;
  [[maybe_unused]] ssize_t written = write(STDOUT_FILENO, kLeave.data(), kLeave.size());
  // In the background it would stop us (SIGTTOU), and the shell has restored its terminal. There is no
  // background (-1) on a terminal that does not control us.
  pid_t foreground = tcgetpgrp(STDOUT_FILENO);
  if (terminal.has_settings && (foreground < 0 || foreground == getpgrp()))
    tcsetattr(STDOUT_FILENO, TCSANOW, &terminal.settings);
  errno = saved;
}

void wake() {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = write(terminal.fd.load(), &one, sizeof one);
}

extern "C" void on_change(int signal) {
  int saved = errno;
  if (signal == SIGTSTP) terminal.stop_wanted = true;
  if (signal == SIGCONT) terminal.continued = true;
  wake();
  errno = saved;
}

extern "C" void on_fatal_signal(int signal) {
  restore_terminal();
  for (size_t i = 0; i < kFatalSignals.size(); ++i) {
    if (kFatalSignals[i] == signal) sigaction(signal, &terminal.before[i], nullptr);
  }
  raise(signal);
}

void handle(int signal, void (*handler)(int), struct sigaction* before = nullptr) {
  struct sigaction action {};
  struct sigaction old {};
  sigaction(signal, nullptr, &old);
  if (before != nullptr) *before = old;
  if (old.sa_handler == SIG_IGN) return;
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

// Stops the program as if it had no handler; returns when it is continued.
void stop() {
  struct sigaction ours {};
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &plain, &ours);
  raise(SIGTSTP);
  sigaction(SIGTSTP, &ours, nullptr);
}

}  // namespace

bool screen_is_possible() {
  const char* term = getenv("TERM");
  bool capable = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  return capable && isatty(STDOUT_FILENO) == 1;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return strcasestr(value, "UTF-8") != nullptr || strcasestr(value, "UTF8") != nullptr;
  }
  return false;
}

Screen::Screen(Output& output) : output_(output) {
  terminal.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  terminal.has_settings = tcgetattr(STDOUT_FILENO, &terminal.settings) == 0;
  for (size_t i = 0; i < kFatalSignals.size(); ++i)
    handle(kFatalSignals[i], on_fatal_signal, &terminal.before[i]);
  for (int signal : {SIGTSTP, SIGCONT, SIGWINCH}) handle(signal, on_change);
  before_exit_by_signal(restore_terminal);
  look_at_size();
  enter();
}

Screen::~Screen() {
  restore_terminal();
  before_exit_by_signal(nullptr);
}

int Screen::fd() const { return terminal.fd.load(); }

void Screen::enter() {
  if (terminal.has_settings) {
    termios settings = terminal.settings;
    settings.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    // In the background this stops us until we are in front again.
    while (tcsetattr(STDOUT_FILENO, TCSANOW, &settings) != 0 && errno == EINTR && caught_signal() == 0) {
    }
  }
  if (caught_signal() != 0) return;
  terminal.entered = true;
  output_.text(kEnter);
  output_.flush();
}

void Screen::look_at_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return;
  columns_ = size.ws_col == 0 ? 80 : size.ws_col;
  rows_ = size.ws_row == 0 ? 24 : size.ws_row;
}

void Screen::handle_changes() {
  uint64_t count = 0;
  [[maybe_unused]] ssize_t taken = read(terminal.fd.load(), &count, sizeof count);
  if (terminal.stop_wanted.exchange(false)) {
    restore_terminal();
    stop();
    terminal.continued = true;
  }
  look_at_size();
  // Another program may have changed the terminal in between.
  if (terminal.continued.exchange(false) && caught_signal() == 0) enter();
}

bool Screen::draw(const std::vector<TableLine>& lines, std::string_view footer, bool colour) {
  std::vector<TableLine> fitting = lines;
  if (fitting.size() >= rows_) fitting.resize(rows_ - 1);
  cut_lines(fitting, columns_);
  // Each line is erased before it is written: in the last column, erasing behind it would take its last
  // character.
  std::string text = "\x1b[H";
  for (const TableLine& line : fitting) text += "\x1b[2K" + joined({line}, colour, "\r\n");
  text += "\x1b[J\x1b[" + std::to_string(rows_) + ";1H" + cut_to_columns(footer, columns_);
  return output_.text(text) == Written::ok && output_.flush() == Written::ok;
}

}  // namespace bus::cli
