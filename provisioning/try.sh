#!/bin/sh
# sh provisioning/try.sh [--keep DIR] [--broker mqtt://HOST:PORT] [--fast] - a whole simulated site for about a minute.
# Installs what is missing (apt: python3-venv, mosquitto; a venv in this checkout); needs and touches no service of the system.
set -eu
CHECKOUT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=provisioning/lib/setup.sh
. "$CHECKOUT/provisioning/lib/setup.sh"

find_python
need_packages python3-venv mosquitto
make_venv ""
exec env PYTHONPATH="$CHECKOUT/provisioning" "$CHECKOUT/.venv/bin/python" -m demo "$@"
