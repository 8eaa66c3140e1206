/*
 * resync.c - a consumer in C that notices that it has missed events, and recovers.
 *
 *   example-resync lamp ./lamps                until it is interrupted
 *   example-resync lamp ./lamps 3              ends after three events
 *
 * It prints "event" with each payload. The bus stores no events, so one that was missed is gone. The
 * program then reads the whole state again from where it is kept, here from a file, and prints it as "state".
 * It does so when it starts, after a loss, and when it is connected again. While there is no hub, it says
 * that what it has shown may be out of date.
 */
#include <busd/consumer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static busd_consumer* consumer;
static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  (void)number;
  interrupted = 1;
  busd_consumer_wake(consumer);
}

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

static void read_state(const char* path) {
  char line[4096];
  FILE* file = fopen(path, "re");
  if (file == NULL) {
    perror(path);
    return;
  }
  while (fgets(line, sizeof line, file) != NULL) printf("state %s", line);
  fclose(file);
  fflush(stdout);
}

/* Handles an item. Returns 1 if it was an event. */
static int show(const busd_item* item, const char* state) {
  switch (item->kind) {
    case BUSD_ITEM_EVENT:
      printf("event %.*s\n", (int)item->payload.length, item->payload.data);
      fflush(stdout);
      return 1;
    case BUSD_ITEM_LOST:
      /* This comes before the first event after the gap, so the state read now is newer than all lost events.
       */
      fprintf(stderr, "missed %llu events after number %llu\n", (unsigned long long)item->lost_count,
              (unsigned long long)item->lost_after);
      read_state(state);
      return 0;
    case BUSD_ITEM_BREAK:
      fprintf(stderr, "no hub; what is shown may be old\n");
      return 0;
    case BUSD_ITEM_RESET:
      /* Events that were published in between are not counted, and numbers begin at 1 again. Events of the
         new connection come after this item, so no change falls between the state read here and them. */
      fprintf(stderr, "connected again%s\n", item->first ? ", as the first" : "");
      read_state(state);
      return 0;
    default: /* states of sources, and kinds that a later library may add */
      return 0;
  }
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s EVENT_TYPE STATE_FILE [COUNT]\n", argv[0]);
    return 64;
  }
  long wanted = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
  busd_error error = BUSD_INIT(busd_error);

  busd_text type = text(argv[1]);
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  options.key = type;
  options.event_types = &type;
  options.event_type_count = 1;
  options.no_start = 1; /* another program starts the new hub */
  options.reconnect_max_ms =
      1000; /* the first attempt comes at once, the next ones after growing pauses up to this */
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  /* After subscribing, so that a change in the meantime comes as an event. */
  read_state(argv[2]);
  fprintf(stderr, "ready\n");

  busd_result result = BUSD_OK;
  while (wanted != 0 && !interrupted) {
    busd_item item = BUSD_INIT(busd_item);
    result = busd_consumer_next(consumer, BUSD_FOREVER, &item, &error);
    if (result == BUSD_TIMED_OUT) continue; /* woken */
    if (result != BUSD_OK) break;           /* the library does not reconnect any more */
    if (show(&item, argv[2]) && wanted > 0) --wanted;
  }
  if (result != BUSD_OK && result != BUSD_TIMED_OUT) fprintf(stderr, "%s: %s\n", argv[0], error.message);

  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  busd_consumer_close(consumer, NULL);
  return result == BUSD_OK || result == BUSD_TIMED_OUT ? 0 : 69;
}
