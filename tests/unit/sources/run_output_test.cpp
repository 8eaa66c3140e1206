// What a program writes into its pipes, cut into lines: in pieces, without an end, too long, held by somebody else.
#include "consumer/sources/run_output.h"

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "protocol/base/file.h"
#include "protocol/limits.h"
#include "tests/support/catch.h"

namespace bus::sources {
namespace {

constexpr Duration kPatience = seconds(10);

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reading = Fd(ends[0]);
    writing = Fd(ends[1]);
    REQUIRE(::fcntl(reading.get(), F_SETFL, O_NONBLOCK) == 0);
  }
  void write(const std::string& text) { REQUIRE(write_all(writing.get(), text)); }
  Fd reading;
  Fd writing;
};

// Both pipes of a run, and what is heard of them: "out: LINE", "out, cut: LINE", "out: too long", "over".
class Heard final : RunOutput::Owner {
 public:
  Heard() : loop_(std::move(*Loop::create())) {
    output_ = std::make_unique<RunOutput>(*loop_, static_cast<RunOutput::Owner&>(*this), 7,
                                          std::move(out.reading), std::move(err.reading));
    loop_->on_end_of_turn([this] {
      if (condition_ && condition_()) loop_->stop();
    });
  }
  // Until so much was heard.
  const std::vector<std::string>& until(size_t count) {
    if (heard.size() >= count) return heard;
    Timer guard(*loop_, [this] { loop_->stop(); });
    guard.set(now() + kPatience);
    condition_ = [this, count] { return heard.size() >= count; };
    loop_->run();
    condition_ = nullptr;
    return heard;
  }
  RunOutput& output() { return *output_; }

  Pipe out;
  Pipe err;
  std::vector<std::string> heard;

 private:
  void on_line(Stream stream, uint64_t run, std::string_view line, bool whole) override {
    CHECK(run == 7);
    heard.push_back((stream == Stream::out ? "out" : "err") + std::string(whole ? ": " : ", cut: ") +
                    std::string(line));
  }
  void on_too_long(Stream stream, uint64_t) override {
    heard.push_back(stream == Stream::out ? "out: too long" : "err: too long");
  }
  void on_lines_done() override {}
  void on_output_over(uint64_t) override { heard.push_back("over"); }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<RunOutput> output_;
  std::function<bool()> condition_;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("Lines come whole, however they were written", "[output]") {
  Heard heard;
  heard.out.write("one\ntwo\nth");
  CHECK(heard.until(2) == Lines{"out: one", "out: two"});
  heard.out.write("r");
  heard.out.write("ee\n\n");
  CHECK(heard.until(4) == Lines{"out: one", "out: two", "out: three", "out: "});
  heard.err.write("said\n");
  CHECK(heard.until(5).back() == "err: said");
}

TEST_CASE("A line without an end is told as cut when its pipe ends", "[output]") {
  Heard heard;
  heard.out.write("whole\ncut");
  heard.err.write("also");
  heard.out.writing.reset();
  heard.err.writing.reset();
  CHECK(heard.until(4).size() == 4);
  CHECK(heard.heard.front() == "out: whole");
  CHECK(std::count(heard.heard.begin(), heard.heard.end(), "out, cut: cut") == 1);
  CHECK(std::count(heard.heard.begin(), heard.heard.end(), "err, cut: also") == 1);
  CHECK(heard.heard.back() == "over");
}

TEST_CASE("A line as long as a frame may be is one, and a longer one is skipped", "[output]") {
  Heard heard;
  std::string longest(kMaxFrameBytes - 1, 'x');  // its LF counts
  // A pipe holds less than that: it is written bit by bit, as it is read.
  auto write_slowly = [&](std::string text) {
    REQUIRE(::fcntl(heard.out.writing.get(), F_SETPIPE_SZ, 1 << 20) > 0);
    for (size_t at = 0; at < text.size(); at += 1 << 19) {
      heard.out.write(text.substr(at, 1 << 19));
      heard.err.write("next\n");
      heard.until(heard.heard.size() + 1);
    }
  };
  auto of_out = [&] {
    Lines lines = heard.heard;
    std::erase(lines, "err: next");
    return lines;
  };
  write_slowly(longest + "\n");
  heard.out.write("mark\n");
  while (of_out().size() < 2) heard.until(heard.heard.size() + 1);
  CHECK(of_out().front().size() == longest.size() + 5);
  write_slowly(longest + "x\n");
  heard.out.write("after\n");
  while (of_out().size() < 4) heard.until(heard.heard.size() + 1);
  CHECK(of_out()[2] == "out: too long");
  CHECK(of_out()[3] == "out: after");
}

TEST_CASE("A pause leaves stdout in its pipe, and stderr is read", "[output]") {
  Heard heard;
  heard.output().pause(true);
  heard.out.write("later\n");
  heard.err.write("now\n");
  CHECK(heard.until(1) == Lines{"err: now"});
  heard.output().pause(false);
  CHECK(heard.until(2) == Lines{"err: now", "out: later"});
}

TEST_CASE("A pipe that somebody else still holds is read and closed soon after the end", "[output]") {
  Heard heard;
  heard.out.write("last\n");
  TimePoint begun = now();
  heard.output().drain();
  CHECK(heard.until(2) == Lines{"out: last", "over"});
  CHECK(now() - begun >= RunOutput::kDrainTime);
  CHECK(heard.output().is_over());
}

}  // namespace bus::sources
