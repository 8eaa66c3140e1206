#!/bin/sh
# bus-status: the table, the answer as it came, the live view without a terminal, health, and who gets what.
. "$(dirname "$0")/lib.sh"

# A table of everything.
start_hub
start_consumer build build -t 'build.*' -t 'deploy' --subscription-id own
build=$pid
start_consumer idle other
idle=$pid
run 0 bus-publish build.done 1 --id x --source ci
run 0 bus-publish build.done 1 --id x --source ci
run 0 bus-publish nobody.cares 1
run 0 bus-status
check_empty err
check_has out "hub     pid $hub  version "
check_has out "$BUSD_SOCKET"
check_has out "events  2 published  1 delivered  0 dropped  1 duplicates  1 unmatched  0 refused"
check_has out "SOURCE  STATE"
grep -Eq '^ci +disconnected +[0-9]+ +- +1 +[0-9.]+s ago$' out || fail "no line for the source: $(cat out)"
check_has out "CONSUMER KEY"
grep -Eq "^build \[own\] +$build +bus-consume +1 +0 +0 +0 B +[0-9]+s  build\.\* deploy\$" out || fail "no line for build: $(cat out)"
grep -Eq "^other +$idle +bus-consume +0 +0 +0 +0 B +[0-9]+s  other\$" out || fail "no line for other: $(cat out)"
grep -Eq '^nobody\.cares +1$' out || fail "no line for the unmatched type: $(cat out)"
check_equal "escape sequences in a pipe" 0 "$(grep -c "$(printf '\033')" out)"

# The answer as it came, on one line.
run 0 bus-status --json
check_equal "lines of --json" 1 "$(lines_in out)"
check_has out "{\"type\":\"status_response\",\"pid\":$hub,"

# Text of strangers is harmless: C1 controls, bidi marks and wide names pass the wire, not the terminal.
run 0 bus-publish "evil$(printf '\302\233')31m$(printf '\342\200\256')txt" 1
run 0 bus-status
check_has out 'evil\x9b31m\u202etxt'

# Names alone, for completions: sorted, each once, and none that a terminal would not show as it is.
start_consumer again build -t 'build.*' -t 'two words'
again=$pid
run 0 bus-status --list keys
check_equal "the keys" "build other" "$(xargs <out)"
check_empty err
run 0 bus-status --list types
check_equal "the types" 'build.*,deploy,nobody.cares,other,two words' "$(paste -sd , out)"
check_empty err
# Tasks that are provided now, and those of the hub.
run 0 bus-status --list tasks
check_equal "the tasks of the hub" "bus.explain bus.status bus.sync bus.tasks" "$(xargs <out)"
start_provider tasks 'zip.pack' 'zip.pack' 'math.*' 'two words'
provider=$pid
run 0 bus-status --list tasks
check_equal "the tasks" 'bus.explain,bus.status,bus.sync,bus.tasks,math.*,two words,zip.pack' "$(paste -sd , out)"
# Tasks and their providers; a client that only calls is no source.
run 0 bus-call math.add -a a=1 -a b=2
run 0 bus-status
check_has out "calls   0 open  0 waiting  1 done  0 failed"
check_has out "TASK       PROVIDERS  SLOTS  FREE  OPEN  WAITING  DONE  FAILED"
grep -Eq '^math\.\* +1 +16 +16 +0 +0 +1 +0 +[0-9.]+[mu]?s +[0-9.]+[mu]?s$' out || fail "no line for the task: $(cat out)"
grep -Eq "^- +$provider +[^ ]+ +16 +0 +0  .*zip\.pack" out || fail "no line for the provider: $(cat out)"
check_lacks out "(anonymous)"
bus-status --watch 50ms | sed '/^time /{x;s/^/x/;/xxx/{x;q};x}' >watch.txt
check_has watch.txt "CALLS/S"
grep -Eq '^calls   [0-9.-]+ calls/s  0 open  0 waiting$' watch.txt || fail "no line for calls: $(cat watch.txt)"
# Values.
check_lacks watch.txt "values  "
run 0 bus-value put a 1
run 0 bus-value put b 'text' --text
run 0 bus-value delete b
start watches bus-value watch a
watches=$pid
await watches.out '"type":"synced"'
run 0 bus-status
grep -Eq '^values  1 key  [0-9]+ B  rev [0-9]+  1 watch  store memory$' out || fail "no line for values: $(cat out)"
run 0 bus-status --json
check_has out '"values":{"keys":1,"bytes":'
run 0 bus-value put lock 1 --while -- bus-status
grep -Eq '^values  2 keys  .*  1 held  store memory$' out || fail "no held value: $(cat out)"
bus-status --watch 50ms | sed '/^time /{x;s/^/x/;/xxx/{x;q};x}' >watch.txt
grep -Eq '^values  1 key  ' watch.txt || fail "no line for values: $(cat watch.txt)"
kill -TERM "$watches"
# Which provider would be given a call, and what if there is none.
run 0 bus-status --explain-task math.add
check_has out "a call of \"math.add\" would go to pid $provider"
grep -Eq "^yes +$provider +[^ ]+ +- +math\.\* +0 +16 +it would be given the call now\$" out || fail "no yes: $(cat out)"
run 1 bus-status --explain-task zip.pac
check_has out 'a call of "zip.pac" would end with no_provider: nobody provides zip.pac; zip.pack is provided by pid'
run 0 bus-status --explain-task bus.sync
check_has out 'the hub itself serves "bus.sync"'
kill -TERM "$provider"
wait "$provider"
timeout 10 sh -c 'while bus-status --list tasks | grep -qx zip.pack; do :; done' || fail "the provider's tasks have not gone"
run 0 bus-status --list sources
check_equal "the sources" ci "$(cat out)"
check_empty err
kill -TERM "$again"
expect_exit "again" "$again" 143

