// One-shot streams of bulk bytes: whole, to the right reader only, and no file left behind.
#include <busd/streams.h>
#include <dirent.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "protocol/base/file.h"
#include "tests/integration/forked.h"
#include "tests/integration/sdk_calls_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {
namespace {

busd_stream* open_stream(busd::Connection& connection) {
  busd_stream* stream = nullptr;
  auto error = BUSD_INIT(busd_error);
  busd_result result = busd_stream_open(connection.handle(), &stream, &error);
  INFO(error.message);
  REQUIRE(result == BUSD_OK);
  return stream;
}

size_t files_in(const std::string& directory) {
  size_t count = 0;
  DIR* listing = ::opendir(directory.c_str());
  if (listing == nullptr) return 0;
  while (const dirent* entry = ::readdir(listing)) count += entry->d_name[0] == '.' ? 0U : 1U;
  ::closedir(listing);
  return count;
}

// Bytes that no shift or loss leaves as they are.
uint32_t next_word(uint32_t word) { return word * 1'664'525U + 1'013'904'223U; }

// A file of so many words, in memory.
Fd file_of(size_t words) {
  Fd file(::memfd_create("source", MFD_CLOEXEC));
  REQUIRE(file);
  std::string bytes;
  uint32_t word = 1;
  for (size_t i = 0; i < words; ++i, word = next_word(word))
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  REQUIRE(write_all(file.get(), bytes));
  REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
  return file;
}

TEST_CASE("64 MiB go from a provider to its caller, and nothing stays behind") {
  HubProcess hub;
  constexpr size_t kWords = size_t{16} * 1024 * 1024;
  Fd source = file_of(kWords);
  busd_result sent = BUSD_INTERNAL;
  std::thread sending;
  auto provider = peer(hub.socket());
  auto caller = peer(hub.socket());
  provide(provider, "t");
  busd::Call call = caller.call_async("t");
  uint64_t number = expect(provider, BUSD_ITEM_REQUEST).number();
  busd_stream* stream = open_stream(provider);
  CHECK(files_in(hub.file("streams")) == 1);
  struct stat about {};
  REQUIRE(::stat(hub.file("streams").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0700);
  REQUIRE(busd_request_respond(provider.handle(), number, busd_stream_ticket(stream), nullptr) == BUSD_OK);
  sending = std::thread([&] { sent = busd_stream_send(stream, source.get(), nullptr); });
  busd::Answer answer = call.wait(kItemPatience);
  REQUIRE(answer);
  int to = -1;
  auto error = BUSD_INIT(busd_error);
  busd_result opened = busd_stream_receive(raw(answer.result), &to, &error);
  INFO(error.message);
  REQUIRE(opened == BUSD_OK);
  Fd reader(to);
  std::vector<uint32_t> words(65'536);
  uint32_t wanted = 1;
  size_t read_bytes = 0;
  bool same = true;
  for (;;) {
    auto* into = reinterpret_cast<char*>(words.data());
    size_t got = 0;
    while (got < words.size() * sizeof(uint32_t)) {
      ssize_t n = ::read(reader.get(), into + got, words.size() * sizeof(uint32_t) - got);
      if (n <= 0) break;
      got += static_cast<size_t>(n);
    }
    read_bytes += got;
    for (size_t i = 0; i < got / sizeof(uint32_t); ++i, wanted = next_word(wanted))
      same = same && words[i] == wanted;
    if (got < words.size() * sizeof(uint32_t)) break;
  }
  sending.join();
  CHECK(sent == BUSD_OK);
  CHECK(read_bytes == kWords * sizeof(uint32_t));
  CHECK(same);
  CHECK(files_in(hub.file("streams")) == 0);
  // It is read once.
  CHECK(busd_stream_receive(raw(answer.result), &to, nullptr) == BUSD_UNREACHABLE);
}

TEST_CASE("Who does not know the token gets nothing, and the reader after it everything") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  busd_stream* stream = open_stream(provider);
  std::string ticket(text(busd_stream_ticket(stream)));
  std::string wrong = ticket;
  wrong[wrong.find("token\":\"") + 8] ^= 1;
  Fd source = file_of(2);
  busd_result sent = BUSD_INTERNAL;
  std::thread sending([&] { sent = busd_stream_send(stream, source.get(), nullptr); });
  char bytes[16];
  int to = -1;
  REQUIRE(busd_stream_receive(raw(wrong), &to, nullptr) == BUSD_OK);
  CHECK(::read(to, bytes, sizeof bytes) == 0);
  ::close(to);
  REQUIRE(busd_stream_receive(raw(ticket), &to, nullptr) == BUSD_OK);
  CHECK(::read(to, bytes, sizeof bytes) == 8);
  CHECK(::read(to, bytes, sizeof bytes) == 0);
  ::close(to);
  sending.join();
  CHECK(sent == BUSD_OK);
}

TEST_CASE("A reader that goes away is told to the sender") {
  HubProcess hub;
  auto provider = peer(hub.socket());
  busd_stream* stream = open_stream(provider);
  int to = -1;
  REQUIRE(busd_stream_receive(busd_stream_ticket(stream), &to, nullptr) == BUSD_OK);
  ::close(to);
  Fd source = file_of(size_t{1024} * 1024);
  CHECK(busd_stream_send(stream, source.get(), nullptr) == BUSD_CLOSED);
}

TEST_CASE("A stream that is closed, or whose program was killed, leaves no file") {
  HubProcess hub;
  std::string socket = hub.socket();
  Forked killed([socket](const Forked::Tell& tell) {
    auto connection = peer(socket);
    tell(std::string(text(busd_stream_ticket(open_stream(connection)))));
    wait_for_the_end();
  });
  std::string ticket = killed.read_line();
  killed.kill();
  CHECK(files_in(hub.file("streams")) == 1);
  int to = -1;
  CHECK(busd_stream_receive(raw(ticket), &to, nullptr) == BUSD_UNREACHABLE);
  auto provider = peer(hub.socket());
  busd_stream* living = open_stream(provider);
  busd_stream* other = open_stream(provider);
  CHECK(files_in(hub.file("streams")) == 2);
  busd_stream_close(other);
  busd_stream_close(living);
  busd_stream_close(nullptr);
  CHECK(files_in(hub.file("streams")) == 0);
}

TEST_CASE("What is no ticket is refused, and so is a directory that is not private") {
  HubProcess hub;
  int to = -1;
  for (const char* ticket :
       {"", "1", "{}", R"({"stream":1})", R"({"stream":{"socket":"x","token":"t"}})",
        R"({"stream":{"socket":"/x"}})", R"({"stream":{"socket":"/x","token":""}})", "{"}) {
    INFO(ticket);
    CHECK(busd_stream_receive(raw(ticket), &to, nullptr) == BUSD_INVALID);
  }
  auto provider = peer(hub.socket());
  REQUIRE(::mkdir(hub.file("streams").c_str(), 0700) == 0);
  REQUIRE(::chmod(hub.file("streams").c_str(), 0777) == 0);
  busd_stream* stream = nullptr;
  CHECK(busd_stream_open(provider.handle(), &stream, nullptr) == BUSD_DENIED);
  CHECK(stream == nullptr);
}

}  // namespace
}  // namespace bus::test
