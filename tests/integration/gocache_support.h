// The go command, as bus-gocache sees it: the other ends of its stdin and stdout (cmd/go/internal/cache/prog.go).
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/base64.h"
#include "protocol/json_text.h"
#include "protocol/raw_json.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline bool exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code none;
  for (const auto& each : std::filesystem::directory_iterator(directory, none))
    out.push_back(each.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

inline void set_time(const std::string& path, int64_t seconds_from_now) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += seconds_from_now;
  timespec times[2] = {now, now};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

// 32 bytes that belong to the name, and begin as evenly spread as a hash does (FNV-1a).
inline std::string id_named(std::string name) {
  uint64_t hash = 14695981039346656037U;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::string out;
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(hash >> shift & 0xffU);
  name.resize(32 - out.size(), '.');
  return out + name;
}
inline std::string hex_of(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[byte >> 4U];
    out += "0123456789abcdef"[byte & 15U];
  }
  return out;
}
inline std::string base64_of(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

// A cache's directory, and the files of an id.
struct Cache {
  TempDir temp;
  std::string path = temp.file("cache");

  std::string action(const std::string& name) const { return file(name, "-a"); }
  std::string output(const std::string& name) const { return file(name, "-d"); }
  std::string own(const std::string& name) const { return path + "/bus-gocache/" + name; }
  // Of all runs that have ended.
  bool has_unfinished() const { return !names_in(own("tmp")).empty(); }

 private:
  std::string file(const std::string& name, const char* kind) const {
    std::string hex = hex_of(id_named(name));
    return path + "/" + hex.substr(0, 2) + "/" + hex + kind;
  }
};

// What an answer says.
struct Answer {
  std::string line;
  int64_t id = 0;
  std::string error;
  bool miss = false;
  std::string output;  // bytes
  uint64_t size = 0;
  std::string time;
  std::string path;

  bool is_hit() const { return !miss && error.empty() && !path.empty(); }
};

inline Answer parsed(const std::string& line) {
  RawJson json;
  Answer out;
  out.line = line;
  if (auto fault = json.scan(line)) FAIL("no JSON: " << *fault << ": " << line);
  for (const Member& member : json.children()) {
    std::string value = kind_of(member.value_token) == JsonKind::string
                            ? decode_json_string(member.value_token)
                            : std::string(member.value_token);
    // What has no value is left out.
    CHECK(value != "");
    CHECK(value != "null");
    CHECK(value != "false");
    if (token_is(member.name_token, "ID")) {
      out.id = std::stoll(value);
    } else if (token_is(member.name_token, "Err")) {
      out.error = value;
    } else if (token_is(member.name_token, "Miss")) {
      out.miss = true;
    } else if (token_is(member.name_token, "OutputID")) {
      out.output = decode_base64(value).value_or("");
    } else if (token_is(member.name_token, "Size")) {
      out.size = std::stoull(value);
    } else if (token_is(member.name_token, "Time")) {
      out.time = value;
    } else if (token_is(member.name_token, "DiskPath")) {
      out.path = value;
      CHECK(value.starts_with("/"));
    } else if (!token_is(member.name_token, "KnownCommands")) {
      FAIL("a member that the go command does not know: " << line);
    }
  }
  return out;
}

class GoCommand {
 public:
  struct Options {
    std::vector<std::string> arguments;
    std::vector<std::pair<std::string, std::string>> environment;
    std::function<void()> in_child;
    // "build", "list": a process of this name, "go", is between; then pid() is that of it.
    std::string verb;
    size_t pipe_bytes = 0;  // of stdout; 0: as the kernel makes it
  };

  explicit GoCommand(const Cache& cache) : GoCommand(cache, Options()) {}
  GoCommand(const Cache& cache, Options options)
      : GoCommand(cache.temp, with_dir(cache.path, std::move(options))) {}
  GoCommand(const TempDir& temp, Options options) {
    Fd theirs_in = pipe_to(to_);
    Fd theirs_out = pipe_from(from_);
    if (options.pipe_bytes > 0) ::fcntl(from_.get(), F_SETPIPE_SZ, options.pipe_bytes);
    ChildOptions how;
    how.environment = std::move(options.environment);
    how.descriptors = {{theirs_in.get(), 0}, {theirs_out.get(), 1}};
    how.in_child = std::move(options.in_child);
    std::string program = BUS_GOCACHE;
    std::vector<std::string> arguments = std::move(options.arguments);
    if (!options.verb.empty()) {
      // A shell by the name of go, with a script by the name of its verb.
      std::string go = temp.file("go");
      if (!exists(go)) std::filesystem::create_symlink("/bin/sh", go);
      write_file(temp.file(options.verb), "\"$@\"\nexit $?\n");
      how.directory = temp.path();
      arguments.insert(arguments.begin(), {options.verb, program});
      program = go;
    }
    child_.emplace(program, arguments, std::move(how));
    CHECK(read_line() == R"({"ID":0,"KnownCommands":["get","put","close"]})");
  }

  pid_t pid() const { return child_->pid(); }
  Child& child() { return *child_; }
  std::string errors() const { return child_->errors(); }

  // ---- bytes

  // Fails the test when they are not taken in time. What comes meanwhile is not read.
  void write(std::string_view text) {
    TimePoint deadline = now() + kPatience;
    while (!text.empty()) {
      ssize_t put = ::write(to_.get(), text.data(), text.size());
      if (put > 0) {
        text.remove_prefix(static_cast<size_t>(put));
        continue;
      }
      if (put < 0 && errno != EAGAIN && errno != EINTR) FAIL("it does not read any more: " << errors());
      pollfd room{to_.get(), POLLOUT, 0};
      if (::poll(&room, 1, left_ms(deadline)) == 0) FAIL("it does not read what is written");
    }
  }
  // The next line of answers; empty at their end.
  std::string read_line(Duration patience = kPatience) {
    TimePoint deadline = now() + patience;
    for (;;) {
      size_t end = read_.find('\n');
      if (end != std::string::npos) {
        std::string line = read_.substr(0, end);
        read_.erase(0, end + 1);
        return line;
      }
      pollfd some{from_.get(), POLLIN, 0};
      if (::poll(&some, 1, left_ms(deadline)) == 0)
        FAIL("no answer came; there was \"" << read_ << "\"\n" << errors());
      char chunk[65536];
      ssize_t got = ::read(from_.get(), chunk, sizeof chunk);
      if (got == 0 && !read_.empty()) FAIL("an answer is cut off: " << read_);
      if (got == 0) return {};
      if (got > 0) read_.append(chunk, static_cast<size_t>(got));
    }
  }
  bool is_quiet() const {
    pollfd some{from_.get(), POLLIN, 0};
    return read_.empty() && ::poll(&some, 1, 0) == 0;
  }
  void close_stdin() { to_.reset(); }
  void close_stdout() { from_.reset(); }

  // ---- requests

  int64_t send_get(const std::string& action) {
    write(request("get", R"(,"ActionID":")" + base64_of(id_named(action)) + "\""));
    return last_id_;
  }
  // The line of a put, without its body.
  std::string put_line(const std::string& action, const std::string& output, uint64_t size) {
    return request("put", R"(,"ActionID":")" + base64_of(id_named(action)) + R"(","OutputID":")" +
                              base64_of(id_named(output)) + R"(","ObjectID":")" +
                              base64_of(id_named(output)) + "\"" +
                              (size > 0 ? ",\"BodySize\":" + std::to_string(size) : ""));
  }
  int64_t send_put(const std::string& action, const std::string& output, const std::string& body) {
    std::string line = put_line(action, output, body.size());
    int64_t id = last_id_;
    write(line + "\n");
    if (!body.empty()) write("\"" + base64_of(body) + "\"\n");
    return id;
  }
  // A request with an id of its own, and members that begin with a comma.
  std::string request(const std::string& command, const std::string& members) {
    return "{\"ID\":" + std::to_string(++last_id_) + ",\"Command\":\"" + command + "\"" + members + "}\n";
  }
  int64_t last_id() const { return last_id_; }

  // The answer with this id; others are kept.
  Answer answer(int64_t id, Duration patience = kPatience) {
    for (;;) {
      if (auto at = answers_.find(id); at != answers_.end()) {
        Answer out = at->second;
        answers_.erase(at);
        return out;
      }
      std::string line = read_line(patience);
      if (line.empty()) FAIL("it has ended without an answer to " << id << "\n" << errors());
      Answer next = parsed(line);
      // The go command panics at an answer that it has not asked for, and at a second one.
      if (answers_.count(next.id) > 0) FAIL("a second answer: " << line);
      answers_[next.id] = next;
    }
  }

  Answer get(const std::string& action) { return answer(send_get(action)); }
  void must_miss(const std::string& action) {
    Answer got = get(action);
    CHECK(got.line == "{\"ID\":" + std::to_string(got.id) + ",\"Miss\":true}");
  }
  // A hit with these bytes; returns their path.
  std::string must_hit(const std::string& action, const std::string& output, const std::string& bytes) {
    Answer got = get(action);
    INFO(got.line);
    REQUIRE(got.is_hit());
    CHECK(got.output == id_named(output));
    CHECK(got.size == bytes.size());
    CHECK(got.time.ends_with("Z"));
    CHECK((contents(got.path) == bytes));
    return got.path;
  }
  // Is stored, wherever; returns the path.
  std::string must_put(const std::string& action, const std::string& output, const std::string& body) {
    Answer got = answer(send_put(action, output, body));
    INFO(got.line);
    CHECK(got.error.empty());
    REQUIRE_FALSE(got.path.empty());
    CHECK(exists(got.path));
    CHECK((contents(got.path) == body));
    return got.path;
  }

  // ---- the end

  // As the go command does at the end of a build: close, its answer, the end of stdout, the exit.
  void end() {
    write(request("close", ""));
    Answer closed = answer(last_id_);
    CHECK(closed.line == "{\"ID\":" + std::to_string(closed.id) + "}");
    CHECK(answers_.empty());
    CHECK(read_line().empty());
    to_.reset();
    must_exit();
  }
  void must_exit() {
    ExitStatus status = child_->wait();
    INFO(errors());
    CHECK(status == ExitStatus{0, 0});
  }
  void kill() {
    child_->signal(SIGKILL);
    child_->wait();
  }

 private:
  static Options with_dir(const std::string& directory, Options options) {
    options.arguments.insert(options.arguments.begin(), {"--dir", directory});
    return options;
  }
  static int left_ms(TimePoint deadline) {
    return static_cast<int>(std::max<long long>(to_ms(deadline - now()), 0));
  }
  // Their end; ours does not block.
  static Fd pipe_to(Fd& ours) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ours.reset(ends[1]);
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    ::signal(SIGPIPE, SIG_IGN);
    return Fd(ends[0]);
  }
  static Fd pipe_from(Fd& ours) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ours.reset(ends[0]);
    return Fd(ends[1]);
  }

  Fd to_;
  Fd from_;
  std::optional<Child> child_;
  std::string read_;
  std::map<int64_t, Answer> answers_;
  int64_t last_id_ = 0;
};

inline RunResult gocache(const Cache& cache, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--dir", cache.path});
  return run(BUS_GOCACHE, arguments);
}

// Makes the file system odd (odd_files.c).
inline std::vector<std::pair<std::string, std::string>> odd(
    std::vector<std::pair<std::string, std::string>> how) {
#ifdef __SANITIZE_ADDRESS__
  // ASan wants to be the first library, unless told otherwise; what is preloaded allocates nothing before it.
  const char* options = std::getenv("ASAN_OPTIONS");
  how.emplace_back("ASAN_OPTIONS",
                   (options == nullptr ? "" : std::string(options) + ":") + "verify_asan_link_order=0");
#endif
  how.emplace_back("LD_PRELOAD", BUSD_ODD_FILES);
  return how;
}

}  // namespace bus::test
