#!/bin/sh
# tests/abi/check says what breaks programs, and lets pass what does not: check_test.sh CHECK CC INCLUDE-DIR
#
# Of a library with three of the functions, whose header is changed in one way after the other.
set -eu
check=$1
cc=$2
include=$3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$check" "$work/check" # which looks for its page beside itself
cat >"$work/library.c" <<'C'
#include <busd/consumer.h>
#ifndef TIMEOUT
#define TIMEOUT int64_t
#endif
busd_result busd_connection_open(const busd_connection_options* options, busd_connection** connection, busd_error* error) {
  return options && connection && error ? BUSD_OK : BUSD_INVALID;
}
busd_result busd_connection_next(busd_connection* connection, TIMEOUT timeout_ms, busd_item* item, busd_error* error) {
  return connection && timeout_ms && item && error ? BUSD_OK : BUSD_INVALID;
}
#ifndef WITHOUT_VERSION
const char* busd_version(void) { return ""; }
#endif
#ifdef WITH_MORE
int busd_more(void);
int busd_more(void) { return 1; }
#endif
C

# build SED [CC-OPTION]: the library, by a header that SED has changed.
build() {
  mkdir -p "$work/include/busd"
  sed -e "$1" "$include/busd/consumer.h" >"$work/include/busd/consumer.h"
  if [ -n "$1" ] && cmp -s "$include/busd/consumer.h" "$work/include/busd/consumer.h"; then
    echo "nothing in consumer.h matches: $1"
    exit 1
  fi
  # The option is one word, or none.
  # shellcheck disable=SC2086
  "$cc" -g -fPIC -shared -Wl,-soname,libbusd.so.0 -I "$work/include" ${2-} -o "$work/library.so" "$work/library.c"
}

# passes SED [CC-OPTION]
passes() {
  build "$@"
  if ! said=$("$work/check" "$work/library.so" "$work/include"); then
    printf 'refused: %s\n%s\n' "$*" "$said"
    exit 1
  fi
}

# fails TEXT SED [CC-OPTION]: and says TEXT.
fails() {
  text=$1
  shift
  build "$@"
  status=0
  said=$("$work/check" "$work/library.so" "$work/include") || status=$?
  if [ "$status" -ne 1 ]; then
    printf 'exit %s instead of 1: %s\n%s\n' "$status" "$*" "$said"
    exit 1
  fi
  case $said in
    *"$text"*) ;;
    *)
      printf 'not said: %s, of: %s\n%s\n' "$text" "$*" "$said"
      exit 1
      ;;
  esac
}

build ''
status=0
"$work/check" --renew "$work/library.so" "$work/include" || status=$?
[ "$status" -eq 0 ] || exit "$status" # 77: it cannot be done here
passes ''

fails '{busd_version}' '' -DWITHOUT_VERSION
passes '' -DWITH_MORE
fails "'int64_t more', at offset 64" 's/^  busd_item_kind kind;/  int64_t more;\n&/'
fails "'busd_text key' offset changed" '/^  busd_text bus;.*name of the bus/d'
fails "'int64_t more', at offset 128" 's/^} busd_text;/  int64_t more;\n&/'
fails "'busd_result::BUSD_LOST' from value '9' to '12'" 's/BUSD_LOST = 9/BUSD_LOST = 12/'
passes 's/BUSD_INTERNAL = 10/BUSD_MORE = 11, &/'
fails "parameter 2 of type 'typedef int64_t' changed" 's/connection_next(busd_connection\* connection, int64_t/connection_next(busd_connection* connection, int32_t/' \
  -DTIMEOUT=int32_t

# At the end of a struct that begins with its size, and alone.
passes 's/^} busd_connection_options;/  int64_t more;\n&/'
fails "'int no_start' changed" 's/^  int no_start; .*not start a hub.*/  int64_t no_start;/
s/^} busd_connection_options;/  int64_t more;\n&/'
# Not where padding was: an old caller's has the right size, and nothing sensible in it.
build '/^  int cancel_fd;/d'
"$work/check" --renew "$work/library.so" "$work/include"
fails "'int cancel_fd', at offset 1568" ''

echo "abi: every change that breaks programs was found, and no other"
