"""A site whose pump can be started from afar, for tests: SITE with a start relay, its read-back and a key switch."""

from __future__ import annotations

from sp_site import SITE

KEY, SHOWS, RELAY = "start-key", "start-shows", "start-1"
START_SITE = SITE.replace(
    'auto = "auto"\n',
    'auto = "auto"\nlow_suction = "suction"\nstart_relay = "start-1"\nstart_enable = "start-key"\n'
    'start_lockout = "lockout"\nstart_cameras = ["pump-room"]\n',
).replace(
    "[[pump]]",
    """[[point]]
id = "start-key"
pin = "GPIO12"
settle_ms = 30

[[point]]
id = "lockout"
pin = "GPIO13"
settle_ms = 30

[[point]]
id = "suction"
pin = "GPIO19"
settle_ms = 30

[[point]]
id = "start-shows"
pin = "GPIO20"
settle_ms = 30

[[relay]]
id = "start-1"
pin = "GPIO21"
max_on_s = 5
silence = false
readback = "start-shows"

[[pump]]""",
    1,
)
