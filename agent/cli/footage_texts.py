"""What people read in `footage` and `grant`. id -> (en, zh-CN)."""

from __future__ import annotations

FOOTAGE_TEXTS: dict[str, tuple[str, str]] = {
    # list
    "no-footage": ("no footage in that time", "该时段没有录像"),
    "no-footage-of": ("no footage of {camera} in that time", "该时段没有 {camera} 的录像"),
    "no-gaps": ("no gaps in that time", "该时段没有录像中断"),
    "no-motion": ("no motion in that time", "该时段没有移动侦测事件"),
    "no-holds": ("no holds on footage of that time", "该时段没有录像留存"),
    "to": ("to {time}", "至 {time}"),
    "still": ("to now", "至今"),
    "segments": ("{count} segments", "{count} 段"),
    "segment": ("1 segment", "1 段"),
    "from-segment": ("from {seq}", "自第 {seq} 段"),
    "reading": ("  {count} segments so far", "  已读取 {count} 段"),
    "more-there": (
        "and more: the first {limit} are shown; go on with --from, or raise --limit",
        "还有更多：只显示前 {limit} 项；用 --from 继续，或加大 --limit",
    ),
    # availability
    "up-none": ("no data", "无数据"),
    "up-none-at-all": ("no camera has recorded here yet", "尚无摄像机录过像"),
    "up-missing": ("missing {time}", "缺 {time}"),
    "up-gone": ("{time} of it are not there any more", "其中 {time} 的录像已不在"),
    "up-cause": ("{holes} x, {time}: {cause}", "{holes} 次，共 {time}：{cause}"),
    # explain
    "explain-none": ("no interruption waits for a reason", "没有待说明原因的录像中断"),
    "explain-waits": ("NO REASON yet", "尚未说明原因"),
    "explain-said": ("{by}: {reason}", "{by}：{reason}"),
    "explain-which": (
        "which one? standpipe footage explain ROW --reason TEXT; without both it lists them",
        "哪一次？standpipe footage explain ROW --reason TEXT；两者都不写则列出",
    ),
    "explain-reason": ("say why: --reason TEXT", "请说明原因：--reason TEXT"),
    "explain-unknown": (
        "row {row} is no interruption: standpipe footage explain --all",
        "第 {row} 条不是录像中断：standpipe footage explain --all",
    ),
    "explained": ("row {row}: on record, by {by}", "第 {row} 条：已由 {by} 说明"),
    # clip, play
    "recorder-off": (
        "{process} is not running, nothing can cut the clip: standpipe status",
        "{process} 未运行，无法截取录像片段：standpipe status",
    ),
    "to-come": ("  recording the {seconds} s that are still to come", "  正在录制尚余的 {seconds} 秒"),
    "waiting": ("  waiting for the recorder", "  等待录像进程"),
    "clip-stays": (
        "it stays on this board (and goes to the centre, if there is one); to look at it: --out with a grant",
        "片段留在本机（如有中心则上传）；查看请用 --out 并出示授权",
    ),
    "no-answer-clip": (
        "recorder@{camera} has not answered: standpipe status; the clip {clip} is made when it runs",
        "recorder@{camera} 无应答：standpipe status；待其运行后将生成片段 {clip}",
    ),
    "no-clip": ("no clip: {reason}", "没有片段：{reason}"),
    "short": (
        "  {seconds} s of it were not recorded: standpipe footage list --gaps",
        "  其中 {seconds} 秒没有录像：standpipe footage list --gaps",
    ),
    "out-grant": (
        "a copy that leaves the board is a viewing: --grant GRANT --viewer NAME (standpipe grant ask --copies)",
        "复制到板外即为调看：请加 --grant GRANT --viewer NAME（standpipe grant ask --copies）",
    ),
    "accepted": ("{path}: accepted; recording goes on there within seconds", "{path}：已接受；几秒内恢复录像"),
    "accept-key": (
        "this site has an IT administrator: it takes their --key",
        "本站设有计算机管理人员：须用其 --key 签名",
    ),
    "accept-consent": (
        "it takes the safety office's consent first: standpipe impairment start footage-disk --key FILE",
        "须先经安全办同意：standpipe impairment start footage-disk --key FILE",
    ),
    "accepted-disk": (
        "  volume {volume}, was {before}; {device} {model}, serial {serial}",
        "  卷 {volume}，原为 {before}；{device} {model}，序列号 {serial}",
    ),
    "fetch": ("  fetch it: scp {user}@{host}:{path} .", "  取回：scp {user}@{host}:{path} ."),
    "no-player": (
        "no player here (mpv, ffplay, vlc; over ssh there is no screen): --out FILE, or --out - into a pipe",
        "此处没有播放器（mpv、ffplay、vlc；ssh 下没有屏幕）：请用 --out FILE，或 --out - 输出到管道",
    ),
    "playing": (
        "  {player} plays; this viewing is on record as {viewing}",
        "  {player} 正在播放；本次调看已记录：{viewing}",
    ),
    "nothing-there": (
        "nothing was recorded of {camera} in that time: standpipe footage list --gaps",
        "{camera} 在该时段没有录像：standpipe footage list --gaps",
    ),
    "stdout-terminal": ("--out - writes a film, and this is a terminal", "--out - 输出的是影像，不能写到终端"),
    # grant
    "no-grants": ("no grants", "没有调看许可"),
    "grant-waits": ("waits for its signature", "等待签批"),
    "grant-stands": ("stands until {time}", "有效期至 {time}"),
    "grant-over": ("expired, refused or revoked", "已过期、被拒绝或已撤销"),
    "grant-copies": ("copies too", "可复制"),
    "grant-play": ("to look at here", "仅限本机观看"),
    "why-incident": ("incident", "事件调查"),
    "why-maintenance_lookup": ("repairers' lookup", "维修查阅"),
    "why-evidence": ("evidence", "取证"),
    "why-inspection": ("inspection", "检查"),
    "unknown-grant": ("there is no grant {grant}; known: {known}", "没有调看许可 {grant}；已有：{known}"),
}
