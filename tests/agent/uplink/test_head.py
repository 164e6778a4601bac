"""The signed head goes out again while the session stands, over the journal as it is by then."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sp_acker import Acker
from sp_broker import Broker
from sp_uplink import SOON, UplinkSite, status_row, until

from agent.config import load
from agent.core.people import public_of
from agent.core.signed import HEAD, fits
from agent.core.wire import Topics, head_fields
from agent.runtime.clock import SystemClock
from agent.runtime.keys import board_key, verify
from agent.uplink import keeper, session
from agent.uplink.link import BrokerAt
from agent.uplink.view import View


def test_the_head_is_told_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "HEAD_EVERY_S", 0.1)
    stop = threading.Event()
    with (
        Broker(tmp_path / "b") as broker,
        Acker(broker.port) as far,
        UplinkSite(tmp_path / "s", broker.url, hurry=SOON) as site,
    ):
        signer = board_key(site.paths.data)
        board = session.Board(
            config=load(site.paths.site),
            paths=site.paths,
            broker=BrokerAt(broker.url),
            window=10,
            chunk_bytes=65536,
            stamp=SystemClock().stamp,
            version="0",
            signer=signer,
        )
        thread = threading.Thread(target=keeper.run, args=(board, View(broker.url), stop, lambda: None))
        thread.start()
        try:
            until(lambda: far.presence, "a birth")
            site.append(status_row(n) for n in range(30))
            head, hash_ = site.journal.head()
            until(lambda: far.presence[-1].head_seq >= head, "told again, with the new head")
        finally:
            stop.set()
            thread.join(20)
        presence = next(one for one in far.presence if one.head_seq >= head)
        assert presence.head_hash == hash_.hex() or presence.head_seq > head
        fields = head_fields(presence, Topics("plant", "pump"))
        assert fits(public_of(presence.key), presence.sig, HEAD, fields, verify)
