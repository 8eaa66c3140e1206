/*
 * resync.c - a consumer in C that notices what it has missed, and makes good for it.
 *
 *   example-resync lamp ./lamps                until it is interrupted
 *   example-resync lamp ./lamps 3              three events, then it ends
 *
 * Prints "event" with each payload. A bus keeps nothing, so what was missed is gone: this program then reads
 * the whole state anew from where it is kept, here from a file, and prints it as "state". It does so at its
 * start, after a loss, and after the hub was replaced; while there is no hub, it says that what is shown may
 * be old.
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

/* Returns 1 when it was an event. */
static int show(const busd_item* item, const char* state) {
  switch (item->kind) {
    case BUSD_ITEM_EVENT:
      printf("event %.*s\n", (int)item->payload.length, item->payload.data);
      fflush(stdout);
      return 1;
    case BUSD_ITEM_LOST:
      /* Comes before the first event after the gap: what is read now is newer than all that was lost. */
      fprintf(stderr, "missed %llu events after number %llu\n", (unsigned long long)item->lost_count,
              (unsigned long long)item->lost_after);
      read_state(state);
      return 0;
    case BUSD_ITEM_BREAK:
      fprintf(stderr, "no hub; what is shown may be old\n");
      return 0;
    case BUSD_ITEM_RESET:
      /* Nobody counts what was published in between, and numbers begin at 1 again. Events of the new
         connection come after this, so that nothing falls between what is read here and them. */
      fprintf(stderr, "connected again%s\n", item->first ? ", as the first" : "");
      read_state(state);
      return 0;
    default: /* source states, and kinds that a later library may add */
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
  options.no_start = 1; /* a hub that is replaced is started by somebody else */
  options.reconnect_max_ms =
      1000; /* the first attempt comes at once, the next after growing pauses up to this */
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  /* After subscribing, so that what changes meanwhile comes as an event. */
  read_state(argv[2]);
  fprintf(stderr, "ready\n");

  busd_result result = BUSD_OK;
  while (wanted != 0 && !interrupted) {
    busd_item item = BUSD_INIT(busd_item);
    result = busd_consumer_next(consumer, BUSD_FOREVER, &item, &error);
    if (result == BUSD_TIMED_OUT) continue; /* woken */
    if (result != BUSD_OK) break;           /* for good: reconnecting has been given up */
    if (show(&item, argv[2]) && wanted > 0) --wanted;
  }
  if (result != BUSD_OK && result != BUSD_TIMED_OUT) fprintf(stderr, "%s: %s\n", argv[0], error.message);

  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  busd_consumer_close(consumer, NULL);
  return result == BUSD_OK || result == BUSD_TIMED_OUT ? 0 : 69;
}
