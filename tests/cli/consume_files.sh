#!/bin/sh
# bus-consume --output-dir: a file per event.
. "$(dirname "$0")/lib.sh"

start_consumer files key -t '*' -n 4 --output-dir dir
files=$pid
check_equal "the mode of the new directory" 700 "$(stat -c %a dir)"
run 0 bus-publish key '{"n":1}' --id plain-1.x
run 0 bus-publish key '{"n":2}' --id '../../../escape /etc'
run 0 bus-publish 'no id' '{"n":3}'
run 0 bus-publish key '{"n":4}' --id "$(printf '%200s' '' | tr ' ' a)"
expect_exit "the consumer" "$files" 0
check_empty files.out
check_equal "files" 4 "$(find dir -type f -name '*.json' | wc -l)"
check_equal "files of any other name" 4 "$(find . -path './dir/*' | wc -l)"
set -- dir/*.json
check_equal "the first file" '{"type":"event","event_type":"key","event_id":"plain-1.x","seq":1,"payload":{"n":1}}' "$(cat "$1")"
for name in "$@"; do
  echo "$name" | grep -Eq '^dir/[0-9]{13}-[0-9]{8}-[A-Za-z0-9._-]{1,64}\.json$' || fail "a name of another form: $name"
  check_equal "the mode of $name" 600 "$(stat -c %a "$name")"
done
case $1 in *-00000001-plain-1.x.json) ;; *) fail "the first name is $1" ;; esac
case $2 in *-00000002-.._.._.._escape__etc.json) ;; *) fail "the second name is $2" ;; esac
case $3 in *-00000003-no_id.json) ;; *) fail "the third name is $3" ;; esac

# With --payload the payload; with --control the rest on stdout.
start_consumer payloads key --payload --control -n 1 --output-dir dir2
payloads=$pid
run 0 bus-publish key '{"n":5}' --source clock
expect_exit "the consumer of payloads" "$payloads" 0
check_equal "the file" '{"n":5}' "$(cat dir2/*.json)"
check_has payloads.out '{"type":"source_status","source":"clock","state":"connected"'
check_lacks payloads.out '{"type":"event"'

# A closed stdout is no reason to end when it is not used.
start_consumer unread key -n 1 --output-dir dir3 | true
await unread.err '^\[bus\] ready'
run 0 bus-publish key 6
await unread.err 'reason=limit'
check_equal "the file" 1 "$(find dir3 -name '*.json' | wc -l)"

# What is no directory is named.
echo >plain
run 70 bus-consume key --output-dir plain
check_has err "plain: Not a directory"
run 70 bus-consume key --output-dir missing/dir
check_has err "missing/dir: No such file"
