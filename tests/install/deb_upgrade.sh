#!/bin/bash
# A hub and its consumer while the packages are upgraded: deb_upgrade.sh USER DIR-OF-PACKAGES
#
# For root in a machine of its own, as packaging/test makes one, with older packages installed. USER's consumer starts a hub
# on demand, as USER's programs do; dpkg then replaces everything while events go through one at a time. None may be missing. The hub that is
# ended afterwards is followed by the new one, and the same consumer gets its events.
set -euo pipefail

user=$1
packages=$2
patience=20

dir=$(runuser -u "$user" -- mktemp -d)
cd "$dir"
consumer=

leave() {
  [[ -z $consumer ]] || kill "$consumer" 2>/dev/null || true
  as_user bus-stop --force --timeout 5s >/dev/null 2>&1 || true
}
trap leave EXIT

fail() {
  printf 'deb_upgrade: %s\n' "$*"
  tail -n 20 dpkg.log 2>/dev/null
  exit 1
}

# What a login gives, and nothing else: the bus is the user's own. In the background become, whose process is then the command's.
as_user() { (become "$@"); }
become() {
  exec setpriv --reuid="$user" --regid="$user" --init-groups \
    env -i HOME="$dir" XDG_RUNTIME_DIR="$dir" PATH=/usr/bin:/bin "$@"
}

hub_pid() { as_user bus-status --json | jq -r .pid; }
file_of() { readlink "/proc/$1/exe"; }

# said TEXT: what the consumer says on stderr goes on until a line begins so.
said() {
  local line='nothing'
  until [[ $line == "$1"* ]]; do
    IFS= read -r -t "$patience" -u "$words" line || fail "the consumer does not say '$1', but at last: $line"
  done
}

# Publishes the next number, and the consumer gets it, and nothing between it and the last.
sent=0
publish() {
  local line=nothing
  sent=$((sent + 1))
  as_user bus-publish upgrade.number "$sent" || fail "event $sent could not be published"
  IFS= read -r -t "$patience" -u "$events" line || fail "event $sent did not come"
  [[ $line == *"\"payload\":$sent}" ]] || fail "instead of event $sent came $line"
}

mkfifo events words
become bus-consume upgrade -t upgrade.number >events 2>words &
consumer=$!
exec {events}<events {words}<words
said '[bus] ready'
before=$(hub_pid)
[[ $(file_of "$before") == /usr/bin/busd ]] || fail "the hub is $(file_of "$before")"
publish

old=$(dpkg-query -W -f "\${Version}" busd)
dpkg -i "$packages"/*.deb >dpkg.log 2>&1 &
dpkg=$!
while kill -0 "$dpkg" 2>/dev/null; do publish; done
wait "$dpkg" || fail "dpkg ended with $?"
new=$(dpkg-query -W -f "\${Version}" busd)
[[ $new != "$old" ]] || fail "it was $old, and still is"
during=$((sent - 1))

# A user's hub is not a package's to end. It serves on, from the file that is gone.
publish
[[ $(hub_pid) == "$before" && $(file_of "$before") == '/usr/bin/busd (deleted)' ]] || fail 'the old hub does not serve any more'

kill "$before"
said 'bus-consume: connected again'
after=$(hub_pid)
[[ $after != "$before" && $(file_of "$after") == /usr/bin/busd ]] || fail "the new hub is $(file_of "$after")"
publish
publish
printf 'deb_upgrade: %s to %s: %d events, %d of them while dpkg ran, none lost; the consumer then found the new hub\n' \
  "$old" "$new" "$sent" "$during"
