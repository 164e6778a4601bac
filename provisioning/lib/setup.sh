# shellcheck shell=sh
# setup.sh - what every script here does first: finds a Python, installs missing apt packages, makes the checkout's venv.
# Sourced, never run. The caller has `set -eu` and sets CHECKOUT to the checkout's root.
#
#   find_python               sets PYTHON (>= 3.11; the system's own first: the python3 on a PATH may be a shim)
#   need_packages PKG...      installs what is missing of these, as root or by sudo
#   make_venv EXTRAS          $CHECKOUT/.venv with the project and its extras ("" or "dev"); quick when nothing changed

say() { printf '%s\n' "standpipe: $*" >&2; }
fail() { say "$*"; exit 1; }

python_fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    for PYTHON in "${STANDPIPE_PYTHON:-/usr/bin/python3}" python3.13 python3.12 python3.11 python3; do
        if PYTHON=$(command -v "$PYTHON") && python_fits "$PYTHON"; then return 0; fi
    done
    fail "needs Python 3.11 or newer; none found as /usr/bin/python3 or on the PATH. Install python3 (Debian 12, Ubuntu 24.04 or newer have it)."
}

# True if this Python can make a venv with pip in it; Debian leaves that to python3-venv.
python_makes_venvs() { "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; }

package_is_there() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'; }

missing_of() {
    for package in "$@"; do
        if [ "$package" = python3-venv ] && python_makes_venvs; then continue; fi
        if package_is_there "$package"; then continue; fi
        printf '%s ' "$package"
    done
}

# Sets BY_ROOT to what goes before a command that needs root. False if root cannot be had.
find_root() {
    if [ "$(id -u)" = 0 ]; then BY_ROOT=""
    elif ! command -v sudo >/dev/null 2>&1; then return 1
    elif sudo -n true 2>/dev/null; then BY_ROOT="sudo -n"
    elif [ -t 0 ] && [ -t 2 ]; then BY_ROOT=sudo; say "sudo may ask for your password, to install packages"
    else return 1; fi
}

need_packages() {
    missing=$(missing_of "$@")
    missing=${missing% }
    if [ -z "$missing" ]; then return 0; fi
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "this system has no apt-get; install what Debian calls: $missing - then run this again."
    fi
    find_root || fail "not root and no sudo: have someone run 'apt-get install $missing' - then run this again."
    say "installing with apt-get: $missing"
    # shellcheck disable=SC2086  # lists of words
    $BY_ROOT sh "$CHECKOUT/provisioning/lib/apt.sh" $missing ||
        fail "apt-get could not install: $missing - see its message above."
}

venv_key() {
    printf '%s %s %s ' "$("$PYTHON" -c 'import sys; print(sys.version)')" "$CHECKOUT" "$1"
    cksum <"$CHECKOUT/pyproject.toml"
}

# True if the venv was made with these extras, for this Python, this pyproject.toml and this place.
venv_is_current() {
    [ -x "$CHECKOUT/.venv/bin/python" ] && [ "$(cat "$CHECKOUT/.venv/standpipe-${1:-run}.stamp" 2>/dev/null)" = "$(venv_key "$1")" ]
}

make_venv() {
    venv=$CHECKOUT/.venv
    if venv_is_current "$1" || venv_is_current dev; then return 0; fi
    [ ! -L "$venv" ] || fail "$venv is a link: what it leads to would be emptied. Remove the link."
    say "making $venv${1:+ (with the tools for $1)}; about a minute the first time"
    fresh=
    if ! grep -qsx "command = .* $venv" "$venv/pyvenv.cfg" || ! python_fits "$venv/bin/python"; then fresh=--clear; fi
    # shellcheck disable=SC2086  # nothing, or one flag
    if [ -n "$fresh" ] || [ ! -x "$venv/bin/pip" ]; then
        "$PYTHON" -m venv $fresh "$venv" || fail "$PYTHON could not make a venv in $venv; is the folder yours and the disk not full?"
    fi
    log=$venv/pip.log
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --prefer-binary \
        -e "$CHECKOUT${1:+[$1]}" >"$log" 2>&1; then
        tail -n 15 "$log" >&2
        fail "pip could not install the project's packages (all of it: $log). Is a package index in reach? 'pip config list' shows which."
    fi
    venv_key "$1" >"$venv/standpipe-${1:-run}.stamp"
}
