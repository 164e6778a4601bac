"""What an operator reads of a remote start, in English and Chinese: id -> (en, zh-CN)."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "start-nobody": (
        "a remote start is confirmed by hand at a terminal, and there is none here",
        "远程启动须由人员在终端上当面确认，此处没有终端",
    ),
    "start-arms": (
        "REMOTE START of {pump} at {site}/{board}, as {by}: {reason}\n"
        "There is no remote stop: it is stopped in the pump room.",
        "远程启动 {site}/{board} 的 {pump}，操作人 {by}，原因：{reason}\n没有远程停泵：停泵须在泵房就地操作。",
    ),
    "start-is-armed": ("armed for {s} s", "已预备，{s} 秒内有效"),
    "start-warns": ("look out: {what}", "注意：{what}"),
    "start-type": (
        "type {pump} and Enter to go on, anything else to leave it: ",
        "输入 {pump} 并回车继续，输入其他内容放弃：",
    ),
    "start-left": ("nothing was started", "未启动"),
    "start-late": ("too late: it is armed no more, and nothing was started", "已超时：预备状态已解除，未启动"),
    "start-hold": (
        "now hold the space bar down for 3 seconds",
        "现在按住空格键 3 秒",
    ),
    "start-pulse": (
        "confirmed: the board gives the pulse now; it must run within {s} s",
        "已确认：正在发出启动脉冲；应在 {s} 秒内运行",
    ),
    "start-runs": ("{pump} RUNS, {s} s after the pulse", "{pump} 已运行，脉冲后 {s} 秒"),
    "start-no-readback": (
        "but the relay's read-back was not seen: see to it before it is used again",
        "但未见继电器回读：再次使用前请检修",
    ),
    "start-not": ("{pump} was NOT started: {reason}", "{pump} 未启动：{reason}"),
    "start-unknown": (
        "the board has said nothing for {s} s: look at the pump's state before anything else, or go to the pump room",
        "板在 {s} 秒内无应答：请先查看水泵状态，或前往泵房",
    ),
    "warn-low_suction": ("suction pressure is low", "吸水压力低"),
    "warn-tank_low": ("the tank is low", "水池水位低"),
    "warn-auto": ("the controller is not in auto", "控制柜不在自动位"),
    "warn-power": ("the controller has no power", "控制柜无电源"),
    "warn-valve": ("a valve is not fully open", "阀门未全开"),
    "warn-running_unknown": ("whether it runs cannot be read", "无法读取运行状态"),
}
# Codes of start_table.REASONS in Chinese; in English the board says them itself.
ZH: dict[str, str] = {
    "not-armed": "未预备：15 秒已过，或已被解除",
    "not-confirmed": "已预备，但尚未确认",
    "confirmed-already": "已确认过：随机数已发出",
    "pulsing": "正在发出启动脉冲",
    "locked": "一次脉冲后须等待 10 秒才能再试",
    "spent": "已尝试 3 次，水泵仍未运行：请到泵房手动或机械应急启动",
    "armed-by-other": "另一人已预备",
    "key-off": "泵房钥匙开关未接通，或无法读取",
    "locked-out": "检修锁定中",
    "impaired": "按许可停用中",
    "relay": "启动继电器的线路无法写入",
    "readback": "启动继电器的回读触点与状态不符，或尚未读到",
    "running": "水泵正在运行",
    "not-commissioned": "该接线尚未由技术员签名试启动（先 standpipe pump test，再启动）",
    "mistyped": "输入的水泵与预备的不符：已解除",
    "not-held": "未按住满 3 秒：已解除",
    "wrong-nonce": "随机数不符：已解除",
    "wrong-reason": "原因与预备时不符：已解除",
    "lapsed": "未及时确认",
    "restart": "控制程序已重新启动，或重新打开了引脚",
    "no-run": "脉冲已发出，水泵未运行：请到泵房手动或机械应急启动",
    "no-readback": "未见继电器回读，水泵未运行：脉冲可能未发出；请到泵房手动或机械应急启动",
    "again": "水泵运行前又开始了另一次尝试",
    "no-start": "此处没有该泵的远程启动",
}
