#!/bin/sh
# The completions in the shells that they are for, with a real hub: completions_test.sh BIN SHARE SHELL
#
# SHARE is the folder that holds what was made. SHELL is bash (which sources the files), bash-completion (which loads them by
# their names), zsh or fish: 77 where it is not installed. Or programs: then the programs are asked whether they refuse what
# packaging/completions/generate says that they do.
# shellcheck disable=SC2016,SC2119  # what is in single quotes is for other shells; hubs are started without arguments
generate=$(realpath "$(dirname "$0")/../../packaging/completions/generate")
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
share=$2
shell=$3
programs='busd bus-call bus-consume bus-gocache bus-publish bus-serve bus-source bus-sources bus-status bus-stop bus-value'

# ---- What the programs say

# options_of PROGRAM: all names of its options, sorted.
options_of() {
  "$1" --help | sed -n '/^Options:/,/^$/p' | sed -n 's/^  \(-[^ ]*\).*/\1/p' | tr , '\n' | LC_ALL=C sort
}

# refused PROGRAM ARGUMENT…: whether they are refused for standing together. Nothing is done in any case: no program takes
# such a BUSD_ERRORS, which it says when the rest is fine.
refused() {
  [ "$1" != bus-consume ] || set -- "$@" key
  [ "$1" != bus-source ] || set -- "$@" list
  [ "$1" != bus-value ] || set -- "$@" list
  BUSD_ERRORS=bogus "$@" >/dev/null 2>err && fail "$* was taken with BUSD_ERRORS=bogus"
  grep -q 'excludes' err
}

# Every two options of a program, with a value where one is needed, one pair to a line: NAME WORDS, tab, NAME WORDS. The first
# positionals of bus-call and bus-publish are among them.
pairs_of() {
  "$1" --help | awk -v program="$1" '
    /^Options:/ { inside = 1; next }
    /^$/ { inside = 0 }
    inside && /^  -/ {
      name = $1
      sub(/.*,/, "", name)
      if (name == "--help" || name == "--version") next
      value = ""
      if ($0 ~ /^  [^ ]+ [^ ]/) value = $2 ~ /^\[/ ? "" : $2 == "D" ? " 1s" : $2 ~ /\|/ ? (program == "bus-source" ? " stdout" : " keys") : $2 ~ /=/ ? " a=1" : " 1"
      given[++n] = name value
    }
    END {
      if (program == "bus-publish") given[++n] = "TYPE"
      if (program == "bus-call") given[++n] = "TASK"
      for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) print given[i] "\t" given[j]
    }'
}

with_value() { # OPTION of busd
  case $1 in
    --socket | --bus) echo "$1=x" ;;
    *) echo "$1" ;;
  esac
}

check_exclusions() {
  sed -n "/^exclusions='/,/^'/p" "$generate" | sed -n 's/^\([a-z-]*\): /\1 /p' |
    awk '{ for (i = 3; i <= NF; i++) if ($i != "PAYLOAD" && $i != "ARGS") print $1, $2, $i; }' >listed
  [ -s listed ] || fail "no exclusions in $generate"
  for program in bus-call bus-consume bus-gocache bus-publish bus-serve bus-source bus-sources bus-status bus-stop bus-value; do
    pairs_of "$program" >pairs
    [ -s pairs ] || fail "no options in $program --help"
    while IFS='	' read -r one other; do
      listed=no
      grep -qxF -e "$program ${one%% *} ${other%% *}" -e "$program ${other%% *} ${one%% *}" listed && listed=yes
      # shellcheck disable=SC2086 # NAME VALUE
      refused=$(refused "$program" $one $other && echo yes || echo no)
      check_equal "whether $program refuses $one with $other, and $generate says so" "$refused" "$listed"
    done <pairs
  done
  # busd judges them itself, and before it does anything.
  grep '^busd ' listed >busd.listed
  while read -r _ one other; do
    run 64 busd "$(with_value "$one")" "$(with_value "$other")"
    check_has err "$one excludes $other"
  done <busd.listed
}

