"""What the config says to a technician, in English and Chinese. One table: id -> (en, zh-CN)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

TEXTS: dict[str, tuple[str, str]] = {
    # the file as a whole
    "no-file": (
        "there is no such file; write one (examples: provisioning/examples) or name another with --site",
        "没有这个文件；请先编写（示例见 provisioning/examples），或用 --site 指定另一个文件",
    ),
    "is-folder": ("this is a folder, a file is needed", "这是一个文件夹，需要的是文件"),
    "no-permission": (
        "may not be read by this user; use sudo, or join the group standpipe",
        "当前用户无权读取；请使用 sudo，或加入 standpipe 用户组",
    ),
    "unreadable": ("cannot be read: {reason}", "无法读取：{reason}"),
    "too-big": ("larger than {most} bytes: this is no site file", "超过 {most} 字节：这不是站点文件"),
    "not-utf8": (
        'not UTF-8 text; save it in the editor with encoding "UTF-8"',
        "不是 UTF-8 文本；请在编辑器中以“UTF-8”编码保存",
    ),
    "syntax": ("not valid TOML here: {reason}", "此处 TOML 写法有误：{reason}"),
    "syntax-end": (
        "not valid TOML at the end of the file, it may have been cut off: {reason}",
        "文件末尾 TOML 写法有误，文件可能不完整：{reason}",
    ),
    "too-deep": ("brackets are nested too deeply", "括号嵌套过深"),
    # one value
    "whole-number": ("a whole number is needed{range}", "需要一个整数{range}"),
    "range": (" from {least} to {most}", "，范围 {least} 到 {most}"),
    "unquote": ("; write it without quotes", "；请去掉引号"),
    "yes-no": ("true or false is needed, without quotes", "需要 true 或 false，不带引号"),
    "text": ("text in quotes is needed", "需要带引号的文本"),
    "text-or-number": ("text in quotes or a whole number is needed", "需要带引号的文本或整数"),
    "printable": (
        "line breaks and control characters are not allowed",
        "不允许换行或控制字符",
    ),
    "empty": ("must not be empty", "不能为空"),
    "too-short": ("at least {least} characters are needed", "至少需要 {least} 个字符"),
    "too-long": ("at most {most} characters are allowed, this has {length}", "最多 {most} 个字符，现有 {length} 个"),
    "one-of": ("allowed: {allowed}", "允许的值：{allowed}"),
    "id": (
        "small letters a-z, digits and - (not at the ends), at most 40",
        "只能用小写字母 a-z、数字和 -（不能在首尾），最多 40 个字符",
    ),
    "pins": (
        'allowed: "gpiod", "lgpio", "mock", or "sim:/PATH" of a simulator',
        "允许：“gpiod”、“lgpio”、“mock”或模拟器的“sim:/路径”",
    ),
    "public-key": (
        'a public key is needed, "ed25519:" and 44 characters, as `standpipe keys new` or `keys show` prints it',
        "需要公钥：“ed25519:”加 44 个字符，由 standpipe keys new 或 keys show 显示",
    ),
    "day-time": ('write it like "22:30"', "请写成“22:30”"),
    "keep": ('write it like "15 days" or "3 months"', "请写成“15 days”（天）或“3 months”（月）"),
    "hard-floor": (
        "everything is kept for 15 full days at least; nothing in this file can shorten that",
        "一切记录至少保存满 15 天，本文件中的任何设置都不能缩短",
    ),
    "corner": (
        'write a corner as "ACROSS,DOWN" in percent, such as "50,100"',
        "角点请写成“横向,纵向”的百分比，例如“50,100”",
    ),
    "double-zone": ("there is a zone of that name already", "已有同名区域"),
    "zone-without-motion": (
        "zones count for motion: add [camera.motion], or leave them out",
        "区域用于移动侦测：请加上 [camera.motion]，或删去区域",
    ),
    "mask-not-encoded": (
        'this source is kept as the camera encoded it: write mask_by = "camera" if the camera masks by itself, or '
        '"re-encode": every picture is then decoded and encoded again, at 7 (640x360) to 60 times (1080p) the work',
        "此视频源按摄像机的编码原样保存：摄像机自己遮盖请写 mask_by = “camera”；写“re-encode”则每幅画面都要解码并"
        "重新编码，运算量为 7 倍（640x360）至 60 倍（1080p）",
    ),
    "mask-re-encode": (
        "every picture is decoded and encoded again: 7 times the work of keeping it as it comes at 640x360, 60 "
        "times at 1080p, which a small board cannot do",
        "每幅画面都要解码并重新编码：运算量为原样保存的 7 倍（640x360）至 60 倍（1080p，小型主板无法承担）",
    ),
    "mask-needs-watch": (
        'mask_by = "camera" is believed only while it is watched: health.watch must stay true',
        "mask_by = “camera” 需要持续检查：health.watch 必须为 true",
    ),
    "mask-by-without-mask": ("there is no [[camera.mask]] here", "此处没有 [[camera.mask]]"),
    "below-keep": ("shorter than keep, {keep}", "比 keep（{keep}）短"),
    "broker": (
        'write it like "mqtts://broker.example:8883" (or mqtt:// inside your own network)',
        "请写成“mqtts://broker.example:8883”（内网可用 mqtt://）",
    ),
    "pattern": ("this spelling is not allowed (pattern {pattern})", "写法不符合要求（格式 {pattern}）"),
    "list": ("a list in brackets is needed: [ ... ]", "需要方括号列表：[ ... ]"),
    "list-short": ("at least {least} entry is needed", "至少需要 {least} 项"),
    "list-long": ("at most {most} entries are allowed, there are {length}", "最多 {most} 项，现有 {length} 项"),
    "tables": ("write each one under its own heading [[{name}]]", "每一项都要写在各自的标题 [[{name}]] 之下"),
    "table": ("a section [{name}] is needed, written once", "需要一个 [{name}] 小节，且只写一次"),
    "inline-table": ("a group in braces is needed: {name} = {{ ... }}", "需要花括号组：{name} = {{ ... }}"),
    # keys
    "missing": ("this key is needed and missing: {about}", "缺少必填项"),
    "missing-section": ("the section [{name}] is needed and missing", "缺少必需的小节 [{name}]"),
    "unknown-key": ("unknown key (known here: {known}){nearest}", "未知的键（此处可用：{known}）{nearest}"),
    "secret-key": (
        "user and password never stand in this file; put them into secrets.toml (mode 0600) beside it",
        "用户名和密码不能写在本文件中；请写入同目录的 secrets.toml（权限 0600）",
    ),
    "nearest": (', did you mean "{nearest}"?', "，是否想写“{nearest}”？"),
    "known-ids": ("; there are: {known}", "；现有：{known}"),
    # what belongs together
    "double-id": (
        "this id is already taken by {other}; ids are unique across the whole board",
        "此 id 已被 {other} 使用；整块板上 id 不能重复",
    ),
    "reserved-id": ("this id is taken by standpipe itself; choose another", "此 id 为 standpipe 自用，请换一个"),
    "double-person": (
        "this person already stands at {other}; a second key goes there, as old_key",
        "此人已写在 {other}；第二把密钥请写为该处的 old_key",
    ),
    "double-key": (
        "the same key as {other}; a key belongs to one person, in one place",
        "与 {other} 是同一把密钥；一把密钥只属于一个人，且只写一次",
    ),
    "double-pin": (
        "the same pin as {other}; one pin serves one point or relay",
        "与 {other} 是同一引脚；一个引脚只能用于一个点或继电器",
    ),
    "unknown-point": ("there is no [[point]] with this id{nearest}{known}", "没有此 id 的 [[point]]{nearest}{known}"),
    "unknown-relay": ("there is no [[relay]] with this id{nearest}{known}", "没有此 id 的 [[relay]]{nearest}{known}"),
    "unknown-camera": (
        "there is no [[camera]] with this id{nearest}{known}",
        "没有此 id 的 [[camera]]{nearest}{known}",
    ),
    "unknown-contact": (
        "there is no [[contact]] with this id{nearest}{known}",
        "没有此 id 的 [[contact]]{nearest}{known}",
    ),
    "unknown-thing": (
        "no point, pump, relay or camera has this id{nearest}{known}",
        "没有此 id 的点、水泵、继电器或摄像机{nearest}{known}",
    ),
    "unknown-event": ("there is no such event{nearest}", "没有这种事件{nearest}"),
    "event-not-seen": (
        "rules do not hear of this; they hear of points, doors, rooms, pumps, visits, cameras, the uplink and troubles",
        "不能用于规则；规则只响应点、门、房间、水泵、来访、摄像机、上报和故障的事件",
    ),
    "min-over-max": ("longer than max_on_s = {most}", "长于 max_on_s = {most}"),
    "beats-at-rest": (
        'a heartbeat holds a fault relay: it needs rest = "energised"',
        '心跳用于保持故障继电器：需要 rest = "energised"',
    ),
    "measured-only": (
        'only a point of kind = "temperature" or "humidity" has it',
        '只有 kind = "temperature" 或 "humidity" 的点可用',
    ),
    "no-hours": ("from and until are the same: no time at all lies between them", "from 与 until 相同：没有任何时段"),
    "unknown-pump": ("there is no [[pump]] with this id{nearest}{known}", "没有此 id 的 [[pump]]{nearest}{known}"),
    "same-day": (
        "must be later on the same day than from: a test window does not go over midnight",
        "必须在同一天内晚于 from：试验时段不能跨过午夜",
    ),
    "window-short": (
        "{minutes} minutes, and a test of this pump takes {needed}",
        "时段为 {minutes} 分钟，而此泵的试验需要 {needed} 分钟",
    ),
    "double-use": (
        "this point already serves as {other}; one contact, one meaning",
        "此点已用作 {other}；一个触点只能有一个含义",
    ),
    "not-a-contact": (
        'a pump needs a point of kind "contact", this one is a {kind}',
        "水泵需要 kind 为“contact”的点，此点是 {kind}",
    ),
    "unknown-analog": (
        "there is no [[analog]] with this id{nearest}{known}",
        "没有此 id 的 [[analog]]{nearest}{known}",
    ),
    "channel-needed": (
        'a measured value needs a channel of a converter, such as "ADC0.5"',
        "测量值需要接在模数转换器的通道上，例如“ADC0.5”",
    ),
    "channel-no-relay": ("a converter's channel cannot drive a relay", "模数转换器的通道不能驱动继电器"),
    "no-adc": (
        "there is no converter ADC{number}: adc in [board] names {chips}",
        "没有转换器 ADC{number}：[board] 的 adc 中列出了 {chips} 个",
    ),
    "channel-only": (
        'only a point on a converter\'s channel (pin = "ADC0.3") can be supervised',
        "只有接在转换器通道上的点（pin = “ADC0.3”）才能监视线路",
    ),
    "same-bands": (
        "with these resistors open and closed cannot be told apart from each other or from a broken wire",
        "用这些电阻无法区分断开、闭合和线路故障",
    ),
    "limits-cross": (
        "must lie above low_milli by at least twice hysteresis_milli",
        "必须比 low_milli 高出至少两倍 hysteresis_milli",
    ),
    "no-span": ("must differ from zero_milli", "不能与 zero_milli 相同"),
    "shunt-large": (
        "with this resistor 21 mA exceed the reference; at most {most}",
        "用此电阻时 21 mA 会超出参考电压；最大 {most}",
    ),
    "not-a-value": ("this needs a contact, not a measured value", "此处需要触点，不能用测量值"),
    "no-limit": ("this measured value has no {limit}", "该测量值没有设置 {limit}"),
    "needs-patrol": ("counts only with a patrol point", "仅在配置了 patrol 点时有效"),
    "needs-jockey": ("counts only with a jockey point", "仅在配置了 jockey 点时有效"),
    "time-needs": ("this needs for_s too: for how many seconds", 'until = "time" 时必须写 for_s（持续秒数）'),
    "time-only": ('for_s counts only with until = "time"', 'for_s 仅在 until = "time" 时有效'),
    "needs-demand": ("counts only with a demand point", "仅在配置了 demand 点时有效"),
    "needs-auto": ("counts only with an auto point", "仅在配置了 auto 点时有效"),
    "door-only": ('only a point of kind = "door" has it', '只有 kind = "door" 的点可用'),
    "button-only": ('only a point of kind = "button" has it', '只有 kind = "button" 的点可用'),
    "credentials": (
        "user and password never stand in an address; take them out and put them into secrets.toml (mode 0600) "
        "beside this file, under [{name}] as user and password",
        "地址中不能带用户名和密码；请删去，并写入同目录 secrets.toml（权限 0600）的 [{name}] 小节：user 和 password",
    ),
    "source": (
        "allowed: rtsp://HOST/..., rtsps://HOST/..., /dev/v4l/by-path/..., csi:, pipe: COMMAND, file:PATH, testcard: , "
        "tcp://HOST:PORT (simulated)",
        "允许：rtsp://主机/…、rtsps://主机/…、/dev/v4l/by-path/…、csi:、pipe: 命令、file:路径、testcard: 、"
        "tcp://主机:端口（模拟摄像机）",
    ),
    "source-form": (
        "allowed: csi:0?size=1920x1080&fps=15&kbit_s=3000, "
        "/dev/v4l/by-path/...?format=h264&size=1280x720&fps=15&kbit_s=2500, "
        "testcard:640x360/10, tcp://HOST:PORT; what is not said is left to the camera",
        "允许：csi:0?size=1920x1080&fps=15&kbit_s=3000、/dev/v4l/by-path/…?format=h264&size=1280x720&fps=15&kbit_s=2500、"
        "testcard:640x360/10、tcp://主机:端口；未写的项由摄像机决定",
    ),
    "rtsp-only": ("counts only with an rtsp:// or rtsps:// source", "仅对 rtsp:// 或 rtsps:// 来源有效"),
    "host-port": ("host or port of this address is not valid", "地址中的主机或端口无效"),
    "timezone": ("there is no such timezone{nearest}", "没有这个时区{nearest}"),
    "cert-key": ("cert and key go together; {name} is missing", "cert 和 key 必须同时填写；缺少 {name}"),
    "start-no-key": (
        "remote start needs the key switch in the pump room too: start_enable",
        "远程启动还需要泵房内的钥匙开关：start_enable",
    ),
    "double-start": (
        "the same relay as {other}; a start relay starts one pump",
        "与 {other} 是同一继电器；一个启动继电器只能启动一台泵",
    ),
    "start-at-rest": (
        "a start relay is released at rest: whatever fails, it must not start the pump",
        "启动继电器平时必须释放：无论何种故障都不得误启动水泵",
    ),
    "start-max": (
        "a start relay needs max_on_s of at most {most}, as the time relay behind it",
        "启动继电器必须设置 max_on_s，且不超过 {most}，与其后的时间继电器一致",
    ),
    "start-min": ("a start pulse has its own length of 2 s", "启动脉冲固定为 2 秒，不能设置此项"),
    "start-readback": (
        "a start relay needs a contact that reads it back: a relay that sticks must be known before it is used again",
        "启动继电器必须接回读触点：粘连须在再次使用前发现",
    ),
    "start-boot-pin": (
        "this pin is pulled up while the board starts: each boot could start the pump; use another",
        "此引脚在板子启动时被上拉，每次启动都可能误启动水泵；请换用其他引脚",
    ),
    "start-driven": (
        "this relay starts a pump ({other}): no rule drives it, only a signed command",
        "此继电器用于启动水泵（{other}）：任何规则都不能驱动，只能由签名命令驱动",
    ),
    "no-stop": (
        "no output here may stop a pump: a pump is stopped in the pump room, by a person who is named",
        "本系统的任何输出都不得停泵：停泵只能由指定人员在泵房就地操作",
    ),
    # warnings
    "needs-start-relay": ("counts only with start_relay", "仅在配置了 start_relay 时有效"),
    "start-nobody": (
        "nobody may sign a remote start: there is no [[person]] with such a role",
        "没有人可以签署远程启动：缺少相应角色的 [[person]]",
    ),
    "start-no-technician": (
        "remote start needs a test start signed by a technician first, and there is no [[person]] of that role",
        "远程启动须先由技术员签名试启动，但没有该角色的 [[person]]",
    ),
    "boot-pin": (
        "GPIO0 to GPIO8 are pulled up while the board starts: the relay may switch on at each boot; use another",
        "GPIO0 至 GPIO8 在板子启动时被上拉，继电器可能在每次启动时动作；建议换用其他引脚",
    ),
    "silent-alarm": ("no rule drives a relay or cuts a clip on its alarm", "没有规则在其报警时驱动继电器或剪取录像"),
    "idle-relay": ("no rule drives this relay", "没有规则驱动此继电器"),
    "idle-rule": ("neither drives a relay nor cuts a clip", "既不驱动继电器，也不剪取录像"),
    "idle-button": (
        "pressing it does nothing: there is neither press nor a rule",
        "按下后没有任何作用：既无 press，也无规则",
    ),
    "backup-rare": (
        "a day and more may be lost with the disk: rules of such sites ask for a copy every 24 hours",
        "磁盘损坏时会丢失一天以上的记录：此类站点的制度要求每 24 小时备份一次",
    ),
    "no-tls": (
        "without TLS anyone on the way can read and change what is sent; use mqtts://",
        "未加密，途中任何人都可读取和篡改；请使用 mqtts://",
    ),
    "password-in-path": (
        "looks as if a password stood in this address: everyone who may read this file sees it",
        "地址中似乎含有密码：凡能读取本文件的人都能看到",
    ),
    "no-timezones": (
        "this machine knows no timezones, times are shown in UTC; install the package tzdata",
        "本机没有时区数据，时间将按 UTC 显示；请安装 tzdata 软件包",
    ),
    "or": (" or ", " 或 "),
}


def language_of_environment(environ: Mapping[str, str] = os.environ) -> str:
    """zh-CN or en, from LC_ALL, LC_MESSAGES or LANG, the first that is set."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "zh-CN" if environ[name].lower().startswith("zh") else "en"
    return "en"


class Words:
    """The sentences in one language ("en" or "zh-CN")."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = 1 if language == "zh-CN" else 0

    def __call__(self, text: str, /, **values: object) -> str:
        """Sentence `text` filled in. KeyError for one that is not in the table: a bug."""
        return TEXTS[text][self._column].format(**values)

    def nearest(self, wanted: str, known: Iterable[str]) -> str:
        """', did you mean "x"?', or nothing if nothing known is near."""
        found = nearest(wanted, known)
        return self("nearest", nearest=found) if found else ""


def nearest(wanted: str, known: Iterable[str]) -> str | None:
    """The known word most like `wanted`, or None. Case, - and _ do not count."""
    from difflib import get_close_matches  # only a file with mistakes pays for it

    def plain(word: str) -> str:
        return word.lower().replace("-", "_")

    by_plain = {plain(word): word for word in sorted(known)}
    close = get_close_matches(plain(wanted[:100]), by_plain, n=1, cutoff=0.6)
    return by_plain[close[0]] if close else None
