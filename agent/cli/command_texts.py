"""What the sender of a command reads: id -> (en, zh-CN); and in Chinese what a board says in English."""

from __future__ import annotations

from agent.cli.alarm_texts import reason as reason_in

COMMAND_TEXTS: dict[str, tuple[str, str]] = {
    "command-received": ("received: the board has written it down", "已接收：已写入板的日志"),
    "command-started": ("started", "开始执行"),
    "command-done": ("done: {op}", "已完成：{op}"),
    "command-failed": ("not done: {reason}", "未完成：{reason}"),
    "command-refused": ("refused ({code}): {reason}", "被拒绝（{code}）：{reason}"),
    "command-forged": (
        "somebody has answered in the board's place, with a signature that does not fit: not believed",
        "有人冒充该板作答，签名不符：不予采信",
    ),
    "command-silent": (
        "no answer within {s} s: it may have been done; look at the board's alarms before you send it again",
        "{s} 秒内无应答：命令可能已执行；再次发送前请先查看该板的报警状态",
    ),
    # what whoever sent it must know besides
    "besides-incident-declare": (
        "call first, if nobody has: fire 119, police 110, ambulance 120. Footage is held if [holds] there says so",
        "如尚未报警，请先报警：火警 119，盗警 110，急救 120。是否自动保全录像由该站点的 [holds] 决定",
    ),
    # names of what a board answers
    "answer-alarms": ("alarms", "报警"),
    "answer-troubles": ("troubles", "故障"),
    "answer-doors": ("doors", "门"),
    "answer-armed": ("armed", "设防"),
    "answer-pumps": ("pumps", "水泵"),
    "answer-relays": ("relays", "继电器"),
    "answer-permits": ("permits", "许可"),
    "answer-permit": ("permit", "许可编号"),
    "answer-incident": ("incident", "事件编号"),
    "answer-clip": ("clip", "片段编号"),
    "answer-hold": ("hold", "留存编号"),
    "answer-snapshot": ("snapshot", "快照编号"),
    "answer-request": ("request", "申请"),
    "answer-verdict": ("verdict", "结论"),
}

# Codes of a refusal (core/commands.py); the board's own words follow.
REFUSED_ZH: dict[str, str] = {
    "too-large": "命令过大",
    "retained": "命令是服务器保留的消息，可能早已过期",
    "malformed": "命令格式不对",
    "unsigned": "命令没有签名",
    "foreign": "命令是发给另一块板的",
    "unknown-key": "该板不认可此密钥",
    "bad-signature": "签名不符：伪造或途中被改",
    "unknown-op": "没有此命令",
    "not-allowed": "您的角色无权执行此命令",
    "bad-args": "命令参数不对",
    "bad-life": "命令有效期不对",
    "bad-nonce": "签名后该板已重新启动，或命令缺少启动编号",
    "expired": "命令已过期",
    "future": "命令的签名时间在未来：某一方时钟不准",
    "replayed": "该命令已执行过",
    "forgotten": "该板丢失了以前的计数，请一分钟后重新签名发送",
    "late": "命令到达太晚",
    "unverified": "暂时无法核对签名，请稍后再发",
    "not-approved": "此签批无效",
    "journal": "该板无法写入日志，未执行",
}


def in_chinese(state: str, code: str, reason: str) -> str:
    """A board's reason for who reads Chinese; as it is, where nobody has put it into Chinese."""
    if state != "refused":
        return reason_in(reason, "zh-CN")
    known = REFUSED_ZH.get(code)
    return f"{known}（{reason}）" if known else reason
