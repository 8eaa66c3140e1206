#!/bin/sh
# The units as they are installed: systemd finds nothing wrong with them, the service of the system's hub is exposed less than
# 2.0, and each hardening directive of Debian's redis-server stands in it or is explained: systemd_units.sh BUILD CMAKE BUSD
#
# Skips (77) where systemd-analyze is missing.
set -eu

build=$1
cmake=$2
busd=$3
if ! command -v systemd-analyze >/dev/null 2>&1; then
  echo 'systemd-analyze is missing: the units were not looked at'
  exit 77
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/busd-units.XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*"
  exit 1
}

# Units name the program by the prefix they are installed into, whatever the build was configured for.
"$cmake" --install "$build" --prefix "$work/usr" --component systemd >"$work/log" || fail "install: $(cat "$work/log")"
mkdir "$work/usr/bin"
for program in busd bus-sources; do ln -s "$(dirname "$busd")/$program" "$work/usr/bin/$program"; done
units=$work/usr/lib/systemd
for manager in system user; do
  grep -q "^ExecStart=$work/usr/bin/busd " "$units/$manager/busd.service" ||
    fail "the service of the $manager does not start $work/usr/bin/busd"
  # shellcheck disable=SC2016 # the text of a variable
  grep -q "^ExecStart=$work/usr/bin/bus-sources " "$units/$manager/busd-sources.service" ||
    fail "the service of the $manager does not start $work/usr/bin/bus-sources"
  # shellcheck disable=SC2016 # the text of a variable
  if grep -hE '@[A-Za-z_]+@|\$\{' "$units/$manager"/busd*.service | grep -vF '${BUSD_VALUES}'; then
    fail 'something was not filled in'
  fi
done

# verify MANAGER: without warnings.
verify() {
  XDG_RUNTIME_DIR=$work systemd-analyze --"$1" verify --man=no "$units/$1/busd.socket" "$units/$1/busd.service" "$units/$1/busd-sources.service" \
    >"$work/verify" 2>&1 || fail "systemd-analyze verify of the $1's units: $(cat "$work/verify")"
  # Other units of the machine may be odd.
  if grep -i busd "$work/verify"; then fail "systemd-analyze verify warns of the $1's units"; fi
}
verify system
verify user
systemd-sysusers --dry-run --root="$work" "$work/usr/lib/sysusers.d/busd.conf" >"$work/users" 2>&1 ||
  fail "sysusers: $(cat "$work/users")"
for name in busd busd-sources; do
  for kind in group user; do
    grep -qi "creat.* $kind '$name'" "$work/users" || fail "sysusers makes no $kind $name: $(cat "$work/users")"
  done
done

systemd-analyze security --offline=true --threshold=19 --no-pager "$units/system/busd.service" >"$work/security" 2>&1 ||
  fail "the service is exposed too much: $(tail -n 2 "$work/security")"
tail -n 1 "$work/security"

# Debian 12's redis-server.service.
for directive in CapabilityBoundingSet ExecPaths LockPersonality MemoryDenyWriteExecute NoExecPaths NoNewPrivileges \
  PrivateDevices PrivateTmp PrivateUsers ProtectClock ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs \
  ProtectKernelModules ProtectKernelTunables ProtectProc ProtectSystem RemoveIPC RestrictAddressFamilies RestrictNamespaces \
  RestrictRealtime RestrictSUIDSGID SystemCallArchitectures SystemCallFilter UMask; do
  grep -qE "^(# )?$directive=" "$units/system/busd.service" || fail "$directive= is neither set nor explained"
done
