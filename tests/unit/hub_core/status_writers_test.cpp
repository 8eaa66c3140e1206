// The two renderers of status, and how lists share the space of a response.
#include "hub/core/status/fair_shares.h"
#include "hub/core/status/status_json.h"
#include "hub/core/status/status_metrics.h"
#include "protocol/decode.h"
#include "protocol/messages/status.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

constexpr size_t kAmple = 1'000'000;
constexpr Metric kRead{"busd_read_total", "What was read."};
constexpr Metric kAge{"busd_age_seconds", "How old it is.", kMilli};

template <class Writer, class Describe>
std::string rendered(Describe describe, size_t max_bytes = kAmple) {
  Writer writer(max_bytes);
  describe(writer);
  return writer.line();
}

template <class Describe>
std::string json(Describe describe, size_t max_bytes = kAmple) {
  return rendered<StatusJson>(describe, max_bytes);
}

// The text inside the response.
template <class Describe>
std::string metrics(Describe describe, size_t max_bytes = kAmple) {
  std::string line = rendered<StatusMetrics>(describe, max_bytes);
  REQUIRE(line.back() == '\n');
  line.pop_back();
  auto answer = decode_line<StatusAnswer>(line);
  REQUIRE(answer);
  return answer->metrics;
}

// A list of rows called 0, 1, 2, …; how many the writer took.
size_t describe_rows(StatusWriter& out, std::string_view list, size_t rows, const Metric& metric) {
  size_t taken = 0;
  out.begin_list(list);
  for (; taken < rows && out.begin_row(); ++taken) {
    out.label_number("name", taken);
    out.number("read", taken, metric);
    out.end_row();
  }
  out.end_list();
  return taken;
}

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size()))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("Whoever wants little gets it, and the others share the rest alike") {
  CHECK(fair_shares({}, 100).empty());
  CHECK(fair_shares({10, 20}, 100) == std::vector<size_t>{10, 20});
  CHECK(fair_shares({1000, 20}, 100) == std::vector<size_t>{80, 20});
  CHECK(fair_shares({1000, 20, 2000}, 100) == std::vector<size_t>{40, 20, 40});
  CHECK(fair_shares({50, 50}, 100) == std::vector<size_t>{50, 50});
  CHECK(fair_shares({51, 50}, 100) == std::vector<size_t>{50, 50});
  CHECK(fair_shares({5, 5, 5}, 1) == std::vector<size_t>{0, 0, 1});
  CHECK(fair_shares({5, 5}, 0) == std::vector<size_t>{0, 0});
}

TEST_CASE("Rows fit as long as the last of them ends within the space") {
  CHECK(rows_within({}, 10) == 0);
  CHECK(rows_within({4, 8, 12}, 3) == 0);
  CHECK(rows_within({4, 8, 12}, 4) == 1);
  CHECK(rows_within({4, 8, 12}, 11) == 2);
  CHECK(rows_within({4, 8, 12}, 12) == 3);
}

TEST_CASE("JSON has every kind of member, and escapes what others wrote") {
  auto describe = [](StatusWriter& out) {
    out.number("pid", 7);
    out.choice("version", "1.0", {"busd_info", "A version."});
    out.begin_object("memory");
    out.number("age_ms", -5, kAge);
    out.flag("full", true);
    out.begin_list("pools");
    for (std::string_view pool : {"a\"\\\n", "b"}) {
      REQUIRE(out.begin_row());
      out.label("pool", pool);
      out.hidden_label("connection", "9");
      out.texts("types", {"x", "\x01"});
      out.texts("none", {});
      out.end_row();
    }
    out.end_list();
    out.number("last", uint64_t{18446744073709551615U});
    out.end_object();
    out.begin_list("users");
    out.end_list();
    out.begin_object("callbacks");
    out.histogram("histogram", {{{100, 8}, {0, 1}}, 77}, {});
    out.end_object();
  };
  CHECK(
      json(describe) ==
      R"({"type":"status_response","pid":7,"version":"1.0","memory":{"age_ms":-5,"full":true,"pools":[)"
      R"({"pool":"a\"\\\n","types":["x","\u0001"],"none":[]},{"pool":"b","types":["x","\u0001"],"none":[]}],)"
      R"("last":18446744073709551615},"users":[],"callbacks":{"histogram":[{"up_to_us":100,"count":8},{"count":1}]}})"
      "\n");
}

TEST_CASE("Known members come in the order of the protocol, and new ones last") {
  auto describe = [](StatusWriter& out) {
    describe_rows(out, "calls", 1, {});
    describe_rows(out, "sources", 1, {});
    out.text("anything", "new");
    out.number("pid", 7);
    describe_rows(out, "consumers", 2, {});
  };
  CHECK(json(describe) ==
        R"({"type":"status_response","pid":7,"consumers":[{"name":0,"read":0},{"name":1,"read":1}],)"
        R"("sources":[{"name":0,"read":0}],"calls":[{"name":0,"read":0}],"anything":"new"})"
        "\n");
}

