"""What comes from a Home Assistant on the same broker: that it is up, and that somebody pressed the one button."""

from __future__ import annotations

from agent.core.events import WalkTestRequested
from agent.core.homeassistant import PRESSED, STATUS_TOPIC, button_topic, on_this_board
from agent.core.wire import Topics
from agent.journal import Journal
from agent.uplink.link import Message, Subscription
from agent.uplink.notes import SOURCE, Notes
from agent.uplink.states import States

WALK_S = 900  # a walk test begun by whoever can reach a button ends soon by itself
AGAIN_S = 5.0
BY = "home-assistant"


class Home:
    """Its topics, and what is done about them. One thread. Without a broker on this board there is no button."""

    def __init__(self, topics: Topics, broker: str, journal: Journal, notes: Notes, states: States) -> None:
        self._journal = journal
        self._notes = notes
        self._states = states
        self._button = button_topic(topics) if on_this_board(broker) else ""
        self._pressed_s = float("-inf")

    @property
    def subscriptions(self) -> list[Subscription]:
        """A broker may refuse them: it is no trouble of ours."""
        return [Subscription(topic, qos=0, needed=False) for topic in (STATUS_TOPIC, self._button) if topic]

    def take(self, message: Message, now_s: float) -> bool:
        """False if the message is for somebody else."""
        if message.topic == STATUS_TOPIC:
            self._states.birth()  # it came up anew, and asks for all it is to know
            return True
        if not self._button or message.topic != self._button:
            return False
        fresh = not message.retained and now_s - self._pressed_s >= AGAIN_S
        if fresh and message.payload == PRESSED.encode():
            self._pressed_s = now_s
            self._walk()
        return True

    def _walk(self) -> None:
        """Begin a walk test, or end the one that goes on: the panel decides whether it may."""
        began, ended = self._journal.last("walk_test.started"), self._journal.last("walk_test.ended")
        goes_on = began is not None and (ended is None or ended.seq < began.seq)
        does, for_s = ("end", 0) if goes_on else ("start", WALK_S)
        self._notes.write(WalkTestRequested(source=SOURCE, does=does, for_s=for_s, by=BY))
