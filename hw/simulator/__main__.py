"""`python -m hw.simulator BOARD.json --socket PATH`: a bare board for tests and benches of this folder.

BOARD.json: {"points": [{"id", "pin", "contact", "bias"}], "relays": [{"id", "pin", "active", "rest"}],
"channels": [{"id", "pin", "measures", ...}]}.
People use `standpipe simulate`, which reads site.toml.
"""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from hw.ports import ChannelSpec, PointSpec, RelaySpec
from hw.simulator.serve import build


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("board", type=Path)
    parser.add_argument("--socket", type=Path, required=True)
    arguments = parser.parse_args()
    board = json.loads(arguments.board.read_text(encoding="utf-8"))
    points = [PointSpec(**one) for one in board.get("points", [])]
    relays = [RelaySpec(**one) for one in board.get("relays", [])]
    channels = [ChannelSpec(**one) for one in board.get("channels", [])]
    simulator = build(arguments.socket, points, relays, {}, lambda news: None, channels)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: simulator.stop())
    simulator.run()
    simulator.close()


if __name__ == "__main__":
    main()
