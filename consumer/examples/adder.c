/*
 * adder.c - provides a task, in C.
 *
 *   example-adder 3    answers three requests for the sum of two numbers, and ends
 *   example-ask 1 2    asks for one (ask.c)
 *
 * A request is an item, and is answered by its number. What does not fit is answered, too: with an error.
 */
#include <busd/calls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

static int read_number(const char* line, const char* name, long* number) {
  const char* at = strstr(line, name);
  char* end = NULL;
  if (at == NULL) return 0;
  *number = strtol(at + strlen(name), &end, 10);
  return end != at + strlen(name);
}

/* The args are JSON. A real program has a parser for them; here, one form is understood. */
static int read_numbers(busd_text args, long* a, long* b) {
  char line[64];
  if (args.length >= sizeof line) return 0;
  memcpy(line, args.data, args.length);
  line[args.length] = '\0';
  return read_number(line, "\"a\":", a) && read_number(line, "\"b\":", b);
}

static busd_result serve(busd_connection* connection, const busd_item* item, busd_error* error) {
  long a = 0;
  long b = 0;
  char result[64];
  if (!read_numbers(item->request->args, &a, &b)) {
    return busd_request_fail(connection, item->call, text("bad_args"), text("args must be {\"a\":N,\"b\":N}"),
                             text(""), error);
  }
  snprintf(result, sizeof result, "{\"sum\":%ld}", a + b);
  return busd_request_respond(connection, item->call, text(result), error);
}

int main(int argc, char** argv) {
  long left = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
  busd_error error = BUSD_INIT(busd_error);
  busd_connection_options options = BUSD_INIT(busd_connection_options);
  busd_item item = BUSD_INIT(busd_item);
  busd_connection* connection = NULL;
  const busd_text task = text("math.add");
  busd_result result = busd_connection_open(&options, &connection, &error);
  if (result == BUSD_OK) result = busd_connection_provide(connection, &task, 1, NULL, &error);
  if (result == BUSD_OK) fprintf(stderr, "ready\n");

  while (result == BUSD_OK && left > 0) {
    result = busd_connection_next(connection, BUSD_FOREVER, &item, &error);
    if (result != BUSD_OK || item.kind != BUSD_ITEM_REQUEST) continue;
    result = serve(connection, &item, &error);
    --left;
  }
  if (result == BUSD_OK) return busd_connection_close(connection, 5000, NULL) == BUSD_OK ? 0 : 69;
  fprintf(stderr, "adder: %s\n", error.message);
  busd_connection_abandon(connection);
  return 69;
}
