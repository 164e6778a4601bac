#!/bin/sh
# sh tests/vm/gpio.sh [pytest's arguments] - pins on a real kernel: the contract tests over a gpio-sim chip, then a panel on its lines.
# Wants a virtual board: a folder with the commands up, down, put, sh, gpio-set, gpio-get. STANDPIPE_RIG names it;
# without, a folder "rig" beside this checkout is used. RIG_DIR holds the board's state; one that is up already is used and left up.
# STANDPIPE_SCENARIOS=yes plays three of tests/scenarios there too, in real time; =all plays all of them (3 minutes). An emulated
# processor needs five seconds to read Python's modules: a panel is a process that has read them and waits to begin.
# Slow (an emulated processor): 4 minutes, 9 beside other work. A clean clone of HEAD goes in, nothing else of ours.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"
# shellcheck source=tests/vm/lib.sh
. "$CHECKOUT/tests/vm/lib.sh"
INSIDE=/opt/standpipe-gpio
NEEDS="gpiozero gpiod msgspec inotify-simple tzdata pytest pytest-timeout"

find_rig gpio-set
work_folder gpio

contract() {
    "$rig/sh" "cd $INSIDE/src && ../venv/bin/python -m pytest -q -p no:cacheprovider --timeout=100 \
        tests/hw/test_gpio.py tests/hw/test_gpiod_kernel.py -k 'kernel' $*"
}

scenarios() {
    case $STANDPIPE_SCENARIOS in all) which="kernel" ;; *) which="kernel and (fail-to-start or door-opens or buttons)" ;; esac
    "$rig/sh" "cd $INSIDE/src && STANDPIPE_SCENARIO_SLACK_MS=500 STANDPIPE_PANELS=read ../venv/bin/python -m pytest -q -p no:cacheprovider \
        --timeout=300 tests/agent/panel/test_scenarios.py -k '$which' --long"
}

cd "$CHECKOUT"
find_python
need_packages python3-venv
make_venv dev
timed "virtual board" boot
timed "packed" pack
timed "installed inside" install_inside
timed "contract tests on the kernel's lines" contract "$@"
timed "a panel on the kernel's lines" "$PYTHON" tests/vm/gpio.py "$rig" "$INSIDE"
[ -z "${STANDPIPE_SCENARIOS:-}" ] || timed "scenarios on the kernel's lines" scenarios
say "all passed"
