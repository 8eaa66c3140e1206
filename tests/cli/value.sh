#!/bin/sh
# bus-value get, put, delete and list: what they print, and how they fail.
. "$(dirname "$0")/lib.sh"

tab=$(printf '\t')

# ---- Put and get; the first one starts the hub

run 69 bus-value get a --no-start
check_has err "bus-value: no hub runs: "
run 0 bus-value put a '{"b": [1, 2.50]}'
check_empty out
check_empty err
run 0 bus-value get a
check_equal "the value" '{"b": [1, 2.50]}' "$(cat out)"
printf '{\n  "a": 1\n}\n' | bus-value put a - || fail "put from stdin ended with $?"
run 0 bus-value get a --with-version
check_equal "the value and its version" "2${tab}{   \"a\": 1 }" "$(cat out)"
run 0 bus-value put a 7 --with-version
check_equal "the version that was made" 3 "$(cat out)"
run 0 bus-value put a 7 --if-changed --json
check_has out '{"version":3,"rev":'
check_has out ',"unchanged":true}'
run 0 bus-value get a --json
check_has out '{"key":"a","version":3,"rev":'
check_has out "\"uid\":$(id -u),\"value\":7}"
run 0 bus-value put a -7
run 0 bus-value get a
check_equal "a number below 0" -7 "$(cat out)"

# ---- Text

run 0 bus-value put t 'say "hi"' --text
run 0 bus-value get t
check_equal "text as JSON" '"say \"hi\""' "$(cat out)"
for option in --text --raw; do
  run 0 bus-value get t $option
  check_equal "text with $option" 'say "hi"' "$(cat out)"
done
run 0 bus-value put t --text -- --help
run 0 bus-value get t --text
check_equal "text that looks like an option" --help "$(cat out)"
printf 'two\nlines\n' | bus-value put t - --text || fail "text from stdin ended with $?"
run 0 bus-value get t --raw
check_equal "text from stdin" "$(printf 'two\nlines')" "$(cat out)"
run 0 bus-value put t '' --text
run 0 bus-value get t
check_equal "empty text" '""' "$(cat out)"

# ---- What is refused before it is sent

bad() { # CODE TEXT ARGUMENT…
  code=$1
  text=$2
  shift 2
  run "$code" bus-value "$@"
  check_empty out
  check_has err "bus-value: $text"
}
bad 65 'VALUE: not JSON at byte 1: Invalid value; for plain text add --text; for a JSON string write '\''"main"'\' put t main
bad 65 'VALUE: not JSON at byte 2' put t '{a:1}'
bad 65 'VALUE is empty; null is a value' put t ''
bad 65 'stdin is empty' put t - </dev/null
bad 70 'cannot read VALUE from stdin, which is closed' put t - <&-
printf 'x\r\n' >line
bad 65 'VALUE: not JSON at byte 1: Invalid value; for plain text add --text; for a JSON string write '\''"x"'\' put t - <line
bad 65 'the value on stdin is longer than a frame may be' put t - </dev/zero
bad 65 'byte 1 is not UTF-8 (0xff)' put t "$(printf '\377')" --text
bad 64 'put needs a VALUE; write JSON behind the key' put t
bad 64 'put needs KEY and VALUE' put
bad 64 'get needs a KEY' get
bad 64 'watch needs a KEY' watch
bad 64 'one VALUE only; "2" is a second one' put t 1 2
bad 64 'one VALUE only; "true" is a second one; COMMAND goes behind "--": bus-value put KEY VALUE --while -- COMMAND' put t 1 --while true
bad 64 'a COMMAND behind "--" goes with --while only; bus-value put KEY VALUE --while -- COMMAND' put t 1 -- true
bad 64 'get takes one KEY only; "u" is not expected' get t u
bad 64 '"t.*" is a pattern, and no key; bus-value list "t.*" shows the keys below "t"' put 't.*' 1
check_lacks err literal
bad 64 '"*" is a pattern, and no key; bus-value list shows the keys that there are' get '*'
bad 64 '"t/#" would match no key; "t.*" matches the keys below "t"' list 't/#'
bad 64 '"a,b" reads as a list of keys' watch a,b
bad 64 'KEY is empty' list a ''
bad 64 'KEY is empty' list ''
bad 64 'KEY is empty' put '' 1
bad 64 'watch runs a command with --exec CMD; of several keys, all go behind the "--", or all before it' watch t -- echo changed
bad 64 '--raw excludes --json' get t --raw --json
bad 64 'unknown option --versions; did you mean --with-version?' get t --versions
bad 64 'unknown option --file; VALUE - reads stdin: bus-value put KEY - <FILE' put t --file x
bad 64 'unknown option --value; VALUE is written without an option: bus-value put KEY VALUE' put t --value 1
bad 64 'unknown option --key; KEY is written without an option: bus-value get KEY' get --key t
for words in 'put -k 1' 'get -k' 'list -k'; do
  # shellcheck disable=SC2086 # words of one command
  bad 64 'unknown option -k; a KEY or VALUE that begins with "-" goes behind "--": bus-value get -- -k' $words
