"""What Home Assistant is told of a board: one retained device discovery message, made of the site file alone.

Rules of this file:
- what is shown is a retained state that the board publishes anyway (`state/...`), and the last picture of each camera;
- nothing can be switched: relays are told as binary sensors. The one button there is begins or ends a walk test, and
  is there only where the broker is on the board itself: what comes over it is signed by nobody;
- availability is the board's presence, by the broker's word when the board dies.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from agent.core.wire import Topics

DISCOVERY = "homeassistant"
STATUS_TOPIC = f"{DISCOVERY}/status"
MAKER = "standpipe"
PRESSED = "PRESS"
DOOR_CLASSES = {"door": "door", "tamper": "tamper", "smoke": "smoke", "flood": "moisture"}


class Thing(NamedTuple):
    """A point, pump, relay or camera: its id, its name for people, what it is, and whose state shows it."""

    id: str
    name: str
    is_: str  # point / pump / relay / camera
    kind: str = ""  # of a point
    shown_by: str = ""  # id whose state topic it is; empty: its own


def discovery_topic(topics: Topics) -> str:
    """Ids hold no underscores, so no two boards share one."""
    return f"{DISCOVERY}/device/{topics.site}_{topics.board}/config"


def picture_topic(topics: Topics, camera: str) -> str:
    """Where the last picture of a camera is retained, as it is."""
    return topics.of(f"image/{camera}")


def button_topic(topics: Topics) -> str:
    """Where Home Assistant says PRESSED when somebody presses the walk test's button."""
    return topics.of("button/walk-test")


def on_this_board(broker: str) -> bool:
    """Whether the broker of this URL is reached without leaving the board."""
    try:
        host = urlsplit(broker).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def discovery(topics: Topics, things: Iterable[Thing], version: str, *, button: bool = False) -> bytes:
    """The payload: device, origin, availability and components in one message. button: of the walk test."""
    own = f"{topics.site}_{topics.board}"
    components = {f"{thing.is_}-{thing.id}": _thing(topics, thing) for thing in things} | _of_the_board(topics)
    if button:
        components["walk-test"] = _button(topics)
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
    if thing.is_ == "camera":
        topic = picture_topic(topics, thing.id)
        return {"platform": "image", "name": name, "image_topic": topic, "content_type": "image/jpeg"}
    if thing.is_ == "relay":
        return _binary(topics, name, state_id, "energised", "")
    device_class = "running" if thing.is_ == "pump" else DOOR_CLASSES.get(thing.kind, "")
    return _binary(topics, name, state_id, "active", device_class)


def _button(topics: Topics) -> dict[str, Any]:
    return {
        "platform": "button",
        "name": "walk test",
        "command_topic": button_topic(topics),
        "payload_press": PRESSED,
        "entity_category": "config",
    }


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
