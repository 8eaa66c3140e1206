// The parts of bus-value that are pure: the lines that it prints, what is said of a change that failed, and what a
// watch has told.
#include <string>
#include <vector>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/value_combinations.h"
#include "consumer/cli/value_options.h"
#include "consumer/cli/value_states.h"
#include "consumer/cli/value_text.h"
#include "tests/support/catch.h"

using namespace bus::cli;

namespace {

using Keys = std::vector<std::string>;

busd::Value state(std::string key, uint64_t version, std::string json = "1") {
  busd::Value value;
  value.key = std::move(key);
  value.version = version;
  value.json = std::move(json);
  value.deleted = value.json.empty();
  return value;
}

busd::Value snapshot(std::string key) {
  busd::Value value = state(std::move(key), 1);
  value.snapshot = true;
  return value;
}

busd::Synced synced(bool reset) {
  busd::Synced told;
  told.reset = reset;
  return told;
}

}  // namespace

TEST_CASE("Lines of values have what is known, and nothing that is not") {
  busd::Value value = state("a \"b\"", 7, R"({"x": 1.50})");
  value.rev = 9;
  value.uid = 1000;
  value.age = std::chrono::milliseconds(12);
  CHECK(state_json(value) ==
        R"({"key":"a \"b\"","version":7,"rev":9,"age_ms":12,"uid":1000,"value":{"x": 1.50}})");
  value.ttl = std::chrono::milliseconds(5);
  value.skipped = 3;
  value.snapshot = true;
  CHECK(
      watched_json(value) ==
      R"({"type":"value","key":"a \"b\"","version":7,"rev":9,"snapshot":true,"skipped":3,"age_ms":12,"ttl_ms":5,"value":{"x": 1.50}})");
  busd::Value gone = state("k", 2, "");
  gone.expired = true;
  CHECK(watched_json(gone) ==
        R"({"type":"value","key":"k","version":2,"rev":0,"deleted":true,"expired":true,"age_ms":0})");
  CHECK(vanished_json("k") == R"({"type":"value","key":"k","deleted":true,"vanished":true})");
  busd::Synced told = synced(true);
  told.rev = 4;
  told.epoch = "5f";
  told.keys = 2;
  CHECK(synced_json(told) == R"({"type":"synced","rev":4,"epoch":"5f","keys":2,"reset":true})");
  busd::Change change;
  change.version = 3;
  change.rev = 8;
  CHECK(change_json(change) == R"({"version":3,"rev":8})");
  change.unchanged = true;
  CHECK(change_json(change) == R"({"version":3,"rev":8,"unchanged":true})");
}

TEST_CASE("A change that failed says what the key has now, and what to do") {
  busd::Change change;
  change.status = BUSD_STALE;
  change.message = "\"k\" has version 3; the next one is 4";
  change.present = state("k", 3, R"("a")");
  Error error = error_of(change, "k");
  CHECK(error.exit == kTryAgain);
  CHECK(error.message == "\"k\" has version 3");
  CHECK(error.hint == "read it again with bus-value get k --with-version");
  CHECK(error.members == R"(,"present":{"version":3,"rev":0,"value":"a"})");
  CHECK(name_of(error.code) == std::string("stale"));
  change.present = state("k", 4, "");
  error = error_of(change, "k");
  CHECK(error.message == "there is no key \"k\"");
  CHECK(error.hint == "with --create instead of --if-version, put creates it");
  CHECK(error.exit == kTryAgain);
  CHECK(error.members == R"(,"present":{"version":4,"rev":0,"deleted":true})");
  change.status = BUSD_EXISTS;
  change.message = "\"k\" exists; leave create out";
  CHECK(error_of(change, "k").hint == "bus-value get k prints its value");
  CHECK(name_of(error_of(change, "k").code) == std::string("exists"));
  change.present = state("k", 5, '"' + std::string(100, 'x') + "\"");
  CHECK(error_of(change, "k").hint.size() < 90);
  CHECK(error_of(change, "k").hint.ends_with("…"));
  Error missing = error_of(busd::Error{BUSD_NOT_FOUND, "not_found"}, "k");
  CHECK(missing.exit == kNotFound);
  CHECK(missing.message == "there is no key \"k\"");
  Error full = error_of(busd::Error{BUSD_FULL, "no room; raise it"}, "k");
  CHECK(full.exit == kTryAgain);
  CHECK(name_of(full.code) == std::string("full"));
  CHECK(full.hint == "raise it");
}