# A program that is not ours stands for a new option: known kinds of values need no other edit, and others are not passed over.
check_new_option() {
  cat >newcomer <<'PROGRAM'
#!/bin/sh
echo 'Options:
  -w,--where DIR       A folder (or none); more of it
  --tone low|high      How
  --place on|off|PATH  Which
  --note '"$NOTE"'     It'\''s [what] you: say'
PROGRAM
  chmod +x newcomer
  NOTE=TYPE run 0 "$generate" made newcomer ./newcomer
  check_empty err
  run 0 find made -type f
  check_equal "what was made" 'made/bash-completion/completions/newcomer made/fish/vendor_completions.d/newcomer.fish made/zsh/vendor-completions/_newcomer' "$(sort out | xargs)"
  check_has made/fish/vendor_completions.d/newcomer.fish "-s w -l where -x -a '(__busd_directories)' -d 'A folder'"
  check_has made/fish/vendor_completions.d/newcomer.fish "-l tone -x -a 'low high' -d 'How'"
  check_has made/fish/vendor_completions.d/newcomer.fish "-l place -r -F -a 'on off' -d 'Which'"
  check_has made/zsh/vendor-completions/_newcomer "_busd_words_or_files '\\''on|off'\\''"
  check_has made/bash-completion/completions/newcomer 'kind+=([--place]=words_or_files)'
  check_has made/zsh/vendor-completions/_newcomer "--note=[It'\\''s \\[what\\] you: say]:TYPE:_busd_names types"
  check_has made/bash-completion/completions/newcomer 'kind+=([--where]=directories)'
  rm -r made
  NOTE=THING run 1 "$generate" made newcomer ./newcomer
  check_has err "newcomer --help: --note takes THING"
  [ ! -e made ] || fail "something was made of what is not known"
  printf '#!/bin/sh\necho what\n' >newcomer
  run 1 "$generate" made newcomer ./newcomer
  check_has err "no options were found"
}

if [ "$shell" = programs ]; then
  check_exclusions
  check_new_option
  exit 0
fi

# ---- The shell

if ! command -v "${shell%-completion}" >/dev/null; then
  echo "$shell is not installed"
  exit 77
fi
loader=/usr/share/bash-completion/bash_completion
if [ "$shell" = bash-completion ] && [ ! -e "$loader" ]; then
  echo "$shell is not installed"
  exit 77
fi

mkdir -m 700 home home/busd
mkfifo keys answer hold
export HOME="$work/home" XDG_RUNTIME_DIR="$work/home" XDG_DATA_DIRS="$share" LC_ALL=C.UTF-8

# In all of them ^T completes, with all candidates put on the line, and ^G hands over the line and empties it. bus-nothing is
# a program for which there are none.
cat >home/bashrc <<'RC'
PS1=
bind 'set enable-bracketed-paste off'
bind '"\C-t": insert-completions'
bind -x '"\C-g": show'
show() {
  printf '%s\n' "$READLINE_LINE" >answer
  READLINE_LINE=
  printf '\n<shown %d>\n' $((++shows))
}
nothing() { COMPREPLY=(); }
complete -F nothing bus-nothing
RC
cat >home/.zshrc <<'RC'
PS1=
fpath=($XDG_DATA_DIRS/zsh/vendor-completions $fpath)
autoload -Uz compinit
compinit -u -D
insert-all() {
  _main_complete
  compstate[insert]=all
  compstate[list]=
}
zle -C insert-all complete-word insert-all
show() {
  print -r -- $BUFFER >answer
  BUFFER=
  print "\n<shown $((++shows))>"
}
zle -N show
bindkey '^T' insert-all
bindkey '^G' show
nothing() { return 1 }
compdef nothing bus-nothing
echo ready >answer
RC
# Fish completes a line without a terminal. What stands at the end of each is a mark that keeps the spaces before it; a line
# that begins with "!" is done.
cat >home/driver.fish <<'RC'
complete -c bus-nothing -f
while read -l line
  set line (string sub -e -1 -- $line)
  if string match -q '!*' -- $line
    eval (string sub -s 2 -- $line)
    echo done >answer
  else
    complete -C $line >answer
  end
end
RC
case $shell in
  bash) for program in $programs; do echo ". $share/bash-completion/completions/$program"; done >>home/bashrc ;;
  bash-completion) echo ". $loader" >>home/bashrc ;;
esac
echo 'echo ready >answer' >>home/bashrc
case $shell in
  fish) fish home/driver.fish <keys >screen 2>&1 & ;;
  zsh) script -qefc 'stty cols 500; ZDOTDIR=home exec zsh -d -i' /dev/null <keys >screen 2>&1 & ;;
  *) script -qefc 'stty cols 500; exec bash --noprofile --rcfile home/bashrc -i' /dev/null <keys >screen 2>&1 & ;;
esac
pids="$pids $!"
exec 8>keys 9<>hold
[ "$shell" = fish ] || check_equal "the shell" ready "$(timeout 20 cat answer)"

