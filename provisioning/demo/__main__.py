"""python -m demo [--keep DIR] [--broker mqtt://HOST:PORT] [--fast]: see provisioning/try.sh.

Exit code 0: nothing is missing. 1: something is, and it is said what. 2: wrong arguments. 130: Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from agent.config.words import language_of_environment
from demo.processes import DemoError
from demo.show import Show
from demo.site import lay_out
from demo.story import FAST, FULL
from demo.timeline import to_terminal
from demo.words import Words


def main() -> int:
    """Lay out the site, run it, judge it, tidy up."""
    args = _arguments()
    words = Words(language_of_environment())
    screen = to_terminal()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    root = _root(args.keep)
    place = lay_out(root, words.language)
    show = Show(place, screen, words, FAST if args.fast else FULL)
    try:
        good = show.run(args.broker)
        if args.keep:
            show.say_where_to_look()
    except DemoError as error:
        print(f"standpipe: {error}", file=sys.stderr)
        good = False
    except KeyboardInterrupt:
        return 130
    finally:
        show.tidy_up()
        shutil.rmtree(place.run, ignore_errors=True)
        if not args.keep:
            shutil.rmtree(root, ignore_errors=True)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sh provisioning/try.sh", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep journal, footage and clips in this new folder")
    parser.add_argument("--broker", metavar="URL", help="use this broker, mqtt://HOST:PORT, instead of one of its own")
    parser.add_argument("--fast", action="store_true", help="half the time: shorter outages")
    return parser.parse_args()


def _root(keep: Path | None) -> Path:
    """A new folder: what lies in one already would be counted too."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="standpipe-try-"))
    if keep.exists() and (not keep.is_dir() or os.listdir(keep)):  # noqa: PTH208 - whether, not what
        print(f"standpipe: --keep {keep}: name a new or an empty folder", file=sys.stderr)
        sys.exit(2)
    return keep


if __name__ == "__main__":
    sys.exit(main())
