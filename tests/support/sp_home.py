"""What a Home Assistant takes of an MQTT device discovery message, and what it then shows.

Written from its documentation (MQTT integration: discovery, binary_sensor, sensor, image, button): required and known
keys, device classes, and as much of its templates as value_json and one condition need. Nothing is taken from our own
code.
"""

from __future__ import annotations

import json
import re
from typing import Any

TOPIC = re.compile(r"homeassistant/device/(?:[a-zA-Z0-9_-]+/)?[a-zA-Z0-9_-]+/config\Z")
ABBREVIATED = {"dev": "device", "o": "origin", "cmps": "components", "avty": "availability"}
TOP = {"device", "origin", "components", "availability", "qos", "encoding", "state_topic", "command_topic"}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version", "serial_number", "configuration_url"}
COMMON = {
    "platform", "unique_id", "name", "state_topic", "value_template", "device_class", "entity_category", "icon",
    "json_attributes_topic", "expire_after", "enabled_by_default",
}  # fmt: skip
KEYS = {
    "binary_sensor": COMMON | {"payload_on", "payload_off", "off_delay"},
    "sensor": COMMON | {"unit_of_measurement", "state_class", "suggested_display_precision"},
    "image": (COMMON - {"state_topic", "value_template", "device_class", "expire_after"})
    | {"image_topic", "url_topic", "url_template", "content_type", "image_encoding"},
    "button": (COMMON - {"state_topic", "value_template", "expire_after"})
    | {"command_topic", "command_template", "payload_press", "retain", "qos"},
}
BUTTON_CLASSES = {None, "identify", "restart", "update"}
CATEGORIES = {None, "config", "diagnostic"}
BINARY_CLASSES = {
    "battery", "carbon_monoxide", "cold", "connectivity", "door", "gas", "heat", "lock", "moisture", "motion", "moving",
    "occupancy", "opening", "plug", "power", "presence", "problem", "running", "safety", "smoke", "sound", "tamper",
    "vibration", "window",
}  # fmt: skip
SENSOR_UNITS = {
    "duration": {"d", "h", "min", "s", "ms"},
    "data_size": {"B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB"},
}
IF = re.compile(r"\{\{ '(?P<yes>\w+)' if value_json\.(?P<key>\w+)(?: > (?P<over>\d+))? else '(?P<no>\w+)' \}\}\Z")
PLAIN = re.compile(r"\{\{ value_json\.(?P<key>\w+) \}\}\Z")


class Home:
    """Takes what is retained, as a Home Assistant that comes up later would. entities: unique_id -> component."""

    def __init__(self, states: dict[str, bytes] | None = None) -> None:
        self.device: dict[str, Any] = {}
        self.entities: dict[str, dict[str, Any]] = {}
        self.availability: list[dict[str, Any]] = []
        self.states = dict(states or {})

    def take(self, topic: str, payload: bytes) -> None:
        """A message; discovery is checked (AssertionError says what Home Assistant would not take)."""
        self.states[topic] = payload
        if topic.startswith("homeassistant/"):
            assert TOPIC.match(topic), topic
            self._discovery({ABBREVIATED.get(key, key): value for key, value in json.loads(payload).items()})

    def _discovery(self, said: dict[str, Any]) -> None:
        assert set(said) <= TOP, set(said) - TOP
        assert set(said["device"]) <= DEVICE
        assert said["device"]["identifiers"], "a device has identifiers or connections"
        assert said["origin"]["name"], "device discovery needs its origin's name"
        self.device, self.availability = said["device"], said["availability"]
        for one in self.availability:
            assert set(one) <= {"topic", "value_template", "payload_available", "payload_not_available"}
        for component in said["components"].values():
            self._component(component)

    def _component(self, component: dict[str, Any]) -> None:
        keys = KEYS[component["platform"]]
        assert set(component) <= keys, set(component) - keys
        assert component["unique_id"] not in self.entities, "unique ids are unique"
        device_class, platform = component.get("device_class"), component["platform"]
        assert component.get("entity_category") in CATEGORIES
        if platform == "image":
            assert ("image_topic" in component) != ("url_topic" in component), "exactly one of the two"
            assert component.get("image_encoding", "b64") == "b64"
            assert "url_topic" not in component or "content_type" not in component
        elif platform == "button":
            assert component["command_topic"], "a button says something somewhere"
            assert component.get("entity_category") != "diagnostic" or device_class in BUTTON_CLASSES
            assert device_class in BUTTON_CLASSES
        else:
            assert component["state_topic"], "both platforms need a state topic"
        if platform == "binary_sensor":
            assert device_class is None or device_class in BINARY_CLASSES
        elif device_class is not None:
            assert component["unit_of_measurement"] in SENSOR_UNITS[device_class]
        self.entities[component["unique_id"]] = component

    def available(self) -> bool:
        """As the availability topics say; unknown is not available."""
        for one in self.availability:
            if one["topic"] not in self.states:
                return False
            if _rendered(one["value_template"], self.states[one["topic"]]) != one["payload_available"]:
                return False
        return True

    def picture(self, unique_id: str) -> bytes | None:
        """What an image entity shows; None: nothing yet."""
        return self.states.get(self.entities[unique_id]["image_topic"])

    def press(self, unique_id: str) -> tuple[str, str, bool]:
        """What is published when somebody presses a button: topic, payload, retained."""
        component = self.entities[unique_id]
        assert component["platform"] == "button"
        return component["command_topic"], component.get("payload_press", "PRESS"), component.get("retain", False)

    def shows(self, unique_id: str) -> str | None:
        """The state of an entity; None: unknown."""
        component = self.entities[unique_id]
        if "state_topic" not in component:
            return None
        payload = self.states.get(component["state_topic"])
        return None if payload is None else _rendered(component["value_template"], payload)


def _rendered(template: str, payload: bytes) -> str:
    values = json.loads(payload)
    if found := PLAIN.match(template):
        return str(values[found["key"]])
    found = IF.match(template)
    assert found, f"a template that this Home Assistant does not know: {template}"
    value = values[found["key"]]
    return str(found["yes"] if (value > int(found["over"]) if found["over"] else value) else found["no"])
