"""Every word the demonstration shows, in English and Chinese. One table each: id -> (en, zh-CN)."""

from __future__ import annotations

from collections.abc import Mapping

# What a journal row says to a person. {source} and the row's own data may be used; a name ending in _s is computed
# here from the field ending in _ms.
EVENTS: dict[str, tuple[str, str]] = {
    "process.started": ("{source} is up (pid {pid})", "{source} 已启动（进程号 {pid}）"),
    "process.stopping": ("{source} was asked to stop", "{source} 正常停止"),
    "journal.opened": ("the journal begins ({reason})", "日志开始（{reason}）"),
    "journal.rows_lost": ("{rows} rows never reached the disk", "{rows} 条记录未能写入磁盘"),
    "journal.checkpoint": ("rows up to {upto} may be deleted", "第 {upto} 条之前的记录可删除"),
    "carried": ("a fact carried over: {of_kind}", "沿用的事实：{of_kind}"),
    "clock.set": ("the clock is set ({by})", "时钟已校准（{by}）"),
    "trouble.raised": ("trouble: {detail}", "故障：{detail}"),
    "trouble.cleared": ("trouble over: {detail}", "故障解除：{detail}"),
    "point.changed": ("contact {source} changed", "触点 {source} 变化"),
    "point.found": ("contact {source} found at start", "启动时读到触点 {source}"),
    "point.chattering": (
        "contact {source} chatters: {edges_per_s} edges/s",
        "触点 {source} 抖动：每秒 {edges_per_s} 次",
    ),
    "point.steady": ("contact {source} is steady again", "触点 {source} 恢复稳定"),
    "door.opened": ("door {source} opened", "门 {source} 打开"),
    "door.closed": ("door {source} closed", "门 {source} 关闭"),
    "door.held_open": ("door {source} held open for {limit_s} s", "门 {source} 敞开超过 {limit_s} 秒"),
    "button.pressed": ("button {source} pressed", "按钮 {source} 按下"),
    "pump.demand": ("{source}: water is demanded", "{source}：管网需要供水"),
    "pump.demand_withdrawn": ("{source}: demand is over", "{source}：供水需求结束"),
    "pump.started": ("{source} runs", "{source} 运行"),
    "pump.stopped": ("{source} stopped", "{source} 停止"),
    "pump.fail_to_start": ("{source} FAILED TO START within {limit_s} s", "{source} 在 {limit_s} 秒内未能启动"),
    "pump.stopped_on_demand": ("{source} STOPPED while water is demanded", "{source} 在需要供水时停转"),
    "pump.unexpected_run": ("{source} runs without any demand", "{source} 无需求而运行"),
    "pump.not_in_auto": ("{source} is not in automatic", "{source} 不在自动位"),
    "pump.restored": ("{source} is well again ({was})", "{source} 恢复正常（{was}）"),
    "alarm.raised": ("ALARM {source}", "报警 {source}"),
    "alarm.restored": ("alarm {source}: the cause is gone", "报警 {source}：原因已消除"),
    "alarm.acknowledged": ("alarm {source} acknowledged by {by}", "报警 {source} 已由 {by} 确认"),
    "alarm.silenced": ("alarm {source} silenced by {by}", "报警 {source} 已由 {by} 消音"),
    "alarm.reset": ("alarm {source} reset by {by}", "报警 {source} 已由 {by} 复位"),
    "panel.requested": ("{by} asks the panel to {does}", "{by} 请求控制器 {does}"),
    "panel.refused": ("the panel refused: {reason}", "控制器拒绝：{reason}"),
    "relay.driven": ("relay {source} -> {state}", "继电器 {source} → {state}"),
    "relay.failed": ("relay {source} could not be written: {reason}", "继电器 {source} 无法驱动：{reason}"),
    "camera.lost": ("camera {source} LOST: {reason}", "摄像机 {source} 失联：{reason}"),
    "camera.restored": ("camera {source} is back after {lost_s} s", "摄像机 {source} 在 {lost_s} 秒后恢复"),
    "footage.gap": ("no footage of {source} for {gap_s} s: {cause}", "{source} 缺录像 {gap_s} 秒：{cause}"),
    "footage.salvaged": ("footage of {source} salvaged: {kept_s} s kept", "已抢救 {source} 的录像：保留 {kept_s} 秒"),
    "footage.stopped": ("recording of {source} stopped: {reason}", "{source} 停止录像：{reason}"),
    "footage.resumed": ("recording of {source} goes on", "{source} 恢复录像"),
    "clip.requested": ("a clip is wanted because of {cause}", "因 {cause} 需要截取录像"),
    "clip.ready": ("clip cut from {source}: {kib} KiB", "{source} 的片段已截取：{kib} KiB"),
    "clip.failed": ("clip of {source} FAILED: {reason}", "{source} 的片段失败：{reason}"),
    "clip.delivered": ("clip of {source} confirmed by the far end", "{source} 的片段已由对端确认"),
    "link.up": ("the link stands", "链路已通"),
    "link.down": ("the link is DOWN: {reason}", "链路中断：{reason}"),
    "link.refused": ("the far end refuses: {reason}", "对端拒绝：{reason}"),
    "link.conflict": ("the far end holds another row {seq}", "对端第 {seq} 条记录不一致"),
    "gap": ("{rows} rows were given up: {reason}", "放弃发送 {rows} 条记录：{reason}"),
    "command.refused": ("a command was refused: {reason}", "命令被拒绝：{reason}"),
}

