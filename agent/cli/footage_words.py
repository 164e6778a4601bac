"""Why there is no footage, and why some is not shown, as others have written it down: in the language of the site."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.cli.camera_words import REASONS
from agent.cli.place import Place
from agent.cli.reasons import patterns, said

# As it is written, with {} for what stands there -> the same in Chinese. What may begin with anything stands last.
CAUSES: Mapping[str, str] = {
    "recorder@{} has said nothing for a minute, this camera may not be recorded: standpipe status": (
        "recorder@{} 已有一分钟没有状态，该摄像机可能没有录像：standpipe status"
    ),
    "recorder started": "录像程序首次启动",
    "recorder stopped": "录像程序被停止",
    "recorder died": "录像程序异常终止",
    "board restarted": "本板重启",
    "board lost power or was reset": "本板断电或复位",
    "camera lost: {}": "摄像机失联：{}",
    "camera lost": "摄像机失联",
    "the picture format changed": "画面格式改变",
    "no pictures came": "没有画面到来",
    "disk too slow": "磁盘过慢",
    "disk full: {}": "磁盘已满：{}",
    "disk full": "磁盘已满",
    "read-only: {}": "磁盘只读：{}",
    "read-only": "磁盘只读",
    "write error: {}": "写入错误：{}",
    "write error": "写入错误",
    "wrong volume: {}": "磁盘不符或未挂载：{}",
    "wrong volume": "磁盘不符或未挂载",
    "corrupt: {}": "数据损坏：{}",
    "corrupt": "数据损坏",
    "not recorded now": "目前没有录像",
    "nobody knows why": "原因不明",
    "{}: no marker: is the disk mounted? To record here all the same: standpipe footage accept-volume": (
        "{}：没有卷标记，磁盘是否已挂载？仍要录在此处：standpipe footage accept-volume"
    ),
    "{}: another disk. To record here all the same: standpipe footage accept-volume": (
        "{}：是另一块磁盘。仍要录在此处：standpipe footage accept-volume"
    ),
    "{}: {} MiB free, {} MiB are kept: free some space": "{}：剩余 {} MiB，须保留 {} MiB：请腾出空间",
}
REFUSALS: Mapping[str, str] = {
    "{}: not shown: {}": "{}：不予调看：{}",
    "there is no grant {}: standpipe grant ask": "没有调看许可 {}：standpipe grant ask",
    "grant {} is not approved, has expired or was revoked: standpipe grant list": (
        "调看许可 {} 未经批准、已过期或已撤销：standpipe grant list"
    ),
    "grant {} allows no copies": "调看许可 {} 不允许复制",
    "grant {}: {}": "调看许可 {}：{}",
    "it is {}'s, not {}'s": "该许可属于 {}，不属于 {}",
    "it does not cover camera {}": "该许可不包括摄像机 {}",
    "it covers {} to {}, and no other time": "该许可只限 {} 至 {}",
    "it allows looking at it here, and no copies": "该许可仅限本机观看，不允许复制",
    "more than {} segments at once: ask for less time": "一次超过 {} 段：请缩短时段",
}
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")

_OF_CAMERAS = {**REASONS, **{"{}: " + english: "{}：" + chinese for english, chinese in REASONS.items()}}
_CAUSES, _REFUSALS = patterns({**CAUSES, **_OF_CAMERAS}), patterns(REFUSALS)


def cause(text: str, language: str) -> str:
    """Why nothing was recorded, of a gap, an alarm or a recorder."""
    return said(_CAUSES, text, language)


def refused(text: str, place: Place) -> str:
    """Why footage is not shown; its times as they are read there."""
    camera, mark, why = text.partition(": not shown: ")
    if mark:
        return said(_REFUSALS, f"{camera}{mark}{refused(why, place)}", place.language)
    local = _ISO.sub(lambda one: place.time(place.ns_of(one[0])), text)
    return said(_REFUSALS, local, place.language)
