"""Fire pumps: their points, times and test windows."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from agent.config.model.base import Day, DayTime, Id, SignalClass


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
    start_relay: (
        Annotated[
            Id,
            Meta(description="Relay whose pulse starts the pump by a signed command. Without it: no remote start."),
        ]
        | UnsetType
    ) = UNSET
    start_enable: (
        Annotated[Id, Meta(description="Point of the key switch in the pump room: active while it allows a start.")]
        | UnsetType
    ) = UNSET
    start_lockout: (
        Annotated[Id, Meta(description="Point that is active while the pump is locked out for maintenance.")]
        | UnsetType
    ) = UNSET
    start_cameras: Annotated[
        list[Id], Meta(max_length=16, description="Cameras whose footage around a remote start is kept as a held clip.")
    ] = []
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


class PumpWindow(Struct, frozen=True, forbid_unknown_fields=True):
    """[[test_window]]: hours of the week, in the site's timezone, in which a pump's test window opens by itself."""

    pumps: Annotated[list[Id], Meta(min_length=1, max_length=64, description="Pumps by id.")]
    days: Annotated[list[Day], Meta(min_length=1, max_length=7, description="Days of the week.")]
    until: Annotated[DayTime, Meta(description="It ends, local time, on the same day.")]
    from_: Annotated[DayTime, Meta(description="It opens, local time, over a pump at rest.")] = field(name="from")
    of_month: Annotated[
        Literal["every", "first", "second", "third", "fourth", "last"],
        Meta(description="Which of those days in a month: first and mon is the first Monday."),
    ] = "every"
    method: Annotated[
        Literal["pressure-drop", "manual"],
        Meta(
            description="pressure-drop: the weekly test, the pump starts by itself; manual: the monthly one, by hand."
        ),
    ] = "pressure-drop"
