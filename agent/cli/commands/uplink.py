"""standpipe uplink status: how the way to the centre is, and what waits for it."""

from __future__ import annotations

import argparse
import json
from typing import Any

from msgspec import UNSET

from agent.cli.place import look
from agent.cli.terminal import GREEN, YELLOW, amount, columns, paint, safe, span
from agent.cli.texts import TEXTS, Texts
from agent.config import check
from agent.core.wire import LANES
from agent.runtime import status
from agent.runtime.paths import Paths

HELP = """\
Shows the link to the broker: its state, what waits in each lane (rows, bytes, age of the oldest), clips, the measured
rate and round trip, and what was refused last. Exit code 1 if the link does not stand or nobody answers."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["status"], help="status")
    parser.add_argument("--json", action="store_true", help="everything as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    found = gather(paths)
    if args.json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(found, Texts(look(paths).language))))
    return 0 if found["state"] in ("connected", "not configured") else 1


def gather(paths: Paths) -> dict[str, Any]:
    """What the uplink says of itself; state `dead` and nulls while it does not run."""
    mine = status.read_all(paths).get("uplink", {})
    mine = mine if mine.get("alive") else {}
    config = check(paths.site).config
    configured = config is not None and config.uplink is not UNSET
    queue = mine.get("queue") or {}
    files = mine.get("files") or {}
    return {
        "state": mine.get("state", "starting") if mine else "dead" if configured else "not configured",
        "reason": mine.get("reason") or mine.get("trouble") or "",
        "broker": mine.get("broker") or None,
        "lanes": {lane: queue.get(lane) for lane in LANES},
        "files": files or None,
        "rate_kbit_s": mine.get("rate_kbit_s"),
        "rate_rows_s": mine.get("rate_rows_s"),
        "rtt_ms": mine.get("rtt_ms"),
        "last_refusal": mine.get("last_refusal") or "",
    }


def _lines(found: dict[str, Any], t: Texts) -> list[str]:
    state = found["state"]
    word = t(f"link-{state}") if f"link-{state}" in TEXTS else t("off") if state == "not configured" else state
    head = "  ".join(part for part in (found["broker"] or "", word, safe(found["reason"])) if part)
    rows = [[t(f"lane-{lane}"), *_queue(queue, t)] for lane, queue in found["lanes"].items() if queue]
    if found["files"]:
        files = found["files"]
        rows.append([t("clips"), t("clips-wait", clips=files.get("pending", 0)), amount(files.get("pending_bytes", 0))])
    if found["rtt_ms"]:
        rows.append([t("link-measured"), f"{found['rate_kbit_s']} kbit/s", f"{found['rtt_ms']} ms"])
    if found["last_refusal"]:
        rows.append([t("last-refusal"), safe(found["last_refusal"])])
    return [paint(head, GREEN if state == "connected" else YELLOW), *columns(rows)]


def _queue(queue: dict[str, Any], t: Texts) -> list[str]:
    waits = t("queue", rows=queue["rows"])
    if queue["rows"]:
        waits += t("oldest", age=span(queue["oldest_s"]))
    return [waits, amount(queue["bytes"])]