done
bad 64 'unknown option -x; a KEY or VALUE that begins with "-" goes behind "--"' put a -x --text
bad 64 'unknown option --frobnicate; see bus-value --help' get t --frobnicate
bad 64 'unknown option -N; did you mean -n?' watch t -N
bad 64 'VERB: there is no "gte"; did you mean get?' gte t
bad 64 'VERB: there is no "set"; did you mean put?' set t 1
bad 64 'VERB: there is no "rm"; did you mean delete?' rm t
bad 64 'VERB: there is no "ls"; did you mean list?' ls
bad 64 'VERB: there is no "frobnicate"; it is get, put, delete, list or watch' frobnicate t
bad 64 '--ttl goes with put only' get t --ttl 5s
bad 64 '--names goes with list only' get t --names
bad 64 '--exec goes with watch only' list --exec true
bad 64 '--json goes with get, put, delete and list only' watch t --json
bad 64 '--if-version: "x" is no version; bus-value get KEY --with-version prints one' put t 1 --if-version x
bad 64 '--version prints the version of this program; for the version of a key write --if-version 3' put t 1 --version 3
bad 64 '--if-version excludes --create' put t 1 --if-version 1 --create
bad 64 '--durable: "disk" is neither memory, process nor power' put t 1 --durable disk
bad 64 '--ttl: "0s" is no time; a value without --ttl never expires' put t 1 --ttl 0s
bad 64 '--ttl: "3651d" is longer than ten years' put t 1 --ttl 3651d
bad 64 '--ttl: "1w" is not a duration; write a whole number with ms, s, m, h or d' put t 1 --ttl 1w
bad 64 '--timeout: "1d" is not a duration; write a whole number with ms, s, m or h,' get t --timeout 1d
bad 64 '--wait goes with --create or --while only; it waits until there is no such key' put t 1 --wait
bad 64 '--replace goes with --while only; without --create, put replaces anyhow' put t 1 --replace
bad 64 '--replace excludes --create' put t 1 --replace --create --while -- true
bad 64 '--replace excludes --wait' put t 1 --replace --wait --while -- true
bad 64 'put needs a VALUE before the "--"; one that begins with "-" goes between two' put t --while -- -1 true
bad 64 '--if-version goes with one KEY only' delete t u --if-version 3
bad 64 '--while needs a COMMAND behind "--"; bus-value put KEY VALUE --while -- COMMAND' put t 1 --while
bad 64 '--kill-on-loss goes with --while only' put t 1 --kill-on-loss
bad 64 '--durable power excludes --while; what is held is never stored' put t 1 --while --durable power -- true
bad 64 '--with-version excludes --while; COMMAND finds the version in BUSD_VERSION' put t 1 --while --with-version -- true
bad 127 'cannot run no-such-program: it is not in PATH' put t 1 --while -- no-such-program
python3 -c 'print("[" * 509 + "]" * 509)' >deep
bad 65 'VALUE is nested deeper than 508 levels' put t - <deep
sed 's/^.\(.*\).$/\1/' deep | bus-value put t - || fail "a value of 508 levels ended with $?"
head -c 1046527 /dev/zero | tr '\0' x >long
bad 65 'VALUE has 1046529 bytes as JSON; it may have 1046528' put t - --text <long
head -c 1046526 long | bus-value put t - --text || fail "a value of the largest size ended with $?"
run 0 bus-value put 'a,b' 1 --literal
run 0 bus-value get 'a,b' --literal

