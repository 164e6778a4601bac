"""A site and its centre: real broker, collector, uplink and panel, footage, and people with keys who are far away."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
from sp_broker import Broker
from sp_collect import Collect
from sp_jobs import NS, JobSite
from sp_people import Person
from sp_site import Site, until

from agent.core.commands import Envelope
from agent.core.events import ApprovalRequested
from agent.core.statements import Request, Statement
from agent.runtime.clock import SystemClock
from agent.runtime.keys import write_key

SITE = """
[site]
id = "plant"
board = "pump-house"
language = "{language}"
timezone = "Asia/Shanghai"

[[camera]]
id = "yard"
source = "testcard:"
keep = "15 days"

[retention]
reserve_mb = 16
room_mb = 16

[uplink]
broker = "{broker}"
"""
TOPIC = "standpipe/plant/pump-house/command"


class Bench:
    """The site and the centre; anna is an operator, chen and wang are supervisors. more: sections of site.toml."""

    def __init__(self, folder: Path, more: str = "", language: str = "en") -> None:
        self.folder = folder
        self.broker = Broker(folder / "broker").start()
        self.collector = Collect(self.broker.url, folder / "store").start()
        self.wang = Person("wang", "supervisor")
        text = SITE.format(broker=self.broker.url, language=language) + self.wang.section + more
        self.jobs = JobSite(folder / "site", text)
        self.anna, self.chen = self.jobs.anna, self.jobs.chen
        self.jobs.now = SystemClock().stamp()._replace(clock="synced")
        self.recorded = self.jobs.record("yard", 40)
        self.site = Site(folder / "site", self.jobs.paths.site.read_text())
        self.site.start("panel", "--pins", "mock")
        self.site.start("uplink")
        self.site.wait_row("link.up")
        (folder / "phrase").write_text("correct horse\n")

    def key(self, person: Person) -> list[str]:
        file = self.folder / f"{person.id}.key"
        if not file.exists():
            write_key(file, person.signer, person.id, "correct horse")
        return ["--key", str(file), "--passphrase-file", str(self.folder / "phrase")]

    def here(self) -> list[str]:
        paths = self.site.paths
        return ["--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)]

    def afar(self, *more: str) -> list[str]:
        """A command of whoever is at the centre: no folder of the board is theirs."""
        nowhere = [f"--{name}={self.folder / 'nowhere'}" for name in ("site", "data", "run")]
        return ["command", "--broker", self.broker.url, "--site-id", "plant", "--board", "pump-house", *more, *nowhere]

    def span(self, first: int, last: int) -> dict[str, str]:
        """From before a recorded file to after another."""
        ends = (self.recorded[first].start_at_ns - NS, self.recorded[last].end_at_ns + 2 * NS)
        start, end = (datetime.fromtimestamp(ns // NS, UTC).isoformat(timespec="seconds") for ns in ends)
        return {"camera": "yard", "from": start, "to": end}

    def asked(self, number: str, **changes: Any) -> Request:
        """anna asks, signed; written down as `standpipe retention delete` does."""
        made = self.anna.asks(number, "footage.delete", self.span(0, 1), "privacy")
        told = {"request": made.id, "what": made.kind, "scope": dict(made.scope), "by": made.requester}
        fields = {**told, "reason": made.reason, "key": made.key, "sig": made.sig, **changes}
        self.site.append(ApprovalRequested(source="cli", **fields))
        return made

    def send(self, envelope: Envelope, *, retain: bool = False) -> dict[str, Any]:
        """A command as anybody may publish it; how the board's journal says that it ended."""
        after = self.site.head()
        publish.single(TOPIC, envelope.text(), 1, retain, "127.0.0.1", self.broker.port)
        if retain:
            publish.single(TOPIC, b"", 1, True, "127.0.0.1", self.broker.port)
        return until(lambda: self.end(envelope.id, after), "an end")

    def end(self, command: str, after: int) -> dict[str, Any]:
        """Of just that command, as others are on their way too; {} while there is none."""
        rows = self.site.rows("command.done", "command.failed", "command.refused", after=after)
        return next(({"kind": row.kind, **row.values()} for row in rows if row.values()["command"] == command), {})

    def command(self, text: str, who: Person | None = None, **changes: Any) -> Envelope:
        """Signed by chen, if nobody else is named."""
        fields = {"ctr": time.time_ns() // 1000, **changes}
        return (who or self.chen).command("approve", {"statement": text}, **fields)

    def verdict(self, statement: Statement, who: Person | None = None, **changes: Any) -> dict[str, Any]:
        return self.send(self.command(statement.text(), who, **changes))

    def at_the_centre(self, *kinds: str) -> list[dict[str, Any]]:
        """Data of rows in the collector's store."""
        with sqlite3.connect(f"file:{self.folder / 'store' / 'collector.db'}?mode=ro", uri=True) as db:
            texts = [json.loads(text) for (text,) in db.execute('select text from "row" order by seq')]
        return [{"kind": row[7], **row[10]} for row in texts if row[7] in kinds]

    def close(self) -> None:
        self.site.__exit__(None, None, None)
        self.collector.kill()
        self.broker.kill()
