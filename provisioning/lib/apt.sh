#!/bin/sh
# apt.sh PACKAGE... - installs packages as root, without starting or enabling any service they bring.
# A broker that was already installed keeps running as it was.
set -eu

POLICY=/usr/sbin/policy-rc.d
ours=
undo() { if [ -n "$ours" ]; then rm -f "$POLICY"; fi; }
trap undo EXIT
trap 'exit 130' INT TERM HUP

# 101: "not allowed", the answer by which Debian's maintainer scripts leave a service alone. noclobber: never someone else's file.
if (set -C; printf '#!/bin/sh\nexit 101\n' >"$POLICY") 2>/dev/null; then
    ours=yes
    chmod 755 "$POLICY"
fi

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

# With lists at hand this is one step. Old or missing lists are fetched first; a foreign source that fails need not matter.
if ! out=$(install "$@" 2>&1); then
    apt-get update -q -o DPkg::Lock::Timeout=300 >/dev/null 2>&1 || :
    out=$(install "$@" 2>&1) || { printf '%s\n' "$out" | tail -n 15 >&2; exit 1; }
fi

# Debian enables a service it was told not to start: it would come up with the next boot.
for package in "$@"; do
    case $package in mosquitto | postgresql) ;; *) continue ;; esac
    if command -v systemctl >/dev/null 2>&1; then
        systemctl disable --quiet "$package.service" 2>/dev/null || :
    fi
done
