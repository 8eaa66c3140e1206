/*
 * hosted.c - a consumer and a source hosted in one poll(2) loop that also has other work, in C.
 *
 *   example-hosted chat                 prints what others publish, and publishes each line of its stdin
 *
 * The recipe is the same for every loop: watch the descriptor for the events of busd_..._events, wait no
 * longer than busd_..._deadline, and then let the library do what is due.
 */
#include <busd/consumer.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

static int fail(const char* program, const busd_error* error) {
  fprintf(stderr, "%s: %s\n", program, error->message);
  return 69;
}

/* The sooner of two deadlines, as a timeout for poll(2). */
static int sooner(int64_t one, int64_t other) {
  int64_t least = one;
  if (one == BUSD_FOREVER || (other != BUSD_FOREVER && other < one)) least = other;
  if (least == BUSD_FOREVER) return -1;
  return least > INT_MAX ? INT_MAX : (int)least;
}

/* Takes all items that have come. */
static busd_result drain(busd_consumer* consumer, busd_error* error) {
  for (;;) {
    busd_item item = BUSD_INIT(busd_item);
    busd_result result = busd_consumer_next(consumer, 0, &item, error);
    if (result != BUSD_OK) return result;
    if (item.kind != BUSD_ITEM_EVENT) continue;
    fwrite(item.payload.data, 1, item.payload.length, stdout);
    putchar('\n');
    fflush(stdout);
  }
}

/* The other work of the loop: publishes each line of stdin. Returns 0 at the end of stdin. */
static int read_input(busd_source* source, busd_text type) {
  static char held[65536]; /* a longer line is cut off */
  static size_t length;
  ssize_t got = read(STDIN_FILENO, held + length, sizeof held - length);
  if (got <= 0) return 0;
  length += (size_t)got;
  char* begin = held;
  for (;;) {
    size_t left = length - (size_t)(begin - held);
    char* end = memchr(begin, '\n', left);
    if (end == NULL && left < sizeof held) break;
    if (end == NULL) end = begin + left - 1;
    busd_publication publication = BUSD_INIT(busd_publication);
    publication.event_type = type;
    publication.payload = (busd_text){begin, (size_t)(end - begin)};
    busd_error error = BUSD_INIT(busd_error);
    /* This waits only while more than buffer_bytes wait to be sent. If the connection is gone for good,
       busd_source_process reports that again. */
    if (busd_source_publish(source, &publication, NULL, &error) == BUSD_INVALID)
      fprintf(stderr, "%s\n", error.message);
    begin = end + 1;
  }
  length -= (size_t)(begin - held);
  for (size_t i = 0; i < length; ++i) held[i] = begin[i];
  return 1;
}

static busd_result run(busd_consumer* consumer, busd_source* source, busd_text type, busd_error* error) {
  for (;;) {
    struct pollfd ready[] = {{busd_consumer_fd(consumer), busd_consumer_events(consumer), 0},
                             {busd_source_fd(source), busd_source_events(source), 0},
                             {STDIN_FILENO, POLLIN, 0}};
    poll(ready, 3, sooner(busd_consumer_deadline(consumer), busd_source_deadline(source)));
    /* Both cost little if nothing is due, so which of them ended the wait does not matter. */
    busd_result result = drain(consumer, error);
    if (result != BUSD_TIMED_OUT) return result;
    result = busd_source_process(source, error);
    if (result != BUSD_OK && result != BUSD_LOST) return result;
    if (ready[2].revents != 0 && !read_input(source, type)) return BUSD_OK;
  }
}

int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s EVENT_TYPE\n", argv[0]);
    return 64;
  }
  busd_text type = text(argv[1]);
  busd_error error = BUSD_INIT(busd_error);

  busd_consumer* consumer = NULL;
  busd_consumer_options wanted = BUSD_INIT(busd_consumer_options);
  wanted.key = type;
  wanted.event_types = &type;
  wanted.event_type_count = 1;
  wanted.no_start = 0; /* set it to 1 if the loop cannot wait the 20 ms that starting a hub takes */
  if (busd_consumer_open(&wanted, &consumer, &error) != BUSD_OK) return fail(argv[0], &error);

  busd_source* source = NULL;
  busd_source_options offered = BUSD_INIT(busd_source_options);
  offered.check_payloads = 1; /* people may type anything */
  if (busd_source_open(&offered, &source, &error) != BUSD_OK) {
    busd_consumer_close(consumer, NULL);
    return fail(argv[0], &error);
  }
  fprintf(stderr, "ready\n");

  busd_result result = run(consumer, source, type, &error);
  int code = result == BUSD_OK ? 0 : fail(argv[0], &error);
  if (busd_source_close(source, 5000, &error) != BUSD_OK && code == 0) code = fail(argv[0], &error);
  busd_consumer_close(consumer, NULL);
  return code;
}
