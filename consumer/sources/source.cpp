#include "consumer/sources/source.h"

#include <algorithm>
#include <set>
#include <utility>

#include "protocol/decode.h"
#include "protocol/encode.h"
#include "protocol/messages/interest.h"
#include "protocol/messages/source_status.h"

namespace bus::sources {

namespace {

// What a hub shows of a source whose own state is this.
busd_source_state shown_state(State state) {
  switch (state) {
    case State::starting:
      return BUSD_SOURCE_CONNECTING;
    case State::running:
      return BUSD_SOURCE_CONNECTED;
    case State::backoff:
      return BUSD_SOURCE_RECONNECTING;
    case State::idle:
    case State::stopping:
    case State::failed:
    case State::disabled:
      break;
  }
  return BUSD_SOURCE_DISCONNECTED;
}

bool is_other_connection(const Definition& before, const Definition& after) {
  return before.types != after.types || before.tasks != after.tasks || before.start != after.start;
}

}  // namespace

bool needs_new_run(const Definition& before, const Definition& after) {
  Definition same = after;
  same.file = before.file;
  same.start = before.start;
  same.every = before.every;
  same.restart = before.restart;
  same.linger = before.linger;
  same.stop_timeout = before.stop_timeout;
  same.log_bytes = before.log_bytes;
  same.log_file = before.log_file;
  return same != before;
}

Source::Source(const Place& place, Owner& owner, FoundSource found, bool enabled, uint64_t seed)
    : place_(place),
      owner_(owner),
      found_(std::move(found)),
      contents_(contents_of(found_.definition.command.front())),
      link_(place.loop, *this),
      feed_(found_.definition, link_, *this),
      life_(*this, found_.definition, seed),
      relay_(place.loop, found_.definition, link_, demand_, [this] { want(); }),
      deadline_(place.loop,
                [this] {
                  life_.expired(now());
                  settle();
                }),
      unlaunched_(place.loop, [this] { fail_launch(std::exchange(launch_trouble_, {})); }) {
  if (!enabled) life_.set_enabled(false, now());
}

Source::~Source() = default;

// --- the hub ---

// As which it speaks to the hub, here and by a connection of its program's own. `types` are kept for the options.
busd_connection_options Source::connection_options(std::vector<busd_text>& types) const {
  const Definition& definition = found_.definition;
  types.reserve(definition.types.size());
  for (const std::string& type : definition.types) types.push_back(text_of(type));
  auto options = BUSD_INIT(busd_connection_options);
  options.socket = text_of(place_.socket);
  options.source = text_of(definition.name);
  options.publish_types = types.data();
  options.publish_type_count = types.size();
  // A source that is to run always keeps the hub, too.
  options.background = definition.start == Start::always ? 0 : 1;
  return options;
}

Result<void> Source::connect() {
  auto opened = open_link();
  if (opened) {
    unconnected_ = {};
  } else {
    ++unconnected_.tries;
    const std::string& reason = opened.error().what;
    if (std::exchange(unconnected_.reason, reason) != reason)
      feed_.note(life_.run(), "no connection to the hub: " + reason);
  }
  return opened;
}

Result<void> Source::open_link() {
  const Definition& definition = found_.definition;
  std::vector<busd_text> types;
  busd_connection_options options = connection_options(types);
  demand_.forget_consumers();
  connected_anew_ = true;
  interest_.clear();
  // The hub tells an entry that stands twice once.
  interest_awaited_ = std::set<std::string>(definition.types.begin(), definition.types.end()).size();
  BUSD_TRY(link_.open(options));
  if (!definition.tasks.empty()) {
    auto provided = link_.provide(definition.tasks, Relay::kSlots, Relay::kPriority);
    if (!provided) feed_.note(life_.run(), "its tasks cannot be provided: " + provided.error().what);
  }
  report_state();
  pause_outputs();
  if (std::exchange(launch_waits_, false)) launch();
  settle();
  return {};
}

void Source::on_item(const busd_item& item) {
  switch (item.kind) {
    case BUSD_ITEM_INTEREST:
      return on_interest(item);
    case BUSD_ITEM_REFUSED:
      return feed_.refuse(life_.run(), view_of(item.code), view_of(item.detail));
    default:
      return relay_.on_item(item);
  }
}

void Source::on_interest(const busd_item& item) {
  std::string entry(view_of(item.event_type));
  demand_.set_consumers(entry, item.consumers);
  auto at =
      std::find_if(interest_.begin(), interest_.end(), [&](const auto& each) { return each.first == entry; });
  if (at == interest_.end()) {
    interest_.emplace_back(entry, item.consumers);
  } else {
    at->second = item.consumers;
  }
  if (inlet_) (void)inlet_->write(encode(InterestMessage{entry, item.consumers}));
  // The first of many says nothing yet of the others: nothing is stopped because a hub came back.
  if (interest_awaited_ > 0) --interest_awaited_;
  want();
}

void Source::on_turn_done() { pause_outputs(); }

void Source::on_link_lost(const std::string& reason) {
  feed_.note(life_.run(), "the connection to the hub has ended: " + reason);
  relay_.on_link_lost();
  pause_outputs();
  owner_.on_source_disconnected(*this);
}

void Source::want() {
  if (interest_awaited_ > 0 || !link_.is_open()) return;
  bool is_wanted = demand_.any();
  // A request is demand of its own: it starts a program that has ended although others listen. So are consumers of a
  // hub that has come anew: with connection = socket the program ended with the one before.
  bool is_new = std::exchange(connected_anew_, false) || demand_.requests() > 0;
  if (is_new && (life_.state() == State::idle || life_.state() == State::failed))
    life_.set_wanted(false, now());
  life_.set_wanted(is_wanted, now());
  settle();
}

void Source::report_state() {
  if (!link_.is_open()) return;
  State state = life_.state();
  std::string detail = name_of(state);
  bool tells_end = state == State::backoff || state == State::failed;
  if (tells_end && life_.last_exit()) detail += ": " + life_.last_exit()->why();
  if (state == State::running) detail.clear();
  (void)busd_connection_report(link_.get(), shown_state(state), text_of(detail), nullptr);
  link_.stir();
}

// --- what is asked ---

void Source::begin() {
  life_.begin(now());
  settle();
}

void Source::start(uint64_t command) {
  life_.start(command, now());
  settle();
}

void Source::stop(uint64_t command) {
  life_.stop(command, now());
  settle();
}

void Source::restart(uint64_t command) {
  life_.restart(command, now());
  settle();
}

void Source::set_enabled(bool enabled) {
  life_.set_enabled(enabled, now());
  settle();
}

void Source::retire(const std::string& why) {
  gone_ = why;
  if (gone_.empty()) {
    life_.retire(now());
  } else {
    feed_.note(life_.run(), "it ends: " + gone_);
    life_.retire(now(), gone_);
  }
  settle();
}

// One that was written again as it was is the same.
bool Source::is_other_program(const FoundSource& found) {
  if (found.version == found_.version) return false;
  auto contents = contents_of(found.definition.command.front());
  bool is_other = !contents || contents != contents_;
  contents_ = contents;
  return is_other;
}

bool Source::redefine(FoundSource found) {
  bool has_other_program = is_other_program(found);
  found_.version = found.version;
  if (found.definition == found_.definition && !has_other_program) return false;
  bool runs_anew = needs_new_run(found_.definition, found.definition) || has_other_program;
  bool reconnects = is_other_connection(found_.definition, found.definition);
  found_ = std::move(found);
  feed_.define(found_.definition);
  if (reconnects && link_.is_open()) {
    link_.close(milliseconds(100));
    relay_.on_link_lost();
    owner_.on_source_disconnected(*this);
  }
  if (runs_anew) {
    life_.redefine(found_.definition, now());
  } else {
    life_.set_rules(found_.definition, now());
  }
  settle();
  return true;
}

// --- what it writes ---

void Source::on_line(Stream stream, uint64_t run, std::string_view line, bool whole) {
  feed_.take(stream, run, line, whole);
}

void Source::on_too_long(Stream stream, uint64_t run) { feed_.skip_too_long(stream, run); }

void Source::on_lines_done() {
  link_.send_held();
  pause_outputs();
}

void Source::on_output_over(uint64_t run) {
  auto at = std::find_if(outputs_.begin(), outputs_.end(),
                         [&](const auto& output) { return output->run() == run; });
  if (at == outputs_.end()) return;
  dead_outputs_.push_back(std::move(*at));
  outputs_.erase(at);
  owner_.on_source_has_dead(*this);
}

void Source::on_message(std::string_view type, std::string_view line) {
  std::string trouble;
  if (type == SourceStatus::kType) {
    auto status = decode_line<SourceStatus>(line);
    if (!status) {
      trouble = "it is no source_status";
    } else if (status->source != name()) {
      trouble = "it speaks for another source";
    } else if (link_.is_open()) {
      auto error = BUSD_INIT(busd_error);
      auto state = static_cast<busd_source_state>(status->state);
      if (busd_connection_report(link_.get(), state, text_of(status->detail), &error) == BUSD_INVALID)
        trouble = error.message;
    }
  } else {
    trouble = relay_.on_answer(type, line);
  }
  if (!trouble.empty())
    feed_.note(life_.run(), "the frame " + std::string(type) + " was not sent: " + trouble);
}

// What the hub does not take is left in the pipe, where it holds back the program and nobody else.
void Source::pause_outputs() {
  bool paused = !link_.has_room();
  for (const auto& output : outputs_) output->pause(paused);
}

// --- after anything that has moved its life ---

// Why no run will serve a request; empty: one may.
std::string Source::no_run_reason() const {
  bool may_run = life_.deadline() != kNever;
  switch (life_.state()) {
    case State::idle:
      if (may_run) return {};
      return life_.wish() == Wish::down ? "is stopped: bus-source start " + name()
                                        : "has ended without an answer";
    case State::failed:
      return "has failed" + (life_.last_exit() ? ": " + life_.last_exit()->why() : std::string());
    case State::disabled:
      return "is disabled: bus-source enable " + name();
    default:
      return {};
  }
}

void Source::settle() {
  for (const CommandEnd& end : life_.take_ended()) owner_.on_command_ended(*this, end);
  deadline_.set(life_.deadline());
  if (demand_.requests() == 0) return;
  std::string reason = no_run_reason();
  if (!reason.empty()) relay_.refuse_all("the source " + name() + " " + reason);
}

void Source::sweep() {
  dead_processes_.clear();
  dead_outputs_.clear();
}

}  // namespace bus::sources
