"""What Home Assistant is told of a board: one retained device discovery message, made of the site file alone.

Rules of this file:
- everything shown is a retained state that the board publishes anyway (`state/...`): no topic exists for its sake;
- nothing can be switched: relays are told as binary sensors, and no component has a command topic;
- availability is the board's presence, by the broker's word when the board dies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from agent.core.wire import Topics

DISCOVERY = "homeassistant"
STATUS_TOPIC = f"{DISCOVERY}/status"
MAKER = "standpipe"
DOOR_CLASSES = {"door": "door", "tamper": "tamper", "smoke": "smoke", "flood": "moisture"}


class Thing(NamedTuple):
    """A point, pump or relay: its id, its name for people, what it is, and whose state shows it."""

    id: str
    name: str
    is_: str  # point / pump / relay
    kind: str = ""  # of a point
    shown_by: str = ""  # id whose state topic it is; empty: its own


def discovery_topic(topics: Topics) -> str:
    """Ids hold no underscores, so no two boards share one."""
    return f"{DISCOVERY}/device/{topics.site}_{topics.board}/config"


def discovery(topics: Topics, things: Iterable[Thing], version: str) -> bytes:
    """The payload: device, origin, availability and components in one message."""
    own = f"{topics.site}_{topics.board}"
    components = {f"{thing.is_}-{thing.id}": _thing(topics, thing) for thing in things} | _of_the_board(topics)
    for name, component in components.items():
        component["unique_id"] = f"{own}_{name}"
    return json.dumps(
        {
            "device": {
                "identifiers": [own],
                "name": f"{topics.site} {topics.board}",
                "manufacturer": MAKER,
                "model": "board",
                "sw_version": version,
            },
            "origin": {"name": MAKER, "sw_version": version},
            "availability": [
                {
                    "topic": topics.of("presence"),
                    "value_template": "{{ value_json.state }}",
                    "payload_available": "online",
                    "payload_not_available": "offline",
                }
            ],
            "components": components,
            "qos": 1,
        },
        ensure_ascii=False,
    ).encode()


def _binary(topics: Topics, name: str, state_id: str, field: str, device_class: str) -> dict[str, Any]:
    component = {
        "platform": "binary_sensor",
        "name": name,
        "state_topic": topics.state(state_id),
        "value_template": "{{ 'ON' if value_json." + field + " else 'OFF' }}",
    }
    return {**component, "device_class": device_class} if device_class else component


def _thing(topics: Topics, thing: Thing) -> dict[str, Any]:
    state_id, name = thing.shown_by or thing.id, thing.name or thing.id
    if thing.is_ == "relay":
        return _binary(topics, name, state_id, "energised", "")
    device_class = "running" if thing.is_ == "pump" else DOOR_CLASSES.get(thing.kind, "")
    return _binary(topics, name, state_id, "active", device_class)


def _of_the_board(topics: Topics) -> dict[str, dict[str, Any]]:
    alarms = _binary(topics, "alarm", "alarms", "open > 0", "problem")
    return {
        "alarm": {**alarms, "json_attributes_topic": topics.state("alarms")},
        "open-alarms": _sensor(topics, "open alarms", "alarms", "open", "", ""),
        "queue": _diagnostic(topics, "rows not yet delivered", "queue_rows", "", ""),
        "oldest": _diagnostic(topics, "oldest row not yet delivered", "oldest_s", "s", "duration"),
        "clips": _diagnostic(topics, "clips not yet delivered", "clips", "", ""),
        "free-space": _diagnostic(topics, "free space", "free_mb", "MB", "data_size"),
        "free-days": _diagnostic(topics, "days until the disk is full", "free_days", "d", "duration"),
    }


def _sensor(topics: Topics, name: str, state_id: str, field: str, unit: str, device_class: str) -> dict[str, Any]:
    component = {
        "platform": "sensor",
        "name": name,
        "state_topic": topics.state(state_id),
        "value_template": "{{ value_json." + field + " }}",
        "state_class": "measurement",
    }
    return component | ({"unit_of_measurement": unit, "device_class": device_class} if unit else {})


def _diagnostic(topics: Topics, name: str, field: str, unit: str, device_class: str) -> dict[str, Any]:
    return {**_sensor(topics, name, "uplink", field, unit, device_class), "entity_category": "diagnostic"}
