#include "consumer/sources/relay.h"

#include <algorithm>
#include <vector>

#include "consumer/cli/json_lookup.h"
#include "protocol/base/strings.h"
#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/event_pattern.h"
#include "protocol/json_walk.h"
#include "protocol/messages/call.h"

namespace bus::sources {

namespace {

// How soon after its start a program is looked for among the providers, and how seldom later.
constexpr Duration kFirstLook = milliseconds(2);
constexpr Duration kRarestLook = milliseconds(250);

// How often a program is looked at that has been given all that waited.
constexpr Duration kLeastUseLook = milliseconds(250);
constexpr Duration kMostUseLook = seconds(2);

// Whether somebody else than us provides what the row of bus.tasks is about.
bool has_other_provider(std::string_view row) {
  auto providers = cli::find_json(row, {"providers"});
  if (!providers || providers->size() < 2 || providers->front() != '[') return false;
  JsonWalk walk(*providers);
  for (Member provider; walk.next(provider);) {
    auto priority = cli::find_json(provider.value_token, {"priority"});
    if (!priority || *priority != std::to_string(Relay::kPriority)) return true;
  }
  return false;
}

}  // namespace

Relay::Relay(Loop& loop, const Definition& definition, HubLink& link, Demand& demand,
             std::function<void()> on_demand)
    : definition_(definition),
      link_(link),
      demand_(demand),
      on_demand_(std::move(on_demand)),
      next_look_(loop, [this] { look_for_provider(); }) {}

void Relay::on_item(const busd_item& item) {
  switch (item.kind) {
    case BUSD_ITEM_REQUEST:
      return add(item);
    case BUSD_ITEM_CANCELED:
      pass("cancel", item.call, view_of(item.code));
      return end(item.call);
    case BUSD_ITEM_PAUSE:
      return pass("pause", item.call, {});
    case BUSD_ITEM_RESUME:
      return pass("resume", item.call, {});
    case BUSD_ITEM_CALL_END:
      if (item.call != look_) return;
      look_ = 0;
      if (item.answer->code.length == 0) on_tasks(std::string(view_of(item.answer->result)));
      return plan_look();
    default:
      return;
  }
}

void Relay::add(const busd_item& item) {
  const busd_request& request = *item.request;
  GivenRequest given;
  given.id = std::to_string(item.call);
  given.task = view_of(request.task);
  given.timeout_ms = request.timeout_ms;
  given.stream = request.stream != 0;
  given.from = {request.pid, request.uid, std::string(view_of(request.source))};
  given.args = view_of(request.args);
  Waiting waiting{given.task, {}, false};
  if (definition_.input == Input::frames) waiting.line = encode(given);
  open_.emplace(item.call, std::move(waiting));
  demand_.add_request();
  on_demand_();
  if (running_) hand_over();
}

void Relay::end(uint64_t number) {
  if (open_.erase(number) == 0) return;
  demand_.end_request();
  on_demand_();
}

void Relay::fail(uint64_t number, std::string_view code, const std::string& message) {
  (void)busd_request_fail(link_.get(), number, text_of(code), text_of(message), busd_text{}, nullptr);
  end(number);
}

void Relay::on_link_lost() {
  // The library has ended the requests with the connection.
  while (!open_.empty()) {
    pass("cancel", open_.begin()->first, "lost");
    end(open_.begin()->first);
  }
  look_ = 0;
  next_look_.clear();
  note_use({});
}

void Relay::on_running(Inlet* inlet) {
  running_ = true;
  inlet_ = inlet;
  hand_over();
}

void Relay::on_ended(const std::string& reason) {
  running_ = false;
  inlet_ = nullptr;
  next_look_.clear();
  provides_itself_ = false;
  note_use({});
  std::vector<uint64_t> given;
  for (const auto& [number, waiting] : open_) {
    if (waiting.given) given.push_back(number);
  }
  for (uint64_t number : given) fail(number, "failed", reason);
  link_.stir();
}

void Relay::refuse_all(const std::string& reason) {
  while (!open_.empty()) fail(open_.begin()->first, "failed", reason);
  link_.stir();
}

// To the program what it can take now.
void Relay::hand_over() {
  if (!running_ || open_.empty()) return;
  if (definition_.input != Input::frames) {
    pause_ = kFirstLook;
    if (look_ == 0) next_look_.set(now() + pause_);
    return;
  }
  std::vector<uint64_t> not_taken;
  for (auto& [number, waiting] : open_) {
    if (waiting.given) continue;
    waiting.given = inlet_ != nullptr && inlet_->write(waiting.line);
    waiting.line.clear();
    if (!waiting.given) not_taken.push_back(number);
  }
  // One that has closed it has often ended, and that is told later.
  bool is_open = inlet_ != nullptr && inlet_->is_open();
  for (uint64_t number : not_taken) {
    fail(number, is_open ? "busy" : "failed",
         "the source " + definition_.name + (is_open ? " does not read its stdin" : " has closed its stdin"));
  }
}

void Relay::pass(std::string_view type, uint64_t number, std::string_view reason) {
  auto at = open_.find(number);
  if (inlet_ == nullptr || at == open_.end() || !at->second.given) return;
  std::string line;
  ObjectWriter writer(line);
  writer.text("type", type);
  writer.text("id", std::to_string(number));
  writer.text_if_any("reason", reason);
  writer.end();
  (void)inlet_->write(line + "\n");
}

// --- a program that provides its tasks itself ---

bool Relay::needs_provider() const {
  return running_ && link_.is_open() && definition_.input != Input::frames && !open_.empty();
}

void Relay::plan_look() {
  if (needs_provider()) {
    pause_ = std::min(pause_ * 2, kRarestLook);
    next_look_.set(now() + pause_);
  } else if (running_ && provides_itself_) {
    next_look_.set(now() + std::clamp(definition_.linger / 2, kLeastUseLook, kMostUseLook));
  }
}

void Relay::look_for_provider() {
  if (!running_ || !link_.is_open() || look_ != 0) return;
  auto options = BUSD_INIT(busd_call_options);
  options.timeout_ms = 5000;
  if (busd_connection_call_start(link_.get(), text_of("bus.tasks"), busd_text{}, &options, &look_, nullptr) !=
      BUSD_OK)
    look_ = 0;
  link_.stir();
}

void Relay::on_tasks(std::string_view result) {
  auto rows = cli::find_json(result, {"tasks"});
  if (!rows || rows->size() < 2 || rows->front() != '[') return;
  std::vector<std::string> provided;  // names and patterns
  std::string use;
  JsonWalk walk(*rows);
  for (Member row; walk.next(row);) {
    auto name = cli::find_json(row.value_token, {"task"});
    if (!name || !has_other_provider(row.value_token)) continue;
    provided.push_back(*name);
    if (std::find(definition_.tasks.begin(), definition_.tasks.end(), *name) == definition_.tasks.end())
      continue;
    provides_itself_ = true;
    if (cli::find_json(row.value_token, {"open"}) != "0") use += "open ";
    use += cli::find_json(row.value_token, {"ends"}).value_or("");
  }
  note_use(use);
  std::vector<uint64_t> passed_on;
  for (const auto& [number, waiting] : open_) {
    const std::string& task = waiting.task;
    if (std::any_of(provided.begin(), provided.end(),
                    [&](const std::string& each) { return matches(parse_event_pattern(each), task); }))
      passed_on.push_back(number);
  }
  for (uint64_t number : passed_on) {
    (void)busd_request_decline(link_.get(), number, nullptr);
    end(number);
  }
}

// It is asked as long as a call is open, or one has ended since the last look.
void Relay::note_use(const std::string& use) {
  bool is_in_use = !use.empty() && (use.find("open ") != std::string::npos || use != use_);
  use_ = use;
  if (is_in_use == is_in_use_) return;
  is_in_use_ = is_in_use;
  if (is_in_use) {
    demand_.add_request();
  } else {
    demand_.end_request();
  }
  on_demand_();
}

// --- answers of the program ---

std::string Relay::on_answer(std::string_view type, std::string_view line) {
  if (!link_.is_open()) return {};
  std::string trouble;
  auto error = BUSD_INIT(busd_error);
  busd_result result = BUSD_OK;
  if (type == "response") {
    trouble = respond(line);
  } else if (type == "chunk") {
    auto chunk = decode_line<Chunk>(line);
    auto number = chunk ? parse_u64(chunk->id) : std::nullopt;
    if (!number) return "it has no id of a request";
    result = busd_request_chunk(link_.get(), *number, text_of(chunk->data), 0, &error);
    if (result == BUSD_TIMED_OUT)
      fail(*number, "failed", "the source " + definition_.name + " did not wait at a pause of its stream");
  } else {
    auto progress = decode_line<Progress>(line);
    auto number = progress ? parse_u64(progress->id) : std::nullopt;
    if (!number) return "it has no id of a request";
    result = busd_request_progress(link_.get(), *number, progress->done.value_or(0),
                                   progress->total.value_or(0), text_of(progress->text), &error);
  }
  if (result == BUSD_INVALID) trouble = error.message;
  return trouble;
}

std::string Relay::respond(std::string_view line) {
  auto response = decode_line<Response>(line);
  auto number = response ? parse_u64(response->id) : std::nullopt;
  if (!number) return "it is no response: it needs an id, and a result or an error with code and message";
  auto error = BUSD_INIT(busd_error);
  busd_result result = BUSD_OK;
  if (!response->error) {
    result = busd_request_respond(link_.get(), *number, text_of(response->result), &error);
  } else if (response->error->code == "declined") {
    result = busd_request_decline(link_.get(), *number, &error);
  } else {
    result = busd_request_fail(link_.get(), *number, text_of(response->error->code),
                               text_of(response->error->message), text_of(response->error->data), &error);
  }
  if (result == BUSD_INVALID) return error.message;
  end(*number);
  return {};
}

}  // namespace bus::sources