# The live view without a terminal: snapshots with an empty line between them; a reader that leaves ends it.
bus-status --watch 50ms 2>err | sed '/^time /{x;s/^/x/;/xx/{x;q};x}' >watch.txt
check_equal "heads up to the second time" 1 "$(grep -c '^hub     pid' watch.txt)"
check_equal "the line before the second time" "" "$(tail -n 2 watch.txt | head -n 1)"
bus-status --watch 50ms --json | head -n 3 >watch.txt
check_equal "answers of --watch --json" 3 "$(grep -c '^{"type":"status_response"' watch.txt)"
start live bus-status --watch
live=$pid
await live.out '^hub     pid'
kill -INT "$live"
expect_exit "the live view" "$live" 130

# Health.
run 0 bus-status --check
check_has out "healthy: pid $hub, up "
check_has out "1 source, 2 consumers"
kill -STOP "$hub"
run 75 bus-status --check
check_has err "pid $hub listens at $BUSD_SOCKET but does not answer within 2 s"
run 75 bus-status --list keys
check_empty out
check_has err "does not answer"
kill -CONT "$hub"
await_status '"pid"'

# Who gets it, and why the others do not.
run 0 bus-status --explain build.done
check_has out '"build.done" would reach 1 of 2 consumers'
grep -Eq "^yes +build +$build +bus-consume +pattern \"build\.\*\" matches\$" out || fail "no yes: $(cat out)"
grep -Eq "^no +other +$idle +bus-consume +subscribed to \"other\"\$" out || fail "no no: $(cat out)"
run 1 bus-status --explain builds.done
check_has out 'pattern "build.*" needs a dot after "build", but the type has "s" there'
run 1 bus-status --explain build
check_has out 'pattern "build.*" matches only types that continue after the dot; "build" would match'
run 1 bus-status --explain Deploy
check_has out 'entry "deploy" differs from the type in upper and lower case'
run 1 bus-status --explain deplyo
check_has out 'entry "deploy" is spelled almost like the type'
run 1 bus-status --explain other.one
check_has out 'entry "other" matches only itself; "other.*" would match'
run 1 bus-status --explain nobody.cares
check_has out "1 event of this type matched no consumer so far"
run 1 bus-status --explain nobody.care
check_has out '1 event of type "nobody.cares" matched no consumer so far; is that the type you meant?'

kill -TERM "$build" "$idle"
expect_exit "build" "$build" 143
expect_exit "idle" "$idle" 143
run 1 bus-status --explain build.done
check_has out "would reach 0 of 0 consumers"
run 0 bus-status
check_has out "no consumers"
run 0 bus-status --list keys
check_empty out
run 0 bus-status --list types
check_equal "the types without consumers" nobody.cares "$(cat out)"
kill -TERM "$hub"
expect_exit "the hub" "$hub" 0
run 69 bus-status --check
check_has err "no hub runs at $BUSD_SOCKET"