# completed LINE: what LINE becomes with every candidate put on it; of fish, the candidates.
completed() {
  printf . >>asked
  if [ "$shell" = fish ]; then
    printf '%s|\n' "$1" >&8
  else
    printf '%s\024\007' "$1" >&8
  fi
  timeout 10 cat answer
}

# tell COMMAND: the shell does it.
tell() {
  if [ "$shell" = fish ]; then
    printf '!%s|\n' "$1" >&8
  else
    printf '%s; echo done >answer\r' "$1" >&8
  fi
  timeout 10 cat answer >/dev/null
}

# offered LINE: the candidates for its end, without quotes, sorted, with commas between; of --option=VALUE the
# values, of folders what stands before the last slash.
offered() {
  completed "$1" >line || fail "no answer to: $1"
  if [ "$shell" = fish ]; then
    sed 's/	.*//' line
  elif [ "$(cat line)" != "$1" ]; then
    word=${1##* }
    before=${1%"$word"}
    line=$(cat line)
    printf '%s\n' "${line#"$before"}" | xargs printf '%s\n'
  fi | sed 's/^\(--[a-z-]*\)=$/\1/; s/^--[a-z-]*=//; s/^<//; s/\/$//' | LC_ALL=C sort | paste -sd , -
}

# expect LINE CANDIDATES
expect() {
  got=$(offered "$1") || fail "the shell did not answer"
  check_equal "candidates for: $1" "$2" "$got"
}

# expect_names LINE CANDIDATES: from the hub. On a busy machine it may take longer than a completion waits; then it has none,
# and is asked again.
expect_names() {
  tries=0
  until got=$(offered "$1") && [ "$got" = "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || check_equal "candidates for: $1" "$2" "$got"
  done
}

# ---- Every option of every program

for program in $programs; do
  expect "$program -" "$(options_of "$program" | paste -sd , -)"
  expect "$program --" "$(options_of "$program" | grep '^--' | paste -sd , -)"
done

# ---- No hub: nothing, and none is started

for line in 'bus-consume ' 'bus-consume -t ' 'bus-publish ' 'bus-status --explain ' 'bus-consume --bus other ' 'bus-call ' 'bus-call --to ' 'bus-value get '; do
  expect "$line" ''
done
check_equal "what is in the hub's folder" '' "$(find . -name 'bus.*')"

# ---- Names from the hub

start_hub
start_consumer build build -t 'build.*' -t deploy -t 'two words' -t '*'
start_consumer mail im:message -t im:message -t a=b@c
run 0 bus-publish im:message 1

expect_names 'bus-consume ' 'build,im:message'
expect_names 'bus-consume b' 'build'
expect_names 'bus-consume -q -n 5 --type x ' 'build,im:message'
expect_names 'bus-consume -- ' 'build,im:message'
expect_names 'bus-consume -t ' '*,a=b@c,build.*,deploy,im:message,two words'
expect_names 'bus-consume key -t x -t d' 'deploy'
expect_names 'bus-consume --type=im:' 'im:message'
expect_names 'bus-publish ' 'a=b@c,deploy,im:message,two words'
expect_names 'bus-publish --lines --type a=b@' 'a=b@c'
expect_names 'bus-status --explain ' 'a=b@c,deploy,im:message,two words'
start_provider tasks math.add 'zip.*' 'two words'
start clock sh -c 'exec bus-publish --lines --type tick --source clock <hold'
expect_names 'bus-call ' 'bus.explain,bus.status,bus.sync,bus.tasks,math.add,two words'
expect_names 'bus-call --wait -a x=1 ma' 'math.add'
expect_names 'bus-call --to ' 'clock'
expect_names 'bus-serve ma' 'math.add'
expect_names 'bus-source status ' 'clock'
expect_names 'bus-source start x y c' 'clock'
run 0 bus-value put deploy.lock 1
run 0 bus-value put branch 1
expect_names 'bus-value get ' 'branch,deploy.lock'
expect_names 'bus-value put --ttl 5s d' 'deploy.lock'
expect 'bus-value g' 'get'
expect 'bus-value put branch ' ''
expect 'bus-value get branch ' ''
for verb in delete list watch; do expect_names "bus-value $verb branch d" 'deploy.lock'; done
expect_names 'bus-value --timeout 5s delete -q one branch ' 'branch,deploy.lock'
expect 'bus-value put delete ' ''
expect 'bus-value put branch 1 --durable p' 'power,process'
expect 'bus-source st' 'start,status,stop'
expect 'bus-source logs --stream ' 'stderr,stdout'
expect 'bus-call math.add ' ''
expect 'bus-call --timeout n' 'never'
expect 'bus-consume x' ''
expect 'bus-publish deploy ' ''

# After the last positional, and where one may not stand, there are options at most.
for line in 'bus-consume key ' 'bus-publish --lines '; do
  offered "$line" >names || fail "the shell did not answer"
  tr , '\n' <names | grep -v '^-' >out
  check_equal "names for: $line" '' "$(cat out)"
done

# Which hub: what the line says goes before the environment, wherever it stands, and is read as the shell would read it.
start other busd --socket "$XDG_RUNTIME_DIR/busd/other.sock"
await other.err 'msg="serving"'
start_consumer elsewhere elsewhere -t elsewhere.type -t "q'\"\$" --literal --socket "$XDG_RUNTIME_DIR/busd/other.sock"
expect_names 'bus-consume --socket home/busd/other.sock ' 'elsewhere'
expect_names 'bus-publish --socket=home/busd/other.sock e' 'elsewhere.type'
expect_names 'bus-status --socket ~/busd/other.sock --explain e' 'elsewhere.type'
expect_names 'bus-consume --socket $XDG_RUNTIME_DIR/busd/other.sock --type=e' 'elsewhere.type'
expect_names 'bus-consume --socket "home/busd/"other.sock ' 'elsewhere'
expect 'bus-consume --socket home/missing.sock ' ''
expect 'bus-consume --socket $(touch${IFS}ran)home/busd/other.sock ' ''
expect 'bus-consume --socket `touch${IFS}ran` ' ''
[ ! -e ran ] || fail "completing a line ran what stood on it"
tell 'export BUSD_SOCKET='
expect_names 'bus-consume --bus other ' 'elsewhere'
expect_names 'bus-consume --bus=other -t e' 'elsewhere.type'
expect 'bus-consume ' ''
tell "export BUSD_SOCKET=$BUSD_SOCKET"
expect_names 'bus-consume ' 'build,im:message'

# ---- Other values

expect 'busd --log-level ' 'debug,error,info,warning'
expect 'busd --log-level=w' 'warning'
run 64 busd --log-level none
check_has err 'is none of error, warning, info, debug'
expect 'bus-status --list ' 'keys,sources,tasks,types'
expect 'bus-status --watch ' '10m,2s,30s,500ms'
expect 'bus-stop --timeout 3' '30s'
expect 'busd --idle-exit n' 'never'
expect 'busd --memory ' '1024MiB,2048MiB,512MiB'
expect 'busd --queue-bytes=' '16MiB,32MiB,8MiB'
expect 'busd --queue-frames ' ''
expect 'busd --allow-uid roo' 'root'
expect 'busd --allow-gid=roo' 'root'
for value in 500ms 2s 30s 10m; do
  run 0 busd --check-config --idle-exit "$value" --dedup-window "$value" --cleanup-timeout "$value"
done
for value in 512MiB 1024MiB 2048MiB; do run 0 busd --check-config --memory "$value"; done
for value in 8MiB 16MiB 32MiB; do run 0 busd --check-config --queue-bytes "$value"; done
mkdir values values/inside
: >values/one.conf
expect 'busd --config values/o' 'values/one.conf'
expect 'busd --log-file=values/o' 'values/one.conf'
expect 'bus-stop --socket values/' 'values/inside,values/one.conf'
expect 'bus-consume --output-dir values/' 'values/inside'
for line in 'bus-consume --first mkfif' 'bus-serve a.b --slots 2 -- mkfif'; do
  offered "$line" | tr , '\n' >out
  grep -qx mkfifo out || fail "no command for $line: $(cat out)"
done
if [ "$shell" = fish ]; then
  completed 'bus-consume --ty' >line
  check_has line "$(printf -- '--type\tConsume events of this type')"
fi
expect_names 'bus-consume <values/one.conf ' 'build,im:message'
expect 'bus-publish --lines <values/o' 'values/one.conf'
expect 'bus-publish --lines < values/o' 'values/one.conf'

# ---- What goes together

expect 'bus-status --json --' '--bus,--buses,--help,--json-errors,--literal,--no-start,--socket,--version,--watch'
expect 'bus-status --s' '--socket'
expect 'bus-status --bus x --s' ''
expect 'bus-status --bus=x --s' ''
expect 'busd --detach --f' ''
expect 'busd --f' '--foreground'
expect 'bus-consume -q --q' ''
expect 'bus-consume -t x --ty' '--type'
expect 'busd --allow-uid 1 --allow-' '--allow-gid,--allow-uid'
expect 'bus-consume -- --ty' ''

# ---- How it is put on the line

if [ "$shell" != fish ]; then
  # typed LINE RESULT: the line once Tab is pressed behind it.
  typed() {
    tries=0
    until printf . >>asked && printf '%s\t\007' "$1" >&8 && got=$(timeout 10 cat answer) && [ "$got" = "$2" ]; do
      tries=$((tries + 1))
      [ "$tries" -lt 50 ] || check_equal "the line after Tab: $1" "$2" "$got"
    done
  }
  typed 'bus-consume im' 'bus-consume im:message '
  typed 'bus-consume im:' 'bus-consume im:message '
  typed 'bus-consume im:me' 'bus-consume im:message '
  typed 'bus-consume -t im\:m' "bus-consume -t im:message "
  typed 'bus-consume --type=im:m' 'bus-consume --type=im:message '
  typed 'bus-consume -qtim:m' 'bus-consume -qtim:message '
  typed 'bus-publish a=b' 'bus-publish a=b@c '
  typed 'bus-consume -t bui' 'bus-consume -t build.\* '
  typed "bus-consume -t 'bui" "bus-consume -t 'build.*' "
  typed 'bus-consume -t "bui' 'bus-consume -t "build.*" '
  typed 'bus-consume -t tw' 'bus-consume -t two\ words '
  typed 'bus-consume -t two\ w' 'bus-consume -t two\ words '
  typed "bus-consume -t 'two w" "bus-consume -t 'two words' "
  typed 'bus-publish --socket home/busd/other.sock q' "bus-publish --socket home/busd/other.sock q\\'\\\"\\$ "
  typed "bus-publish --socket home/busd/other.sock 'q" "bus-publish --socket home/busd/other.sock 'q'\\''\"$' "
  typed 'bus-publish --socket home/busd/other.sock "q' "bus-publish --socket home/busd/other.sock \"q'\\\"\\$\" "
  typed 'busd --log-l' "busd --log-level$([ "$shell" = zsh ] && echo '=' || echo ' ')"
  typed 'busd --log-level=de' 'busd --log-level=debug '
  typed 'bus-status --chec' 'bus-status --check '
  # The cursor twelve to the right of the beginning.
  twelve=$(printf '\006\006\006\006\006\006\006\006\006\006\006\006')
  typed "bus-consume  --socket home/busd/other.sock$(printf '\001')$twelve" \
    "bus-consume elsewhere$([ "$shell" = zsh ] && echo ' ') --socket home/busd/other.sock"
fi

# ---- A hub that does not answer: nothing, not even a word on the terminal

# expect_silence LINE: it has no candidates, and of what the terminal gets meanwhile no character is other than those of LINE,
# of the line that ends it, and of what moves the cursor. No message is made of those.
expect_silence() {
  if [ "$shell" = fish ]; then
    expect "$1" ''
    check_empty screen
    return
  fi
  expect "$1" ''
  count=$(wc -c <asked)
  await screen "<shown $count>"
  before=$(wc -c <screen)
  expect "$1" ''
  count=$((count + 1))
  await screen "<shown $count>"
  tail -c "+$((before + 1))" screen | sed "s/<shown $count>//; s/$(printf '\033')\[[0-9;?]*[A-Za-z@]//g" >shown
  # For tr, "-" stands at the end, where it is no range.
  tr -d "$(printf '\r\n\b\a%s-' "$1" | sed 's/-\(.\)/\1/g')" <shown >rest || fail "cannot look at: $1"
  check_equal "what else the terminal showed for: $1" '' "$(cat rest)"
}

expect_silence 'bus-nothing '
kill -STOP "$hub"
for line in 'bus-consume ' 'bus-consume -t ' 'bus-publish ' 'bus-status --explain '; do expect_silence "$line"; done
kill -CONT "$hub"
expect_names 'bus-consume ' 'build,im:message'

# A socket of which bus-status has something to say: its path is too long.
expect_silence "bus-consume --socket $(printf '%108s' '' | tr ' ' p) "

# One that would never answer, for which no time is too long.
mkdir never
printf '#!/bin/sh\nexec sleep 1000\n' >never/bus-status
chmod +x never/bus-status
tell "export PATH=$work/never:$PATH"
expect_silence 'bus-consume '

# No such program, and no timeout(1) either.
tell "export PATH=$work/home"
expect_silence 'bus-consume '
