/*
 * lock.c - waits for a lock, runs a command while it has the lock, and frees it, in C.
 *
 *   example-lock deploy.lock make deploy
 *
 * The lock is a key: who creates it has it, and the hub deletes it when the connection of its holder ends, whatever
 * ends that. If the connection breaks while the command runs, somebody else may get the lock; the exit status is then
 * 75. A command that must stop at once in that case watches for BUSD_ITEM_BREAK instead of waiting, as leader.cpp does.
 */
#include <busd/values.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char** environ;

static int fail(const busd_error* error, int status) {
  fprintf(stderr, "lock: %s\n", error->message);
  return status;
}

/* Returns BUSD_OK once this connection has created the key. */
static busd_result wait_for_lock(busd_connection* connection, busd_text key, busd_error* error) {
  busd_put_options lock = BUSD_INIT(busd_put_options);
  busd_item item = BUSD_INIT(busd_item);
  busd_result result = busd_connection_watch(connection, &key, 1, NULL, NULL, error);
  lock.create = 1;
  lock.while_connected = 1;
  while (result == BUSD_OK &&
         (result = busd_connection_next(connection, BUSD_FOREVER, &item, error)) == BUSD_OK) {
    int may_be_free = item.kind == BUSD_ITEM_SYNCED || (item.kind == BUSD_ITEM_VALUE && item.value->deleted);
    if (!may_be_free) continue;
    result = busd_connection_put(connection, key, (busd_text){"true", 4}, &lock, NULL, error);
    if (result == BUSD_OK) break;
    if (result == BUSD_EXISTS || result == BUSD_LOST)
      result = BUSD_OK; /* somebody has it: wait for the next time */
  }
  return result;
}

/* Whether the connection has not broken since. */
static int has_kept_lock(busd_connection* connection) {
  busd_item item = BUSD_INIT(busd_item);
  while (busd_connection_next(connection, 0, &item, NULL) == BUSD_OK) {
    if (item.kind == BUSD_ITEM_BREAK) return 0;
  }
  return 1;
}

int main(int argc, char** argv) {
  busd_connection_options options = BUSD_INIT(busd_connection_options);
  busd_error error = BUSD_INIT(busd_error);
  busd_connection* connection = NULL;
  pid_t command = 0;
  int status = 0;
  if (argc < 3) {
    fprintf(stderr, "usage: lock KEY COMMAND [ARGUMENT...]\n");
    return 64;
  }
  busd_text key = {argv[1], strlen(argv[1])};
  if (busd_connection_open(&options, &connection, &error) != BUSD_OK) return fail(&error, 69);
  if (wait_for_lock(connection, key, &error) != BUSD_OK) return fail(&error, 69);
  int failed = posix_spawnp(&command, argv[2], NULL, NULL, argv + 2, environ);
  if (failed == 0) waitpid(command, &status, 0);
  int kept = has_kept_lock(connection);
  busd_connection_close(connection, 5000, NULL); /* frees the lock */
  if (failed != 0) {
    fprintf(stderr, "lock: %s: %s\n", argv[2], strerror(failed));
    return 127;
  }
  if (!kept) {
    fprintf(stderr,
            "lock: the connection broke while the command ran: somebody else may have had the lock\n");
    return 75;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
