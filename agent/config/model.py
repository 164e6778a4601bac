"""What a site.toml says, as frozen structs. The words here are the technician's and the contract.

Limits and meaning stand beside their field (msgspec.Meta): `standpipe config schema` prints them for editors.
`extra["words"]` names the sentence of words.py that says what a pattern allows. What needs more than one
field to judge is in rules_of_site.py.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

ID_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"

Id = Annotated[str, Meta(pattern=ID_PATTERN, description="a-z 0-9 - , at most 40", extra={"words": "id"})]
Pin = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=40,
        description='A line name or number: "GPIO17", 17, "BOARD11" (physical pin), or the name of a gpiochip line.',
        extra={"number_too": True},
    ),
]
Text = Annotated[str, Meta(max_length=200)]
File = Annotated[str, Meta(max_length=500)]
SignalClass = Literal["alarm", "supervisory", "trouble", "status"]
PublicKey = Annotated[
    str,
    Meta(
        pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$",
        max_length=60,
        description="The person's public key, as `standpipe keys new` prints it.",
        extra={"words": "public-key"},
    ),
]
Press = Literal["acknowledge", "silence", "reset"]
DayTime = Annotated[
    str,
    Meta(
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        max_length=5,
        description='Local time of day, "22:30".',
        extra={"words": "day-time"},
    ),
]


class Site(Struct, frozen=True, forbid_unknown_fields=True):
    """[site]: who and where this board is."""

    id: Annotated[Id, Meta(description="The site. Part of every MQTT topic: a-z 0-9 - , at most 40.")]
    board: Annotated[Id, Meta(description="This board at the site. Part of every MQTT topic: a-z 0-9 - , at most 40.")]
    timezone: Annotated[
        str, Meta(max_length=64, description='For showing times, such as "Asia/Shanghai". Records are kept in UTC.')
    ] = "UTC"
    language: Annotated[Literal["en", "zh-CN"], Meta(description="Of messages to people at the site.")] = "en"


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """[board]: how the pins are reached."""

    pins: Annotated[
        str,
        Meta(
            pattern=r"^(gpiod|lgpio|mock|sim:/.+)$",
            max_length=200,
            description='"gpiod" on a real board ("lgpio": a Raspberry Pi by another library), '
            '"sim:/PATH" for the simulator\'s socket, "mock" for nothing at all.',
            extra={"words": "pins"},
        ),
    ] = "gpiod"
    adc: Annotated[
        list[Pin],
        Meta(
            max_length=8,
            description="Select lines of MCP3008 converters on the SPI of the header (GPIO9, 10, 11), such as "
            '["GPIO8"]: the channels of the first are the pins "ADC0.0" to "ADC0.7".',
        ),
    ] = []


class Loop(Struct, frozen=True, forbid_unknown_fields=True):
    """supervised = {...} of a point on a converter channel: the resistors of its loop, by which a fault is told."""

    series_ohm: Annotated[int, Meta(ge=100, le=100_000, description="In series with the contact, at its end.")] = 2_200
    parallel_ohm: Annotated[int, Meta(ge=100, le=100_000, description="Across the contact.")] = 8_200
    pull_up_ohm: Annotated[int, Meta(ge=100, le=100_000, description="From the reference to the channel.")] = 10_000
    tolerance_percent: Annotated[
        int, Meta(ge=1, le=30, description="Of the loop's resistance; beyond is neither open nor closed.")
    ] = 10


class Point(Struct, frozen=True, forbid_unknown_fields=True):
    """[[point]]: one input contact."""

    id: Annotated[Id, Meta(description="Name of the point in rules, pumps and events.")]
    pin: Pin
    kind: Annotated[
        Literal["contact", "door", "button", "tamper", "smoke", "flood", "temperature", "humidity"],
        Meta(description="What is wired to it."),
    ] = "contact"
    contact: Annotated[
        Literal["normally-open", "normally-closed"],
        Meta(description="The contact at rest: normally-closed for a door whose contact is closed while it is shut."),
    ] = "normally-open"
    bias: Annotated[Literal["pull-up", "pull-down", "none"], Meta(description="The board's own resistor.")] = "pull-up"
    signal: (
        Annotated[
            SignalClass,
            Meta(
                description="Signal class, in the words of NFPA 72. Default: alarm for tamper and smoke; supervisory "
                "for flood, temperature and humidity; else status."
            ),
        ]
        | UnsetType
    ) = field(name="class", default=UNSET)
    name: Annotated[Text, Meta(description="For people: shown beside the id.")] = ""
    settle_ms: (
        Annotated[
            int,
            Meta(
                ge=10,
                le=10_000,
                description="A change counts once the contact has been still for so long. Default: 100, demand 500.",
            ),
        ]
        | UnsetType
    ) = UNSET
    supervised: Loop = Loop()
    stuck_s: (
        Annotated[int, Meta(ge=1, le=604_800, description="Active for longer is the event point.stuck.")] | UnsetType
    ) = UNSET
    held_open_s: (
        Annotated[int, Meta(ge=5, le=86_400, description="A door open for longer is an event of its own.")] | UnsetType
    ) = UNSET
    entry: Annotated[
        bool, Meta(description="Doors: opened without a visit or shift on record it is the event entry.unregistered.")
    ] = False
    trips: Annotated[
        Literal["high", "low"], Meta(description="Contacts of kind temperature or humidity: too high, or too low.")
    ] = "high"
    press: Annotated[list[Press], Meta(max_length=3, description="What pressing a button does to all alarms.")] = []


class Pump(Struct, frozen=True, forbid_unknown_fields=True):
    """[[pump]]: a fire pump, made of points by id. What is not wired is left out."""

    id: Annotated[Id, Meta(description="Name of the pump in events.")]
    running: Annotated[Id, Meta(description="Point whose contact is active while the pump runs.")]
    demand: Annotated[Id, Meta(description="Point of the pressure or flow switch.")] | UnsetType = UNSET
    auto: Annotated[Id, Meta(description="Point that is active while the controller is in auto.")] | UnsetType = UNSET
    power: Annotated[Id, Meta(description="Point that is active while the controller has power.")] | UnsetType = UNSET
    phase_loss: Annotated[Id, Meta(description="Point that is active while a phase is missing.")] | UnsetType = UNSET
    phase_reversal: (
        Annotated[Id, Meta(description="Point that is active while the phases are in the wrong order.")] | UnsetType
    ) = UNSET
    alternate_source: (
        Annotated[Id, Meta(description="Point that is active while the controller is on its alternate source.")]
        | UnsetType
    ) = UNSET
    low_suction: Annotated[Id, Meta(description="Point or analog input: suction pressure is low.")] | UnsetType = UNSET
    tank_low: Annotated[Id, Meta(description="Point or analog input: the water level is low.")] | UnsetType = UNSET
    tank_high: Annotated[Id, Meta(description="Point or analog input: the water level is high.")] | UnsetType = UNSET
    valve: Annotated[Id, Meta(description="Point that is active while the valves are fully open.")] | UnsetType = UNSET
    trouble: Annotated[Id, Meta(description="Point of the controller's common trouble.")] | UnsetType = UNSET
    fail_start: (
        Annotated[Id, Meta(description="Point of the controller's own failure to start (diesel).")] | UnsetType
    ) = UNSET
    patrol: (
        Annotated[
            Id,
            Meta(description="Point that is active while the controller turns the pump at low speed, to keep it free."),
        ]
        | UnsetType
    ) = UNSET
    jockey: Annotated[Id, Meta(description="Point that is active while the jockey pump runs.")] | UnsetType = UNSET
    pressure: (
        Annotated[Id, Meta(description="Analog input of the discharge pressure: its low and high say what is normal.")]
        | UnsetType
    ) = UNSET
    driver: Annotated[Literal["electric", "diesel"], Meta(description="What turns it.")] = "electric"
    rated_kw: (
        Annotated[int, Meta(ge=1, le=2000, description="Rated power: up to 132 must run in 30 s.")] | UnsetType
    ) = UNSET
    running_class: Annotated[
        SignalClass, Meta(description="Class of pump.running: every run but tests and patrols.")
    ] = "supervisory"
    fail_to_start_s: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=120,
                description="Demand without a running pump for so long is a failure to start. "
                "Default: 30 up to 132 kW, 55 above, 120 for a diesel.",
            ),
        ]
        | UnsetType
    ) = UNSET
    unexpected_run_s: Annotated[
        int, Meta(ge=1, le=600, description="Running without demand for so long is an unexpected run.")
    ] = 5
    not_in_auto_s: Annotated[int, Meta(ge=1, le=3600, description="Out of auto for so long is told.")] = 10
    power_lost_ms: Annotated[
        int, Meta(ge=100, le=60000, description="Without power for so long is told; a lawful changeover takes 2 s.")
    ] = 2500
    phase_loss_ms: Annotated[int, Meta(ge=100, le=60000, description="A phase missing for so long is told.")] = 2500
    phase_reversal_ms: Annotated[
        int, Meta(ge=100, le=60000, description="Phases in the wrong order for so long are told.")
    ] = 1000
    alternate_source_ms: Annotated[
        int, Meta(ge=100, le=600000, description="On the alternate source for so long is told.")
    ] = 1000
    water_s: Annotated[
        int, Meta(ge=1, le=3600, description="Low suction, water level or a closed valve for so long is told.")
    ] = 10
    trouble_ms: Annotated[int, Meta(ge=100, le=600000, description="Common trouble for so long is told.")] = 1000
    contradiction_power_s: Annotated[
        int, Meta(ge=3, le=600, description="Running without power for so long is a contradiction.")
    ] = 5
    contradiction_demand_s: Annotated[
        int, Meta(ge=1, le=3600, description="Demand at normal pressure for so long is a contradiction.")
    ] = 60
    reminder_s: Annotated[
        int, Meta(ge=60, le=86400, description="What keeps the pump from being ready is told again each time.")
    ] = 1800
    overrun_s: (
        Annotated[
            int,
            Meta(ge=10, le=86_400, description="Running on for so long after demand. Default: 600, a diesel 1800."),
        ]
        | UnsetType
    ) = UNSET
    test_profile: Annotated[
        Literal["nfpa25", "en12845", "gb50974"],
        Meta(description="How long a test run must last: 10, 15, 10 minutes; a diesel 30, 20, 30."),
    ] = "nfpa25"
    test_min_s: (
        Annotated[int, Meta(ge=1, le=86_400, description="How long a test run must last, instead of the profile's.")]
        | UnsetType
    ) = UNSET
    test_window_s: Annotated[int, Meta(ge=60, le=86400, description="A test window ends by itself after so long.")] = (
        3600
    )
    weekly_days: Annotated[
        int,
        Meta(
            ge=0,
            le=366,
            description="A test by drop of pressure at least so often, warned of a day before; 0: not watched.",
        ),
    ] = 7
    monthly_days: Annotated[
        int, Meta(ge=0, le=366, description="A test started by hand at least so often; 0: not watched.")
    ] = 31
    patrol_days: Annotated[
        int, Meta(ge=0, le=366, description="A patrol at least so often, where it is wired; 0: not watched.")
    ] = 7
    patrol_min_s: Annotated[int, Meta(ge=1, le=3600, description="A patrol lasts at least so long.")] = 120
    jockey_starts: Annotated[
        int, Meta(ge=1, le=100, description="More starts of the jockey pump within an hour are told: the system leaks.")
    ] = 15
    jockey_often: Annotated[
        int, Meta(ge=1, le=100, description="More are a warning, and so is twice the usual of a week.")
    ] = 6
    jockey_run_s: Annotated[int, Meta(ge=10, le=86400, description="The jockey pump running for so long is told.")] = (
        600
    )
    main_starts: Annotated[
        int, Meta(ge=2, le=100, description="So many starts of the pump within main_within_s are told.")
    ] = 3
    main_within_s: Annotated[int, Meta(ge=60, le=86400, description="See main_starts.")] = 1800


class Analog(Struct, frozen=True, forbid_unknown_fields=True):
    """[[analog]]: a measured value, 4 to 20 mA over a shunt. Values are whole thousandths of the unit."""

    id: Annotated[Id, Meta(description="Name of the value in pumps and events.")]
    pin: Annotated[Pin, Meta(description='A channel of a converter, such as "ADC0.5".')]
    name: Annotated[Text, Meta(description="For people: shown beside the id.")] = ""
    unit: Annotated[str, Meta(max_length=16, description='Of the value: "bar", "m", "%".')] = ""
    zero_milli: Annotated[
        int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Thousandths of the unit at 4 mA.")
    ] = 0
    full_milli: Annotated[
        int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Thousandths of the unit at 20 mA.")
    ] = 16_000
    shunt_ohm: Annotated[int, Meta(ge=10, le=1_000, description="The resistor that makes a voltage of it.")] = 150
    reference_mv: Annotated[int, Meta(ge=1_000, le=6_000, description="The converter's reference.")] = 3_300
    low_milli: (
        Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Below it: analog.low.")] | UnsetType
    ) = UNSET
    high_milli: (
        Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000, description="Above it: analog.high.")] | UnsetType
    ) = UNSET
    hysteresis_milli: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="So far back inside a limit the value is normal again.")
    ] = 200
    signal: Annotated[SignalClass, Meta(description="Class of analog.low and analog.high.")] = field(
        name="class", default="supervisory"
    )
    settle_ms: Annotated[
        int, Meta(ge=100, le=60_000, description="A limit counts once the value has been beyond it for so long.")
    ] = 1_000
    stuck_s: (
        Annotated[int, Meta(ge=60, le=604_800, description="Not the least change for so long is a fault.")] | UnsetType
    ) = UNSET
    record_s: Annotated[
        int, Meta(ge=0, le=86_400, description="The value is written down so often; 0: only as it matters.")
    ] = 0


class Relay(Struct, frozen=True, forbid_unknown_fields=True):
    """[[relay]]: one output."""

    id: Annotated[Id, Meta(description="Name of the relay in rules and events.")]
    pin: Pin
    active: Annotated[Literal["high", "low"], Meta(description="The level that energises the coil.")] = "high"
    rest: Annotated[
        Literal["released", "energised"],
        Meta(description='"energised" makes a fault relay: it drops out when the board dies.'),
    ] = "released"
    max_on_s: (
        Annotated[int, Meta(ge=1, le=86_400, description="Goes back to rest after so long, whatever the rule says.")]
        | UnsetType
    ) = UNSET
    min_on_s: Annotated[int, Meta(ge=0, le=3600, description="Once driven, for at least so long.")] = 0
    silence: Annotated[bool, Meta(description="A sounder, quiet once silenced; a beacon says false.")] = True
    heartbeat_hz: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=10,
                description="The line beats so often a second while the panel is well and nothing drives the relay: a "
                "retriggerable monostable behind it holds a fault relay. Needs rest = energised.",
            ),
        ]
        | UnsetType
    ) = UNSET
    readback: (
        Annotated[Id, Meta(description="Point of a contact of this relay that is active while it is energised.")]
        | UnsetType
    ) = UNSET
    readback_ms: Annotated[
        int, Meta(ge=50, le=10_000, description="The read-back must follow within; else relay.readback_failed.")
    ] = 500


class Camera(Struct, frozen=True, forbid_unknown_fields=True):
    """[[camera]]: one camera and what is kept of it."""

    id: Annotated[Id, Meta(description="Name of the camera in rules, clips and secrets.toml.")]
    source: Annotated[
        str,
        Meta(
            min_length=4,
            max_length=500,
            description="rtsp://, rtsps:// or tcp:// address, /dev/videoN, file:PATH or testcard: . User and password "
            "never stand here but in secrets.toml (mode 0600) beside this file, under the camera's id.",
        ),
    ]
    purpose: Annotated[Text, Meta(description="Why there is a camera here; kept in the records.")] = ""
    keep: Annotated[
        str,
        Meta(
            pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$",
            description='How long footage is kept at least: "15 days" (never less), "3 months".',
            extra={"words": "keep"},
        ),
    ] = "1 month"
    keep_at_most: (
        Annotated[
            str,
            Meta(
                pattern=r"^[1-9][0-9]{0,3} (day|days|month|months)$",
                description="Older footage goes even where there is room; without it footage goes for room only.",
                extra={"words": "keep"},
            ),
        ]
        | UnsetType
    ) = UNSET
    priority: Annotated[
        int, Meta(ge=1, le=9, description="When the disk is short, cameras of low priority give way and stop first.")
    ] = 5
    segment_s: Annotated[int, Meta(ge=10, le=600, description="Length of one file of footage.")] = 60
    stall_s: Annotated[int, Meta(ge=2, le=10, description="No picture for so long: connect anew.")] = 8


class Clip(Struct, frozen=True, forbid_unknown_fields=True):
    """clip = {...} of a rule: cut this from the footage around the event."""

    cameras: Annotated[list[Id], Meta(min_length=1, max_length=64, description="Cameras by id.")]
    before_s: Annotated[int, Meta(ge=0, le=600, description="Pre-roll: so much before the event.")] = 15
    after_s: Annotated[int, Meta(ge=1, le=600, description="Post-roll: so much after the event.")] = 45
    hold: Annotated[bool, Meta(description="The footage behind it may not be deleted for its age.")] = False


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """[[rule]]: on these events drive these relays until ..., and cut a clip."""

    on: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=80)]],
        Meta(min_length=1, max_length=64, description='Event kinds: "door.held_open", or all of a family: "pump.*".'),
    ]
    drive: Annotated[list[Id], Meta(max_length=64, description="Relays by id.")] = []
    until: Annotated[
        Literal["acknowledged", "restored", "time"], Meta(description='When the relays go back; "time" needs for_s.')
    ] = "acknowledged"
    for_s: Annotated[int, Meta(ge=1, le=86_400, description='With until = "time": for so long.')] | UnsetType = UNSET
    clip: Clip | UnsetType = UNSET
    of: Annotated[
        list[Id],
        Meta(max_length=64, description="Only events of these points, doors, pumps or cameras; empty: of any."),
    ] = []
    tell: Annotated[
        list[Id], Meta(max_length=16, description="Contacts by id, in the order in which they are told.")
    ] = []
    plan: Annotated[Text, Meta(description="What people are to do, or the name of the plan that says so.")] = ""


class Contact(Struct, frozen=True, forbid_unknown_fields=True):
    """[[contact]]: somebody who is told of alarms, by a row; the next one in order if nobody acknowledges in time."""

    id: Annotated[Id, Meta(description="Name of the contact in rules and events.")]
    name: Annotated[Text, Meta(description="For people: who it is.")] = ""
    reach: Annotated[Text, Meta(description="For people: how they are reached.")] = ""
    escalate_after_s: Annotated[
        int, Meta(ge=10, le=86_400, description="An alarm not acknowledged within goes to the next contact.")
    ] = 120


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Arming(Struct, frozen=True, forbid_unknown_fields=True):
    """[[arming]]: hours of the week, in the site's timezone, in which opening a door is forced entry."""

    points: Annotated[list[Id], Meta(min_length=1, max_length=64, description="Doors by id.")]
    until: Annotated[DayTime, Meta(description="End of the hours, local time; before `from`: on the next day.")]
    from_: Annotated[DayTime, Meta(description="Begin of the hours, local time.")] = field(name="from")
    days: Annotated[list[Day], Meta(max_length=7, description="Days on which the hours begin; empty: every day.")] = []


