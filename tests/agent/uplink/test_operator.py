"""The operator believes a board's last word by its signature, and nobody who answers in its place."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_people import Person

from agent.core.results import Told, result_payload, seal
from agent.core.signed import HEAD
from agent.core.statements import Waiting
from agent.core.wire import Presence, Topics, head_fields, presence_payload
from agent.runtime.keys import Signer, new_signer
from agent.uplink.link import BrokerAt
from agent.uplink.operator import Operator, OperatorError

TOPICS = Topics("plant", "pump-house")
ANNA = Person("anna", "operator")
BIRTH = Presence("online", "00000000-0000-4000-8000-000000000000", head_hash="0" * 64, boot="b-1", version="1")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = Broker(Path(tmp_path_factory.mktemp("broker"))).start()
    yield made
    made.kill()


class FakeBoard:
    """A presence, and `answers` to whatever command comes."""

    def __init__(self, broker: Broker, signer: Signer | None, answers: Callable[[str], list[bytes]]) -> None:
        self.far = Acker(broker.port, "plant", "pump-house", answer=False)
        birth = BIRTH if signer is None else replace(BIRTH, key=signer.public_text)
        if signer is not None:
            birth = replace(birth, sig=signer.sign(HEAD, head_fields(birth, TOPICS)))
        self.far.publish("presence", presence_payload(birth), retain=True)
        self._answers = answers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        while not self._over.wait(0.01):
            if (payload := self.far.last("command")) is not None:
                for answer in self._answers(json.loads(payload)["id"]):
                    self.far.publish("result", answer)
                return

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.far.close()


def ask(broker: Broker, trusted: str = "", wait_s: float = 5) -> tuple[Told | None, list[Told]]:
    told: list[Told] = []
    with Operator(BrokerAt(broker.url), TOPICS, trusted) as operator:
        command = ANNA.command("silence", {"alarm": "*"}, nonce=operator.presence.boot)
        return operator.send(command, wait_s, told.append), told


def words(id_: str, state: str, signer: Signer | None) -> bytes:
    def sealed(told: dict[str, Any]) -> dict[str, Any]:
        assert signer is not None
        return seal(told, "plant", "pump-house", signer.public_text, signer.sign)

    return result_payload(state, {"command": id_, "op": "silence"}, None if signer is None else sealed)


def test_a_forged_last_word_is_told_as_forged_and_the_true_one_is_waited_for(broker: Broker) -> None:
    board, thief = new_signer(), new_signer()

    def answers(id_: str) -> list[bytes]:
        stolen = words("c-of-before", "done", board).replace(b"c-of-before", id_.encode())
        return [words(id_, "done", None), words(id_, "done", thief), stolen, words(id_, "failed", board)]

    fake = FakeBoard(broker, board, answers)
    try:
        end, told = ask(broker, board.public_text)
    finally:
        fake.close()
    assert [one.state for one in told] == ["forged", "forged", "forged", "failed"]
    assert end == told[-1]
    assert end.signed


def test_a_board_with_another_key_than_the_trusted_one_is_sent_nothing(broker: Broker) -> None:
    fake = FakeBoard(broker, new_signer(), lambda id_: [])
    try:
        with pytest.raises(OperatorError, match="does not have the key"):
            ask(broker, new_signer().public_text)
        assert fake.far.last("command") is None
        wrong = replace(BIRTH, key=new_signer().public_text, sig="0" * 128)
        fake.far.publish("presence", presence_payload(wrong), retain=True)
        with pytest.raises(OperatorError, match="does not fit"):
            ask(broker)
    finally:
        fake.close()


def test_a_board_without_a_key_is_believed_as_it_is(broker: Broker) -> None:
    fake = FakeBoard(broker, None, lambda id_: [words(id_, "done", None)])
    try:
        end, _ = ask(broker)
    finally:
        fake.close()
    assert end is not None
    assert (end.state, end.signed) == ("done", False)


WAITING = {"request": "r-1", "what": "policy", "by": "anna", "reason": "rule 7", "scope": {"about": "retention"}}


def told(broker: Broker, payload: bytes) -> list[Waiting]:
    fake = FakeBoard(broker, None, lambda id_: [])
    fake.far.publish("state/requests", payload, retain=True)
    try:
        with Operator(BrokerAt(broker.url), TOPICS) as operator:
            return operator.requests()
    finally:
        fake.far.publish("state/requests", b"", retain=True)
        fake.close()


def test_what_waits_at_a_board_is_read_and_garbage_is_told_in_a_line(broker: Broker) -> None:
    one = {**WAITING, "key": "", "sig": "", "verdict": "", "signed_by": ""}
    (found,) = told(broker, json.dumps({"requests": [one]}).encode())
    assert (found.request.id, found.request.requester, dict(found.request.scope)) == ("r-1", "anna", one["scope"])
    for wrong in (b"x", b"{}", b'{"requests": [1]}', json.dumps({"requests": [WAITING]}).encode()):
        with pytest.raises(OperatorError, match="does not tell what was asked for"):
            told(broker, wrong)
