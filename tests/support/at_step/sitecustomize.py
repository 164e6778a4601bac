"""On the path of a process: has the installer stop for good at a step. STANDPIPE_AT_STEP: the step, a file to make."""

import os
import sys
import time
from pathlib import Path

if "agent.installer" in sys.orig_argv:
    from agent.installer.installer import Installer

    _wanted, _, _told = os.environ["STANDPIPE_AT_STEP"].partition(":")

    def _stop_there(step: str) -> None:
        if step == _wanted:
            Path(_told).touch()
            time.sleep(3600)

    Installer.__init__.__defaults__ = (_stop_there,)