class Drill(Struct, frozen=True, forbid_unknown_fields=True):
    """[drill]: what a drill does beside marking its rows."""

    sounders: Annotated[bool, Meta(description="false: alarms of the drill drive no relay with silence = true.")] = True


class Person(Struct, frozen=True, forbid_unknown_fields=True):
    """[[person]]: somebody whose signature counts here. `standpipe keys new` prints the section to paste."""

    id: Annotated[Id, Meta(description="Who signs; stands in every record of what they did.")]
    role: Annotated[
        Literal["operator", "supervisor", "technician", "auditor"],
        Meta(description="What they may sign: acknowledge, silence, reset, clip, hold, approvals."),
    ]
    key: PublicKey
    old_key: (
        Annotated[PublicKey, Meta(description="After `keys rotate`: still believed, until it is taken out here.")]
        | UnsetType
    ) = UNSET
    name: Annotated[Text, Meta(description="Their name, for people.")] = ""


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """[retention]: room that footage must leave free. Nothing goes for its age before a standing policy is signed."""

    reserve_mb: Annotated[int, Meta(ge=16, le=1_000_000, description="Megabytes of the data disk kept free.")] = 512
    room_mb: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Footage past its `keep` goes until so much more than that is free.")
    ] = 1024


class Holds(Struct, frozen=True, forbid_unknown_fields=True):
    """[holds]: footage that may not go, and its copies in a place of their own."""

    path: Annotated[
        File, Meta(description="Folder of the copies, best on another disk; empty: holds/ in the data folder.")
    ] = ""
    quota_mb: Annotated[int, Meta(ge=16, le=10_000_000, description="Megabytes that the copies may take.")] = 8192
    review_days: Annotated[
        int, Meta(ge=1, le=3650, description="After so many days somebody must look at a hold again.")
    ] = 90


