#!/bin/sh
# bus-value at a user's standard place, where values are stored; the commands that take care of the store; and hubs that have no
# room or no values.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 run
XDG_RUNTIME_DIR=$work/run
export XDG_RUNTIME_DIR
unset BUSD_SOCKET
store=$XDG_STATE_HOME/busd/bus.values

# ---- Values outlive the hub, held ones do not

run 0 bus-value put name '"ann"'
[ -s "$store" ] || fail "there is no store at $store"
run 0 bus-value put lock 1 --while -- bus-value put seen 1 --durable power
run 0 bus-value put brief 1 --durable memory
run 0 bus-stop
run 0 bus-value list --names
check_equal "the keys after a restart" "name
seen" "$(cat out)"

# ---- A copy of the store, put back (busd(8), FILES)

run 0 bus-stop
mkdir copy
cp -p "$store"* copy/
run 0 bus-value put name '"bob"'
run 0 bus-stop
rm "$store"*
cp -p copy/* "${store%/*}/"
run 0 bus-value get name
check_equal "the value of the copy" '"ann"' "$(cat out)"
run 0 bus-stop
rm "$store"*
run 1 bus-value get name
run 0 bus-stop

# ---- A hub that starts on demand with settings of its own (busd(8), EXAMPLES)

cat >my-busd <<'END'
#!/bin/sh
exec busd --values off "$@"
END
chmod +x my-busd
BUSD_PROGRAM=$work/my-busd
run 76 bus-value put a 1
check_equal 'what is said of a hub without values' \
  'bus-value: the hub has no values: it is too old, or was started with --values off; start the hub without --values off, or with a newer busd' "$(cat err)"
run 76 bus-value put a 1 --durable process
check_has err '; start the hub without --values off'
run 76 bus-value get a --json-errors
check_has err '{"code":"not_a_hub","exit":76,'
run 0 bus-stop
cat >my-busd <<'END'
#!/bin/sh
exec busd --values-keys 1 "$@"
END
run 0 bus-value put a 1
run 75 bus-value put b 1
check_has err 'bus-value: there are 1 keys, the most that there may be; delete some, or'
run 75 bus-value put b 1 --json-errors
check_has err '{"code":"full","exit":75,'
run 0 bus-status
grep -Eq '^values  1 key  .*  no room for more keys$' out || fail "the table does not say that there is no room for keys: $(cat out)"
check_has out 'the pool "values" was full 2 times; it now has 1 of 1 key and uses '
run 0 bus-status --check
check_has out '; no room for more keys: there may be 1'
BUSD_PROGRAM=$bin/busd
run 0 bus-stop

# ---- What a script tells apart by the code of an error, not by the status 75 alone

run 69 bus-value get a --no-start --json-errors
check_has err '{"code":"no_hub","exit":69,'

# ---- A store that was damaged is mentioned, one that has failed is no health (busd(8), A STORE THAT FAILS)

rm -f "$store"*
run 0 bus-value put a 1
run 0 bus-status --check
check_lacks out 'values:'
run 0 bus-stop
printf 'no longer a database' | dd of="$store" conv=notrunc 2>/dev/null
run 1 bus-value get a
run 0 bus-status
grep -Eq '^values  0 keys  .* store open$' out || fail "no line for values: $(cat out)"
grep -q "^        .*bus.values.corrupt-1" out || fail "the table does not say what was set aside: $(cat out)"
run 0 bus-status --check
grep -q '^healthy: .*; values: .*bus.values.corrupt-1' out || fail "the check does not mention it: $(cat out)"
rm "$store"*
run 0 bus-stop
# Nothing was wrong with a hub that has stored nothing yet; the next one has a store.
run 0 bus-value put a 1
rm "$store"*
run 75 bus-value put a 2
check_equal 'what is said of a store that is gone' \
  "bus-value: the store takes no changes: \"$store\" was removed or moved away under the running hub; \
nothing more is stored by this hub: REMEDY; put --durable memory does without it; bus-status shows the store" "$(sed 's/by this hub: .*, then restart it/by this hub: REMEDY/' err)"
run 75 bus-value put a 2 --durable power
check_has err '; put --durable memory does without it; bus-status shows the store'
run 75 bus-value delete a
check_has err '; bus-status shows the store'
check_lacks err '--durable'
run 0 bus-value put b 2 --durable memory
run 0 bus-value delete b
run 75 bus-status --check
check_has err "serves, but stores no values: \"$store\" was removed or moved away under the running hub"
run 0 bus-status
grep -Eq '^values  1 key  .* store failed$' out || fail "no line for values: $(cat out)"
# What is still there can be saved, as the manual says.
run 0 bus-value list
check_equal "what is still there" "a	1" "$(cat out)"
run 75 bus-stop
check_equal "why a hub is not stopped that alone has what its store had" \
  'bus-stop: its store has failed, and 1 value is in no file; save what bus-value list prints first, or use --force' "$(cat err)"
run 0 bus-stop --force
check_equal "what is said of its end" 'bus-stop: stopped; 1 value that it kept in memory only is lost' "$(cat err)"
run 0 bus-value put a 3
run 0 bus-status --check
run 0 bus-stop
