// bus-status: what a hub says about itself, for people, programs and health checks. Never starts a hub.
#include <algorithm>
#include <chrono>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/health.h"
#include "consumer/cli/output.h"
#include "consumer/cli/patterns.h"
#include "consumer/cli/program.h"
#include "consumer/cli/program_names.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/status_report.h"
#include "consumer/cli/status_table.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

constexpr const char* kAbout =
    R"(Examples:
  bus-status                       the hub, its sources, its consumers, and what nobody takes
  bus-status --watch               the same, live; --watch 200ms for a faster one
  bus-status --json | jq .events   the hub's answer as it came
  bus-status --check || echo sick  for scripts and supervisors
  bus-status --explain build.done  who would get an event of this type, and why the others would not

Shows the state of the hub. Never starts one.)";

constexpr const char* kNotes =
    R"(LAG is the number of events that wait for a consumer, QUEUE their size; RECEIVED counts events
accepted for it, DROPPED those that it was too slow for. A pid in parentheses is the kernel's,
where the program claims another.

--check is healthy when the hub answers within 2 s and holds the bus's lock; consumers that lost
events are mentioned, but do not make it ill. A time D is a whole number with ms, s, m or h:
500ms, 2s, 10m.

--list is for the completions of shells: keys are those of the consumers, types what they asked
for, patterns too, and what nobody took; sorted, each once. Names with characters that a terminal
does not show as they are stand not among them. Where no hub runs it says nothing.

Exit status: 0 done, healthy, or somebody would get it; 1 (--explain) nobody would; 64 usage; 69
no hub; 70 the output failed; 75 something is wrong: no answer within 2 s, a lock without a
socket, or an answer from who does not hold the lock; 76 not a hub; 77 permission; 129/130/143
ended by SIGHUP/SIGINT/SIGTERM, as --watch does.)";

constexpr std::chrono::milliseconds kLeastInterval{50};
constexpr std::chrono::milliseconds kDefaultInterval{1000};

struct Options {
  bool json = false;
  bool check = false;
  std::optional<std::chrono::milliseconds> watch;
  std::string explain;
  bool literal = false;
  std::string list;
  Place place;
};

std::string interval_fault(const std::string& text) {
  auto interval = parse_duration(text);
  if (!interval) return duration_fault(text);
  return *interval < kLeastInterval ? "the shortest interval is 50ms" : "";
}

std::string list_fault(const std::string& text) {
  bool known = text == "keys" || text == "types";
  return known ? std::string() : "\"" + text + "\" is neither keys nor types";
}

void declare(CommandLine& line, Options& options) {
  auto json = line.flag("--json", options.json, "Print the hub's status_response, one line");
  auto take_interval = [&options](const std::string& text) {
    options.watch = text.empty() ? kDefaultInterval : parse_duration(text);
  };
  auto watch = line.option("--watch", "[D]", take_interval, "Again and again (default: 1s)")
                   .value_is_optional()
                   .check(interval_fault);
  auto check = line.flag("--check", options.check, "One line and an exit status: is the hub well?")
                   .excludes(json)
                   .excludes(watch);
  auto explain =
      line.option("--explain", "TYPE", options.explain, "Who would get an event of TYPE, and why not")
          .excludes(json)
          .excludes(watch)
          .excludes(check)
          .check(identifier_fault);
  line.option("--list", "keys|types", options.list,
              "Only the names of the keys, or of the types, one to a line")
      .excludes(json)
      .excludes(watch)
      .excludes(check)
      .excludes(explain)
      .check(list_fault);
  line.flag("--literal", options.literal, "Take a TYPE that looks like a pattern").needs(explain);
  line.accept_no_start();
  line.add_place(options.place);
}

// What the hub says of itself. Where it does not, `answer.trouble` says why.
std::optional<StatusReport> parse_answer(Answer& answer) {
  if (!answer.response) return std::nullopt;
  auto report = parse_status(*answer.response);
  if (!report) answer.trouble = {kProtocol, "the peer is not a busd hub"};
  if (report) name_programs(*report);
  return report;
}

// Of what keeps the hub from answering, or from being well.
ErrorCode error_code_of(int exit_code) {
  switch (exit_code) {
    case kUsage:
      return ErrorCode::bad_value;
    case kUnreachable:
      return ErrorCode::no_hub;
    case kTryAgain:
      return ErrorCode::unhealthy;
    case kProtocol:
      return ErrorCode::not_a_hub;
    case kPermission:
      return ErrorCode::denied;
    default:
      return ErrorCode::failed;
  }
}

class Status {
 public:
  Status(const Options& options, const Console& console)
      : options_(options),
        console_(console),
        hub_{.socket = options.place.socket, .bus = options.place.bus},
        output_(STDOUT_FILENO),
        colour_(colour_wanted(STDOUT_FILENO)) {}

  int once();
  int check();
  int explain();
  int list();
  int watch();

 private:
  int report(const Health& trouble) const;
  std::optional<StatusReport> read(int& code);
  int print(const std::string& text);
  bool draw_screen();
  bool draw_snapshot();
  bool wait() const;

  const Options& options_;
  const Console& console_;
  busd::HubOptions hub_;
  Output output_;
  bool colour_;
  bool drawn_ = false;
};