TEST_CASE("A long list loses its last rows, and no other list a single one") {
  auto describe = [](StatusWriter& out) {
    out.number("pid", 7);
    describe_rows(out, "consumers", 1000, {});
    describe_rows(out, "sources", 10, {});
  };
  std::string whole = json(describe);
  CHECK(count(whole, "truncated") == 0);
  size_t least = json([](StatusWriter& out) {
                   out.number("pid", 7);
                   describe_rows(out, "consumers", 0, {});
                   describe_rows(out, "sources", 0, {});
                 }).size();
  size_t mark = std::string_view(",\"truncated\":true").size();
  CHECK(json(describe, whole.size()) == whole);
  for (size_t max : {whole.size() - 1, whole.size() / 2, least + mark + 500}) {
    std::string line = json(describe, max);
    CHECK(line.size() <= max);
    CHECK(line.size() + 30 + mark > max);  // no more than a row is lost to rounding
    CHECK(count(line, R"(,"truncated":true})") == 1);
    std::string sources = line.substr(line.find("\"sources\""));
    CHECK(count(sources, "\"name\"") == 10);
    CHECK(line.find(R"("consumers":[{"name":0,"read":0},{"name":1,)") != std::string::npos);
  }
  std::string bare = json(describe, least + mark);
  CHECK(bare == R"({"type":"status_response","pid":7,"consumers":[],"sources":[],"truncated":true})"
                "\n");
}

TEST_CASE("Two long lists get the same space") {
  auto describe = [](StatusWriter& out) {
    describe_rows(out, "consumers", 1000, {});
    describe_rows(out, "sources", 700, {});
  };
  std::string line = json(describe, 4000);
  size_t sources = line.find("\"sources\"");
  size_t consumers = line.find("\"consumers\"");
  CHECK(count(line.substr(consumers, sources - consumers), "\"name\"") ==
        count(line.substr(sources), "\"name\""));
}

