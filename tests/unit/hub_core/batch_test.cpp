#include "hub/core/delivery/batch.h"

#include <deque>
#include <memory>
#include <string>

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

// A turn of events {"a"|} with the seq at the bar.
struct Events {
  Batch turn;
  std::deque<std::string> frames;

  void add(const std::string& names) {
    for (char name : names) {
      frames.push_back(std::string("{\"") + name + "\"}\n");
      turn.add(frames.back(), 4);
    }
  }
  // A run of these, which the stream goes on with.
  Batch::StreamId run(const std::string& names, Batch::StreamId stream) {
    add(names);
    Batch::StreamId extended = turn.extended(stream);
    turn.close_run();
    return extended;
  }
  std::string rendered(Batch::StreamId stream, uint64_t seq) {
    return std::string(turn.render(stream, seq).bytes());
  }
};

std::string line(char name, uint64_t seq) {
  return std::string("{\"") + name + "\",\"seq\":" + std::to_string(seq) + "}\n";
}

std::string lines(const std::string& names, uint64_t seq) {
  std::string out;
  for (char name : names) out += line(name, seq++);
  return out;
}

// As memory that somebody shares; it stays anyway.
std::shared_ptr<char> borrowed(std::string& memory) {
  return {memory.data(), [](char*) {}};
}

}  // namespace

TEST_CASE("Batch renders a stream with the seqs of the consumer that asks") {
  Events events;
  Batch::StreamId stream = events.run("abc", 0);
  CHECK(events.rendered(stream, 1) == lines("abc", 1));
  CHECK(events.rendered(stream, 4) == lines("abc", 4));
  CHECK(events.turn.size_of(stream) == 3);
  CHECK(events.turn.bytes_of(stream) == 18);
}

TEST_CASE("Batch renders right for every first seq around the powers of ten, in whatever order") {
  Events events;
  Batch::StreamId stream = events.run("abcdefghijkl", 0);
  uint64_t around[] = {1, 5, 9, 10, 11, 88, 89, 95, 99, 100, 989, 999, 1000, 99'999, 999'999'999'995, 7};
  for (uint64_t seq : around) {
    for (uint64_t other : around) {
      CHECK(events.rendered(stream, seq) == lines("abcdefghijkl", seq));
      CHECK(events.rendered(stream, other) == lines("abcdefghijkl", other));
    }
  }
}

TEST_CASE("Batch renders the largest seqs") {
  Events events;
  Batch::StreamId stream = events.run("ab", 0);
  CHECK(events.rendered(stream, UINT64_MAX - 1) == lines("ab", UINT64_MAX - 1));
  CHECK(events.rendered(stream, 9'999'999'999'999'999'999U) == lines("ab", 9'999'999'999'999'999'999U));
}

TEST_CASE("Consumers that get the same runs share a stream, others have their own") {
  Events events;
  events.add("ab");
  Batch::StreamId first = events.turn.extended(0);
  CHECK(events.turn.extended(0) == first);
  events.turn.close_run();
  events.add("c");
  Batch::StreamId both = events.turn.extended(first);
  CHECK(events.turn.extended(first) == both);
  Batch::StreamId late = events.turn.extended(0);
  CHECK(late != both);
  events.turn.close_run();
  CHECK(events.rendered(first, 1) == lines("ab", 1));
  CHECK(events.rendered(both, 1) == lines("abc", 1));
  CHECK(events.rendered(late, 1) == lines("c", 1));
  CHECK(events.rendered(both, 8) == lines("abc", 8));
}

TEST_CASE("Batch tells how far the events got of which a socket took so many bytes") {
  Events events;
  Batch::StreamId stream = events.run("abc", 0);
  const Batch::Rendering& rendering = events.turn.render(stream, 9);
  std::string all(rendering.bytes());
  size_t first = line('a', 9).size();
  size_t second = first + line('b', 10).size();
  for (size_t taken = 0; taken <= all.size(); ++taken) {
    Batch::Place place = rendering.place_of(taken);
    size_t whole = taken == all.size() ? 3 : taken >= second ? 2 : taken >= first ? 1 : 0;
    size_t begin = whole == 3 ? all.size() : whole == 2 ? second : whole == 1 ? first : 0;
    CHECK(place.events == whole);
    CHECK(place.rest == taken - begin);
  }
}

TEST_CASE(
    "Batch renders into memory of somebody else's, and gives pieces of it with other seqs, not writing to "
    "it") {
  Events events;
  Batch::StreamId stream = events.run("abcd", 0);
  std::string shared_buffer(events.turn.most_bytes_of(stream), '?');
  const Batch::Rendering& rendering =
      events.turn.render_into(borrowed(shared_buffer), shared_buffer.size(), stream, 10);
  CHECK(rendering.bytes() == lines("abcd", 10));
  std::string before = shared_buffer;
  CHECK_FALSE(rendering.fits(9));
  CHECK_FALSE(rendering.fits(98));
  CHECK(rendering.fits(96));
  std::string digits(events.turn.most_digits_of(stream), '?');
  for (uint64_t seq : {uint64_t{10}, uint64_t{19}, uint64_t{96}}) {
    std::string joined;
    for (std::string_view piece : events.turn.pieces(seq, digits.data())) joined += piece;
    CHECK(joined == lines("abcd", seq));
  }
  CHECK(events.rendered(stream, 5) == lines("abcd", 5));
  CHECK(shared_buffer == before);
}

