#!/bin/sh
# sh provisioning/install.sh [--site FILE | --simulate] [--wheels DIR] [--prefix /opt/standpipe] - puts this checkout on a board.
# sh provisioning/install.sh --uninstall [--prefix DIR] - takes the programs away; site.toml, footage and journal stay.
#
# Users, folders, units, a venv of its own; then enables and starts standpipe.target. Run it again after every change of
# site.toml or of the checkout. --wheels: no network is used; DIR comes from provisioning/wheels.sh, and the system packages
# python3-venv and python3-systemd must be there already. --simulate: a site without hardware, for a bench or a demonstration.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"
# shellcheck source=provisioning/lib/pi.sh
. "$CHECKOUT/provisioning/lib/pi.sh"

UNITS="standpipe.target standpipe-panel.service standpipe-recorder@.service standpipe-uplink.service standpipe-simulator.service standpipe-installer.path standpipe-installer.service standpipe-jobs@.service standpipe-jobs-retention.timer standpipe-jobs-backup.timer standpipe-jobs-holds.timer standpipe-jobs-seal.timer standpipe-jobs-scrub.timer standpipe-jobs@scrub.service.d/idle.conf"
SYSTEM=/etc/systemd/system
SITE=/etc/standpipe/site.toml
prefix=/opt/standpipe
wheels=
site=
simulate=
uninstall=

usage() { fail "usage: sh provisioning/install.sh [--site FILE | --simulate] [--wheels DIR] [--prefix DIR] [--uninstall]"; }

folder() { (cd "$1" 2>/dev/null && pwd) || fail "no folder $1"; }

while [ $# -gt 0 ]; do
    case $1 in
        --site) [ -r "${2:-}" ] || fail "cannot read the site file '${2:-}'"; site=$2; shift ;;
        --simulate) simulate=yes ;;
        --wheels) wheels=$(folder "${2:-}"); shift ;;
        --prefix) prefix=${2:?}; shift ;;
        --uninstall) uninstall=yes ;;
        *) usage ;;
    esac
    shift
done
[ -z "$site" ] || [ -z "$simulate" ] || usage
[ "$(id -u)" = 0 ] || fail "run it as root: sudo sh provisioning/install.sh"
command -v systemctl >/dev/null || fail "this system has no systemd; on a bench, 'standpipe up' runs all processes in one terminal"

stop_all() {
    systemctl disable --quiet --now standpipe.target 2>/dev/null || :
    systemctl stop 'standpipe-*' 2>/dev/null || :
}

# What an earlier site.toml enabled: cameras that are gone must not come back at the next boot.
forget_instances() {
    for wanted in "$SYSTEM"/standpipe.target.wants/standpipe-*; do
        if [ -L "$wanted" ]; then rm -f "$wanted"; fi
    done
}

uninstall() {
    stop_all
    forget_instances
    for unit in $UNITS; do rm -f "$SYSTEM/$unit"; done
    rmdir "$SYSTEM"/standpipe-*.service.d 2>/dev/null || :
    rm -f /usr/lib/sysusers.d/standpipe.conf /usr/lib/tmpfiles.d/standpipe.conf
    if [ "$(readlink /usr/local/bin/standpipe 2>/dev/null)" = "$prefix/venv/bin/standpipe" ]; then rm -f /usr/local/bin/standpipe; fi
    rm -rf "$prefix/venv" "$prefix/src" "$prefix/pip.log"
    rmdir "$prefix" 2>/dev/null || :
    systemctl daemon-reload
    say "uninstalled. Kept: /etc/standpipe, /var/lib/standpipe and the users that own them."
}

system_packages() {
    if [ -z "$wheels" ]; then need_packages python3-venv python3-systemd; return; fi
    missing=$(missing_of python3-venv python3-systemd)
    [ -z "$missing" ] || fail "--wheels uses no network, but these system packages are missing: ${missing% } - install them first."
}

# A copy without caches, histories and venvs: what runs can be read, and a later pull in the checkout changes nothing here.
copy_checkout() {
    rm -rf "$prefix/src.new"
    mkdir -p "$prefix/src.new"
    for part in agent hw systemd provisioning pyproject.toml README.md LICENSE; do
        cp -R "$CHECKOUT/$part" "$prefix/src.new/" || fail "this checkout lacks $part, or the disk is full"
    done
    find "$prefix/src.new" -name __pycache__ -prune -exec rm -rf {} +
    rm -rf "$prefix/src"
    mv "$prefix/src.new" "$prefix/src"
}

