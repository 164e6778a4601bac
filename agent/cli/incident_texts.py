"""What people read in `incident`, in English and Chinese: id -> (en, zh-CN)."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "incident-declared": (
        "{id}: {what}, on record since {time}; its footage is held. When it is over: standpipe incident close {id}",
        "{id}：{what}，自 {time} 起登记；相关录像已保全。结束时：standpipe incident close {id}",
    ),
    "incident-nothing-held": (
        "[holds] on names no incident.*: footage is not held by itself; standpipe hold place does it by hand",
        "[holds] on 中没有 incident.*：录像不会自动保全，请用 standpipe hold place 手动保全",
    ),
    "incident-call": (
        "call first, if nobody has: fire 119, police 110, ambulance 120",
        "如尚未报警，请先报警：火警 119，盗警 110，急救 120",
    ),
    "incident-drill": ("a drill: nothing is held", "演练：不保全录像"),
    "incident-future": ("--since: that is yet to come", "--since：该时间尚未到来"),
    "incident-too-old": ("--since: {most} ago at most", "--since：最早为 {most} 之前"),
    "incident-none": (
        "which? there is no open incident {id}; open: {known}",
        "请指定：没有未结束的事件 {id}；未结束：{known}",
    ),
    "incident-closed": ("{id}: closed after {s}", "{id}：已结束，历时 {s}"),
    "none": ("none", "无"),
    "open": ("open", "未结束"),
    "fire": ("fire", "火灾"),
    "theft": ("theft or break-in", "盗窃或闯入"),
    "flood": ("flood", "水患"),
    "injury": ("injury", "人员伤害"),
    "other": ("other", "其他"),
}