class Hours(Struct, frozen=True, forbid_unknown_fields=True):
    """[[uplink.hours]]: what the link may be used for in a part of the day. Alarms always go, at once."""

    until: Annotated[DayTime, Meta(description="End of the part, local time; before `from`: on the next day.")]
    from_: Annotated[DayTime, Meta(description="Begin of the part, local time.")] = field(name="from")
    kbit_s: (
        Annotated[int, Meta(ge=8, le=10_000_000, description="Backlog and clips together use no more than this.")]
        | UnsetType
    ) = UNSET
    files: Annotated[
        Literal["all", "requested", "none"],
        Meta(description="Clips sent in these hours: all, only those that a person asked for, or none."),
    ] = "all"


class Uplink(Struct, frozen=True, forbid_unknown_fields=True):
    """[uplink]: the central broker. User and password stand in secrets.toml beside site.toml, under the name uplink."""

    broker: Annotated[
        str,
        Meta(
            pattern=r"^mqtts?://[^/@\s]+$",
            max_length=300,
            description="mqtts://HOST:PORT (TLS), or mqtt://HOST:PORT inside one's own network.",
            extra={"words": "broker"},
        ),
    ]
    ca: Annotated[File, Meta(description="File of the authority that signed the broker's certificate.")] = ""
    cert: Annotated[File, Meta(description="This board's certificate; its name (CN) is site/board.")] = ""
    key: Annotated[File, Meta(description="Key of that certificate.")] = ""
    window: Annotated[int, Meta(ge=1, le=1000, description="Messages under way at once.")] = 100
    chunk_kb: Annotated[int, Meta(ge=4, le=96, description="Size of one piece of a clip; small on thin links.")] = 64
    keepalive_s: Annotated[int, Meta(ge=5, le=600, description="A silent broker is missed after this and a half.")] = 30
    alarm_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="Alarm rows kept for sending; beyond, the least urgent are given up.")
    ] = 256
    status_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="Status rows kept for sending; beyond, the oldest are given up.")
    ] = 512
    files_mb: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Clips kept for sending; beyond, the oldest are given up, held last.")
    ] = 8192
    metered: Annotated[
        bool, Meta(description="Every byte is paid for: of clips only those that a person asked for are sent.")
    ] = False
    file_prefix: Annotated[
        Literal["", "$file-async"],
        Meta(description='"$file-async" on an EMQX broker, which then stores the clips itself; else empty.'),
    ] = ""
    home_assistant: Annotated[bool, Meta(description="Tell Home Assistant on this broker what the board has.")] = True
    hours: Annotated[list[Hours], Meta(max_length=24)] = []


class SiteConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file: one board."""

    site: Site
    board: Board = Board()
    point: Annotated[list[Point], Meta(max_length=256)] = []
    pump: Annotated[list[Pump], Meta(max_length=64)] = []
    analog: Annotated[list[Analog], Meta(max_length=64)] = []
    relay: Annotated[list[Relay], Meta(max_length=128)] = []
    camera: Annotated[list[Camera], Meta(max_length=64)] = []
    rule: Annotated[list[Rule], Meta(max_length=256)] = []
    contact: Annotated[list[Contact], Meta(max_length=64)] = []
    arming: Annotated[list[Arming], Meta(max_length=64)] = []
    drill: Drill = Drill()
    person: Annotated[list[Person], Meta(max_length=256)] = []
    retention: Retention = Retention()
    holds: Holds = Holds()
    uplink: Uplink | UnsetType = UNSET