TEST_CASE("What the hub says of its store and of sizes is said in words of options") {
  busd::Change change;
  change.status = BUSD_STORE;
  change.message = "this hub stores nothing; leave durable out, or start it with --values PATH";
  Error error = error_of(change, "k");
  CHECK(name_of(error.code) == std::string("store"));
  CHECK(error.hint == "leave --durable out, or start the hub with --values PATH");
  change.message = "the store takes no changes: the disk is full";
  error = error_of(change, "k");
  CHECK(error.message == change.message);
  CHECK(error.hint == "put --durable memory does without it; bus-status shows the store");
  // The remedy that the hub names is told, and the path once.
  change.message =
      R"(the store takes no changes: values in "/s/v": "/s/v-wal" was removed; nothing more is stored: put it )"
      "back, then restart it";
  error = error_of(change, "k");
  CHECK(error.message == R"(the store takes no changes: "/s/v-wal" was removed)");
  CHECK(error.path == "/s/v");
  CHECK(error.hint ==
        "nothing more is stored: put it back, then restart it; put --durable memory does without it; "
        "bus-status shows the store");
  error = error_of(change, "k", ValueVerb::erase);
  CHECK(error.hint == "nothing more is stored: put it back, then restart it; bus-status shows the store");
  change.status = BUSD_INVALID;
  change.code = "too_large";
  change.message = "the value has 9 bytes; 8 are allowed";
  CHECK(error_of(change, "k").exit == kBadData);
}

