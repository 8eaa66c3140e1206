#!/bin/bash
# What README.md shows is what happens: readme_test.sh README BIN_DIRECTORY
#
# Types the commands of its ```console fences into one shell (console.sh). Then runs each recipe, and the consumer, the caller,
# the provider, and what watches values, in each of four languages as they stand in the page, with the environment of a user who has set nothing. What needs a tool that is
# missing here is left out, and named.
set -euo pipefail

readme=$(realpath "$1")
bin=$(realpath "$2")
name=readme_test
patience=10
here=$(realpath "$(dirname "$0")")
# shellcheck source=tests/checks/console.sh
. "$(dirname "$0")/console.sh"

dir=$(mktemp -d)
mkdir -m 700 "$dir/home" "$dir/run"
# Where Go keeps what it has built, which the bare environment does not say.
gocache=$(go env GOCACHE 2>/dev/null) || gocache=
# What the user of the page has stored is not there for the programs of the page that need no library.
export PATH=$bin:$PATH XDG_RUNTIME_DIR=$dir/run XDG_STATE_HOME=$dir/state
unset BUSD_SOCKET BUSD_BUS BUSD_PROGRAM BUSD_NO_START
as_user "$dir/home" "$dir/run"
cd "$dir/home"

stop_hub() { bus-stop --force --timeout 5s -q; }

finish() {
  end_console
  stop_hub || true
  rm -rf "$dir"
}
trap finish EXIT

