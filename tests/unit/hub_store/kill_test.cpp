// SIGKILL at random points: what was said to be committed is there, once, and nothing changes its epoch.
//
// BUSD_SEED=N begins with that seed, BUSD_KILLS=N kills so often.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/strings.h"
#include "tests/unit/hub_store/support.h"

using namespace bus;
using namespace bus::test;

namespace {

constexpr uint64_t kKeys = 13;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_u64(text).value_or(otherwise);
}

// In the child: batch after batch until it is killed; each number that is committed goes to the pipe.
void write_for_ever(const std::string& path, uint64_t next, uint64_t seed, int to) {
  std::mt19937_64 chance(seed);
  Opened found;
  auto database = Database::open({path, kBoot, 1000 + next, nullptr, 20, 10'000, {seed, next}}, found);
  BUSD_CHECK(database);
  auto store = Store::begin(std::move(*database));
  BUSD_CHECK(store);
  uint64_t waiting = 0;
  for (;; ++next) {
    std::string text = std::to_string(next) + std::string(chance() % 3'000, ' ');
    (*store)->submit(batch(next,
                           {row("k" + std::to_string(next % kKeys), next, 2 * next - 1, text),
                            row("last", next, 2 * next, text)},
                           chance() % 10 == 0));
    ++waiting;
    while (waiting > chance() % 8) {
      Report report = (*store)->take();
      for (const Completion& completion : report.completions) {
        BUSD_CHECK(completion.committed);
        // In this order, so that the next start need not give the rows other revs.
        (*store)->page().set_stored(2 * completion.batch);
        (*store)->page().give(2 * completion.batch, completion.batch);
        BUSD_CHECK(::write(to, &completion.batch, sizeof completion.batch) == sizeof completion.batch);
      }
      waiting -= report.completions.size();
      if (!report.completions.empty()) continue;
      pollfd look{(*store)->fd(), POLLIN, 0};
      ::poll(&look, 1, 1000);
    }
  }
}

// Kills the child some time after it has told of so many batches; returns the last one that it told of.
uint64_t run_and_kill(const std::string& path, uint64_t next, uint64_t seed) {
  std::mt19937_64 chance(seed);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd from(ends[0]);
  Fd to(ends[1]);
  pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    write_for_ever(path, next, seed, to.get());
    ::_exit(1);
  }
  to.reset();
  uint64_t told = next - 1;
  uint64_t number = 0;
  auto read_one = [&] { return ::read(from.get(), &number, sizeof number) == sizeof number; };
  bool is_being_made = next == 1 && chance() % 2 == 0;
  for (uint64_t left = is_being_made ? 0 : chance() % 40; left > 0 && read_one(); --left) told = number;
  // Nothing is waited for: it is to be anywhere when it is killed, also where it makes the database.
  ::usleep(static_cast<useconds_t>(chance() % 20'000));
  ::kill(pid, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  while (read_one()) told = number;
  return told;
}

// The last batch, if the rows are exactly those of all up to it; fails otherwise.
uint64_t last_of(const std::vector<Row>& rows) {
  std::map<std::string, uint64_t> found;
  for (const Row& row : rows) found[row.key] = std::strtoull(std::string(*row.value).c_str(), nullptr, 10);
  uint64_t last = found.count("last") != 0 ? found["last"] : 0;
  std::map<std::string, uint64_t> expected;
  for (uint64_t n = 1; n <= last; ++n) expected["k" + std::to_string(n % kKeys)] = expected["last"] = n;
  REQUIRE(found == expected);
  return last;
}

}  // namespace

TEST_CASE(
    "After a SIGKILL at any point each batch that was committed is there, once, and the epoch is the same",
    "[long]") {
  uint64_t kills = number_from("BUSD_KILLS", 50);
  uint64_t seed = number_from("BUSD_SEED", 1);
  for (uint64_t i = 0; i < kills;) {
    TempDir dir;
    uint64_t last = 0;
    std::optional<uint64_t> epoch;
    for (uint64_t life = 0; life < 5 && i < kills; ++life) {
      INFO("BUSD_SEED=" << seed << ", kill " << ++i);
      uint64_t told = run_and_kill(dir.file("v"), last + 1, seed++);
      OpenDatabase database(dir.file("v"), kBoot, 1);
      REQUIRE(database.found.set_aside.empty());
      last = last_of(database.found.rows);
      REQUIRE(last >= told);
      // While the database is made, it has numbers that nobody has seen.
      if (database.found.start.is_new_epoch && !epoch && told == 0) break;
      CHECK_FALSE(database.found.start.is_new_epoch);
      CHECK(database.found.start.rev == 2 * last);
      CHECK(database.found.start.meta.epoch == epoch.value_or(database.found.start.meta.epoch));
      epoch = database.found.start.meta.epoch;
    }
  }
}
