/*
 * minimal.c - a consumer in C. It prints the payload of each event of one type.
 *
 *   example-minimal-c clock.tick        until it is interrupted
 *   example-minimal-c clock.tick 3      ends after three events
 *
 * To build it by hand, or a program of your own:
 *
 *   cc -o example-minimal-c minimal.c $(pkg-config --cflags --libs busd)
 */
#include <busd/consumer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Global, because the signal handler needs it. */
static busd_consumer* consumer;
static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
  (void)number;
  interrupted = 1;
  busd_consumer_wake(consumer); /* async-signal-safe: ends the wait in busd_consumer_next */
}

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

/* Prints an item. Returns 1 if it was an event. */
static int show(const busd_item* item) {
  switch (item->kind) {
    case BUSD_ITEM_EVENT:
      fwrite(item->payload.data, 1, item->payload.length, stdout);
      putchar('\n');
      fflush(stdout);
      return 1;
    case BUSD_ITEM_LOST:
      fprintf(stderr, "%llu events lost: too slow\n", (unsigned long long)item->lost_count);
      return 0;
    case BUSD_ITEM_BREAK:
      fprintf(stderr, "the hub is gone; reconnecting\n");
      return 0;
    case BUSD_ITEM_RESET:
      fprintf(stderr, "connected again; what was published in between is lost\n");
      return 0;
    default: /* states of sources, and kinds that a later library may add */
      return 0;
  }
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s EVENT_TYPE [COUNT]\n", argv[0]);
    return 64;
  }
  long wanted = argc > 2 ? strtol(argv[2], NULL, 10) : -1;
  busd_error error = BUSD_INIT(busd_error);

  busd_text type = text(argv[1]);
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  options.key = type;
  options.event_types = &type;
  options.event_type_count = 1;
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }

  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  fprintf(stderr, "ready\n");

  busd_result result = BUSD_OK;
  while (wanted != 0 && !interrupted) {
    busd_item item = BUSD_INIT(busd_item);
    result = busd_consumer_next(consumer, BUSD_FOREVER, &item, &error);
    if (result == BUSD_TIMED_OUT) continue; /* woken */
    if (result != BUSD_OK) break;
    if (show(&item) && wanted > 0) --wanted;
  }
  if (result != BUSD_OK && result != BUSD_TIMED_OUT) fprintf(stderr, "%s: %s\n", argv[0], error.message);

  signal(SIGINT, SIG_IGN); /* the signal handler must not use the handle any more */
  signal(SIGTERM, SIG_IGN);
  busd_consumer_close(consumer, NULL);
  return result == BUSD_OK || result == BUSD_TIMED_OUT ? 0 : 69;
}