TEST_CASE("Batch gives the end of a stream as parts of blocks, which all who queue a run share") {
  Events events;
  Batch::StreamId one = events.run("abc", 0);
  Batch::StreamId two = events.run("de", one);
  {
    const auto& parts = events.turn.parts_of(two, 2);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].first == 2);
    CHECK(parts[0].end == 3);
    CHECK(parts[0].block->head(2) == "{\"c\"");
    CHECK(parts[0].block->tail(2) == "}\n");
    CHECK(parts[1].first == 0);
    CHECK(parts[1].end == 2);
    CHECK(parts[1].block->held->bytes->size == 12);
    CHECK(parts[1].block->tail(1) == "}\n");
    CHECK(parts[1].block->frames[1].seq_at == 4);
  }
  BlockPtr shared = events.turn.parts_of(two, 0)[0].block;
  CHECK(events.turn.parts_of(one, 0)[0].block == shared);
  CHECK(events.turn.parts_of(two, 3).size() == 1);
  CHECK(events.turn.parts_of(two, 5).empty());
}

TEST_CASE("A queue that takes a shared stream refers to the rendering, whatever the seqs in it") {
  Events events;
  Batch::StreamId one = events.run("abc", 0);
  Batch::StreamId two = events.run("de", one);
  std::string shared_buffer(events.turn.most_bytes_of(two), '?');
  std::weak_ptr<char> watch;
  BlockPtr first;
  BlockPtr second;
  {
    std::shared_ptr<char> memory = borrowed(shared_buffer);
    watch = memory;
    events.turn.render_into(std::move(memory), shared_buffer.size(), two, 9);
    const auto& parts = events.turn.parts_of(two, 1);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].first == 1);
    first = parts[0].block;
    second = parts[1].block;
  }
  events.turn.clear();
  CHECK(first->held->bytes->memory.get() == shared_buffer.data());
  std::string seen;
  for (const BlockPtr& block : {first, second}) {
    for (size_t i = 0; i < block->frames.size(); ++i) {
      seen += std::string(block->head(i)) + "|" + std::string(block->tail(i));
      CHECK(block->bytes_of(i, i + 1) == 6);
    }
  }
  CHECK(seen == "{\"a\"|}\n{\"b\"|}\n{\"c\"|}\n{\"d\"|}\n{\"e\"|}\n");
  first.reset();
  CHECK_FALSE(watch.expired());
  second.reset();
  CHECK(watch.expired());
}

TEST_CASE(
    "Only consumers of the stream that was rendered refer to the rendering, others get a copy of their run") {
  Events events;
  Batch::StreamId first = events.run("abc", 0);
  events.add("d");
  Batch::StreamId both = events.turn.extended(first);
  Batch::StreamId late = events.turn.extended(0);
  events.turn.close_run();
  std::string shared_buffer(events.turn.most_bytes_of(both), '?');
  events.turn.render_into(borrowed(shared_buffer), shared_buffer.size(), both, 1);
  BlockPtr of_both = events.turn.parts_of(both, 3)[0].block;
  BlockPtr of_late = events.turn.parts_of(late, 0)[0].block;
  CHECK(of_both->held->bytes->memory.get() == shared_buffer.data());
  CHECK(of_late->held->bytes->memory.get() != shared_buffer.data());
  CHECK(std::string(of_late->head(0)) + std::string(of_late->tail(0)) == "{\"d\"}\n");
  CHECK(events.turn.parts_of(both, 3)[0].block == of_both);
}

TEST_CASE("Batch begins anew after clear, and keeps what it was given room for until then") {
  Events events;
  std::string large(100'000, 'x');
  for (int round = 0; round < 3; ++round) {
    char* small = events.turn.keep(3);
    std::copy_n("{}\n", 3, small);
    char* room = events.turn.keep(large.size());
    std::copy(large.begin(), large.end(), room);
    events.turn.add({small, 3}, 1);
    events.turn.add({room, large.size()}, 5);
    CHECK(events.turn.run_is_open());
    Batch::StreamId stream = events.turn.extended(0);
    events.turn.close_run();
    CHECK_FALSE(events.turn.run_is_open());
    CHECK(events.rendered(stream, 1) == "{,\"seq\":1}\nxxxxx,\"seq\":2" + std::string(large.size() - 5, 'x'));
    events.turn.clear();
    CHECK(events.turn.empty());
  }
}
