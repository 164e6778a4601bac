#!/bin/sh
# inside.sh ROOT "try tests" - part of fresh.sh, in namespaces of its own: mounts what a system has, runs the commands inside ROOT.
set -eu
root=$1
only=$2
ca=/etc/ssl/host-ca.crt

say() { printf '%s\n' "fresh: $*" >&2; }
fail() { say "$*"; exit 1; }

mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
cp /etc/ssl/certs/ca-certificates.crt "$root$ca"
grep -q '^root:' "$root/etc/passwd" || fail "no /etc/passwd in $root"
chroot "$root" useradd --create-home --shell /bin/sh visitor

# user, command: with this machine's certificate authority, and nothing of its other settings (paths that are not inside).
inside() {
    user=$1
    shift
    chroot --userspec="$user:$user" "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin"$([ "$user" = root ] && echo :/usr/sbin:/sbin)" \
        HOME="$(chroot "$root" getent passwd "$user" | cut -d: -f6)" LANG=C.UTF-8 CI=true \
        PIP_CERT=$ca SSL_CERT_FILE=$ca REQUESTS_CA_BUNDLE=$ca PIP_DISABLE_PIP_VERSION_CHECK=1 sh -c "$*" </dev/null
}

timed() {
    what=$1
    shift
    began=$(date +%s)
    "$@" || fail "$what: FAILED after $(($(date +%s) - began)) s"
    say "$what: passed in $(($(date +%s) - began)) s"
}

# A command that puts the checkout, without what root has made in it since, into the user's home.
copy_of_src() {
    echo "rm -rf ~/standpipe && mkdir ~/standpipe && tar -C /src --exclude=.venv --exclude=__pycache__ --exclude='*.egg-info' -cf - . | tar -C ~/standpipe -xf -"
}

# Without root and without sudo: one line that names the packages, and no traceback.
one_clear_line() {
    if inside visitor "$(copy_of_src) && sh ~/standpipe/$1" >"$root/run/out" 2>&1; then fail "$1 passed without its packages"; fi
    say "as a visitor, $1 says: $(cat "$root/run/out")"
    [ "$(wc -l <"$root/run/out")" = 1 ] || fail "that is not one line"
    grep -q "apt-get install .*$2" "$root/run/out" || fail "that names no packages"
    inside visitor "rm -rf ~/standpipe"
}

left_alone() {
    [ ! -e "$root/usr/sbin/policy-rc.d" ] || fail "policy-rc.d was left behind"
    for comm in /proc/[0-9]*/comm; do
        [ "$(cat "$comm" 2>/dev/null)" != mosquitto ] || fail "a broker is still running: $comm"
    done
}

mount -t proc proc /proc   # of this process namespace, so that left_alone sees these processes only
case $only in
    *try*)
        timed "visitor without sudo: try.sh" one_clear_line provisioning/try.sh "python3-venv mosquitto"
        timed "sh provisioning/try.sh" inside root "cd /src && sh provisioning/try.sh"
        left_alone
        timed "again as a visitor, packages there" inside visitor "$(copy_of_src) && cd ~/standpipe && sh provisioning/try.sh --fast"
        ;;
esac
case $only in
    *tests*)
        timed "visitor without sudo: tests/run.sh" one_clear_line tests/run.sh "ffmpeg"
        timed "sh tests/run.sh" inside root "cd /src && sh tests/run.sh"
        left_alone
        ;;
esac
