"""provisioning/broker on a real mosquitto: certificates by the script, and each board its own topics and no others."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sp_broker import Broker
from sp_collect import Collect
from sp_people import Person
from sp_site import SITE, Site, until

from agent.collector.report import report
from agent.runtime.keys import write_key

FOLDER = Path(__file__).parents[2] / "provisioning/broker"
NOT_ALLOWED = 0x87


def certs(*arguments: object, code: int = 0) -> str:
    """Run certs.sh; returns what it says."""
    command = ["sh", str(FOLDER / "certs.sh"), *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == code, said.stderr
    return said.stdout + said.stderr


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, the broker's certificate, two boards', one of the same name at another site, people's."""
    folder = tmp_path_factory.mktemp("pki")
    certs("ca", folder)
    certs("server", folder, "localhost", "127.0.0.1")
    for site, board in (("plant", "pump-house"), ("plant", "gate"), ("other", "pump-house")):
        certs("board", folder, site, board)
    certs("person", folder, "collector")
    (folder / "acl.anna").write_text("".join(certs("person", folder, "anna").partition("user ")[1:]))
    return folder


@pytest.fixture(scope="module")
def broker(ca: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """mosquitto on the files as they are shipped, but for their folder, port and the user it runs as."""
    folder = tmp_path_factory.mktemp("broker")
    (ca / "acl").write_text((FOLDER / "acl").read_text() + (ca / "acl.anna").read_text())
    (ca / "acl").chmod(0o600)
    text = (FOLDER / "mosquitto.conf").read_text().replace("/etc/mosquitto/standpipe", str(ca))
    with _Shipped(folder, text) as broker:
        yield broker


class _Shipped(Broker):
    """A broker on a given configuration."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__(folder)
        self._text = re.sub(r"^listener 8883$", f"listener {self.port} 127.0.0.1", text, flags=re.M)
        assert str(self.port) in self._text

    @property
    def url(self) -> str:
        return f"mqtts://127.0.0.1:{self.port}"

    def write_config(self) -> Path:
        path = self.folder / "mosquitto.conf"
        path.write_text(f"user root\npersistence_location {self.folder}/\nlog_type all\n{self._text}")
        return path


class Client:
    """Somebody with a certificate. heard: topics of what came; codes: of publishes, in order."""

    def __init__(self, broker: Broker, ca: Path, name: str, *topics: str) -> None:
        self.heard: list[str] = []
        self.codes: list[int] = []
        ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"t-{name}", protocol=paho.MQTTv5)
        context = ssl.create_default_context(cafile=str(ca / "ca.pem"))
        context.load_cert_chain(ca / f"{name}.pem", ca / f"{name}.key")
        self._client.tls_set_context(context)
        self._client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._client.on_publish = lambda _c, _d, _mid, reason, _p: self.codes.append(reason.value)
        self._client.on_connect = lambda *_: (
            self._client.subscribe([(topic, paho.SubscribeOptions(qos=1)) for topic in topics])
            if topics
            else ready.set()
        )
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert ready.wait(15)

    def publish(self, topic: str) -> int:
        """The broker's code."""
        told = len(self.codes)
        self._client.publish(topic, b"x", qos=1)
        until(lambda: len(self.codes) > told, f"a PUBACK for {topic}")
        return self.codes[-1]

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


OWN_WRITES = ["presence", "state/door", "event", "replay", "result", "file/f/0/ab"]
OWN_READS = ["ack", "command", "file-response"]


@pytest.mark.parametrize("foreign", ["plant/gate", "other/pump-house", "plant/pump-house-2", "plant", "+/+"])
def test_a_board_writes_its_own_topics_and_no_other(broker: Broker, ca: Path, foreign: str) -> None:
    with Client(broker, ca, "plant.pump-house") as board:
        assert [board.publish(f"standpipe/plant/pump-house/{leaf}") for leaf in OWN_WRITES] == [0x10] * 6
        for leaf in (*OWN_WRITES, *OWN_READS) if "+" not in foreign else ():
            assert board.publish(f"standpipe/{foreign}/{leaf}") == NOT_ALLOWED
        for leaf in OWN_READS:
            assert board.publish(f"standpipe/plant/pump-house/{leaf}") == NOT_ALLOWED, "no board commands itself"
        assert board.publish("standpipe/x") == board.publish("elsewhere") == NOT_ALLOWED


def test_a_board_reads_what_is_for_it_and_nothing_else(broker: Broker, ca: Path) -> None:
    """Asking for everything is allowed and gives nothing: what comes is looked at, message by message."""
    everything = ("#", "standpipe/+/+/command", "standpipe/plant/gate/#", "standpipe/plant/pump-house/#", "$SYS/#")
    with (
        Client(broker, ca, "plant.pump-house", *everything) as board,
        Client(broker, ca, "plant.gate") as gate,
        Client(broker, ca, "collector") as collector,
        Client(broker, ca, "anna") as anna,
    ):
        for leaf in OWN_WRITES:
            gate.publish(f"standpipe/plant/gate/{leaf}")
        for name in ("plant/gate", "other/pump-house"):
            assert anna.publish(f"standpipe/{name}/command") != NOT_ALLOWED
            assert collector.publish(f"standpipe/{name}/ack") != NOT_ALLOWED
        anna.publish("standpipe/plant/pump-house/command")
        collector.publish("standpipe/plant/pump-house/ack")
        until(lambda: any(topic.endswith("/ack") for topic in board.heard), "the last one came")
        assert set(board.heard) == {"standpipe/plant/pump-house/command", "standpipe/plant/pump-house/ack"}


def test_people_do_what_is_theirs(broker: Broker, ca: Path) -> None:
    with (
        Client(broker, ca, "collector", "standpipe/#") as collector,
        Client(broker, ca, "anna", "standpipe/#") as anna,
        Client(broker, ca, "plant.gate") as gate,
    ):
        assert collector.publish("standpipe/plant/gate/command") == NOT_ALLOWED
        assert anna.publish("standpipe/plant/gate/ack") == NOT_ALLOWED
        assert anna.publish("standpipe/plant/gate/presence") == NOT_ALLOWED
        for leaf in (*OWN_WRITES, "result", "presence"):
            gate.publish(f"standpipe/plant/gate/{leaf}")
        until(lambda: anna.heard[-1:] == ["standpipe/plant/gate/presence"], "anna hears the last")
        until(lambda: collector.heard[-1:] == ["standpipe/plant/gate/presence"], "the collector hears the last")
        leaf_of = {topic.removeprefix("standpipe/plant/gate/") for topic in anna.heard}
        assert leaf_of == {"presence", "state/door", "result"}
        assert {t.removeprefix("standpipe/plant/gate/") for t in collector.heard} == set(OWN_WRITES) - {
            "state/door",
            "result",
        }


def test_the_whole_way_over_tls(broker: Broker, ca: Path, tmp_path: Path) -> None:
    """Rows to the collector and acks back, and a signed command, all by certificate."""
    anna = Person("anna", "operator")
    write_key(tmp_path / "anna.signing", anna.signer, "anna", "correct horse")
    (tmp_path / "passphrase").write_text("correct horse")
    board = ca / "plant.pump-house"
    link = f'\n[uplink]\nbroker = "{broker.url}"\nca = "{ca}/ca.pem"\ncert = "{board}.pem"\nkey = "{board}.key"\n'
    tls = ["--ca", ca / "ca.pem", "--cert"]
    far = [*tls, ca / "collector.pem", "--key", ca / "collector.key"]
    with (
        Collect(broker.url, tmp_path / "far", *map(str, far)),
        Site(tmp_path / "site", SITE + anna.section + link) as site,
    ):
        site.start_board()
        site.start_panel()
        site.start("uplink")
        site.driver.contact("flood", True)
        site.driver.wait_relay("siren", True)
        until(lambda: _acked(site), f"all acknowledged: {site.log('uplink')}")
        where = ["--broker", broker.url, "--site-id", "plant", "--board", "pump-house", *tls, ca / "anna.pem"]
        who = ["--cert-key", ca / "anna.key", "--key", tmp_path / "anna.signing"]
        command = ["command", *where, *who, "--passphrase-file", tmp_path / "passphrase", "silence", "*"]
        said = subprocess.run(
            [sys.executable, "-m", "agent.cli", *map(str, command)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (said.returncode, said.stderr) == (0, "")
        site.driver.wait_relay("siren", False)
        until(lambda: report(tmp_path / "far")["totals"]["rows"] >= site.head() - 1, "rows at the collector")


def _acked(site: Site) -> bool:
    cursors: dict[str, Any] = site.status("uplink").get("cursors", {})
    return bool(cursors) and min(cursors.values()) > 0


# --- the script ---


def test_a_request_made_on_the_board_keeps_its_key_there(ca: Path, tmp_path: Path) -> None:
    certs("request", tmp_path, "plant", "yard")
    assert (tmp_path / "board.key").stat().st_mode & 0o777 == 0o600
    certs("board", ca, "plant", "yard", tmp_path / "board.csr")
    assert (ca / "plant.yard.pem").exists()
    assert not (ca / "plant.yard.key").exists()
    context = ssl.create_default_context(cafile=str(ca / "ca.pem"))
    context.load_cert_chain(ca / "plant.yard.pem", tmp_path / "board.key")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "certs.sh ca DIR"),
        (("ca", "{ca}"), "no key is ever overwritten"),
        (("board", "{ca}", "plant", "pump-house"), "no key is ever overwritten"),
        (("board", "{ca}", "plant", "a/b"), "small letters"),
        (("board", "{ca}", "p" * 40, "b" * 40), "at most 64"),
        (("board", "{ca}", "plant", "attic", "{ca}/plant.gate.pem"), "no request"),
        (("board", "{tmp}/none", "plant", "attic"), "no authority here yet"),
        (("person", "{ca}", "plant/gate"), "small letters"),
    ],
)
def test_mistakes_are_told(ca: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    told = certs(*(one.format(ca=ca, tmp=tmp_path) for one in arguments), code=2)
    assert says in told


def test_a_request_for_another_name_is_not_signed(ca: Path, tmp_path: Path) -> None:
    """Else a board could ask for its neighbour's rights."""
    certs("request", tmp_path, "plant", "gate")
    assert "asks for the name plant/gate" in certs("board", ca, "plant", "cellar", tmp_path / "board.csr", code=2)
    assert not (ca / "plant.cellar.pem").exists()
