#!/bin/sh
# sh tests/vm/fresh.sh [12|13] [--only try|tests] - the README's two commands on fresh minimal Debian systems (default: both).
# Needs root, mmdebstrap and this machine's own apt and pip settings; a clean clone of HEAD goes in, nothing else of ours.
# Everything runs in mount and process namespaces of its own: however it ends, no mount and no process stays.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
HERE=$CHECKOUT/tests/vm

say() { printf '%s\n' "fresh: $*" >&2; }
fail() { say "$*"; exit 1; }

versions=
only="try tests"
while [ $# -gt 0 ]; do
    case $1 in
        12 | 13) versions="$versions $1" ;;
        --only) only=${2:?try or tests}; shift ;;
        *) fail "usage: sh tests/vm/fresh.sh [12|13] [--only try|tests]" ;;
    esac
    shift
done

[ "$(id -u)" = 0 ] || fail "run it as root: it makes a root file system and changes into it"
for tool in mmdebstrap unshare chroot git; do
    command -v $tool >/dev/null || fail "needs $tool; apt-get install mmdebstrap util-linux coreutils git"
done
# shellcheck disable=SC2016  # apt's own placeholder
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
[ -n "$mirror" ] || fail "apt knows no mirror here; apt-get update"

work=$(mktemp -d "${TMPDIR:-/tmp}/standpipe-fresh.XXXXXX")
# The namespaces are gone by then, so the folder holds only its own files; --one-file-system all the same.
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM HUP

status=0
for version in ${versions:-12 13}; do
    case $version in 12) suite=bookworm ;; 13) suite=trixie ;; esac
    root=$work/$suite
    began=$(date +%s)
    mmdebstrap --quiet --mode=root --variant=minbase --include=python3,ca-certificates \
        --aptopt='Apt::Install-Recommends "false"' "$suite" "$root" "$mirror" || fail "mmdebstrap could not make $suite"
    git clone -q --no-hardlinks "$CHECKOUT" "$root/src"
    say "Debian $version: root made in $(($(date +%s) - began)) s, clone of $(git -C "$root/src" log -1 --format=%h)"
    unshare --mount --propagation private --pid --fork --kill-child sh "$HERE/inside.sh" "$root" "$only" || {
        status=1
        say "Debian $version: FAILED"
    }
    rm -rf --one-file-system "$root"
done
[ $status = 0 ] && say "all passed"
exit $status
