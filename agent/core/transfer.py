"""A file over MQTT, in chunks that may be lost, doubled, reordered and resumed: both ends, without any I/O.

Rules of this file:
- a chunk counts as delivered when the *far end* answers 0x00 for it, never by the broker's PUBACK;
- the receiver's state moves as soon as it is asked; the shell makes that durable before it publishes the answer, and
  throws the receiver away (to build a new one from what is stored) when it cannot;
- the sender is in sending.py, the receiver in receiving.py, topics, payloads and codes are in filewire.py; users of a
  transfer import all of it from here.
"""

from __future__ import annotations

from agent.core.filewire import (
    CANCEL,
    FILE_BYTES_MAX,
    PAUSE,
    RESEND,
    RESTART,
    STORED,
    Abort,
    Chunk,
    Fin,
    Info,
    Init,
    Response,
    Stat,
    Step,
    TransferError,
    chunk_step,
    file_id,
    fin_step,
    init_payload,
    parse_init,
    parse_response,
    parse_step,
    response_payload,
    split_topic,
)
from agent.core.receiving import Action, Answer, Receiver
from agent.core.sending import STRIKES_MAX, UNANSWERED_MAX, Message, Sender, State

__all__ = [
    "CANCEL",
    "FILE_BYTES_MAX",
    "PAUSE",
    "RESEND",
    "RESTART",
    "STORED",
    "STRIKES_MAX",
    "UNANSWERED_MAX",
    "Abort",
    "Action",
    "Answer",
    "Chunk",
    "Fin",
    "Info",
    "Init",
    "Message",
    "Receiver",
    "Response",
    "Sender",
    "Stat",
    "State",
    "Step",
    "TransferError",
    "chunk_step",
    "file_id",
    "fin_step",
    "init_payload",
    "parse_init",
    "parse_response",
    "parse_step",
    "response_payload",
    "split_topic",
]