TEST_CASE("Rows that cannot fit are not asked for") {
  for (size_t max : {size_t{1000}, size_t{10'000}}) {
    StatusJson as_json(max);
    size_t taken = describe_rows(as_json, "consumers", 100'000, kRead);
    CHECK(taken > 0);
    CHECK(taken < max / 20);
    CHECK(count(as_json.line(), R"("truncated":true)") == 1);
    StatusMetrics as_metrics(max);
    taken = describe_rows(as_metrics, "consumers", 100'000, kRead);
    CHECK(taken > 0);
    CHECK(taken < max / 20);
    CHECK(as_metrics.line().find(R"(busd_status_truncated{list=\"consumers\"} 1)") != std::string::npos);
  }
}

TEST_CASE("Metrics have a name, help and a kind, and base units") {
  auto describe = [](StatusWriter& out) {
    out.number("pid", 7);
    out.text("socket", "/nowhere");
    out.begin_object("events");
    out.number("read", 12, kRead);
    out.number("age_ms", 1500, kAge);
    out.number("no_metric", 1);
    out.flag("full", true);
    out.end_object();
    out.choice("version", "1.0", {"busd_info", "A version."});
  };
  CHECK(metrics(describe) ==
        "# HELP busd_read_total What was read.\n"
        "# TYPE busd_read_total counter\n"
        "busd_read_total 12\n"
        "# HELP busd_age_seconds How old it is.\n"
        "# TYPE busd_age_seconds gauge\n"
        "busd_age_seconds 1.5\n"
        "# HELP busd_info A version.\n"
        "# TYPE busd_info gauge\n"
        "busd_info{version=\"1.0\"} 1\n");
}

TEST_CASE("A number is exact in its base unit") {
  auto in_seconds = [](int64_t value, unsigned decimals) {
    std::string text = metrics([&](StatusWriter& out) {
      out.number("x", value, {"busd_x_seconds", "A time.", decimals});
    });
    size_t at = text.rfind(' ') + 1;
    return text.substr(at, text.size() - at - 1);
  };
  CHECK(in_seconds(0, kMilli) == "0");
  CHECK(in_seconds(5, kMilli) == "0.005");
  CHECK(in_seconds(1000, kMilli) == "1");
  CHECK(in_seconds(1010, kMilli) == "1.01");
  CHECK(in_seconds(100, 0) == "100");
  CHECK(in_seconds(123456789, kMicro) == "123.456789");
  CHECK(in_seconds(25, kPercent) == "0.25");
  CHECK(in_seconds(-1500, kMilli) == "-1.5");
}

TEST_CASE("Rows become series of one family, told apart by labels, which may come late") {
  auto describe = [](StatusWriter& out) {
    out.begin_list("sources");
    REQUIRE(out.begin_row());
    out.number("read", 1, kRead);
    out.choice("state", "up", {"busd_state", "The state."});
    out.label("source", "a");
    out.hidden_label("connection", "9");
    out.end_row();
    REQUIRE(out.begin_row());
    out.label("source", "b");
    out.number("age_ms", 2, kAge);
    out.number("read", 2, kRead);
    out.end_row();
    out.end_list();
  };
  CHECK(metrics(describe) ==
        "# HELP busd_read_total What was read.\n"
        "# TYPE busd_read_total counter\n"
        "busd_read_total{source=\"a\",connection=\"9\"} 1\n"
        "busd_read_total{source=\"b\"} 2\n"
        "# HELP busd_state The state.\n"
        "# TYPE busd_state gauge\n"
        "busd_state{source=\"a\",connection=\"9\",state=\"up\"} 1\n"
        "# HELP busd_age_seconds How old it is.\n"
        "# TYPE busd_age_seconds gauge\n"
        "busd_age_seconds{source=\"b\"} 0.002\n"
        "# HELP busd_status_truncated Whether rows of this list of the hub's status are left out, so have no "
        "series here.\n"
        "# TYPE busd_status_truncated gauge\n"
        "busd_status_truncated{list=\"sources\"} 0\n");
}

TEST_CASE("A label that would end its line, or its quotes, is escaped") {
  std::string text = metrics([](StatusWriter& out) {
    out.begin_list("sources");
    REQUIRE(out.begin_row());
    out.label("source", "a\"b\\c\nd{}=,\xC3\xA4 # HELP");
    out.number("read", 1, kRead);
    out.end_row();
    out.end_list();
  });
  CHECK(text.find("busd_read_total{source=\"a\\\"b\\\\c\\nd{}=,\xC3\xA4 # HELP\"} 1\n") != std::string::npos);
}

TEST_CASE("Rows inside of an object are series too") {
  std::string text = metrics([](StatusWriter& out) {
    out.begin_object("memory");
    describe_rows(out, "pools", 2, kRead);
    out.number("age_ms", 7, kAge);
    out.end_object();
  });
  CHECK(text.find("busd_read_total{name=\"0\"} 0\nbusd_read_total{name=\"1\"} 1\n") != std::string::npos);
  CHECK(text.find("busd_age_seconds 0.007\n") != std::string::npos);
  CHECK(count(text, "truncated") == 0);
}

TEST_CASE("A histogram's buckets are cumulative, in seconds, and end in one without a bound") {
  CHECK(metrics([](StatusWriter& out) {
          out.begin_object("callbacks");
          out.histogram("histogram", {{{100, 8}, {2500, 0}, {10'000, 2}, {0, 1}}, 1'234'567},
                        {"busd_callback_seconds", "How long."});
          out.end_object();
        }) ==
        "# HELP busd_callback_seconds How long.\n"
        "# TYPE busd_callback_seconds histogram\n"
        "busd_callback_seconds_bucket{le=\"0.0001\"} 8\n"
        "busd_callback_seconds_bucket{le=\"0.0025\"} 8\n"
        "busd_callback_seconds_bucket{le=\"0.01\"} 10\n"
        "busd_callback_seconds_bucket{le=\"+Inf\"} 11\n"
        "busd_callback_seconds_sum 1.234567\n"
        "busd_callback_seconds_count 11\n");
}

TEST_CASE("Metrics that are too long lose whole rows of the long list, and say of which") {
  constexpr Metric kOther{"busd_other_total", "What else."};
  auto describe = [&](StatusWriter& out) {
    out.begin_list("consumers");
    for (size_t i = 0; i < 500 && out.begin_row(); ++i) {
      out.label_number("name", i);
      out.number("read", i, kRead);
      if (i >= 3) out.number("age_ms", i, kAge);  // a family that begins late
      out.end_row();
    }
    out.end_list();
    describe_rows(out, "sources", 3, kOther);
  };
  std::string whole = rendered<StatusMetrics>(describe);
  CHECK(count(whole, "} 1\\n") == 2);  // no list is cut: these are rows
  for (size_t max : {whole.size() - 1, whole.size() / 2, whole.size() / 10}) {
    std::string line = rendered<StatusMetrics>(describe, max);
    CHECK(line.size() <= max);
    CHECK(line.size() + 150 > max);
    std::string text = metrics(describe, max);
    CHECK(count(text, "busd_other_total{") == 3);
    size_t rows = count(text, "busd_read_total{");
    CHECK(count(text, "busd_age_seconds{") == rows - 3);
    CHECK(text.find("busd_read_total{name=\"" + std::to_string(rows - 1) + "\"}") != std::string::npos);
    CHECK(text.find("busd_status_truncated{list=\"consumers\"} 1\n") != std::string::npos);
    CHECK(text.find("busd_status_truncated{list=\"sources\"} 0\n") != std::string::npos);
  }
}
