#include "protocol/base/error_report.h"

#include "tests/support/catch.h"

using namespace bus;

TEST_CASE(
    "The text of an error is what is wrong, then what to do about it, and the first absolute path in it") {
  ErrorReport error =
      error_of(ReportCode::denied, 77, "directory \"/a b/c\" is a symlink; name \"/d\"; or stop");
  CHECK(error.message == "directory \"/a b/c\" is a symlink");
  CHECK(error.hint == "name \"/d\"; or stop");
  CHECK(error.path == "/a b/c");
  CHECK(error_of(ReportCode::no_hub, 69, "cannot run /x/y: gone").path == "/x/y");
  CHECK(error_of(ReportCode::failed, 70, "nothing").path.empty());
}

TEST_CASE("As JSON an error is one line that no terminal obeys, with a path only where there is one") {
  CHECK(json_of({ReportCode::failed, 70, "a\n\"b\\\x1b\xff", "", ""}) ==
        R"({"code":"failed","exit":70,"message":"a\\x0a\"b\\\\x1b\\xff","hint":""})");
  CHECK(json_of({ReportCode::no_hub, 69, "m", "h", "/p"}) ==
        R"({"code":"no_hub","exit":69,"message":"m","hint":"h","path":"/p"})");
}

TEST_CASE("JSON is asked for by the option in front of --, or by the variable") {
  CHECK(json_errors_wanted({"--x", "--json-errors"}, nullptr));
  CHECK(json_errors_wanted({}, "json"));
  CHECK_FALSE(json_errors_wanted({"--", "--json-errors"}, "text"));
  CHECK_FALSE(json_errors_wanted({}, nullptr));
  CHECK(errors_variable_fault("xml") == "$BUSD_ERRORS is \"xml\"; set it to json or text");
  for (const char* fine : {"json", "text", ""}) CHECK(errors_variable_fault(fine).empty());
  CHECK(errors_variable_fault(nullptr).empty());
}
