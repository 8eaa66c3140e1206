#!/bin/sh
# bus-gocache: its commands for people and programs, its options, and what it tells the bus. Beside a go command: tests/integration/gocache_*.
. "$(dirname "$0")/lib.sh"

unset XDG_CACHE_HOME TMPDIR
HOME=$work/home
export HOME
mkdir -m 700 home
cache=$work/cache

# Ids of 32 bytes, and outputs by their hash.
id() { printf '%-32s' "$1" | base64; }
hash_of() { sha256sum "$1" | cut -c 1-64; }
output_id() { hash_of "$1" | tr -d '\n' | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 -w 0; }
path_of() { # FILE
  hash=$(hash_of "$1")
  printf '%s/%.2s/%s-d' "$cache" "$hash" "$hash"
}
put() { # ID ACTION FILE
  printf '{"ID":%d,"Command":"put","ActionID":"%s","OutputID":"%s","BodySize":%d}\n\n"%s"\n' \
    "$1" "$(id "$2")" "$(output_id "$3")" "$(wc -c <"$3")" "$(base64 -w 0 "$3")"
}
get() { printf '{"ID":%d,"Command":"get","ActionID":"%s"}\n\n' "$1" "$(id "$2")"; } # ID ACTION
close() { printf '{"ID":%d,"Command":"close"}\n' "$1"; }                              # ID
# build OPTION… : a build whose requests are in the file `requests`.
build() { run 0 bus-gocache --dir "$cache" "$@" <requests; }
member() { grep -o "\"$2\":[0-9]*" "$1" | head -n 1 | cut -d : -f 2; } # FILE NAME: the first number of this name

# ---- No cache yet

for command in stats top prune verify clear; do
  run 69 bus-gocache "$command" --dir "$cache"
  check_empty out
  check_has err "there is no cache"
done
[ ! -e "$cache" ] || fail "a command has made the directory"
run 69 env -u HOME bus-gocache stats
check_has err "neither XDG_CACHE_HOME nor HOME is set; name a directory with --dir"

# ---- Usage

for wrong in --max-size=5x --max-size=101% --min-free=x --max-age=5x -n0 --rows=x --zebra; do
  run 64 bus-gocache "$wrong" stats
  check_empty out
  check_equal "lines that $wrong says" 1 "$(lines_in err)"
done
run 64 bus-gocache statsu
check_has err 'did you mean stats?'
run 64 bus-gocache trim
check_has err 'did you mean prune?'
run 64 bus-gocache zebra
check_has err 'it is stats, top, prune, verify or clear'
run 64 bus-gocache stats top
for wrong in '--json' 'prune -v' 'verify -n 3' 'prune --read-only' 'clear --read-only'; do
  # shellcheck disable=SC2086 # several words
  run 64 bus-gocache --dir "$cache" $wrong
  check_empty out
done
run 64 bus-gocache --json-errors stats --max-size x
check_has err '{'

# ---- A build, and what is told of it

echo "text of a program" >text
printf '!<arch>\nabc' >package
head -c 300000 /dev/zero >large
{
  get 1 a
  put 2 a text
  put 3 b package
  put 4 c large
  get 5 a
  get 6 never
  close 7
} >requests
build
check_equal "the greeting" '{"ID":0,"KnownCommands":["get","put","close"]}' "$(head -n 1 out)"
check_equal "answers" 8 "$(lines_in out)"
check_has out '{"ID":1,"Miss":true}'
check_has out "{\"ID\":2,\"DiskPath\":\"$(path_of text)\"}"
check_has out '{"ID":7}'
check_empty err
cmp text "$(path_of text)" || fail "the output differs"
cmp large "$(path_of large)" || fail "the large output differs"

run 0 bus-gocache stats --dir "$cache"
check_has out "$cache takes "
check_has out " of 10 GiB"
check_has out "RUN"
check_has out "33.3 %"
check_has out "DAY"
run 0 bus-gocache stats --json --dir "$cache"
for pair in runs:1 gets:3 hits:1 misses:2 puts:3 put_bytes:300029 refused:0 evicted_misses:0; do
  check_equal "${pair%:*} of stats" "${pair#*:}" "$(member out "${pair%:*}")"
done
check_has out "{\"dir\":\"$cache\",\"disk_bytes\":"
check_has out '"max_bytes":10737418240'
check_has out '"days":[{"day":"'
check_has out '"last":[{"began_ns":'
run 0 bus-gocache stats --json --max-size 1TiB --dir "$cache"
check_has out '"max_bytes":1099511627776'
run 0 bus-gocache stats --json --max-size 50% --dir "$cache"
check_lacks out '"max_bytes":10737418240'

