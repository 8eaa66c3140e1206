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
check_has err 'the hub has no values'
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
BUSD_PROGRAM=$bin/busd
run 0 bus-stop

# ---- What a script tells apart by the code of an error, not by the status 75 alone

run 69 bus-value get a --no-start --json-errors
check_has err '{"code":"no_hub","exit":69,'