# --system-site-packages: python3-systemd and python3-picamera2 come from apt, built for this system's libraries.
install_programs() {
    say "installing the programs into $prefix"
    copy_checkout
    if ! python_fits "$prefix/venv/bin/python" || ! "$prefix/venv/bin/python" -m pip --version >/dev/null 2>&1; then
        "$PYTHON" -m venv --clear --system-site-packages "$prefix/venv" || fail "could not make a venv in $prefix/venv; is the disk full?"
    fi
    log=$prefix/pip.log
    # shellcheck disable=SC2086  # flags
    "$prefix/venv/bin/python" -m pip install --disable-pip-version-check --no-input --prefer-binary \
        ${wheels:+--no-index} ${wheels:+"--find-links=$wheels"} "$prefix/src" >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        fail "pip could not install the packages (all of it: $log).${wheels:+ Was $wheels made for this Python and processor? See provisioning/wheels.sh.}"
    }
    # The version number need not have changed with the code.
    "$prefix/venv/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps --force-reinstall \
        ${wheels:+--no-index} ${wheels:+"--find-links=$wheels"} "$prefix/src" >>"$log" 2>&1 || fail "pip could not renew the project (see $log)"
    rm -rf "$prefix/src/build" "$prefix/src"/*.egg-info
    mkdir -p /usr/local/bin
    ln -sfn "$prefix/venv/bin/standpipe" /usr/local/bin/standpipe
}

users_and_folders() {
    mkdir -p /usr/lib/sysusers.d /usr/lib/tmpfiles.d
    cp "$CHECKOUT/systemd/sysusers.conf" /usr/lib/sysusers.d/standpipe.conf
    cp "$CHECKOUT/systemd/tmpfiles.conf" /usr/lib/tmpfiles.d/standpipe.conf
    systemd-sysusers standpipe.conf
    systemd-tmpfiles --create standpipe.conf
}

site_file() {
    if [ -n "$simulate" ]; then site=$CHECKOUT/provisioning/examples/simulated.toml; fi
    if [ -z "$site" ] && [ ! -e "$SITE" ]; then
        fail "no $SITE yet: give --site FILE (examples: provisioning/examples), or --simulate for a site without hardware."
    fi
    "$prefix/venv/bin/standpipe" check "${site:-$SITE}" || fail "${site:-$SITE} is not right yet; nothing was started."
    if [ -z "$site" ] || [ "$(readlink -f "$site")" = "$(readlink -f "$SITE")" ]; then return 0; fi
    install -m 0640 -o root -g standpipe "$site" "$SITE"
    # Passwords stand beside the site file; the processes that need them are in the group.
    if [ -e "$(dirname "$site")/secrets.toml" ]; then
        install -m 0640 -o root -g standpipe "$(dirname "$site")/secrets.toml" /etc/standpipe/secrets.toml
    fi
}

units() {
    for unit in $UNITS; do
        mkdir -p "$(dirname "$SYSTEM/$unit")"
        sed "s|/opt/standpipe|$prefix|g" "$CHECKOUT/systemd/$unit" >"$SYSTEM/$unit"
    done
    systemctl daemon-reload
}

# What site.toml asks for: the panel always, one recorder a camera, the uplink if there is a broker, the board if simulated.
wanted_units() {
    "$prefix/venv/bin/python" -m agent.installer --units --site "$SITE"
}

start() {
    forget_instances
    wanted=$(wanted_units)
    say "starting: $(echo "$wanted" | tr '\n' ' ')"
    # shellcheck disable=SC2086  # lists of unit names
    systemctl enable --quiet standpipe.target $wanted
    systemctl restart standpipe.target
    # The target pulls them in without waiting; this waits until each has said that it is ready.
    # shellcheck disable=SC2086
    systemctl start $wanted || {
        systemctl --no-pager --lines=3 status 'standpipe-*' >&2 || :
        fail "not everything came up; see above, and: journalctl -u 'standpipe-*'"
    }
    for unit in $(systemctl list-units --plain --no-legend 'standpipe-*.service' | cut -d' ' -f1); do
        echo "$wanted" | grep -qxF "$unit" || systemctl stop "$unit"
    done
}

if [ -n "$uninstall" ]; then uninstall; exit 0; fi
find_python
system_packages
install_programs
users_and_folders
site_file
[ -n "$simulate" ] || strict_pins
units
start
say "done. Look at it with: standpipe status - and: standpipe events --follow"
