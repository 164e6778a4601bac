#!/bin/sh
# sh tests/run.sh [--long] [pytest's arguments] - installs what is missing, then ruff, mypy and every test.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
cd "$CHECKOUT"
# shellcheck source=provisioning/lib/setup.sh
. provisioning/lib/setup.sh

stage() {
    name=$1
    shift
    began=$(date +%s)
    "$@" || fail "$name failed"
    say "$name: $(($(date +%s) - began)) s"
}

find_python
# On Debian a browser without a window and a font with Chinese look at the pages that are to be printed (60 MB, 13 s);
# Ubuntu has one only as a snap: those tests are skipped there.
browser=
if grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then browser="chromium-headless-shell fonts-wqy-microhei"; fi
# The broker, PostgreSQL (a cluster of their own) and ffprobe are the tests' oracles, GStreamer their RTSP camera, openssl their authority, e2fsprogs makes the
# file system they freeze, tmux their terminal, shellcheck reads these scripts.
# shellcheck disable=SC2086  # a list of words
stage "system packages" need_packages python3-venv mosquitto postgresql ffmpeg openssl e2fsprogs tmux shellcheck \
    python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-tools \
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly $browser
stage "Python packages" make_venv dev
stage ruff .venv/bin/ruff check --quiet .
stage mypy .venv/bin/mypy --no-error-summary
# Three at a time on two cores, as most tests wait for processes of theirs; the long campaigns want the machine for themselves.
case " $* " in *" --long "*) at_a_time=0 ;; *) at_a_time=3 ;; esac
if .venv/bin/python -m pytest -n "$at_a_time" --dist worksteal "$@"; then
    exit 0
elif [ "$?" != 1 ]; then
    fail "pytest could not run the tests"
fi
# Real processes against deadlines, three tests at a time: what failed gets the machine for itself, once, and is named.
say "some failed among others; once more, one at a time:"
exec .venv/bin/python -m pytest --last-failed --last-failed-no-failures none "$@"
