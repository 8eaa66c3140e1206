#!/bin/sh
# bus-value watch: what it prints, the command of --exec, and what happens when the connection breaks.
. "$(dirname "$0")/lib.sh"

tab=$(printf '\t')
run 0 bus-value put a.one 1
run 0 bus-value put a.two '"zwei"'

# ---- Lines

start lines bus-value watch 'a.*' b
lines=$pid
await lines.out '"type":"synced"'
check_equal "the snapshot" '{"type":"value","key":"a.one","version":1,"rev":R,"snapshot":true,"age_ms":N,"value":1}
{"type":"value","key":"a.two","version":1,"rev":R,"snapshot":true,"age_ms":N,"value":"zwei"}' "$(sed '/synced/d; s/"rev":[0-9]*/"rev":R/; s/"age_ms":[0-9]*/"age_ms":N/' lines.out | sort)"
check_has lines.out ',"keys":2}'
run 0 bus-value put b '{"x":1}'
await lines.out '{"type":"value","key":"b","version":1,"rev":[0-9]*,"age_ms":[0-9]*,"value":{"x":1}}'
run 0 bus-value put c 1
run 0 bus-value delete a.one
await lines.out '{"type":"value","key":"a.one","version":2,"rev":[0-9]*,"deleted":true,"age_ms":[0-9]*}'
check_lacks lines.out '"key":"c"'
kill -TERM "$lines"
expect_exit "a watch" "$lines" 143

start texts bus-value watch a.two --text --limit 2
texts=$pid
await texts.err '^\[bus\] synced keys=1 rev='
run 0 bus-value put a.two '"drei"'
expect_exit "a watch with a limit" "$texts" 0
check_equal "texts" "zwei
drei" "$(cat texts.out)"
start texts bus-value watch a.two --raw --limit 1
texts=$pid
expect_exit "a watch with a limit of 1" "$texts" 0
check_equal "the value as it is" drei "$(cat texts.out)"

# With more than one key, which one it is comes first.
run 0 bus-value put t.one "$(printf 'two\nlines')" --text
run 0 bus-value put t.two 2
run 0 bus-value watch 't.*' --text --limit 2
check_equal "texts of a pattern" "t.one${tab}two\\nlines
t.two${tab}2" "$(sort out)"
run 0 bus-value watch t.one a.two --raw --limit 2
check_equal "texts of two keys" "a.two${tab}drei
t.one${tab}two\\nlines" "$(sort out)"
run 0 bus-value watch t.one --text --limit 1
check_equal "the text of one key" 'two\nlines' "$(cat out)"

run 0 bus-value watch a.two --no-snapshot --timeout 100ms
check_has out '"type":"synced"'
check_lacks out '"type":"value"'
run 124 bus-value watch nothing.here --limit 1 --timeout 100ms
check_has err '--timeout ran out after 0 of 1 change'
start gone bus-value watch a.two --text --no-snapshot
gone=$pid
await gone.err '^\[bus\] synced'
run 0 bus-value delete a.two
await gone.err '"a.two" was deleted'
kill -INT "$gone"
expect_exit "a watch" "$gone" 130
# Its reader has read enough.
run 0 sh -c 'bus-value watch c | head -n 1'
check_has out '"key":"c"'

# ---- A command for each change

cat >show <<'END'
#!/bin/sh
printf '%s v=%s d=%s s=%s %s\n' "$BUSD_KEY" "$BUSD_VERSION" "$BUSD_DELETED" "$BUSD_SKIPPED" "$(cat)"
END
chmod +x show
start shown bus-value watch 'e.*' --exec ./show
shown=$pid
await shown.err '^\[bus\] synced keys=0'
run 0 bus-value put e.x '"one"'
await shown.out '^e.x v=1 d= s=0 "one"$'
run 0 bus-value delete e.x
await shown.out '^e.x v=2 d=1 s=0 $'
kill -TERM "$shown"
expect_exit "a watch with a command" "$shown" 143

# While a command runs, others wait, each key in its newest state only: never two at a time, never behind.
cat >slow <<'END'
#!/bin/sh
mkdir running || echo "two at a time"
value=$(cat)
echo "begins $BUSD_KEY $value s=$BUSD_SKIPPED"
[ "$value" != hold ] || read -r line <let-go
rmdir running
echo "ends $BUSD_KEY $value"
END
chmod +x slow
mkfifo let-go end-now
start slow bus-value watch 'f.*' --exec ./slow --text
slow=$pid
await slow.err '^\[bus\] synced'
run 0 bus-value put f.x hold --text
await slow.out '^begins f.x hold s=0$'
start beside bus-value watch 'f.*'
beside=$pid
for i in 1 2 3 4 5; do run 0 bus-value put f.x "$i"; done
run 0 bus-value put f.y '"also"'
await beside.out '"key":"f.y"'
echo go >let-go
await slow.out '^ends f.y also$'
check_equal "what the slow command was given" "begins f.x hold s=0
ends f.x hold
begins f.x 5 s=4
ends f.x 5
begins f.y also s=0
ends f.y also" "$(cat slow.out)"
kill -TERM "$slow" "$beside"
expect_exit "the slow watch" "$slow" 143

# One that fails is said, and the next one runs. A large value that is not read does no harm.
head -c 300000 /dev/zero | tr '\0' x | bus-value put g - --text || fail "put of a large text ended with $?"
# For a key that does not exist nothing runs, also if it has been deleted.
run 0 bus-value put gone 1
run 0 bus-value delete gone
run 0 bus-value watch gone --exec 'touch ran' --timeout 300ms
[ ! -e ran ] || fail "a command ran for a key that does not exist"
# shellcheck disable=SC2016 # the shell of --exec expands it
start fails bus-value watch g --exec 'echo "$BUSD_VERSION"; exit 5' --limit 2
fails=$pid
await fails.err '--exec ended with status 5 for key g: echo'
run 0 bus-value put g 2
expect_exit "the watch of failing commands" "$fails" 0
check_equal "both commands ran" "1
2" "$(cat fails.out)"
# The command that runs is waited for.
start ends bus-value watch c --exec 'echo begins; read -r line <end-now; echo done'
ends=$pid
await ends.out '^begins$'
kill -TERM "$ends"
echo go >end-now
expect_exit "a watch whose command ran" "$ends" 143
check_has ends.out 'done'

# ---- A break

run 0 bus-value put h.old 1
run 0 bus-value put h.kept 1
start lasting bus-value watch 'h.*'
lasting=$pid
start lasting-exec bus-value watch 'h.*' --exec ./show
lasting_exec=$pid
await lasting.out '"type":"synced"'
await lasting-exec.out '^h.old v=1'
kill -KILL "$(hub_pid)"
# The new hub has none of these values.
await lasting.err 'the connection to the hub broke, reconnecting'
await lasting.out '"type":"synced".*"reset":true'
check_has lasting.out '{"type":"value","key":"h.old","deleted":true,"vanished":true}'
await lasting-exec.out '^h.old v=0 d=1'
run 0 bus-value put h.new '"after"'
await lasting.out '"key":"h.new".*"value":"after"'
await lasting-exec.out '^h.new v=1 d= s=0 "after"'
kill -TERM "$lasting" "$lasting_exec"
expect_exit "a watch after a break" "$lasting" 143
expect_exit "a watch with a command after a break" "$lasting_exec" 143

