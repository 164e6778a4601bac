#!/bin/sh
# sh tests/vm/cluster.sh [BOARDS ROWS] - a RabbitMQ 4 cluster of three nodes (Debian 13's), boards spread over them, two collectors at two
# of them over one PostgreSQL; a collector and a node are killed with -9 in the middle (default: 60 boards, 120 rows each).
# Needs root, mmdebstrap and this machine's own apt settings; run sh tests/run.sh once before. Everything runs in mount, process and
# network namespaces of its own: however it ends, no mount and no process stays, and nothing leaves this machine.
# RABBIT_ROOT names a root that was made before (kept), else one is made and removed.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
HERE=$CHECKOUT/tests/vm

say() { printf '%s\n' "cluster: $*" >&2; }
fail() { say "$*"; exit 1; }

[ "$(id -u)" = 0 ] || fail "run it as root: it makes a root file system and changes into it"
for tool in mmdebstrap unshare chroot ip; do
    command -v $tool >/dev/null || fail "needs $tool; apt-get install mmdebstrap util-linux coreutils iproute2"
done
[ -x "$CHECKOUT/.venv/bin/python" ] || fail "no .venv here yet: run  sh tests/run.sh  once, it installs what is needed"

root=${RABBIT_ROOT:-}
if [ -z "$root" ]; then
    # shellcheck disable=SC2016  # apt's own placeholder
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
    [ -n "$mirror" ] || fail "apt knows no mirror here; apt-get update"
    work=$(mktemp -d "${TMPDIR:-/tmp}/standpipe-cluster.XXXXXX")
    trap 'rm -rf --one-file-system "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    root=$work/root
    began=$(date +%s)
    mmdebstrap --quiet --mode=root --variant=minbase --include=rabbitmq-server \
        --aptopt='Apt::Install-Recommends "false"' trixie "$root" "$mirror" || fail "mmdebstrap could not make trixie"
    say "root made in $(($(date +%s) - began)) s"
fi
# shellcheck disable=SC2016  # for the shell inside
unshare --mount --propagation private --net --pid --fork --kill-child sh -c '
    mount -t proc proc /proc
    ip link set lo up
    mount --rbind /dev "$1/dev"
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/run"
    mount -t tmpfs tmpfs "$1/var/lib/rabbitmq"
    mount -t tmpfs tmpfs "$1/var/log"
    exec "$2/.venv/bin/python" "$3/cluster.py" "$1" "$4" "$5"
' sh "$root" "$CHECKOUT" "$HERE" "${1:-60}" "${2:-120}"
