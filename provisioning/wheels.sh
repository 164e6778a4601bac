#!/bin/sh
# sh provisioning/wheels.sh DIR [--python 3.13] [--machine aarch64] - collects what install.sh --wheels DIR needs, where a network is.
# Without options: for this computer's Python and processor. The board needs no network then, only python3-venv and python3-systemd.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"

usage() { fail "usage: sh provisioning/wheels.sh DIR [--python 3.13] [--machine aarch64|armv7l|x86_64]"; }
dir=
version=
machine=$(uname -m)
while [ $# -gt 0 ]; do
    case $1 in
        --python) version=${2:-}; shift ;;
        --machine) machine=${2:-}; shift ;;
        -*) usage ;;
        *) [ -z "$dir" ] || usage; dir=$1 ;;
    esac
    shift
done
[ -n "$dir" ] || usage
mkdir -p "$dir"
find_python
need_packages python3-venv
version=${version:-$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')}

# The names pip knows a Linux of this processor by, newest C library first (Debian 12 has 2.36).
platforms=
for libc in 2_36 2_35 2_34 2_31 2_28 2_27 2_24 2_17; do platforms="$platforms --platform=manylinux_${libc}_$machine"; done
platforms="$platforms --platform=manylinux2014_$machine"

needed=$("$PYTHON" - "$CHECKOUT/pyproject.toml" <<'PY'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)
print("\n".join(project["project"]["dependencies"] + project["build-system"]["requires"] + ["wheel"]))
PY
)
say "collecting wheels for Python $version on $machine into $dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' "$needed" >"$work/needed"
"$PYTHON" -m venv "$work/venv"
# shellcheck disable=SC2086  # a list of flags
"$work/venv/bin/python" -m pip download --disable-pip-version-check --no-input --quiet --only-binary=:all: \
    --python-version "$version" --implementation cp $platforms --dest "$dir" -r "$work/needed" >"$work/log" 2>&1 || {
    grep -v '^WARNING' "$work/log" | tail -n 10 >&2
    fail "not every package could be had for Python $version on $machine; see above."
}
count=0
for wheel in "$dir"/*.whl; do [ ! -e "$wheel" ] || count=$((count + 1)); done
say "$count wheels in $dir: take the folder and this checkout to the board, then: sh provisioning/install.sh --wheels $dir"
