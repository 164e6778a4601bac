"""Retained present states on `state/{id}`: points, relays, open alarms, what waits for a signature."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET

from agent.config import SiteConfig
from agent.core.chain import Row
from agent.core.homeassistant import Thing, discovery, discovery_topic, on_this_board
from agent.core.wire import Topics, utc_text
from agent.journal import Journal
from agent.journal.projections import OpenAlarm, open_alarms
from agent.uplink import requests
from agent.uplink.requests import Requests

ALARMS, REQUESTS, UPLINK = "alarms", "requests", "uplink"  # reserved ids: no point can have them
ALARMS_MOST = 200
FOLLOWED = ("point.changed", "point.found", "relay.driven", "alarm.")
_MARKS = {"alarm.acknowledged": "acknowledged", "alarm.silenced": "silenced", "alarm.restored": "restored"}


class States:
    """What is to be published, by topic; only the newest state of each thing waits. One thread.

    home_version: tell Home Assistant what there is, and that this version says so; empty: do not.
    """

    def __init__(self, topics: Topics, config: SiteConfig, journal: Journal, home_version: str = "") -> None:
        self._topics = topics
        self._config = config
        self._journal = journal
        self._alarms: dict[str, dict[str, Any]] = {}
        self._now: dict[str, bytes] = {}
        self._waiting: dict[str, bytes] = {}
        self._seen = journal.head()[0]
        self._opens = {point.id: point.contact == "normally-closed" for point in config.point}
        if home_version:
            topic = discovery_topic(topics)
            button = config.uplink is not UNSET and on_this_board(config.uplink.broker)
            said = discovery(topics, things(config), home_version, button=button)
            self._now[topic] = self._waiting[topic] = said
        self._load()

    def _load(self) -> None:
        for point in self._config.point:
            self._take(self._journal.last("point.changed", "point.found", source=point.id))
        for relay in self._config.relay:
            self._take(self._journal.last("relay.driven", source=relay.id))
        self._alarms = {name: _opened(alarm) for name, alarm in open_alarms(self._journal).items()}
        self._put(ALARMS, self._alarm_list())
        self._requests = Requests(self._journal)
        self._put(REQUESTS, self._requests.told())

    def birth(self) -> None:
        """A new session: everything is to be published."""
        self._waiting = dict(self._now)

    def follow(self, head: int) -> None:
        """Take in what was committed up to `head`."""
        while self._seen < head:
            rows = self._journal.read(self._seen, limit=500)
            if not rows:
                break
            self.take(rows)
            self._seen = rows[-1].seq

    def take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.kind.startswith(FOLLOWED):
                self._take(row)
            elif row.kind in requests.KINDS:
                self._requests.take(row)
                self._put(REQUESTS, {**self._requests.told(), **self._when(row)})

    def next(self) -> tuple[str, bytes] | None:
        """(topic, payload) to publish next, retained."""
        if not self._waiting:
            return None
        topic = next(iter(self._waiting))
        return topic, self._waiting.pop(topic)

    def _take(self, row: Row | None) -> None:
        if row is None:
            return
        if row.kind.startswith("alarm."):
            self._alarm(row)
        elif row.kind.startswith("point."):
            self._put(row.source, {"is": "point", **self._level(row), **self._when(row)})
        else:
            values = row.values()
            state = {"is": "relay", "energised": values["energised"], "reason": values["reason"]}
            self._put(row.source, {**state, **self._when(row)})

    def _level(self, row: Row) -> dict[str, bool]:
        """active: away from rest (door open, button pressed)."""
        closed = bool(row.values()["closed"])
        return {"closed": closed, "active": closed != self._opens.get(row.source, False)}

    def tell_uplink(self, summary: dict[str, Any]) -> None:
        """The uplink's own state: what waits, how the link is."""
        self._put(UPLINK, {"is": "uplink", **summary})

    def _alarm(self, row: Row) -> None:
        if row.kind == "alarm.raised":
            self._alarms[row.source] = _opened(OpenAlarm(row))
        elif row.kind == "alarm.reset":
            self._alarms.pop(row.source, None)
        elif row.source in self._alarms and row.kind in _MARKS:
            self._alarms[row.source][_MARKS[row.kind]] = True
        self._put(ALARMS, {**self._alarm_list(), **self._when(row)})

    def _alarm_list(self) -> dict[str, Any]:
        newest = list(self._alarms.values())[-ALARMS_MOST:]
        return {"is": "alarms", "open": len(self._alarms), "alarms": newest}

    def _when(self, row: Row) -> dict[str, Any]:
        when = {"epoch": self._journal.epoch, "seq": str(row.seq), "clock": row.clock}
        return when if row.clock == "unset" else {**when, "time": utc_text(row.at_ns)}

    def _put(self, id_: str, state: dict[str, Any]) -> None:
        payload = json.dumps({"v": 1, "id": id_, **state}, ensure_ascii=False).encode()
        self._now[self._topics.state(id_)] = self._waiting[self._topics.state(id_)] = payload


def things(config: SiteConfig) -> list[Thing]:
    """What Home Assistant is told of: points, pumps by the point that shows them running, relays, cameras."""
    points = [Thing(point.id, point.name, "point", point.kind) for point in config.point]
    pumps = [Thing(pump.id, pump.id, "pump", shown_by=pump.running) for pump in config.pump]
    relays = [Thing(relay.id, relay.id, "relay") for relay in config.relay]
    return [*points, *pumps, *relays, *(Thing(camera.id, camera.id, "camera") for camera in config.camera)]


def _opened(alarm: OpenAlarm) -> dict[str, Any]:
    row = alarm.raised
    return {
        "id": row.source,
        "class": row.signal,
        "on": row.values()["on"],
        "of": row.values()["of"],
        "since_seq": str(row.seq),
        "acknowledged": alarm.acknowledged,
        "silenced": alarm.silenced,
        "restored": alarm.restored,
    }