# fence INFO: the contents of all fences that are opened with that, in order.
fence() {
  awk -v opening='```'"$1" '
    $0 == opening { inside = 1; next }
    /^```/ { inside = 0 }
    inside' "$readme"
}

# without TOOL WHAT: says that it is left out, where there is no such tool.
without() {
  ! command -v "$1" >/dev/null || return 1
  printf 'readme_test: no %s here, so %s was not run\n' "$1" "$2"
}

# joined KEY: waits until the hub has a consumer of KEY.
joined() {
  local until=$((SECONDS + patience))
  until bus-status --json 2>/dev/null | jq -e --arg key "$1" 'any(.consumers[]; .event_key == $key)' >/dev/null; do
    ((SECONDS < until)) || fail "no consumer of $1 after $patience s: $(cat "$dir/$1.err")"
  done
}

# start NAME COMMAND...: the command in the background. What it prints is read from descriptor $from.
start() {
  local what=$1
  shift
  # Of a session of its own, so that one that fails can be ended with all that it has started (end_console).
  coproc STARTED { exec "${bare[@]}" setsid "$@" 2>"$dir/$what.err"; }
  started=$STARTED_PID
  exec {from}<&"${STARTED[0]}"
}

# ended NAME STATUS: what was started prints nothing more, and ends so.
ended() {
  local status=0
  expect_end "$1"
  wait "$started" || status=$?
  ((status == $2)) || fail "$1: ended with $status, not $2: $(cat "$dir/$1.err")"
  printf 'readme_test: %s works\n' "$1"
}

# --- recipes, each named by the word behind `sh` in its fence ---

recipe_deploy() {
  local ok
  for ok in true false; do
    printf '#!/bin/sh\necho deployed\n' >deploy
    chmod +x deploy
    start deploy sh recipe_deploy
    joined deploy
    bus-publish build.done "{\"ok\":$ok}"
    expect_line $ok "the recipe deploy"
    if [[ $ok == true ]]; then
      expect_line deployed "the recipe deploy"
      ended deploy 0
    else
      ended deploy 1
    fi
  done
}

recipe_loop() {
  start notes sh recipe_loop
  joined notes
  bus-publish build.started 1
  bus-publish build.done 2
  bus-stop --force -q
  joined notes # in the hub that it has started anew
  kill "$(bus-status --json | jq '.consumers[] | select(.event_key == "notes") | .pid')"
  ended notes 0
  [[ $(sed 's/ at [0-9][0-9]:[0-9][0-9]$//' builds.log) == $'build.started\nbuild.done' ]] || fail "loop: $(cat builds.log)"
}

recipe_exec() {
  start runner sh recipe_exec
  joined runner
  bus-publish build.done '{"job":7}'
  bus-publish build.done '{"job":8}'
  local until=$((SECONDS + patience))
  until [[ $(cat jobs.log 2>/dev/null) == $'7\n8' ]]; do
    ((SECONDS < until)) || fail "exec: $(cat jobs.log "$dir/runner.err")"
  done
  kill "$(bus-status --json | jq '.consumers[] | select(.event_key == "runner") | .pid')"
  ended runner 143
}

recipe_bar() {
  start bar sh recipe_bar
  joined bar
  bus-publish load.cpu '{"load1":0.52}'
  expect_line 'load 0.52' 'the recipe bar'
  kill "$(bus-status --json | jq '.consumers[] | select(.event_key == "bar") | .pid')"
  ended bar 0
}

recipe_git() {
  ! without git 'the recipe git' || return 0
  local commit=(git -C repository -c user.name=me -c user.email=me@example.org commit -q --allow-empty -m)
  "${bare[@]}" git init -q repository
  install -D recipe_git repository/.git/hooks/post-commit
  # Without a hub, it keeps quiet and starts none.
  "${bare[@]}" "${commit[@]}" one >git.out 2>&1 || fail "git commit ended with $?: $(cat git.out)"
  [[ ! -s git.out ]] || fail "git: $(cat git.out)"
  if bus-status --check >/dev/null 2>&1; then fail 'the git hook has started a hub'; fi
  start git bus-consume git.commit -n 1 --payload
  joined git.commit
  "${bare[@]}" "${commit[@]}" two
  expect_line "{\"commit\":\"$("${bare[@]}" git -C repository rev-parse HEAD)\"}" 'the recipe git'
  ended git 0
}

recipe_cron() {
  local status expected
  # As cron does: the command behind the five fields of the time, by sh, in the home directory, without input.
  sed -E 's/^([^ ]+ ){5}//' recipe_cron >cron_command
  for status in 0 1; do
    printf '#!/bin/sh\nexit %s\n' $status >backup
    chmod +x backup
    start cron bus-consume cron -t 'backup.*' -n 1
    joined cron
    "${bare[@]}" sh cron_command </dev/null
    expected='{"type":"event","event_type":"backup.done","seq":1,"payload":{"ok":true}}'
    if ((status == 1)); then expected='{"type":"event","event_type":"backup.failed","seq":1,"payload":{"ok":false}}'; fi
    expect_line "$expected" 'the recipe cron'
    ended cron 0
  done
}

recipe_agent() {
  start agent sh recipe_agent
  joined agent
  bus-publish build.done '{"ok":true}'
  expect_line '{"ok":true}' 'the recipe agent'
  ended agent 0
}

# The first beat comes at once, and starts the hub; the second one is not waited for.
recipe_heartbeat() {
  local until=$((SECONDS + patience)) left
  start heartbeat sh recipe_heartbeat
  until left=$("${bare[@]}" bus-value get alive.web --json --no-start 2>/dev/null | jq -e .ttl_ms); do
    ((SECONDS < until)) || fail "heartbeat: no beat came: $(cat "$dir/heartbeat.err")"
  done
  ((left > 20000 && left <= 30000)) || fail "heartbeat: the value expires after $left ms"
  kill -- "-$started" # with its sleep
  ended heartbeat 143
}

recipe_off() {
  local status=0
  "${bare[@]}" sh recipe_off
  # shellcheck disable=SC2016 # the shell of that user expands it
  "${bare[@]}" sh -c '. "$HOME/.profile" && exec bus-value get branch' 2>"$dir/off.err" || status=$?
  ((status == 76)) || fail "off: bus-value ended with $status: $(cat "$dir/off.err")"
  "${bare[@]}" bus-status --check >/dev/null || fail 'off: no hub has started'
  rm "$dir/home/.profile"
}

recipe_branch() {
  ! without git 'the recipe branch' || return 0
  "${bare[@]}" git init -q -b main app
  "${bare[@]}" git -C app -c user.name=me -c user.email=me@example.org commit -q --allow-empty -m one
  install -D recipe_branch app/.git/hooks/post-checkout
  "${bare[@]}" git -C app checkout -q -b next >git.out 2>&1 || fail "git checkout ended with $?: $(cat git.out)"
  [[ ! -s git.out ]] || fail "branch: $(cat git.out)"
  [[ $("${bare[@]}" bus-value get branch.app --text) == next ]] || fail "branch: $("${bare[@]}" bus-value list)"
  "${bare[@]}" bus-value delete branch.app
}

recipe_prompt() {
  local prompt
  "${bare[@]}" bus-value put branch.app next --text
  # shellcheck disable=SC2016 # that shell expands it
  prompt=$("${bare[@]}" bash --norc -c '. ./recipe_prompt && printf "%s" "${PS1@P}"')
  [[ $prompt == 'next '['$#']' ' ]] || fail "prompt: it is '$prompt'"
  "${bare[@]}" bus-value delete branch.app
}

recipe_silent() {
  start silent sh recipe_silent
  # As soon as it watches, it learns of this one.
  watched silent
  "${bare[@]}" bus-value put alive.web true --ttl 50ms
  expect_line 'alive.web is silent' 'the recipe silent'
  unwatched silent
}

recipe_sensors() {
  start sensors sh recipe_sensors
  watched sensors
  "${bare[@]}" bus-value put sensor.hall 21.5
  expect_line 'hall has 21.5' 'the recipe sensors'
  "${bare[@]}" bus-value put sensor.note 'two words' --text
  expect_line 'note has two words' 'the recipe sensors'
  "${bare[@]}" bus-value put sensor.path 'C:\new' --text
  expect_line 'path has C:\\new' 'the recipe sensors'
  # Of a deletion nothing is said.
  "${bare[@]}" bus-value delete sensor.path
  "${bare[@]}" bus-value put sensor.hall 22
  expect_line 'hall has 22' 'the recipe sensors'
  unwatched sensors
  "${bare[@]}" bus-value delete sensor.hall sensor.note
}

# watched NAME: waits until the hub has a watch. unwatched NAME: ends the program that watches, and so the recipe.
watched() {
  local until=$((SECONDS + patience))
  until bus-status --json 2>/dev/null | jq -e '.values.watches > 0' >/dev/null; do
    ((SECONDS < until)) || fail "no watch of $1 after $patience s: $(cat "$dir/$1.err")"
  done
}
unwatched() {
  local children
  read -r -a children <"/proc/$started/task/$started/children" || true # it has no line end
  kill "${children[0]}"
  ended "$1" 0
}

recipe_save() {
  "${bare[@]}" bus-value put kept.text "$(printf 'two\nlines \\ "q"')" --text
  "${bare[@]}" bus-value put kept.list '[1, 2.50]'
  "${bare[@]}" bus-value put -- -kept.dash 1
  "${bare[@]}" bus-value put deploy.lock 1 --while -- sh recipe_save
  [[ $(cut -f 1 values.txt) == $'-kept.dash\nkept.list\nkept.text' ]] || fail "save: $(cat values.txt)"
  "${bare[@]}" bus-value delete -- kept.text kept.list -kept.dash
}

recipe_restore() {
  local status=0
  "${bare[@]}" sh recipe_restore || fail "restore ended with $?"
  [[ $("${bare[@]}" bus-value get -- -kept.dash) == 1 ]] || fail "restore: $("${bare[@]}" bus-value list)"
  [[ $("${bare[@]}" bus-value get kept.text --text) == $'two\nlines \\ "q"' ]] || fail "restore: $("${bare[@]}" bus-value list)"
  [[ $("${bare[@]}" bus-value get kept.list) == '[1, 2.50]' ]] || fail "restore: $("${bare[@]}" bus-value list)"
  # What cannot be put back ends it, and is named.
  printf 'kept.bad\t{\nkept.last\t1\n' >values.txt
  "${bare[@]}" sh recipe_restore 2>"$dir/restore.err" || status=$?
  ((status == 1)) || fail "restore of a bad value ended with $status"
  grep -qx 'restore.sh: ended at the key kept.bad' "$dir/restore.err" || fail "restore said: $(cat "$dir/restore.err")"
  printf 'readme_test: values are saved and put back\n'
}

recipe_clear() {
  "${bare[@]}" bus-value put 'a,b "c"' 1 --literal
  "${bare[@]}" bus-value put -- -dash 1
  "${bare[@]}" sh recipe_clear || fail "clear ended with $?"
  [[ -z $("${bare[@]}" bus-value list) ]] || fail "clear: $("${bare[@]}" bus-value list)"
  "${bare[@]}" sh recipe_clear || fail "clear without keys ended with $?"
}

# go: a directory with a go command that knows GOCACHEPROG; false: there is none.
go_directory() {
  local go
  ! without bus-gocache 'the cache for Go' || return 1
  if ! go=$("$here/../gocache/find-go" 2>"$dir/go.err"); then
    printf 'readme_test: %s; so the cache for Go was not run\n' "$(tail -n 1 "$dir/go.err")"
    return 1
  fi
  go_path=${go%/*}:$PATH
}

recipe_gocache() {
  go_directory || return 0
  "${bare[@]}" "PATH=$go_path" sh recipe_gocache
  [[ $("${bare[@]}" "PATH=$go_path" go env GOCACHEPROG) == bus-gocache ]] || fail 'gocache: it is not turned on'
}

recipe_gobuilt() {
  go_directory || return 0
  mkdir built
  printf 'module built\n\ngo 1.21\n' >built/go.mod
  printf 'package main\n\nfunc main() { println("built") }\n' >built/main.go
  (cd built && "${bare[@]}" "PATH=$go_path" sh ../recipe_gobuilt) >"$dir/gobuilt.out" || fail "gobuilt ended with $?"
  grep -Eq '^[0-9: -]+ go build ' "$dir/gobuilt.out" || fail "gobuilt: $(cat "$dir/gobuilt.out")"
}

recipe_end() {
  bus-consume notes -q 2>"$dir/notes.err" &
  local notes=$! status=0
  joined notes
  start other bus-consume other -n 1 -q --payload
  joined other
  "${bare[@]}" sh recipe_end
  wait $notes || status=$?
  ((status == 143)) || fail "end: the consumer ended with $status"
  bus-publish other 1
  expect_line 1 'the consumer of another key, after the recipe end'
  ended other 0
}

recipes() {
  local recipe names
  mapfile -t names < <(sed -n 's/^```sh \(.*\)/\1/p' "$readme")
  ((${#names[@]} > 0)) || fail 'there are no recipes'
  for recipe in "${names[@]}"; do
    declare -F "recipe_$recipe" >/dev/null || fail "nothing runs the recipe $recipe"
    fence "sh $recipe" >"recipe_$recipe"
    chmod +x "recipe_$recipe"
    "recipe_$recipe"
    stop_hub
  done
}

# --- consumers without the library ---

# consumer LANGUAGE TOOL FILE COMMAND...: the program of that fence, in FILE, prints the payloads of its types and no others, also
# after one that some parsers refuse and with one that is nearly as long as a frame can be, and ends with the hub.
consumer() {
  local language=$1 tool=$2 file=$3 expected line
  shift 3
  ! without "$tool" "the $language consumer" || return 0
  fence "$language" >"$file"
  [[ -s $file ]] || fail "there is no $language fence"
  if [[ $tool == go ]]; then "${bare[@]}" GOCACHE="$gocache" go build -o consume_go "$file" || fail "go build ended with $?"; fi
  stop_hub
  refused "$language" /busd/bus.sock "$@" "$language" demo.one
  busd --detach 2>/dev/null || fail "busd --detach ended with $?"
  # Of a long line only its length: bash reads byte by byte.
  # shellcheck disable=SC2016  # for the inner shell
  start "$language" bash -o pipefail -c '"$@" | jq -rR --unbuffered "if length > 1000 then length else . end"' - \
    "$@" "$language" demo.one demo.two
  joined "$language"
  bus-publish other '"not for it"'
  bus-publish demo.one '{"text":"grüße\u2028","n":[1,2,3]}'
  printf '%0500d' 0 | sed 's/0/[/g; p; s/\[/]/g' | tr -d '\n' | bus-publish demo.one -
  printf '[[%05000d]]' 0 | tr 0 9 | bus-publish demo.one -
  printf '"%01048000d"' 0 | bus-publish demo.one -
  bus-publish demo.two null
  for expected in '{"text":"grüße\u2028","n":[1,2,3]}' 1048002 null; do
    line='[['
    # The nested one, and the long number: they may be skipped, but not end the program.
    while [[ $line == '[['* || $line == 5004 ]]; do
      line=
      IFS= read -r -t "$patience" -u "$from" line || fail "$language: no payload: $(cat "$dir/$language.err")"
    done
    [[ $(jq -cS . <<<"$line") == "$(jq -cS . <<<"$expected")" ]] || fail "$language: expected $expected, got $line"
  done
  bus-stop --force --timeout 5s 2>/dev/null || fail "$language: bus-stop ended with $?"
  ended "$language" 0
  refused "$language" usage "$@"
  bus-consume alone --exclusive -n 1 -q >/dev/null 2>"$dir/alone.err" &
  joined alone
  refused "$language" 'scope alone' "$@" alone demo.one
  bus-publish alone null
  wait $! || fail "$language: the exclusive consumer ended with $?"
}

# --- callers and providers without the library ---

callers=()

# program LANGUAGE KIND FILE: puts the program of that fence into FILE, and builds what has to be built: FILE without its ending.
program() {
  fence "$1 $2" >"$3"
  [[ -s $3 ]] || fail "there is no fence $1 $2"
  if [[ $1 == go ]]; then "${bare[@]}" GOCACHE="$gocache" go build -o "${3%.go}" "$3" || fail "go build $3 ended with $?"; fi
}

# caller LANGUAGE TOOL FILE COMMAND...: is called by each provider() from now on.
caller() {
  ! without "$2" "the $1 caller" || return 0
  program "$1" call "$3"
  refused "$1" usage "${@:4}"
  stop_hub
  refused "$1" /busd/bus.sock "${@:4}" sum.nobody null
  deserted "$1" "${@:4}"
  callers+=("${*:4}")
}

# provider LANGUAGE TOOL FILE COMMAND...: bus-call and each caller gets its sums, and its errors; it ends with the hub.
provider() {
  local language=$1 file=$3 task=sum.$1 caller answer
  ! without "$2" "the $1 provider" || return 0
  shift 3
  program "$language" serve "$file"
  stop_hub
  refused "$language" /busd/bus.sock "$@" "$task"
  busd --detach 2>/dev/null || fail "busd --detach ended with $?"
  start "$language" "$@" "$task"
  answer=$(bus-call "$task" '{"a":1,"b":2}' --wait --timeout "${patience}s") || fail "$language: bus-call ended with $?: $(cat "$dir/$language.err")"
  [[ $answer == 3 ]] || fail "$language: the sum of 1 and 2 is $answer"
  answer=$(bus-call "$task" '{"a":1,"b":[]}' 2>&1) && fail "$language: answered $answer to what has no sum"
  [[ $answer == *bad_args:* ]] || fail "$language: no error bad_args, but $answer"
  hard_args "$task"
  for caller in "${callers[@]}"; do
    # shellcheck disable=SC2086  # the words of a command
    answer=$("${bare[@]}" timeout "$patience" $caller "$task" '{"a":2,"b":40}') || fail "$caller, of $language: ended with $?"
    [[ $answer == 42 ]] || fail "$caller, of $language: the sum of 2 and 40 is $answer"
    # shellcheck disable=SC2086
    refused "$language" bad_args $caller "$task" '{"a":1,"b":[]}'
    # shellcheck disable=SC2086
    refused "$language" no_provider $caller nobody null
    # shellcheck disable=SC2086
    refused "$language" . $caller "$task" '{'
  done
  bus-stop --force --timeout 5s 2>/dev/null || fail "$language: bus-stop ended with $?"
  ended "$language" 0
  refused "$language" usage "$@"
}

# hard_args TASK: its provider answers JSON that some parsers or printers refuse, and what grows beyond a frame. Which answer it
# gives is its own affair; it must take one request at a time, and the next one.
hard_args() {
  local hard answer
  [[ $(bus-status --json | jq '.providers[0].slots') == 1 ]] || fail "$language: the provider has more than one slot"
  printf '%05000d' 0 | tr 0 9 >digits
  for hard in '{"a":1e999,"b":1}' '{"a":1e308,"b":1e308}' '{"a":1e308,"b":1e999}' "{\"a\":$(<digits),\"b\":1.5}" '{"a":"\ud800","b":"x"}' null \
    "{\"a\":$(printf '%0300d' 0 | sed 's/0/[/g; p; s/\[/]/g' | tr -d '\n'),\"b\":[]}"; do
    answer=$(bus-call "$1" "$hard" --timeout "${patience}s" 2>&1) || [[ $answer == 'bus-call: bad_args'* ]] ||
      fail "$language: the call with ${hard:0:40} ended so: $answer"
  done
  # Each grows in some language: to other bytes, or by spaces.
  for hard in '1E5,' '"\u007f\u007f",' '"üüüü",'; do
    jq -rn --arg one "$hard" '{a: 0, b: []} | "{\"a\":[" + ($one * (1000000 / ($one | utf8bytelength) | floor)) + "0],\"b\":[]}"' >hard.json
    answer=$(bus-call "$1" - --timeout "${patience}s" <hard.json 2>&1) || [[ $answer == 'bus-call: bad_args'* ]] ||
      fail "$language: the long call with $hard ended so: ${answer:0:200}"
  done
  [[ $(bus-call "$1" '{"a":3,"b":4}' --timeout "${patience}s") == 7 ]] || fail "$language: no sum after hard args"
}

# deserted LANGUAGE COMMAND...: the caller fails when its hub dies in the call.
deserted() {
  local language=$1 hub held caller until=$((SECONDS + patience))
  shift
  busd --detach 2>/dev/null || fail "busd --detach ended with $?"
  bus-serve held -q --no-start -- sleep 1000 2>/dev/null &
  held=$!
  until bus-status --list tasks | grep -qx held; do
    ((SECONDS < until)) || fail "$language: nobody provides the task held"
  done
  refused "$language" . "$@" held null &
  caller=$!
  until hub=$(bus-status --json | jq -e 'select(.calls.open == 1) | .pid'); do
    ((SECONDS < until)) || fail "$language: no call came"
  done
  kill -KILL "$hub"
  wait "$caller" || exit 1 # it has said why
  kill -KILL "$held"
  wait "$held" 2>/dev/null || true
}

# --- values without the library ---

# ask FRAME: the hub's answer to it.
ask() { socat -t "$patience" - "UNIX-CONNECT:$(bus-status --print-socket)" <<<"$1"; }

# values LANGUAGE TOOL FILE GET WATCH: the two programs of FILE.get and FILE.watch, as commands. They show what is put and deleted, byte for byte
# or as their language prints it, and the watch ends with the hub.
values() {
  local language=$1 ending=$3 get=$4 watch=$5 answer
  ! without "$2" "what gets and watches values in $1" || return 0
  program "$language" get "get.$ending"
  program "$language" watch "watch.$ending"
  stop_hub
  # shellcheck disable=SC2086  # the words of commands, here and below
  {
    refused "$language" usage $get
    refused "$language" usage $watch
    refused "$language" /busd/bus.sock $get branch
    refused "$language" /busd/bus.sock $watch branch
    busd --detach 2>/dev/null || fail "busd --detach ended with $?"
    refused "$language" not_found $get branch
    refused "$language" . $watch ''
    ask '{"type":"put","id":"1","key":"branch","durable":"memory","value":{"text":"grüße\u2028","n":[1,2]}}' >/dev/null
    answer=$("${bare[@]}" timeout "$patience" $get branch) || fail "$language: get ended with $?"
    start "$language" $watch 'branch' 'sensor.*'
  }
  [[ $(jq -cS . <<<"$answer") == "$(jq -cS . <<<'{"text":"grüße\u2028","n":[1,2]}')" ]] || fail "$language: got $answer"
  shows '{"key":"branch","value":{"text":"grüße\u2028","n":[1,2]}}'
  ask '{"type":"put","id":"1","key":"sensor.hall","durable":"memory","value":21.5}' >/dev/null
  shows '{"key":"sensor.hall","value":21.5}'
  ask '{"type":"delete","id":"1","key":"branch"}' >/dev/null
  shows '{"key":"branch","value":null,"deleted":true}'
  bus-stop --force --timeout 5s 2>/dev/null || fail "$language: bus-stop ended with $?"
  # The hub says that it stops, which is the end of the watch; or has closed the connection before.
  expect_end "$language"
  wait "$started" || true
  printf 'readme_test: %s works\n' "$language, which gets and watches,"
}

# shared: share.py puts a value, and prints it and what others make of it; its value goes with it.
shared() {
  local language=python
  ! without python3 'what puts and watches a value in python' || return 0
  program python share share.py
  refused python usage python3 share.py
  refused python '^usage: .* VALUE is JSON' python3 share.py branch bad
  stop_hub
  refused python /busd/bus.sock python3 share.py branch '"main"'
  busd --detach 2>/dev/null || fail "busd --detach ended with $?"
  refused python bus.hub python3 share.py bus.hub 1
  start share python3 share.py branch '{"name":"main"}'
  expect_line 'version 1' share.py
  shows '{"name":"main"}'
  ask '{"type":"put","id":"1","key":"branch","durable":"memory","value":"next"}' >/dev/null
  shows '"next"'
  ask '{"type":"delete","id":"1","key":"branch"}' >/dev/null
  expect_line deleted share.py
  kill "$started"
  ended share 143
  start share python3 share.py branch 1
  expect_line 'version 4' share.py
  shows 1
  kill "$started"
  ended share 143
  # The hub notices the end of the connection a moment later.
  local until=$((SECONDS + patience))
  while [[ $(ask '{"type":"get","id":"1","key":"branch"}') != *not_found* ]]; do
    ((SECONDS < until)) || fail 'share.py: its value outlives it'
  done
}

# shows JSON: the next line of what was started.
shows() {
  local line=
  IFS= read -r -t "$patience" -u "$from" line || fail "$language: no line: $(cat "$dir/$language.err")"
  [[ $(jq -cS . <<<"$line") == "$(jq -cS . <<<"$1")" ]] || fail "$language: expected $1, got $line"
}

# refused LANGUAGE REASON COMMAND...: the command fails, prints nothing on stdout, and says that on stderr.
refused() {
  local language=$1 reason=$2 status=0
  shift 2
  "${bare[@]}" timeout "$patience" "$@" >"$dir/refused.out" 2>"$dir/refused.err" </dev/null || status=$?
  ((status != 0 && status != 124)) || fail "$language: ended with $status, not as refused: $(cat "$dir/refused.err")"
  [[ ! -s $dir/refused.out ]] || fail "$language: printed $(cat "$dir/refused.out")"
  grep -q "$reason" "$dir/refused.err" || fail "$language: expected \"$reason\" on stderr, got: $(cat "$dir/refused.err")"
}

run_console < <(fence console)
stop_hub
recipes
consumer bash socat consume.sh bash consume.sh
consumer python python3 consume.py python3 consume.py
consumer js node consume.js node consume.js
consumer go go consume.go ./consume_go
caller bash socat call.sh bash call.sh
caller python python3 call.py python3 call.py
caller js node call.js node call.js
caller go go call.go ./call
provider bash socat serve.sh bash serve.sh
provider python python3 serve.py python3 serve.py
provider js node serve.js node serve.js
provider go go serve.go ./serve
values bash socat sh 'bash get.sh' 'bash watch.sh'
values python python3 py 'python3 get.py' 'python3 watch.py'
shared
values js node js 'node get.js' 'node watch.js'
values go go go ./get ./watch