TEST_CASE("A text keeps its line in a list, and printf can give it back") {
  CHECK(line_text(R"("plain")", false) == "plain");
  CHECK(line_text(R"("two\nlines\r\tand C:\\x")", false) == R"(two\nlines\r\tand C:\\x)");
  CHECK(line_text(R"({"a":"b\nc"})", false) == R"({"a":"b\nc"})");
  CHECK(line_text(R"("red \u001b[31m")", false) == "red \x1b[31m");
  CHECK(line_text(R"("red \u001b[31m")", true).find('\x1b') == std::string::npos);
}

TEST_CASE("Keys that a watch which begins anew does not tell are gone") {
  KnownKeys known;
  for (const char* key : {"a", "b", "c"}) known.take(snapshot(key));
  CHECK(known.vanished(synced(false)).empty());
  known.take(state("live", 1));
  known.take(state("c", 2, ""));

  SECTION("after a break") {
    known.doubt_all();
    known.take(snapshot("b"));
    CHECK(known.vanished(synced(true)) == Keys{"a", "live"});
    // What is gone is said once.
    known.take(snapshot("b"));
    CHECK(known.vanished(synced(true)).empty());
  }
  SECTION("without a break, where a change that came before the snapshot does not count") {
    known.take(state("a", 2));
    known.take(snapshot("b"));
    CHECK(known.vanished(synced(true)) == Keys{"a", "live"});
  }
  SECTION("and are not, if the watch goes on") {
    known.doubt_all();
    known.take(state("b", 2));
    CHECK(known.vanished(synced(false)).empty());
    CHECK(known.vanished(synced(true)) == Keys{"a", "b", "live"});
  }
}

TEST_CASE("What waits for a command is one state of a key, the newest") {
  PendingStates pending;
  CHECK(pending.empty());
  CHECK_FALSE(pending.next());
  pending.put(state("a", 1));
  pending.put(state("b", 1));
  busd::Value third = state("a", 3, "3");
  third.skipped = 1;  // the second was not sent to us
  pending.put(third);
  pending.put(state("a", 4, ""));
  auto first = pending.next();
  REQUIRE(first);
  CHECK(first->key == "a");
  CHECK(first->version == 4);
  CHECK(first->deleted);
  CHECK(first->skipped == 3);
  // What was taken does not wait any more.
  pending.put(state("a", 5));
  auto second = pending.next();
  REQUIRE(second);
  CHECK(second->key == "b");
  auto last = pending.next();
  REQUIRE(last);
  CHECK(last->version == 5);
  CHECK(last->skipped == 0);
  CHECK(pending.empty());
}

TEST_CASE("Keys in the syntax of another system are refused, and what would match is named") {
  for (const char* key : {"a", "a.b", "a b", "deploy.lock"}) {
    CHECK(key_fault(key).empty());
    CHECK(key_entry_fault(key).empty());
  }
  CHECK(key_entry_fault("*").empty());
  CHECK(key_entry_fault("a.*").empty());
  for (const char* key : {"*", "a.*", "a*", "a/#", "a.>", "a,b", "a.", " a"}) {
    INFO(key);
    CHECK_FALSE(key_fault(key).empty());
  }
  // --literal is named where it helps: the hub takes no pattern for a key.
  auto names_literal = [](const char* key) { return key_fault(key).find("--literal") != std::string::npos; };
  for (const char* key : {"a*", "a/#", "a,b", "a.", " a"}) CHECK(names_literal(key));
  for (const char* key : {"*", "a.*", "a*.*"}) CHECK_FALSE(names_literal(key));
  CHECK(key_entry_fault("a.>").starts_with(R"("a.>" would match no key; "a.*" matches the keys below "a")"));
  CHECK(
      key_fault("a.").starts_with(R"("a." ends with a dot; bus-value list "a.*" shows the keys below "a")"));
}

TEST_CASE("The version that a key must have is one below the version that the put makes") {
  ValueCommand command;
  command.verb = "put";
  CHECK(put_options_of(command).version == 0);
  command.if_version = 0;
  CHECK(put_options_of(command).version == 1);
  command.if_version = 7;
  command.durable = "power";
  command.hold = true;
  busd::PutOptions options = put_options_of(command);
  CHECK(options.version == 8);
  CHECK(options.durable == busd::Durability::power);
  CHECK(options.while_connected);
}

TEST_CASE("Words behind the dashes are a command with --while, and else the value") {
  ValueCommand command;
  command.verb = "put";
  command.key = "k";
  command.command = {"--help"};
  CHECK_FALSE(complete_value(command));
  CHECK(command.words == Keys{"--help"});
  command.command = {"true"};
  auto error = complete_value(command);
  REQUIRE(error);
  CHECK(error->message == "a COMMAND behind \"--\" goes with --while only");
  command.words = {"1"};
  command.command = {"true", "x"};
  command.hold = true;
  CHECK_FALSE(complete_value(command));
  CHECK(command.command.size() == 2);
  command.words = {};
  command.command = {"-1", "--", "true", "--", "x"};
  CHECK_FALSE(complete_value(command));
  CHECK(command.words == Keys{"-1"});
  CHECK(command.command == Keys{"true", "--", "x"});
  command.words = {};
  command.command = {"-1", "true"};
  error = complete_value(command);
  REQUIRE(error);
  CHECK(error->message == "put needs a VALUE before the \"--\"");
}

TEST_CASE("A key that begins with a dash stands behind the dashes") {
  ValueCommand command;
  command.verb = GENERATE("get", "delete", "list", "watch");
  command.command = {"-k"};
  CHECK_FALSE(complete_value(command));
  CHECK(command.key == "-k");
  CHECK(command.words.empty());
}

TEST_CASE("Further words behind the dashes follow a key that stands there") {
  ValueCommand command;
  command.verb = "delete";
  command.command = {"-k", "-l", "m"};
  CHECK_FALSE(complete_value(command));
  CHECK(command.patterns() == Keys{"-k", "-l", "m"});
  command = {};
  command.verb = "put";
  command.command = {"-k", "-1"};
  CHECK_FALSE(complete_value(command));
  CHECK(command.key == "-k");
  CHECK(command.words == Keys{"-1"});
  SECTION("with --while, KEY and VALUE stand between two") {
    command = {};
    command.verb = "put";
    command.hold = true;
    command.command = {"-k", "1", "--", "true", "--", "x"};
    CHECK_FALSE(complete_value(command));
    CHECK(command.key == "-k");
    CHECK(command.words == Keys{"1"});
    CHECK(command.command == Keys{"true", "--", "x"});
    command = {};
    command.verb = "put";
    command.hold = true;
    command.command = {"-k", "1", "true"};
    auto error = complete_value(command);
    REQUIRE(error);
    CHECK(error->message == "put needs KEY and VALUE");
    CHECK(error->hint ==
          "a KEY that begins with \"-\" is written so: bus-value put --while -- KEY VALUE -- COMMAND");
  }
  SECTION("an empty key is not replaced by the word behind the dashes") {
    command = {};
    command.verb = "delete";
    command.has_key = true;
    command.command = {"k"};
    auto error = complete_value(command);
    REQUIRE(error);
    CHECK(error->message == "KEY is empty");
  }
}

TEST_CASE("Behind the dashes, options are refused as keys, and a command of watch") {
  ValueCommand command;
  command.options = {"--timeout", "--text"};
  command.verb = "get";
  command.command = {"--text"};
  SECTION("an option") {
    auto error = complete_value(command);
    REQUIRE(error);
    CHECK(error->message == "options come before the \"--\", and \"--text\" is behind it");
    CHECK(error->exit == kUsage);
  }
  SECTION("with its value") {
    command.command = {"--timeout=5s"};
    CHECK(complete_value(command));
  }
  SECTION("with --literal it is a key") {
    command.literal = true;
    CHECK_FALSE(complete_value(command));
    CHECK(command.key == "--text");
  }
  SECTION("what is no option is a key") {
    command.command = {"--texts"};
    CHECK_FALSE(complete_value(command));
  }
  SECTION("of put it is the value") {
    command.verb = "put";
    command.key = "k";
    command.has_key = true;
    CHECK_FALSE(complete_value(command));
  }
  SECTION("a word behind a key of watch is a command, unless it begins with a dash") {
    command.verb = "watch";
    command.key = "k";
    command.has_key = true;
    command.command = {"echo", "-n"};
    auto error = complete_value(command);
    REQUIRE(error);
    CHECK(error->message == "watch runs a command with --exec CMD");
    command.command = {"-k"};
    CHECK_FALSE(complete_value(command));
    CHECK(command.patterns() == Keys{"k", "-k"});
  }
}

TEST_CASE("What is held is created, unless a version or --replace says that it may exist") {
  ValueCommand command;
  command.verb = "put";
  command.key = "k";
  command.words = {"1"};
  command.command = {"true"};
  command.hold = true;
  SECTION("alone") {
    command.wait = true;
    CHECK_FALSE(complete_value(command));
    CHECK(put_options_of(command).create);
  }
  SECTION("with a version") {
    command.if_version = 3;
    CHECK_FALSE(complete_value(command));
    CHECK_FALSE(put_options_of(command).create);
  }
  SECTION("with --replace") {
    command.replace = true;
    CHECK_FALSE(complete_value(command));
    CHECK_FALSE(put_options_of(command).create);
    command.wait = true;
    CHECK(complete_value(command));
  }
  SECTION("without --while, --replace is none") {
    command.hold = false;
    command.replace = true;
    command.command = {};
    CHECK(complete_value(command));
  }
}
