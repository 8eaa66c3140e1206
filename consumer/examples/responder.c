/*
 * responder.c - consumes and publishes on one connection, in C.
 *
 *   example-responder                   answers each event "question" with an event "answer" of the same payload
 *
 * A consumer may publish. One connection is enough for it, and one function tells what happens on it.
 */
#include <busd/consumer.h>
#include <stdio.h>

static int fail(const char* program, const busd_error* error) {
  fprintf(stderr, "%s: %s\n", program, error->message);
  return 69;
}

static void note(const char* what, busd_text detail) {
  fprintf(stderr, "%s: %.*s\n", what, (int)detail.length, detail.data);
}

/* The payload is text of the item, and may be published as it is. */
static busd_result answer(busd_connection* connection, const busd_item* question, busd_error* error) {
  busd_publication publication = BUSD_INIT(busd_publication);
  publication.event_type = (busd_text){"answer", 6};
  publication.payload = question->payload;
  return busd_connection_publish(connection, &publication, NULL, error);
}

int main(int argc, char** argv) {
  const char* program = argc > 0 ? argv[0] : "responder";
  busd_error error = BUSD_INIT(busd_error);
  const busd_text question = {"question", 8};
  busd_connection_options options = BUSD_INIT(busd_connection_options);
  options.key = (busd_text){"responder", 9};
  options.event_types = &question;
  options.event_type_count = 1;
  busd_connection* connection = NULL;
  if (busd_connection_open(&options, &connection, &error) != BUSD_OK) return fail(program, &error);
  fprintf(stderr, "ready\n");

  busd_item item = BUSD_INIT(busd_item);
  busd_result result = BUSD_OK;
  while (result == BUSD_OK) {
    result = busd_connection_next(connection, BUSD_FOREVER, &item, &error);
    if (result != BUSD_OK) break;
    switch (item.kind) {
      case BUSD_ITEM_EVENT:
        result = answer(connection, &item, &error);
        /* The answer goes to the next hub. The item BREAK will say which others are in doubt. */
        if (result == BUSD_LOST) result = BUSD_OK;
        break;
      case BUSD_ITEM_REFUSED:
        note("an answer was refused", item.detail);
        break;
      case BUSD_ITEM_LOST:
        fprintf(stderr, "%llu questions were lost\n", (unsigned long long)item.lost_count);
        break;
      case BUSD_ITEM_BREAK:
        note("reconnecting", item.detail);
        break;
      default: /* of no interest here, or of a newer library */
        break;
    }
  }
  int code = fail(program, &error);
  busd_connection_close(connection, 5000, NULL);
  return code;
}
