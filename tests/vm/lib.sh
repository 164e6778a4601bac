# shellcheck shell=sh
# Sourced by the scripts beside it, after setup.sh: a virtual board (a folder with the commands up, down, put, sh ...).
#
#   find_rig COMMAND      sets rig: STANDPIPE_RIG, else a folder "rig" beside this checkout that has COMMAND
#   work_folder NAME      sets work, a temporary folder that goes at the end, with a board that was started here
#   boot                  the board in RIG_DIR; one that is up already is used and left up
#   timed WHAT COMMAND    runs it and says how long it took

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
