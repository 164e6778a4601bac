#!/bin/sh
# All benches, one after another, and a table of what they measured. Each runs its reference in the same run, so
# the ratio counts and the times do not: these figures come from whatever machine this is.
#   sh tests/bench/run.sh [--long] [NAME ...]     --long: the full counts; NAME: only those (panel_latency, drain, ...)
set -eu
cd "$(dirname "$0")/../.."
if [ ! -x .venv/bin/python ]; then
  echo "bench: no .venv here yet: run  sh tests/run.sh  once, it installs what is needed" >&2
  exit 1
fi
exec .venv/bin/python tests/bench/table.py "$@"
