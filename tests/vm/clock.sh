#!/bin/sh
# sh tests/vm/clock.sh - the clock of a whole site jumps a year ahead and a year back while it works.
# Wants a virtual board, as gpio.sh does, with systemd and a broker (its command `net up`). Slow: ten minutes.
# The checkout is installed in there without a network, as on a board: panel, recorder, uplink, jobs, simulated board and
# camera under systemd; a collector beside the broker. tests/vm/clock.py runs inside and says what it saw.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"
# shellcheck source=tests/vm/lib.sh
. "$CHECKOUT/tests/vm/lib.sh"
INSIDE=/opt/standpipe-clock
find_rig net-bad
work_folder clock

pack() {
    version=$("$rig/sh" 'python3 -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"')
    git clone -q --no-hardlinks "$CHECKOUT" "$work/src"
    rm -rf "$work/src/.git"
    sh "$CHECKOUT/provisioning/wheels.sh" "$work/wheels" --python "$version" >"$work/wheels.log" 2>&1 ||
        { tail -n 5 "$work/wheels.log" >&2; return 1; }
    sed 's|mqtt://127.0.0.1:1883|mqtt://10.77.0.2:1883|' "$work/src/provisioning/examples/simulated.toml" >"$work/site.toml"
    tar -C "$work" -czf "$work/all.tgz" src wheels site.toml
}

install_inside() {
    "$rig/put" "$work/all.tgz" "$INSIDE/all.tgz"
    "$rig/sh" "cd $INSIDE && rm -rf src wheels && tar -xzf all.tgz && /usr/local/lib/rig/net up && timedatectl set-ntp false; \
        cd $INSIDE && sh src/provisioning/install.sh --site site.toml --wheels wheels" >"$work/install.log" 2>&1 ||
        { tail -n 15 "$work/install.log" >&2; return 1; }
}

jumps() {
    "$rig/sh" "cd / && /opt/standpipe/venv/bin/python $INSIDE/src/tests/vm/clock.py"
}

cd "$CHECKOUT"
find_python
timed "virtual board" boot
timed "packed" pack
timed "installed inside" install_inside
timed "the clock jumps" jumps
say "all passed"