# ---- Keys that begin with a dash

run 0 bus-value put -- -dash '"v"'
run 0 bus-value get -- -dash
check_equal "the value of a key with a dash" '"v"' "$(cat out)"
run 0 bus-value get --json -- -dash
check_has out '{"key":"-dash","version":1,'
run 0 bus-value list -- -dash '-x.*'
check_equal "a list of a key with a dash" "-dash${tab}\"v\"" "$(cat out)"
run 0 bus-value watch --limit 1 -- -dash
check_has out '"key":"-dash"'
run 0 bus-value watch --limit 1 nothing -- -dash
check_has out '"key":"-dash"'
run 75 bus-value put --if-version 7 -- -dash 2
check_has err '; read it again with bus-value get --with-version -- -dash'
run 0 bus-value put --create --while -- -held -1 -- bus-value get -- -held
check_equal "a held key with a dash" -1 "$(cat out)"
bad 64 'put needs KEY and VALUE; a KEY that begins with "-" is written so: bus-value put --while -- KEY VALUE -- COMMAND' put --while -- -k true
bad 64 'KEY is empty' get '' -- -dash
# What is an option of bus-value there was hardly meant as a key.
for words in 'get t -- --text' 'get -- t --timeout=5s' 'list t -- --names' 'delete t -- --timeout 5s' 'watch t -- --exec true'; do
  # shellcheck disable=SC2086 # words of one command
  bad 64 'options come before the "--", and "--' $words
  check_has err '" is behind it; --literal takes it as a KEY'
done
run 0 bus-value put --text -- --text x
run 0 bus-value get --literal -- --text
check_equal "a key with the name of an option" '"x"' "$(cat out)"
run 0 bus-value put 'odd key, "quoted"' 1 --literal
# As the manual deletes all keys.
bus-value list --names | xargs -r -d '\n' bus-value delete --literal -- || fail "the deletion of all keys ended with $?"
run 0 bus-value list --names
check_empty out

# ---- Versions

run 0 bus-value put v '"one"' --create
run 75 bus-value put v '"two"' --create
check_empty out
check_equal 'what is said of a key that exists' 'bus-value: "v" exists; its value is "one"' "$(cat err)"
run 75 bus-value put v 2 --create --json-errors
check_has err '{"code":"exists","exit":75,'
check_has err ',"present":{"version":1,"rev":'
check_has err ',"value":"one"}}'
run 0 bus-value put v '"two"' --if-version 1 --with-version
check_equal "the version after 1" 2 "$(cat out)"
run 75 bus-value put v '"three"' --if-version 1
check_has err 'bus-value: "v" has version 2'
check_has err '; read it again with bus-value get v --with-version'
run 75 bus-value put v '"three"' --if-version 1 --json-errors
check_has err '{"code":"stale","exit":75,'
run 75 bus-value delete v --if-version 1
run 75 bus-value put nowhere 1 --if-version 7
check_equal 'what is said of a version of no key' \
  'bus-value: there is no key "nowhere"; with --create instead of --if-version, put creates it' "$(cat err)"
run 0 bus-value get v
check_equal "what two writers left" '"two"' "$(cat out)"
run 0 bus-value put w 1 --if-version 0
run 75 bus-value put w 1 --if-version 0
check_equal 'what is said of a key that exists, by its version' 'bus-value: "w" exists; its value is 1' "$(cat err)"
run 0 bus-value delete v --if-version 2 --with-version
check_equal "the version of the deletion" 3 "$(cat out)"
for verb in get delete; do
  run 1 bus-value $verb v
  check_empty out
  check_equal "a missing key" 'bus-value: there is no key "v"; bus-value list shows the keys that there are' "$(cat err)"
done
run 1 bus-value get v --json-errors
check_has err '{"code":"not_found","exit":1,'
run 77 bus-value put bus.hub 1
check_has err bus.hub
run 75 bus-value put v 1 --durable power
check_equal 'what is said of a hub without a store' \
  'bus-value: this hub stores nothing; leave --durable out, or start the hub with --values PATH' "$(cat err)"
