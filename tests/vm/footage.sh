#!/bin/sh
# sh tests/vm/footage.sh [CUTS] - the power goes 20 times while four cameras are recorded, on a disk that loses what was not
# flushed. Wants a virtual board, as gpio.sh does, with systemd and such a disk (its commands power-cut and boot-again). Slow: an hour.
# The checkout is installed in there as on a board. tests/vm/footage_inside.py is the cameras and looks at footage, index and journal
# after each boot; tests/vm/footage.py, out here, cuts the power and judges what the cameras sent against what can be played.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"
# shellcheck source=tests/vm/lib.sh
. "$CHECKOUT/tests/vm/lib.sh"
INSIDE=/opt/standpipe-footage
RIG_DISK=volatile
export RIG_DISK
find_rig power-cut
work_folder footage

pack() {
    version=$("$rig/sh" 'python3 -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"')
    git clone -q --no-hardlinks "$CHECKOUT" "$work/src"
    rm -rf "$work/src/.git"
    sh "$CHECKOUT/provisioning/wheels.sh" "$work/wheels" --python "$version" >"$work/wheels.log" 2>&1 ||
        { tail -n 5 "$work/wheels.log" >&2; return 1; }
    "$CHECKOUT/.venv/bin/python" tests/vm/footage.py cards "$work/cards"
    tar -C "$work" -czf "$work/all.tgz" src wheels cards
}

# Four recorders and the jobs; panel and board have their own tests, and their processor is an emulated one.
install_inside() {
    "$rig/put" "$work/all.tgz" "$INSIDE/all.tgz"
    "$rig/sh" "cd $INSIDE && rm -rf src wheels cards && tar -xzf all.tgz && rm all.tgz && timedatectl set-ntp false; \
        cp src/tests/vm/footage.toml site.toml && cp src/tests/vm/footage-cameras.service /etc/systemd/system/ && \
        sh src/provisioning/install.sh --site site.toml --wheels wheels && systemctl disable --now standpipe-panel && \
        systemctl enable --now footage-cameras && sync" >"$work/install.log" 2>&1 ||
        { tail -n 15 "$work/install.log" >&2; return 1; }
}

cuts() { "$CHECKOUT/.venv/bin/python" tests/vm/footage.py cuts "$rig" "$@"; }

cd "$CHECKOUT"
find_python
need_packages python3-venv ffmpeg
make_venv dev
timed "virtual board" boot
timed "packed" pack
timed "installed inside" install_inside
timed "the power cuts" cuts "${1:-20}"
say "all passed"