TEXTS: dict[str, tuple[str, str]] = {
    "title": (
        "standpipe: a site for {seconds} seconds, on real parts",
        "standpipe：真实部件上的模拟站点，约 {seconds} 秒",
    ),
    "where": ("site {site} in {root}", "站点 {site}，目录 {root}"),
    "starting": (
        "starting broker, board, collector, panel, recorder, uplink",
        "启动服务器、模拟板、接收端、控制器、录像和上行进程",
    ),
    "ready": ("everything is up", "全部就绪"),
    "died": ("{name} is dead ({how})", "{name} 已退出（{how}）"),
    "returned": ("{name} is started again", "{name} 重新启动"),
    "on": ("ON", "吸合"),
    "off": ("off", "释放"),
    "do.door": ("somebody opens the pump-house door", "有人打开泵房门"),
    "do.door-shut": ("and shuts it", "随后关上"),
    "do.run": ("water is demanded, and the pump starts as it should", "管网需要供水，水泵正常启动"),
    "do.run-end": ("the demand is over", "供水需求结束"),
    "do.fail": ("water is demanded, and the pump does NOT start", "管网需要供水，水泵没有启动"),
    "do.late": ("the pump is started by hand; somebody presses the button", "人工启动水泵，有人按下确认按钮"),
    "do.walk": (
        "a cabinet door is opened and shut {count} times, to time the relay (not shown one by one)",
        "柜门开合 {count} 次，用于测量继电器响应（不逐条显示）",
    ),
    "do.cut": ("the camera's cable is cut", "摄像机线缆被剪断"),
    "do.mend": ("and mended", "线缆修复"),
    "do.broker-down": ("the broker is killed: no link for {seconds} s", "服务器被强制终止：链路中断 {seconds} 秒"),
    "do.line-cut": ("the line to the broker is cut for {seconds} s", "到服务器的线路中断 {seconds} 秒"),
    "do.broker-up": ("the broker is back", "服务器恢复"),
    "do.kill": ("the recorder is killed with -9", "录像进程被 kill -9"),
    "do.drain": ("waiting until the far end has everything", "等待对端收齐"),
    "do.stop": ("stopping everything", "停止全部进程"),
    "sum.title": ("What is left of it, counted at both ends", "两端核对的结果"),
    "sum.rows": ("journal rows", "日志记录"),
    "sum.rows.v": (
        "{written} written / {delivered} delivered / {missing} missing / {double} double",
        "写入 {written} / 送达 {delivered} / 缺失 {missing} / 重复 {double}",
    ),
    "sum.chain": ("chain at the far end", "对端哈希链"),
    "sum.chain.v": ("verified over {rows} rows, head {head}", "已验证 {rows} 条，末尾 {head}"),
    "sum.chain.bad": ("BROKEN: {why}", "断裂：{why}"),
    "sum.clips": ("clips", "录像片段"),
    "sum.clips.v": (
        "{wanted} wanted / {sent} sent / {equal} with equal hashes / {failed} failed",
        "需要 {wanted} / 送达 {sent} / 哈希一致 {equal} / 失败 {failed}",
    ),
    "sum.footage": ("footage", "录像"),
    "sum.footage.v": (
        "{kept} s kept, {lost} s lost of which the journal tells {told} s, {gaps} gap(s) over 10 s",
        "保留 {kept} 秒，缺失 {lost} 秒，日志已说明 {told} 秒，超过 10 秒的间断 {gaps} 处",
    ),
    "sum.latency": ("edge to relay", "触点到继电器"),
    "sum.latency.v": (
        "p50 {p50} ms, p99 {p99} ms after the settle time of {settle} ms ({count} edges)",
        "去抖 {settle} 毫秒之后：p50 {p50} 毫秒，p99 {p99} 毫秒（{count} 次）",
    ),
    "sum.process": ("{name}", "{name}"),
    "sum.process.v": ("{rss} MiB, {cpu} s CPU{lives}", "{rss} MiB，CPU {cpu} 秒{lives}"),
    "sum.lives": (", started {lives} times", "，启动 {lives} 次"),
    "bad.rows": ("rows are missing at the far end: {which}", "对端缺少记录：{which}"),
    "bad.double": ("{double} rows are stored twice", "{double} 条记录重复"),
    "bad.chain": ("the chain at the far end is broken: {why}", "对端哈希链断裂：{why}"),
    "bad.clips": ("clips are missing or differ: {which}", "片段缺失或不一致：{which}"),
    "bad.footage": ("footage is missing without a word: {why}", "录像缺失且没有记录：{why}"),
    "bad.relay": ("the siren was {seen} instead of {wanted} when {when}", "在“{when}”时警笛为 {seen}，应为 {wanted}"),
    "bad.expected": ("never happened: {which}", "没有发生：{which}"),
    "bad.death": ("{name} died unasked ({how}); it said: {said}", "{name} 意外退出（{how}）；日志：{said}"),
    "verdict.good": ("Nothing is missing.", "没有任何缺失。"),
    "verdict.bad": ("NOT as it should be:", "结果不符："),
    "kept": ("Everything is kept in {root}. Look next at:", "数据保存在 {root}。接下来可以看："),
}


class Words:
    """The texts of one language: "en" or "zh-CN"."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = 1 if language == "zh-CN" else 0

    def __call__(self, id_: str, **values: object) -> str:
        return TEXTS[id_][self._column].format(**values)

    def event(self, kind: str, source: str, values: Mapping[str, object]) -> str:
        """A journal row in words. A kind that is not known here yet is shown as it is."""
        if kind not in EVENTS:
            return f"{kind} {source}"
        known: dict[str, object] = {"source": source, **values}
        for name, value in values.items():
            if name.endswith("_ms") and isinstance(value, int):
                known[name[:-3] + "_s"] = f"{value / 1000:.1f}"
        if "energised" in values:
            known["state"] = self("on" if values["energised"] else "off")
        if isinstance(values.get("bytes"), int):
            known["kib"] = int(str(values["bytes"])) // 1024
        return EVENTS[kind][self._column].format(**known)
