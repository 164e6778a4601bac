"""A Home Assistant on the broker shows the board: found by discovery, shown from the states, never able to switch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sp_broker import Broker
from sp_far import Far
from sp_home import Home
from sp_uplink import SOON, UplinkSite, status_row, until

from agent.core.events import AlarmRaised, Signal, SnapshotReady, WalkTestStarted
from agent.core.homeassistant import Thing, discovery, on_this_board
from agent.core.wire import Topics

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

    def say(self, payload: str, topic: str = "homeassistant/status", *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

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
        topics = {one["command_topic"] for one in listener.home.entities.values() if "command_topic" in one}
        assert topics == {"standpipe/plant/pump/button/walk-test"}, "nothing else can be commanded"
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


def test_the_button_begins_and_ends_a_walk_test_and_nothing_stale_or_strange_does(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    topic = "standpipe/plant/pump/button/walk-test"
    listener.say("PRESS", topic, retain=True)
    hurry = {**SOON, "agent.uplink.home.AGAIN_S": 0.0}
    with UplinkSite(tmp_path / "site", broker.url, hurry=hurry) as site:
        site.start()
        until(lambda: "plant_pump_walk-test" in listener.home.entities, "the button is there")
        said = listener.home.press("plant_pump_walk-test")
        assert said == (topic, "PRESS", False)
        listener.say("press", topic)
        listener.say("PRESS " * 1000, topic)
        listener.say("PRESS", topic)
        asked = until(lambda: site.rows("walk_test.requested"), "a walk test is asked for")
        assert [row.values() for row in asked] == [{"does": "start", "for_s": 900, "by": "home-assistant"}]
        site.append([WalkTestStarted(source="panel", for_s=900, by="home-assistant", request=asked[0].seq)])
        listener.say("PRESS", topic)
        asked = until(lambda: len(site.rows("walk_test.requested")) == 2 and site.rows("walk_test.requested"), "again")
        assert asked[1].values()["does"] == "end"


@pytest.mark.parametrize(
    ("url", "there"),
    [("mqtt://127.0.0.1", True), ("mqtt://localhost:1884", True), ("mqtt://[::1]:1883", True),
     ("mqtts://broker.example:8883", False), ("mqtt://10.0.0.5", False), ("mqtt://127.0.0.1.evil.example", False),
     ("mqtt://[", False)],
)  # fmt: skip
def test_there_is_no_button_unless_the_broker_is_on_the_board(url: str, there: bool) -> None:
    assert on_this_board(url) is there
    home, topics = Home(), Topics("plant", "pump")
    home.take(CONFIG, discovery(topics, [Thing("cam", "", "camera")], "1", button=on_this_board(url)))
    assert ("plant_pump_walk-test" in home.entities) is there
    assert home.entities["plant_pump_camera-cam"]["image_topic"] == "standpipe/plant/pump/image/cam"


def snapshot(site: UplinkSite, name: str, blob: bytes) -> None:
    path = site.paths.data / "snapshots" / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob)
    about = {"path": f"snapshots/{name}.jpg", "bytes": len(blob), "sha256": hashlib.sha256(blob).hexdigest()}
    site.append([SnapshotReady(source="cam", snapshot=name, **about, at_ns=1, cause="command:anna")])


def test_the_last_picture_of_a_camera_is_shown_and_every_one_goes_to_the_centre(
    tmp_path: Path, broker: Broker, listener: Listener
) -> None:
    camera = '[[camera]]\nid = "cam"\nsource = "testcard:"\npurpose = "p"\n'
    with (
        Far(tmp_path / "far", broker.url) as far,
        UplinkSite(tmp_path / "site", broker.url, camera, hurry=SOON) as site,
    ):
        snapshot(site, "one", b"\xff\xd8one")
        snapshot(site, "two", b"\xff\xd8two" * 1000)
        snapshot(site, "huge", b"\xff\xd8" * 200_000)
        site.start()
        until(lambda: listener.home.entities, "found")
        assert listener.wrong == []
        until(lambda: len(site.rows("snapshot.delivered")) == 3, "all of them go as files")
        assert {file["name"] for file in far.files()} == {"one.jpg", "two.jpg", "huge.jpg"}
        assert listener.home.picture("plant_pump_camera-cam") is None, "the newest is too large to be shown"
        snapshot(site, "three", b"\xff\xd8three")
        until(lambda: listener.home.picture("plant_pump_camera-cam") == b"\xff\xd8three", "the next is shown")
        later = Listener(broker.port)
        until(lambda: later.home.states.get("standpipe/plant/pump/image/cam"), "it is retained")
        later.close()
        until(lambda: len(site.rows("snapshot.delivered")) == 4, "and goes to the centre")
