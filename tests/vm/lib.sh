# shellcheck shell=sh
# Sourced by the scripts beside it, after setup.sh: a virtual board (a folder with the commands up, down, put, sh ...).
#
#   find_rig COMMAND      sets rig: STANDPIPE_RIG, else a folder "rig" beside this checkout that has COMMAND
#   work_folder NAME      sets work, a temporary folder that goes at the end, with a board that was started here
#   boot                  the board in RIG_DIR; one that is up already is used and left up
#   timed WHAT COMMAND    runs it and says how long it took
#   pack                  a clean clone of HEAD, and wheels of the packages in NEEDS for the board's Python
#   install_inside        both at INSIDE in the board: src, and venv with standpipe and NEEDS

find_rig() {
    rig=${STANDPIPE_RIG:-}
    for folder in "$CHECKOUT"/../rig "$CHECKOUT"/../*/rig; do
        if [ -z "$rig" ] && [ -x "$folder/$1" ]; then rig=$folder; fi
    done
    [ -x "$rig/$1" ] || fail "no virtual board: STANDPIPE_RIG names the folder of its commands (up, put, sh, $1 ...)"
}

work_folder() {
    RIG_DIR=${RIG_DIR:-${TMPDIR:-/tmp}/standpipe-$1}
    RIG_TIMEOUT=${RIG_TIMEOUT:-500}
    export RIG_DIR RIG_TIMEOUT
    work=$(mktemp -d "${TMPDIR:-/tmp}/standpipe-$1.XXXXXX")
    started=
    trap leave EXIT
    trap 'exit 130' INT TERM HUP
}

leave() {
    rm -rf "$work"
    [ -z "$started" ] || "$rig/down" >/dev/null 2>&1 || say "the board in $RIG_DIR did not go down"
}

timed() {
    what=$1
    shift
    began=$(date +%s)
    "$@" || fail "$what: FAILED after $(($(date +%s) - began)) s"
    say "$what: $(($(date +%s) - began)) s"
}

boot() {
    mkdir -p "$RIG_DIR"
    if "$rig/sh" true >/dev/null 2>&1; then return 0; fi
    started=yes
    "$rig/up" >"$work/up.log" 2>&1 || { tail -n 5 "$work/up.log" >&2; return 1; }
}

pack() {
    version=$("$rig/sh" 'python3 -c "import sys; print(\"%d.%d\" % sys.version_info[:2])"')
    git clone -q --no-hardlinks "$CHECKOUT" "$work/src"
    rm -rf "$work/src/.git"
    pip="$CHECKOUT/.venv/bin/python -m pip --disable-pip-version-check"
    # shellcheck disable=SC2086  # lists of words
    if ! { $pip download -q --only-binary=:all: --python-version "$version" --platform manylinux2014_x86_64 \
        --platform manylinux_2_28_x86_64 --dest "$work/wheels" $NEEDS \
        && $pip wheel -q --no-deps --wheel-dir "$work/wheels" "$work/src"; } >"$work/pip.log" 2>&1; then
        tail -n 5 "$work/pip.log" >&2
        return 1
    fi
    rm -rf "$work/src/build"
    tar -C "$work" -czf "$work/all.tgz" src wheels
}

install_inside() {
    "$rig/put" "$work/all.tgz" "$INSIDE/all.tgz"
    # systemd's own Python sees no packages of the rig
    "$rig/sh" "cd $INSIDE && rm -rf src wheels && tar -xzf all.tgz && /usr/bin/python3 -m venv --clear venv && \
        venv/bin/pip install -q --no-index --find-links wheels $NEEDS && venv/bin/pip install -q --no-deps wheels/standpipe-*.whl"
}
