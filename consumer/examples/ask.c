/*
 * ask.c - calls a task, in C.
 *
 *   example-ask 1 2                     prints the sum that the program adder makes
 *
 * The call ends in any case: with a result, or with an error that says what happened.
 */
#include <busd/calls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static busd_text text(const char* from) {
  busd_text made = {from, strlen(from)};
  return made;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: ask NUMBER NUMBER\n");
    return 64;
  }
  char args[64];
  snprintf(args, sizeof args, "{\"a\":%ld,\"b\":%ld}", strtol(argv[1], NULL, 10), strtol(argv[2], NULL, 10));

  busd_error error = BUSD_INIT(busd_error);
  busd_connection_options options = BUSD_INIT(busd_connection_options);
  busd_connection* connection = NULL;
  if (busd_connection_open(&options, &connection, &error) != BUSD_OK) {
    fprintf(stderr, "ask: %s\n", error.message);
    return 69;
  }

  busd_call_options how = BUSD_INIT(busd_call_options);
  busd_answer answer = BUSD_INIT(busd_answer);
  how.timeout_ms = 10000;
  how.wait = 1; /* for a provider, if there is none yet */
  busd_result result = busd_connection_call(connection, text("math.add"), text(args), &how, &answer, &error);
  if (result == BUSD_OK) {
    printf("%.*s\n", (int)answer.result.length, answer.result.data);
  } else {
    fprintf(stderr, "ask: %s\n", error.message); /* for BUSD_FAILED "code: message" */
  }
  busd_connection_close(connection, 5000, NULL);
  return result == BUSD_OK ? 0 : 70;
}
