/*
 * cleanup.c - a consumer in C with set-up and clean-up. It switches something on for as long as there is a
 * consumer.
 *
 *   example-cleanup door ./door-is-watched         until it is interrupted
 *   example-cleanup door ./door-is-watched 3       ends after three events
 *
 * However many consumers use the key "door", the first one creates the file and the last one removes it. In
 * the place of the file there may be a subscription to a service, a mount, or a device that needs power.
 */
#include <busd/consumer.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Runs in exactly one consumer. The file may exist already, left behind by a consumer that crashed. */
static int set_up(void* path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  close(fd);
  fprintf(stderr, "set up\n");
  return 0;
}

/* Until this returns, no other consumer joins, so set-up and clean-up never overlap. */
static int clean_up(void* path) {
  if (unlink(path) != 0 && errno != ENOENT) return -1; /* cleaning up twice is no failure */
  fprintf(stderr, "cleaned up\n");
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: %s EVENT_TYPE FILE [COUNT]\n", argv[0]);
    return 64;
  }
  long wanted = argc > 3 ? strtol(argv[3], NULL, 10) : -1;
  busd_error error = BUSD_INIT(busd_error);

  busd_text type = text(argv[1]);
  busd_consumer_options options = BUSD_INIT(busd_consumer_options);
  options.key = type;
  options.event_types = &type;
  options.event_type_count = 1;
  options.on_first = set_up;
  options.on_last = clean_up;
  options.context = argv[2];
  if (busd_consumer_open(&options, &consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    return 69;
  }

  /* A signal must not end the process before it has cleaned up. */
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
    if (item.kind != BUSD_ITEM_EVENT) continue;
    fwrite(item.payload.data, 1, item.payload.length, stdout);
    putchar('\n');
    fflush(stdout);
    if (wanted > 0) --wanted;
  }
  int code = 0;
  if (result != BUSD_OK && result != BUSD_TIMED_OUT) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    code = 69;
  }

  signal(SIGINT, SIG_IGN); /* the signal handler must not use the handle any more */
  signal(SIGTERM, SIG_IGN);
  /* This cleans up also if the hub is gone for good: a consumer without an answer acts as the last one. */
  if (busd_consumer_close(consumer, &error) != BUSD_OK) {
    fprintf(stderr, "%s: %s\n", argv[0], error.message);
    code = 70;
  }
  return code;
}
