/*
 * file_source.c - a source in C that reports its state. It publishes the JSON value in a file whenever the
 * value has changed.
 *
 *   example-file-source lamp ./lamp.json            looks once a second, until it is interrupted
 *   example-file-source lamp ./lamp.json 50 10      looks every 50 ms, ten times
 *
 * The name of the source is its event type. Its state is "connected" while the file holds a JSON value, and
 * otherwise "disconnected" with the reason. Consumers get the state, also those that join later, and
 * bus-status shows it. When the program ends or crashes, the hub reports "disconnected" for it.
 */
#include <busd/consumer.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kMostBytes = 65536 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  (void)number;
  interrupted = 1;
}

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads the file into a NUL-terminated text. Returns NULL, or the reason why it cannot. */
static const char* read_value(const char* path, char* value) {
  FILE* file = fopen(path, "re");
  if (file == NULL) return strerror(errno);
  size_t length = fread(value, 1, kMostBytes, file);
  int failed = ferror(file);
  fclose(file);
  if (failed) return "cannot be read";
  if (length == kMostBytes) return "too long";
  value[length] = '\0';
  return value[strspn(value, " \t\r\n")] == '\0' ? "empty" : NULL;
}

struct plugin {
  const char* name; /* of the program, for messages */
  busd_text type;
  busd_source* source;
  int connected;              /* as the hub reports it, which it does by itself when a source connects */
  char values[2][kMostBytes]; /* the one that was published, and one to read into */
  int published;              /* index of the published value; -1: none */
};

/* Reports the state if it has changed. */
static void report(struct plugin* plugin, const char* fault) {
  int connected = fault == NULL;
  if (connected == plugin->connected) return;
  plugin->connected = connected;
  busd_source_state state = connected ? BUSD_SOURCE_CONNECTED : BUSD_SOURCE_DISCONNECTED;
  busd_source_status(plugin->source, state, text(connected ? "" : fault), NULL);
}

/* Handles the result of a call on the source. Returns 0 when the program must end. */
static int survived(struct plugin* plugin, busd_result result, const busd_error* error) {
  switch (result) {
    case BUSD_OK:
    case BUSD_TIMED_OUT:
      return 1;
    case BUSD_LOST:
      /* The connection broke. The last value may be lost, so publish it again. */
      fprintf(stderr, "%s: %s\n", plugin->name, error->message);
      plugin->published = -1;
      plugin->connected = 1;
      return 1;
    default:
      fprintf(stderr, "%s: %s\n", plugin->name, error->message);
      return 0;
  }
}

static int look(struct plugin* plugin, const char* path) {
  int read = plugin->published == 0 ? 1 : 0;
  const char* fault = read_value(path, plugin->values[read]);
  busd_error error = BUSD_INIT(busd_error);
  busd_result result = BUSD_OK;
  int same = plugin->published >= 0 && strcmp(plugin->values[0], plugin->values[1]) == 0;
  if (fault == NULL && !same) {
    busd_publication publication = BUSD_INIT(busd_publication);
    publication.event_type = plugin->type;
    publication.payload = text(plugin->values[read]);
    result = busd_source_publish(plugin->source, &publication, NULL, &error);
    if (result == BUSD_INVALID) {
      fault = error.message;
      result = BUSD_OK;
    } else {
      plugin->published = read;
    }
  }
  if (!survived(plugin, result, &error)) return 0;
  report(plugin, fault);
  return 1;
}

/* Waits until it is time to look again, and meanwhile does what the connection needs. */
static int wait_until(struct plugin* plugin, int64_t until) {
  for (;;) {
    int64_t left = until - now_ms();
    if (left <= 0 || interrupted) return 1;
    int64_t deadline = busd_source_deadline(plugin->source);
    if (deadline != BUSD_FOREVER && deadline < left) left = deadline;
    struct pollfd ready = {busd_source_fd(plugin->source), busd_source_events(plugin->source), 0};
    poll(&ready, 1, (int)left);
    busd_error error = BUSD_INIT(busd_error);
    busd_result result = busd_source_process(plugin->source, &error);
    if (!survived(plugin, result, &error)) return 0;
  }
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s EVENT_TYPE FILE [INTERVAL_MS [LOOKS]]\n", argv[0]);
    return 64;
  }
  long interval_ms = argc > 3 ? strtol(argv[3], NULL, 10) : 1000;
  if (interval_ms < 1 || interval_ms > 3600000) interval_ms = 1000;
  long looks = argc > 4 ? strtol(argv[4], NULL, 10) : -1;
  static struct plugin plugin = {.connected = 1, .published = -1};
  plugin.name = argv[0];
  plugin.type = text(argv[1]);

  busd_error error = BUSD_INIT(busd_error);
  busd_source_options options = BUSD_INIT(busd_source_options);
  options.name = plugin.type;
  options.check_payloads = 1; /* a file may contain anything */
  if (busd_source_open(&options, &plugin.source, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  int alive = 1;
  while (alive && looks != 0 && !interrupted) {
    int64_t next = now_ms() + interval_ms;
    alive = look(&plugin, argv[2]);
    if (looks > 0) --looks;
    if (alive && looks != 0) alive = wait_until(&plugin, next);
  }
  /* Closing waits until the hub has processed the last event. */
  busd_result closed = busd_source_close(plugin.source, 5000, &error);
  if (alive && closed != BUSD_OK) fprintf(stderr, "%s: %s\n", argv[0], error.message);
  return alive && closed == BUSD_OK ? 0 : 69;
}
