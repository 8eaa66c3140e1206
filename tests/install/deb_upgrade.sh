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
  tail -n 20 err dpkg.log 2>/dev/null
  exit 1
}

# What a login gives, and nothing else: the bus is the user's own.
as_user() { runuser -u "$user" -- env -i HOME="$dir" PATH=/usr/bin:/bin "$@"; }

hub() { as_user bus-status --json | jq -r "$1"; }

# wait_for WHAT COMMAND...: until COMMAND succeeds.
wait_for() {
  local what=$1 until=$((SECONDS + patience))
  shift
  until "$@"; do
    ((SECONDS < until)) || fail "$what: not after $patience s"
    read -r -t 0.02 <>/dev/zero || true
  done
}

# The last thing that the consumer got is the number that was just published.
sent=0
arrived() { [[ $(tail -n 1 out) == *"\"payload\":$sent}" ]]; }
publish() {
  sent=$((sent + 1))
  as_user bus-publish upgrade.number "$sent" 2>>err || fail "event $sent could not be published"
  wait_for "event $sent" arrived
}

file_of() { readlink "/proc/$1/exe"; }

as_user bus-consume upgrade -t upgrade.number >out 2>err &
consumer=$!
wait_for 'the consumer' grep -q '^\[bus\] ready' err
before=$(hub .pid)
[[ $(file_of "$before") == /usr/bin/busd ]] || fail "the hub is $(file_of "$before")"
publish

old=$(dpkg-query -W -f '${Version}' busd)
dpkg -i "$packages"/*.deb >dpkg.log 2>&1 &
dpkg=$!
while kill -0 "$dpkg" 2>/dev/null; do publish; done
wait "$dpkg" || fail "dpkg ended with $?"
new=$(dpkg-query -W -f '${Version}' busd)
[[ $new != "$old" ]] || fail "it was $old, and still is"
during=$sent

# A user's hub is not a package's to end. It serves on, from the file that is gone.
publish
[[ $(hub .pid) == "$before" && $(file_of "$before") == '/usr/bin/busd (deleted)' ]] || fail 'the old hub does not serve any more'

kill "$before"
another() { [[ $(hub '.pid // empty' 2>/dev/null) != @("$before"|) ]] && grep -q reconnected err; }
shopt -s extglob
wait_for 'the consumer has another hub' another
after=$(hub .pid)
[[ $(file_of "$after") == /usr/bin/busd ]] || fail "the new hub is $(file_of "$after")"
publish
kill -0 "$consumer" 2>/dev/null || fail 'the consumer has ended'
[[ $(jq -s '[.[].payload] == [range(1; length + 1)]' out) == true ]] || fail "events are missing: $(jq -c .payload out | xargs)"
printf 'deb_upgrade: %s to %s: %d events, %d of them while dpkg ran, none lost; the hub was then followed by a new one\n' \
  "$old" "$new" "$sent" "$((during - 1))"