int Status::report(const Health& trouble) const {
  return console_.error(error_of(error_code_of(trouble.exit_code), trouble.exit_code, trouble.summary));
}

// `code` is set when there is nothing.
std::optional<StatusReport> Status::read(int& code) {
  Answer answer = ask_hub(hub_);
  auto report = parse_answer(answer);
  if (!report) code = this->report(answer.trouble);
  return report;
}

int Status::print(const std::string& text) {
  Written written = output_.text(text);
  if (written == Written::ok) written = output_.flush();
  if (written != Written::failed) return kDone;
  return console_.error(ErrorCode::output_failed, "cannot write to stdout");
}

int Status::once() {
  if (options_.json) {
    Answer answer = ask_hub(hub_);
    return answer.response ? print(*answer.response + "\n") : report(answer.trouble);
  }
  int code = kDone;
  auto report = read(code);
  if (!report) return code;
  return print(joined(status_table(*report, terminal_columns(STDOUT_FILENO)), colour_));
}

int Status::check() {
  Health health = check_health(hub_);
  return health.exit_code == kDone ? print(safe_text(health.summary) + "\n") : report(health);
}

int Status::explain() {
  int code = kDone;
  auto report = read(code);
  if (!report) return code;
  size_t takers = 0;
  auto lines = explanation_table(*report, options_.explain, terminal_columns(STDOUT_FILENO), takers);
  code = print(joined(lines, colour_));
  return code == kDone && takers == 0 ? kNobody : code;
}

int Status::list() {
  // Not ask_hub(): who waits for a completion has no time for a second try, nor for a word on why there is
  // none.
  auto response = busd::hub_status(hub_);
  if (!response && response.error().result == BUSD_UNREACHABLE) return kUnreachable;
  if (!response) return report({exit_code_of(response.error().result), response.error().message});
  auto report = parse_status(*response);
  if (!report) return this->report({kProtocol, "the peer is not a busd hub"});
  std::string text;
  for (const std::string& name : options_.list == "keys" ? keys_of(*report) : types_of(*report)) {
    // Nobody could type what is not safe, and a shell would show it as it is.
    if (!name.empty() && safe_text(name) == name) text += name + "\n";
  }
  return print(text);
}

// Answers false when the reader of stdout has gone.
bool Status::draw_snapshot() {
  Answer answer = ask_hub(hub_);
  auto report = parse_answer(answer);
  if (!report) {
    this->report(answer.trouble);
    return true;
  }
  std::string text = drawn_ && !options_.json ? "\n" : "";
  text += options_.json ? *answer.response + "\n" : joined(status_table(*report, std::nullopt), false);
  drawn_ = true;
  return output_.text(text) == Written::ok && output_.flush() == Written::ok;
}

bool Status::draw_screen() {
  winsize size{};
  ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
  auto columns = terminal_columns(STDOUT_FILENO);
  Answer answer = ask_hub(hub_);
  auto report = parse_answer(answer);
  std::vector<TableLine> lines;
  if (report) {
    lines = status_table(*report, columns);
  } else {
    std::string fault = safe_text(answer.trouble.summary);
    lines.push_back({cut_to_columns(fault, columns.value_or(80)), Emphasis::warning});
  }
  size_t rows = size.ws_row == 0 ? 24 : size.ws_row;
  if (lines.size() >= rows) lines.resize(rows - 1);
  // Home, each line with what stood behind it erased, then the rest of the screen: no flicker.
  std::string text = "\x1b[H" + joined(lines, colour_, "\x1b[K\r\n") + "\x1b[J";
  return output_.text(text) == Written::ok && output_.flush() == Written::ok;
}

// Until the next look; false when a signal or a closed stdout ends it.
bool Status::wait() const {
  pollfd waits[] = {{.fd = signal_fd(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0}};
  auto interval = static_cast<int>(std::min<int64_t>(options_.watch->count(), 3'600'000));
  poll(waits, 2, interval);
  return caught_signal() == 0 && (waits[1].revents & (POLLERR | POLLHUP)) == 0;
}

int Status::watch() {
  bool screen = !options_.json && isatty(STDOUT_FILENO) == 1;
  enter_phase(Phase::running);
  if (screen) print("\x1b[?1049h\x1b[?25l");
  bool going = true;
  while (going) going = (screen ? draw_screen() : draw_snapshot()) && wait();
  if (screen) print("\x1b[?25h\x1b[?1049l");
  return caught_signal() != 0 ? ended_by_signal(caught_signal()) : kDone;
}

int act(Options& options, Console& console) {
  std::string fault =
      options.literal || options.explain.empty() ? std::string() : type_fault(options.explain);
  if (!fault.empty()) return console.error(error_of(ErrorCode::bad_pattern, fault));
  Status status(options, console);
  if (options.check) return status.check();
  if (!options.explain.empty()) return status.explain();
  if (!options.list.empty()) return status.list();
  return options.watch ? status.watch() : status.once();
}

constexpr Program<Options> kProgram{"bus-status", kAbout, kNotes, declare, act};

}  // namespace

}  // namespace bus::cli

int main(int argc, char** argv) { return bus::cli::kProgram.run(argc, argv); }