run 75 bus-value put v 1 --durable power --json-errors
check_has err '{"code":"store","exit":75,'
run 0 bus-value put v 1 --durable memory

# ---- Several keys are deleted as rm(1) does it

for key in d.one d.two d.three; do run 0 bus-value put $key 1; done
run 1 bus-value delete d.one no.such d.two
check_equal "what is said of the one that is not there" \
  'bus-value: there is no key "no.such"; bus-value list shows the keys that there are' "$(cat err)"
run 0 bus-value list 'd.*' --names
check_equal "the key that is left" d.three "$(cat out)"
run 77 bus-value delete bus.hub d.three
run 1 bus-value get d.three
run 0 bus-value put d.one 1
run 0 bus-value put d.two 1
run 0 bus-value delete d.one d.two --json
check_has out '{"key":"d.one","version":4,"rev":'
check_has out '{"key":"d.two","version":4,"rev":'
run 0 bus-value put d.one 1
run 1 bus-value delete d.two d.one --with-version
check_equal "the version of the deletion of one of two" "d.one${tab}6" "$(cat out)"

# ---- Time

start expiry bus-value watch brief --limit 2
await expiry.out '"type":"synced"'
run 0 bus-value put brief 1 --ttl 50ms
expect_exit "the watch of a value that expires" "$pid" 0
check_has expiry.out '"ttl_ms":50'
check_has expiry.out '"deleted":true,"expired":true'
run 1 bus-value get brief
run 0 bus-value put years 1 --ttl 3650d
run 0 bus-value get years --json
check_has out '"ttl_ms":3153'

# ---- List

run 0 bus-value put s.two '"two words"'
run 0 bus-value put s.one 1
run 0 bus-value list 's.*'
check_equal "a list" "s.one${tab}1
s.two${tab}\"two words\"" "$(cat out)"
run 0 bus-value list 's.*' --text --with-version
check_equal "a list of texts" "s.one${tab}1${tab}1
s.two${tab}1${tab}two words" "$(cat out)"
run 0 bus-value put s.lines "$(printf 'C:\\x\ttwo\nlines')" --text
run 0 bus-value list s.lines --text
check_equal "a text of two lines in a list" "s.lines${tab}C:\\\\x\\ttwo\\nlines" "$(cat out)"
run 0 bus-value get s.lines --text
check_equal "the text itself" "$(printf 'C:\\x\ttwo\nlines')" "$(cat out)"
run 0 bus-value delete s.lines
run 0 bus-value list s.one 's.*' --names
check_equal "a list of names" "s.one
s.two" "$(cat out)"
run 0 bus-value list 's.*' --json
check_equal "lines of a list in JSON" 2 "$(grep -c '^{"key":"s\..*"value":.*}$' out)"
run 0 bus-value list 'no.*'
check_empty out
run 0 bus-value list --names
check_lacks out bus.hub
run 0 bus-value list 'bus.*' --names
check_has out bus.hub
run 0 bus-value get bus.hub
check_has out "\"pid\":$(hub_pid)"
# More than one page has: a thousand keys and one.
python3 - <<'END' || fail "the keys could not be put"
import json, os, socket
hub = socket.socket(socket.AF_UNIX)
hub.settimeout(10)
hub.connect(os.environ["BUSD_SOCKET"])
for i in range(1001):
    frame = {"type": "put", "key": "many.%04d" % i, "value": i}
    if i == 1000:
        frame["id"] = "last"
    hub.sendall((json.dumps(frame) + "\n").encode())
answers = hub.makefile()
assert "result" in json.loads(answers.readline())
END
run 0 bus-value list 'many.*'
check_equal "the keys of two pages" 1001 "$(lines_in out)"
check_equal "the first and the last" "many.0000${tab}0 many.1000${tab}1000" "$(sed -n '1p;$p' out | paste -sd ' ')"

# ---- A hub without values

run 0 bus-stop --force
start_hub --values off
for words in 'get a' 'put a 1' 'list' 'watch a'; do
  # shellcheck disable=SC2086 # words of one command
  run 76 bus-value $words
  check_empty out
done
