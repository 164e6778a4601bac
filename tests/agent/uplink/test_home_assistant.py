"""A Home Assistant on the broker shows the board: found by discovery, shown from the states, never able to switch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sp_broker import Broker
from sp_home import Home
from sp_uplink import SOON, UplinkSite, status_row, until

from agent.core.events import AlarmRaised, Signal

CONFIG = "homeassistant/device/plant_pump/config"


class Listener:
    """A Home Assistant on the wire: everything below homeassistant/ and standpipe/ goes into `home`."""

    def __init__(self, port: int) -> None:
        self.home = Home()
        self.came: list[tuple[str, bool]] = []
        self.wrong: list[str] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="home", protocol=paho.MQTTv5)
        self._client.on_connect = lambda *_: self._client.subscribe([("homeassistant/#", 1), ("standpipe/#", 1)])
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == "homeassistant/status" or "/event" in message.topic or "/replay" in message.topic:
            return
        self.came.append((message.topic, message.retain))
        if message.topic == CONFIG:
            self.home = Home(self.home.states)
        try:
            self.home.take(message.topic, message.payload)
        except AssertionError as error:
            self.wrong.append(str(error))

    def say(self, payload: str) -> None:
        self._client.publish("homeassistant/status", payload, qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    listener = Listener(broker.port)
    yield listener
    listener.close()


def test_a_board_appears_with_doors_relays_alarms_and_its_queue(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        site.append([status_row(0), AlarmRaised(source="a:door", on="door.held_open", of="door", signal=Signal.ALARM)])
        site.start()
        until(lambda: listener.home.entities and "standpipe/plant/pump/state/uplink" in listener.home.states, "found")
        assert listener.wrong == []
        shown = {name: listener.home.shows(name) for name in listener.home.entities}
        assert shown["plant_pump_point-door"] == "ON", "normally open, closed now: away from rest"
        assert shown["plant_pump_alarm"] == "ON"
        assert shown["plant_pump_open-alarms"] == "1"
        assert shown["plant_pump_relay-siren"] is None, "never driven yet"
        assert int(shown["plant_pump_queue"] or "") >= 0
        assert int(shown["plant_pump_free-space"] or "") > 0
        assert listener.home.available()
        config = listener.home.states[CONFIG].decode()
        assert "command_topic" not in config
        first = [topic for topic, _ in listener.came]
        assert first.index("standpipe/plant/pump/presence") < first.index(CONFIG), "availability before all else"
        site.append([status_row(1)])
        until(lambda: listener.home.shows("plant_pump_point-door") == "OFF", "the door follows")
        site.kill()
        until(lambda: not listener.home.available(), "a dead board is not available")
        later = Listener(broker.port)
        until(lambda: later.home.entities, "what is retained is enough for one who comes later")
        assert later.wrong == []
        later.close()


def test_a_home_assistant_that_comes_up_is_told_again(tmp_path: Path, broker: Broker, listener: Listener) -> None:
    with UplinkSite(tmp_path / "site", broker.url, hurry=SOON) as site:
        site.start()
        until(lambda: (CONFIG, False) in listener.came, "told at birth")
        listener.came.clear()
        listener.say("online")
        until(lambda: (CONFIG, False) in listener.came, "told again")
        assert json.loads(listener.home.states[CONFIG])["origin"]["name"] == "standpipe"


def test_it_can_be_left_out_and_a_broker_that_forbids_it_is_no_trouble(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    with UplinkSite(tmp_path / "without", broker.url, "home_assistant = false\n", hurry=SOON) as site:
        site.start()
        until(lambda: "standpipe/plant/pump/state/alarms" in listener.home.states, "states come")
        assert listener.home.entities == {}
    folder = tmp_path / "strict"
    folder.mkdir()
    (folder / "acl").write_text("topic readwrite standpipe/#\n")
    with (
        Broker(folder / "broker", options={"acl_file": folder / "acl"}) as strict,
        UplinkSite(tmp_path / "forbidden", strict.url, hurry=SOON) as site,
    ):
        site.start()
        until(lambda: site.status().get("state") == "no-collector", "it goes on")
        assert site.rows("link.refused") == []
