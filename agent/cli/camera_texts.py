"""What is said of cameras: their faults, and what `standpipe camera` answers. id -> (en, zh-CN)."""

from __future__ import annotations

CAMERA_TEXTS: dict[str, tuple[str, str]] = {
    "fault-lost": ("lost", "断线"),
    "wear-due": ("REPLACE IT", "应更换"),
    "wear-good": ("good", "正常"),
    "wear-some": ("watch it", "需关注"),
    "wear-fault": ("{fault} {times} times, {span}", "{fault} {times} 次，共 {span}"),
    "wear-since": (", still since {time}", "，自 {time} 至今"),
    "fault-black": ("black", "画面全黑"),
    "fault-over_exposed": ("over-exposed", "画面过曝"),
    "fault-covered": ("covered", "镜头被遮挡"),
    "fault-frozen": ("frozen", "画面冻结"),
    "fault-blurred": ("blurred", "画面模糊"),
    "fault-moved": ("moved", "视角偏移"),
    "fault-unmasked": ("its mask is off", "隐私遮盖失效"),
    "fault-unwatched": ("not looked at: its sub stream is away", "画面未检查：子码流中断"),
    "fault-slow": ("too few pictures", "帧率过低"),
    "fault-thin": ("too few bits", "码率过低"),
    "fault-wrong_time": ("its clock is wrong", "摄像机时间错误"),
    "camera-good": ("good", "正常"),
    "camera-not-watched": ("pictures are not looked at (health.watch)", "未检查画面（health.watch）"),
    "camera-not-running": ("its recorder does not run", "录像程序未运行"),
    "camera-not-yet": ("no picture looked at yet", "尚未检查画面"),
    "camera-referred": ("reference of {time}", "参考画面：{time}"),
    "camera-no-reference": ("no reference picture", "没有参考画面"),
    "camera-unknown": ("this site has no camera {id}; there are: {known}", "本站点没有摄像机 {id}；现有：{known}"),
    "camera-silent": (
        "recorder@{id} has not answered within {s} s: standpipe status",
        "recorder@{id} 在 {s} 秒内没有回应：standpipe status",
    ),
    "camera-dead": (
        "recorder@{id} is not running, there is no picture: standpipe status",
        "recorder@{id} 未运行，没有画面：standpipe status",
    ),
    "no-snapshot": ("no picture: {reason}", "没有画面：{reason}"),
    "reference-taken": (
        "{path}: from now on {id} is told to have moved when it looks elsewhere",
        "{path}：今后 {id} 视角偏离此画面即报告",
    ),
}
