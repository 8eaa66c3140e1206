#include "consumer/sources/report.h"

#include <algorithm>
#include <array>

#include "protocol/base/strings.h"
#include "protocol/json_writer.h"

namespace bus::sources {

namespace {

constexpr uint64_t kLinesInStatus = 5;
constexpr size_t kMostTextInStatus = 4096;  // of each of them, as JSON
// Of a result: the members of its frame, and those that end the result, find room beside it.
constexpr size_t kMostResultBytes = kMaxFrameBytes - 4096;
constexpr size_t kMostRowBytes = kMostResultBytes - 65'536;  // of the list, so that it tells faults, too
// What a row of the list can do without, in the order in which it goes. What is left of 1024 rows fits.
constexpr std::array<const char*, 3> kOptional = {"types", "exit", "unconnected"};

// The longest beginning of `text`, which is UTF-8, of at most `most_bytes` as JSON; and how much is missing.
std::string cut_for_json(const std::string& text, size_t most_bytes) {
  if (json_string_bytes(text) <= most_bytes) return text;
  size_t end = 0;
  for (size_t bytes = 2; end < text.size();) {
    std::string_view left = std::string_view(text).substr(end);
    size_t length = std::max<size_t>(utf8_sequence_bytes(left), 1);
    bytes += json_string_bytes(left.substr(0, length)) - 2;
    if (bytes > most_bytes) break;
    end += length;
  }
  return text.substr(0, end) + "… (" + std::to_string(text.size() - end) + " bytes left out)";
}

void put_exit(ObjectWriter& writer, const Source& source) {
  const auto& exit = source.life().last_exit();
  if (!exit) return;
  std::string text;
  ObjectWriter inner(text);
  if (exit->code) inner.number("code", *exit->code);
  if (exit->signal) inner.number("signal", *exit->signal);
  inner.number("seconds", std::chrono::duration_cast<seconds>(exit->lasted).count());
  inner.text_if_any("reason", exit->reason);
  inner.text_if_any("stderr", source.feed().last_error_line(source.life().run()));
  inner.end();
  writer.raw("exit", text);
}

void put_next_try(ObjectWriter& writer, const Source& source, TimePoint now) {
  TimePoint next = source.life().next_try();
  if (next != kNever) writer.number("next_try_ms", std::max<long long>(to_ms(next - now), 0));
}

void put_pid(ObjectWriter& writer, const Source& source) {
  if (auto pid = source.pid()) writer.number("pid", *pid);
}

void put_unconnected(ObjectWriter& writer, const Source& source) {
  const Source::Unconnected& unconnected = source.unconnected();
  if (unconnected.tries == 0) return;
  ObjectWriter inner(writer.member("unconnected"));
  inner.text("reason", unconnected.reason);
  inner.number("tries", unconnected.tries);
  inner.end();
}

// Without the first `left_out` of kOptional.
void put_row(ObjectWriter& writer, const Source& source, TimePoint now, size_t left_out = 0) {
  const Lifecycle& life = source.life();
  writer.text("name", source.name());
  writer.text("state", name_of(life.state()));
  put_pid(writer, source);
  writer.number("run", life.run());
  writer.number("restarts", life.restarts());
  bool is_up = life.state() == State::running || life.state() == State::stopping;
  writer.number("up_ms", is_up ? to_ms(now - life.started_at()) : 0);
  // What lives has memory: without, nothing could be seen of it.
  if (auto use = source.use(); use && use->rss_bytes > 0) {
    writer.number("rss_bytes", use->rss_bytes);
    writer.number("cpu_ms", use->cpu_ms);
  }
  // What it sends by a connection of its own does not pass here.
  if (source.definition().connection == Channel::lines) writer.number("published", source.feed().published());
  writer.number("refused", source.feed().refused());
  writer.number("skipped", source.feed().skipped());
  writer.number("log_lines", source.feed().log().next() - 1);
  if (left_out < 1) writer.texts("types", source.definition().types);
  ObjectWriter wanted(writer.member("wanted_by"));
  wanted.flag("events", source.demand().by_events());
  wanted.number("requests", source.demand().requests());
  wanted.end();
  writer.text("wish", name_of(life.wish()));
  writer.text_if_any("why", text_of(life.rest_reason()));
  if (left_out < 2) put_exit(writer, source);
  put_next_try(writer, source, now);
  if (left_out < 3) put_unconnected(writer, source);
}

// As many as fit.
void put_faults(ObjectWriter& writer, const std::vector<FileFault>& faults) {
  std::string& out = writer.member("faults") += '[';
  size_t told = 0;
  for (const FileFault& fault : faults) {
    std::string one;
    ObjectWriter each(one);
    each.text("file", fault.file);
    if (fault.line != 0) each.number("line", fault.line);
    each.text("message", fault.message);
    each.end();
    if (out.size() + one.size() > kMostResultBytes) break;
    out += (told++ == 0 ? "" : ",") + one;
  }
  out += ']';
  if (told < faults.size()) writer.number("faults_left_out", faults.size() - told);
}

const char* name_of(Start start) {
  switch (start) {
    case Start::demand:
      return "demand";
    case Start::always:
      return "always";
    case Start::manual:
      return "manual";
  }
  return "demand";
}

const char* name_of(Format format) {
  switch (format) {
    case Format::automatic:
      return "auto";
    case Format::frames:
      return "frames";
    case Format::json:
      return "json";
    case Format::text:
      return "text";
  }
  return "auto";
}

const char* name_of(Restart restart) {
  switch (restart) {
    case Restart::on_failure:
      return "on-failure";
    case Restart::always:
      return "always";
    case Restart::never:
      return "never";
  }
  return "never";
}

void put_definition(ObjectWriter& writer, const Definition& definition) {
  writer.text("file", definition.file);
  writer.texts("command", definition.command);
  writer.texts("tasks", definition.tasks);
  writer.text("start", name_of(definition.start));
  writer.text("restart", name_of(definition.restart));
  if (definition.every) writer.number("every_ms", to_ms(*definition.every));
  if (definition.format != Format::automatic) writer.text("format", name_of(definition.format));
  if (definition.event_type != definition.name) writer.text("event_type", definition.event_type);
  if (definition.connection != Channel::lines) writer.text("connection", "socket");
  if (definition.input != Input::null) writer.text("stdin", "frames");
  writer.text_if_any("directory", definition.directory);
  writer.text_if_any("log_file", definition.log_file);
  // Names alone: a value may be a secret.
  std::vector<std::string> names;
  for (const std::string& entry : definition.environment) names.push_back(entry.substr(0, entry.find('=')));
  writer.texts("environment", names);
  ObjectWriter limits(writer.member("limits"));
  limits.number("linger_ms", to_ms(definition.linger));
  limits.number("stop_timeout_ms", to_ms(definition.stop_timeout));
  limits.number("log_bytes", definition.log_bytes);
  if (definition.memory_max) limits.number("memory_max", *definition.memory_max);
  if (definition.cpu_weight) limits.number("cpu_weight", *definition.cpu_weight);
  if (definition.nice) limits.number("nice", *definition.nice);
  limits.end();
}

}  // namespace

std::string event_payload(const Source& source, TimePoint now) {
  std::string text;
  ObjectWriter writer(text);
  writer.text("source", source.name());
  writer.text("state", name_of(source.life().state()));
  put_pid(writer, source);
  writer.number("run", source.life().run());
  put_exit(writer, source);
  writer.number("restarts", source.life().restarts());
  put_next_try(writer, source, now);
  writer.text_if_any("gone", source.gone());
  writer.end();
  return text;
}

std::string list_of(const std::vector<Source*>& sources, const std::vector<FileFault>& faults,
                    TimePoint now) {
  std::string text;
  for (size_t left_out = 0; left_out <= kOptional.size(); ++left_out) {
    text.clear();
    ObjectWriter writer(text);
    writer.list("sources", sources, [&](std::string& out, const Source* source) {
      if (out.size() > kMostRowBytes) return;
      ObjectWriter row(out);
      put_row(row, *source, now, left_out);
      row.end();
    });
    if (text.size() > kMostRowBytes) continue;
    if (left_out > 0) writer.texts("left_out", {kOptional.begin(), kOptional.begin() + left_out});
    put_faults(writer, faults);
    writer.end();
    break;
  }
  return text;
}

std::string status_of(const Source& source, TimePoint now) {
  std::string text;
  ObjectWriter writer(text);
  put_row(writer, source, now);
  put_definition(writer, source.definition());
  if (!source.complaints().empty()) writer.texts("complaints", source.complaints());
  const LogRing& log = source.feed().log();
  std::vector<uint64_t> last;
  uint64_t from = std::max(log.first(), log.next() - std::min(log.next() - 1, kLinesInStatus));
  for (uint64_t n = from; n < log.next(); ++n) last.push_back(n);
  writer.list("log", last,
              [&](std::string& out, uint64_t n) { out += log_line(log.at(n), kMostTextInStatus); });
  writer.end();
  return text;
}

std::string command_result(const Source& source) {
  std::string text;
  ObjectWriter writer(text);
  writer.text("state", name_of(source.life().state()));
  put_pid(writer, source);
  put_exit(writer, source);
  writer.end();
  return text;
}

std::string reload_result(const Reloaded& reloaded) {
  std::string text;
  ObjectWriter writer(text);
  writer.texts("added", reloaded.added);
  writer.texts("removed", reloaded.removed);
  writer.texts("changed", reloaded.changed);
  put_faults(writer, reloaded.faults);
  writer.end();
  return text;
}

std::string log_line(const LogLine& line, size_t most_bytes) {
  std::string text;
  ObjectWriter writer(text);
  writer.number("n", line.n);
  writer.number("time_ms", line.time_ms);
  writer.text("stream", line.stream == Stream::out ? "stdout" : "stderr");
  writer.number("run", line.run);
  writer.text("line", cut_for_json(line.text, most_bytes));
  writer.end();
  return text;
}

}  // namespace bus::sources
