#include "hub/session.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <sys/socket.h>

#include "hub/sessions.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

// Input taken out of a connection that we close; more than a default socket buffer can hold.
constexpr size_t kMaxDiscardBytes = 8 * 1024 * 1024;

}  // namespace

Session::Session(Loop& loop, Fd fd, Sessions& owner)
    : owner_(owner), fd_(std::move(fd)), watch_(loop, fd_.get(), *this) {}

size_t Session::write(std::string_view bytes) noexcept {
  if (output_broken_ || !is_open()) return 0;
  for (;;) {
    ssize_t written = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written >= 0) return static_cast<size_t>(written);
    if (errno == EINTR) continue;
    note_error(errno);
    return 0;
  }
}

size_t Session::send_shared(SharedPages& pages, const std::vector<std::string_view>& pieces) noexcept {
  if (output_broken_ || !is_open()) return 0;
  int error = 0;
  size_t taken = pages.send(fd_.get(), pieces, error);
  if (error == ENOTSUP) return taken + write_pieces(pieces, taken);
  if (error != 0) note_error(error);
  return taken;
}

// Copies the pieces without their first `skip` bytes; returns how many bytes the socket took.
size_t Session::write_pieces(const std::vector<std::string_view>& pieces, size_t skip) noexcept {
  size_t total = 0;
  for (std::string_view piece : pieces) {
    size_t skipped = std::min(skip, piece.size());
    skip -= skipped;
    piece.remove_prefix(skipped);
    if (piece.empty()) continue;
    size_t taken = write(piece);
    total += taken;
    if (taken < piece.size()) break;
  }
  return total;
}

void Session::note_error(int error) {
  // Also when the kernel is out of memory (ENOBUFS, ENOMEM): the socket stays writable, and to try until it
  // is not would take a whole core when the machine has none to spare.
  output_broken_ = error != EAGAIN && error != EWOULDBLOCK;
}

FdWatch::Mode Session::mode_of(const Wants& wants) const {
  bool reads = !input_ended_ && wants.read == ReadState::read;
  return reads ? FdWatch::Mode::reading : FdWatch::Mode::quiet;
}

bool Session::apply(const Wants& wants) {
  FdWatch::Mode mode = mode_of(wants);
  if (output_broken_) {
    // What it sent before it went away still counts: read it to the end, which may be nothing.
    if (mode != FdWatch::Mode::reading || !watch_.set(mode, false)) return false;
    watch_.wake_reader();
    return true;
  }
  if (!watch_.set(mode, wants.has_output)) return false;
  // The rest of a long queue. An edge-triggered watch says nothing about room that was there all the time.
  if (wants.has_more) watch_.wake_writer();
  if (wants.has_backlog && mode == FdWatch::Mode::reading) watch_.wake_reader();
  return true;
}

void Session::on_readable() {
  if (!is_open()) return;
  if (watch_.mode() == FdWatch::Mode::quiet) {
    on_change();
    return;
  }
  // Reading on would only make queues longer. It stays readable, so this is called again.
  if (owner_.core().is_behind()) {
    owner_.core().tick(now(), {});
    owner_.process_dirty();
    // What nobody announces again: an end, and what was left of an earlier read.
    if (is_open() && (output_broken_ || owner_.core().wants(id_).has_backlog)) watch_.wake_reader();
    return;
  }
  // Another entry of this turn may have stopped it; the end of the turn tells the watch.
  if (mode_of(owner_.core().wants(id_)) != FdWatch::Mode::reading) return;
  switch (read_once()) {
    case Input::more:
      owner_.end_turn_in_time();
      // The socket is not readable once more when this was all; without output that is the end.
      if (is_open() && output_broken_) watch_.wake_reader();
      break;
    case Input::none:
      if (output_broken_) owner_.lost(*this);
      break;
    case Input::ended:
      end_input();
      break;
  }
}

void Session::on_change() {
  if (peer_hung_up(fd_.get())) owner_.lost(*this);
}

void Session::on_writable() {
  if (!is_open()) return;
  owner_.core().flush(id_, now());
  owner_.process_dirty();
}

Session::Input Session::read_once() {
  Wants wants = owner_.core().wants(id_);
  if (wants.has_backlog) {
    owner_.core().resume(id_, owner_.turn_began());
    return Input::more;
  }
  size_t most = std::min(wants.read_bytes, owner_.read_buffer().size());
  for (;;) {
    ssize_t got = ::recv(fd_.get(), owner_.read_buffer().data(), most, MSG_DONTWAIT);
    if (got > 0) {
      owner_.core().receive(id_, std::string_view(owner_.read_buffer().data(), static_cast<size_t>(got)),
                            owner_.turn_began());
      return Input::more;
    }
    if (got == 0) return Input::ended;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Input::none;
    // ECONNRESET stands behind the data that was still readable: nothing is lost by ending here.
    output_broken_ = true;
    return Input::ended;
  }
}

void Session::end_input() {
  input_ended_ = true;
  owner_.core().end_of_input(id_, now());
  if (output_broken_ || peer_hung_up(fd_.get())) {
    owner_.lost(*this);
  } else {
    owner_.process_dirty();
  }
}

bool Session::catch_up() {
  constexpr size_t kMaxCatchUpBytes = kMaxFrameBytes + kReadBytes;
  while (is_open() && mode_of(owner_.core().wants(id_)) == FdWatch::Mode::reading &&
         caught_up_bytes_ < kMaxCatchUpBytes) {
    if (owner_.turn_is_over()) return false;
    caught_up_bytes_ += owner_.core().wants(id_).read_bytes;
    Input input = read_once();
    if (input == Input::ended) end_input();
    if (input != Input::more) break;
    owner_.end_turn();
  }
  caught_up_bytes_ = 0;
  if (is_open() && mode_of(owner_.core().wants(id_)) == FdWatch::Mode::quiet) on_change();
  if (!is_open()) return true;
  owner_.core().flush(id_, now());
  owner_.process_dirty();
  return true;
}

// Linux tells a peer ECONNRESET instead of EOF when we close with input unread. After the shutdown nothing
// more can arrive, so what is taken out now is all there is.
void Session::discard_input() {
  ::shutdown(fd_.get(), SHUT_RDWR);
  for (size_t taken = 0; taken < kMaxDiscardBytes;) {
    ssize_t got = ::recv(fd_.get(), owner_.read_buffer().data(), owner_.read_buffer().size(), MSG_DONTWAIT);
    if (got <= 0) return;
    taken += static_cast<size_t>(got);
  }
}

bool Session::owes_farewell() const {
  if (!is_open() || input_ended_ || output_broken_) return false;
  Wants wants = owner_.core().wants(id_);
  return wants.closes_with_answer && !wants.has_output;
}

Fd Session::release() {
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  return std::move(fd_);
}

void Session::close() {
  if (!is_open()) return;
  static_cast<void>(watch_.set(FdWatch::Mode::off, false));
  if (owner_.core().wants(id_).read == ReadState::ended) discard_input();
  fd_.reset();
}

}  // namespace bus::hub
