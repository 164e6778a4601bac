"""A process of ours with shorter waits: sp_impatient.py agent.uplink agent.core.lane.RETRY_S=0.5 ... -- ARGUMENTS.

Constants are set before the process imports them anywhere else; one that is not there is an error.
"""

from __future__ import annotations

import importlib
import runpy
import sys


def main() -> None:
    end = sys.argv.index("--")
    module, *settings = sys.argv[1:end]
    for setting in settings:
        name, _, value = setting.partition("=")
        where, _, constant = name.rpartition(".")
        found = importlib.import_module(where)
        assert isinstance(getattr(found, constant), float), f"{name} is no number of seconds"
        setattr(found, constant, float(value))
    sys.argv = [module, *sys.argv[end + 1 :]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
