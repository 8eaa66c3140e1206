#!/bin/sh
# The layer check finds what it is there to find: layers_test.sh LAYERS ROOT
set -eu
layers=$1
root=$2

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/protocol/base" "$tree/hub/core/events" "$tree/consumer/cli" "$tree/consumer/src" "$tree/consumer/examples" "$tree/tests"
cp "$root/ARCHITECTURE.md" "$tree/"

# refused FILE LINE EXPECTED: the tree with LINE in FILE fails, and the report says where and what.
refused() {
  printf '// first line\n%s\n' "$2" >"$tree/$1"
  status=0
  said=$("$layers" "$tree") || status=$?
  rm "$tree/$1"
  if [ "$status" -ne 1 ]; then
    printf '%s in %s: exit %s instead of 1, saying: %s\n' "$2" "$1" "$status" "$said"
    exit 1
  fi
  case $said in
    *"$3"*) ;;
    *)
      printf '%s in %s: expected "%s", got: %s\n' "$2" "$1" "$3" "$said"
      exit 1
      ;;
  esac
}

# allowed FILE LINE: the tree with LINE in FILE passes.
allowed() {
  printf '// first line\n%s\n' "$2" >"$tree/$1"
  if ! said=$("$layers" "$tree"); then
    printf '%s in %s was refused: %s\n' "$2" "$1" "$said"
    exit 1
  fi
  rm "$tree/$1"
}

refused protocol/codec.cpp '#include "hub/core/delivery/outbox.h"' 'protocol/codec.cpp:2: protocol may not use hub/core/delivery'
refused protocol/base/fd.h '#include "protocol/limits.h"' 'protocol/base may not use protocol'
refused hub/core/events/events.cpp '#include <event2/event.h>' 'hub/core/events may not use <event2/event.h>'
refused hub/core/events/events.cpp '#include <sqlite3.h>' 'hub/core/events may not use <sqlite3.h>'
refused hub/core/events/events.cpp '#  include <sys/socket.h>' 'hub/core/events may not use <sys/socket.h>'
refused hub/core/events/events.h '#include "protocol/base/fd.h"' 'hub/core/events may not use "protocol/base/fd.h"'
refused hub/core/events/events.cpp '#include "hub/core/scopes/scopes.h"' 'hub/core/events may not use hub/core/scopes'
refused hub/daemon.cpp '#include "consumer/src/session.h"' 'hub may not use consumer/src'
refused consumer/src/source.cpp '#include "hub/options.h"' 'consumer/src may not use hub'
refused consumer/src/client_core.cpp '#include "consumer/src/transport.h"' 'consumer/src/client_core may not use consumer/src'
refused consumer/cli/bus_stop.cpp '#include "protocol/message.h"' 'consumer/cli may not use protocol'
refused consumer/examples/minimal.cpp '#include "hub/options.h"' 'consumer/examples may not use hub'
refused hub/main.cpp '#include "options.h"' 'include from the root of the repository'
mkdir "$tree/hub/journal"
refused protocol/codec.cpp '#include "hub/journal/journal.h"' 'protocol may not use hub'

allowed protocol/codec.cpp '#include <rapidjson/reader.h>'
allowed hub/core/events/events.cpp '#include "hub/core/delivery/outbox.h"'
mkdir -p "$tree/tests/bench"
allowed tests/bench/options.cpp '#include <CLI/CLI.hpp>'
refused hub/options.cpp '#include <CLI/CLI.hpp>' 'hub may not use <CLI/CLI.hpp>'
allowed consumer/cli/bus_stop.cpp '#include "busd/consumer.hpp"'
allowed consumer/examples/minimal.cpp '#include "loops/turn.hpp"'
allowed consumer/src/session.cpp '#include "consumer/src/client_core.h"'

# A page without its table checks nothing, and must not pass.
printf '# Architecture\n' >"$tree/ARCHITECTURE.md"
printf '#include <vector>\n' >"$tree/hub/main.cpp"
status=0
said=$("$layers" "$tree") || status=$?
[ "$status" -eq 2 ] || {
  printf 'without a table: exit %s instead of 2, saying: %s\n' "$status" "$said"
  exit 1
}
echo "layers_test: every forbidden include was found"
