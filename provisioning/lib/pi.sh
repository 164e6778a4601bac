# shellcheck shell=sh
# Sourced by install.sh, after setup.sh.
#
#   strict_pins     on a Raspberry Pi: outputs of a process that dies become inputs again (dtparam=strict_gpiod)

# A Raspberry Pi's kernel holds the outputs of a process that was killed: a siren would go on, and a relay that is to drop
# when we die would not. The parameter lets them float instead, as hw/README.md's wiring wants. It counts from the next boot.
strict_pins() {
    [ -r "${PI_ROOT:-}/proc/device-tree/model" ] || return 0
    model=$(tr -d '\0' <"${PI_ROOT:-}/proc/device-tree/model")
    case $model in "Raspberry Pi"*) ;; *) return 0 ;; esac
    for config in "${PI_ROOT:-}/boot/firmware/config.txt" "${PI_ROOT:-}/boot/config.txt" ""; do
        if [ -f "$config" ]; then break; fi
    done
    if [ -z "$config" ]; then
        say "this is a $model without a config.txt: put dtparam=strict_gpiod where its firmware reads it (hw/README.md)"
        return 0
    fi
    if grep -Eq '^[[:space:]]*dtparam=([^#]*,)?strict_gpiod([,=[:space:]]|$)' "$config"; then return 0; fi
    [ -e "$config.before-standpipe" ] || cp -p "$config" "$config.before-standpipe" || fail "cannot keep a copy of $config"
    # The whole file anew and in one rename: a power cut leaves the old one or the new one.
    if ! {
        cat "$config" && printf '\n[all]\n# standpipe: relays of a panel that was killed let go\ndtparam=strict_gpiod\n'
    } >"$config.new" || ! sync "$config.new" || ! mv "$config.new" "$config"; then
        fail "cannot write $config; is it mounted read-only?"
    fi
    say "$config: dtparam=strict_gpiod added (before: $config.before-standpipe); it counts from the next boot"
}
