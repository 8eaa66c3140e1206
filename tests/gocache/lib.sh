# What the tests with a real go command share. Sourced with the directory of bus-gocache as the script's argument; skips (77) where there is no
# go command that knows GOCACHEPROG.
#
# Gives a private directory, $work, with copies of the modules, and a go command, $go, that nothing of this machine's user reaches: no settings,
# no cache, no network.
# shellcheck shell=sh

here=$(cd "$(dirname "$0")" && pwd) || exit 2
bin=$(cd "${1:?say where bus-gocache is}" && pwd) || exit 2
# shellcheck disable=SC2034 # for the scripts
go=$("$here/find-go") || exit $?
work=$(mktemp -d "${TMPDIR:-/tmp}/busd-gocache.XXXXXX") || exit 2
chmod 700 "$work"
cd "$work" || exit 2
cp -R "$here/module" "$here/small" . || exit 2

finish() {
  code=$?
  trap - EXIT INT TERM
  [ "$code" -eq 0 ] || for file in out err; do
    [ ! -f "$work/$file" ] || { echo "--- $file (last 20 lines)" && tail -n 20 "$work/$file"; } >&2
  done
  cd / && chmod -R u+w "$work" && rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'exit 1' INT TERM

unset XDG_CACHE_HOME GOROOT GOBIN GOEXPERIMENT GOCACHEPROG GODEBUG GOTMPDIR GOWORK CGO_CFLAGS CGO_LDFLAGS
HOME=$work/home
GOENV=off GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-buildvcs=false GOTELEMETRY=off
GOPATH=$work/gopath
GOCACHE=$work/unused
TMPDIR=$work/tmp
export HOME GOENV GOTOOLCHAIN GOPROXY GOFLAGS GOTELEMETRY GOPATH GOCACHE TMPDIR
mkdir home tmp

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# must COMMAND…: stdout goes to `out`, stderr to `err`, and it succeeds.
must() {
  "$@" >"$work/out" 2>"$work/err" || fail "$* ended with $?"
}

# own DIRECTORY COMMAND…: with the go command's own cache there. with OPTIONS COMMAND…: with bus-gocache instead.
own() {
  directory=$1
  shift
  GOCACHE=$directory "$@"
}
with() {
  options=$1
  shift
  GOCACHEPROG="$bin/bus-gocache $options" "$@"
}

# What the last run of the cache in a directory counted under a name. It notes that behind the end of its go command.
counted() { # DIRECTORY NAME
  settle "$1"
  tail -n 1 "$1/bus-gocache/runs.ndjson" | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d : -f 2
}

# Until all runs of the cache in a directory have ended. Nobody is told of that: a run is no child of ours, and outlives its go command.
settle() { # DIRECTORY
  tries=0
  while pgrep -f -- "bus-gocache --dir $1( |\$)" >/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -le 1000 ] || fail "a run of the cache in $1 does not end"
    sleep 0.01
  done
}

# Whether the `go build -x` whose stderr is in `err` has compiled something.
has_compiled() { grep -qE '/(compile|cgo|asm) ' "$work/err"; }