run 0 bus-gocache top --dir "$cache"
check_has out "compiled package"
check_has out "entry of an action"
check_has out "293 KiB"
check_has out "$(path_of large)"
check_equal "lines of top with one row" 1 "$(bus-gocache top -n 1 --dir "$cache" | grep -c -- '-d$')"
run 0 bus-gocache top --json -n 2 --dir "$cache"
check_has out "\"largest\":[{\"path\":\"$(path_of large)\",\"kind\":\"other\",\"bytes\":300000,\"used\":\"20"
check_equal "paths of top with two rows" 2 "$(grep -o '"path"' out | wc -l)"

# Where stdout is broken.
# The other shell expands it.
# shellcheck disable=SC2016
run 70 sh -c 'bus-gocache stats --dir "$1" >/dev/full' sh "$cache"

# ---- verify

run 0 bus-gocache verify --dir "$cache"
check_has out "3 outputs and 3 entries: all are whole"
printf x | dd of="$(path_of large)" bs=1 seek=1000 conv=notrunc 2>dd.err
run 1 bus-gocache verify --read-only --dir "$cache"
check_has out "has other bytes than it was put with"
[ -e "$(path_of large)" ] || fail "--read-only has removed a file"
run 1 bus-gocache verify --json --dir "$cache"
check_has out '"outputs":3,"entries":3,"damaged":["'
check_has out '"broken":["'
check_has out '"removed":2}'
[ ! -e "$(path_of large)" ] || fail "verify has left a damaged output"
run 0 bus-gocache verify --json --dir "$cache"
check_equal "verify of what is left" '{"outputs":2,"entries":2,"damaged":[],"broken":[],"removed":0}' "$(cat out)"
run 70 env PATH=/nonexistent "$bin/bus-gocache" verify --dir "$cache"
check_has err "sha256sum"

# ---- prune

run 0 bus-gocache prune --dir "$cache"
check_has out "removed 0 files, 0 B; the cache takes "
find "$cache" -name '*-[ad]' -exec touch -d '3 days ago' {} +
run 0 bus-gocache prune --max-age 2d --json --dir "$cache"
# The test's shell is the parent, which is not known to keep paths to itself: so outputs stay for a day, and entries go.
check_has out '{"files":2,"disk_bytes":'
check_has out '"entries":2,"left_files":2,'
check_has out '"held_by_paths":true'
run 0 bus-gocache prune --max-age 2d --dir "$cache"
check_has out "more may go tomorrow: its paths were printed, by go list or its kind"
find "$cache/bus-gocache/run" -type f -exec touch -d '2 days ago' {} +
run 0 bus-gocache prune --max-age 2d --dir "$cache"
check_has out "removed 2 files"
check_has out "in 0 files"
run 0 bus-gocache top --dir "$cache"
check_equal "top of an empty cache" "the cache is empty" "$(cat out)"
# What was pruned, and is wanted again, is counted.
{
  get 1 a
  close 2
} >requests
build
run 0 bus-gocache stats --json --dir "$cache"
check_equal "misses of what was pruned" 1 "$(member out evicted_misses)"

# ---- clear

{
  put 1 a text
  close 2
} >requests
build
mkfifo pipe
bus-gocache --dir "$cache" <pipe >running.out 2>running.err &
pid=$!
pids="$pids $pid"
exec 9>pipe
get 1 a >&9
await running.out '"Size":18'
run 75 bus-gocache clear --dir "$cache"
check_has err "a build uses the cache"
close 2 >&9
exec 9>&-
expect_exit "the build" "$pid" 0
run 0 bus-gocache clear --dir "$cache"
check_has out "removed 2 files"
run 0 bus-gocache clear --json --dir "$cache"
check_has out '{"files":0,'
check_empty err

# ---- The standard place

run 0 bus-gocache <requests
[ -d home/.cache/bus-gocache ] || fail "there is nothing in ~/.cache"
run 0 bus-gocache stats
check_has out "$work/home/.cache/bus-gocache takes"
run 0 env XDG_CACHE_HOME="$work/xdg" bus-gocache <requests
[ -d xdg/bus-gocache ] || fail "there is nothing in \$XDG_CACHE_HOME"
chmod 777 xdg/bus-gocache
run 77 env XDG_CACHE_HOME="$work/xdg" bus-gocache stats
check_has err "others may write to directory"

# ---- The bus

build --bus --no-start
run 69 bus-status --no-start
start_consumer events -t gocache.run -t gocache.evicted all
find "$cache" -name '*-[ad]' -exec touch -d '40 days ago' {} +
find "$cache/bus-gocache/run" -type f -delete
rm "$cache/bus-gocache/size"
{
  get 1 never
  close 2
} >requests
build --bus
await events.out gocache.evicted
check_has events.out '"gets":1,"hits":0,"misses":1'
check_has events.out '"entries":1'
run 0 bus-value get gocache.totals
check_has out "\"dir\":\"$cache\""
