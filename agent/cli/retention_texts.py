"""What people read of a plan of retention, and why something stays, in English and Chinese: id -> (en, zh-CN)."""

from __future__ import annotations

from agent.cli import reasons

RETENTION_TEXTS: dict[str, tuple[str, str]] = {
    "plan-policy": (
        "standing policy {request}, signed by {by}, until {day}",
        "长期有效的策略 {request}：由 {by} 签名，有效期至 {day}",
    ),
    "plan-overwrite": (
        "; a full disk may force footage out BEFORE its time",
        "；磁盘满时允许提前覆盖",
    ),
    "plan-no-policy": (
        "no standing policy: nothing goes before one is signed (standpipe retention policy)",
        "没有长期有效的策略：签名之前不删除任何录像（standpipe retention policy）",
    ),
    "plan-goes": ("would go with the next pass:", "下一次执行将删除："),
    "plan-waits": ("would go if a policy were signed:", "策略签名后将删除："),
    "plan-gone": ("gone:", "已删除："),
    "plan-cameras": ("what there is:", "现有录像："),
    "plan-since": ("since {time}, {days} days, {size}", "自 {time} 起，{days} 天，{size}"),
    "plan-undated": ("of an unknown time, {size}", "时间不明，{size}"),
    "plan-keep": ("keep {keep}", "至少 {keep}"),
    "plan-most": (", at most {most}", "，最多 {most}"),
    "plan-days": ("{count} days", "{count} 天"),
    "plan-months": ("{count} months", "{count} 个月"),
}

# Why jobs leave something alone, as they record it -> the same in Chinese.
REASONS: dict[str, str] = {
    "there is no standing policy": "没有长期有效的策略",
    "the clock is not set": "时钟未设置",
    "the clock is kept by nothing and there is nothing to compare it with": "时钟无人校准，也没有可比对的时间",
    "the clock jumped by {} since it was last relied on": "自上次可信以来时钟跳变 {}",
    "the clock moved on by {} since it was last relied on": "自上次可信以来时钟前进了 {}",
    "there is no backup that was read back": "没有经过回读验证的备份",
    "too few rows are past their time": "到期的记录太少",
    "footage of less than {} full days is never deleted": "不满 {} 整天的录像一律不得删除",
    "segment {} is under hold {}": "片段 {} 受留存 {} 保护",
    "no whole segment lies within this scope": "此范围内没有完整的片段",
    "there is no footage of {}": "没有 {} 的录像",
    "its scope names no camera, from and to": "范围未写明摄像机和起止时间",
    "{} files lie within this scope now, and {} did when it was asked for": "此范围现有 {} 个文件，申请时为 {} 个",
    "footage is recorded to this disk: it must be replaced first": "正在向此磁盘录像：请先更换",
    "nobody knows when it was last recorded to: say so (--last-used)": "最后录像时间不明：请用 --last-used 说明",
    "footage on it may be younger than {} full days": "其中的录像可能不满 {} 整天",
    "footage on it may be younger than keep asks, {}: put it into the safe until then": (
        "其中的录像可能未满保存期 keep（{}）：到期之前请存入保险柜"
    ),
    "nobody has signed that this disk may be destroyed: standpipe approve": (
        "尚无人签名批准销毁此磁盘：standpipe approve"
    ),
    "hold {} has no copy yet": "留存 {} 尚无副本",
    "the standing policy {} ends in {} days: standpipe retention policy": (
        "长期有效的策略 {} 将在 {} 天后到期：请运行 standpipe retention policy 重新申请"
    ),
    "nothing may expire, and the disk is full in {} days: standpipe retention policy": (
        "没有录像可以到期删除，磁盘将在 {} 天后写满：请运行 standpipe retention policy"
    ),
}
_PATTERNS = reasons.patterns(REASONS)


def why(text: str, language: str) -> str:
    """A job's reason in the language of the site; as it was recorded if nobody has translated it."""
    return reasons.said(_PATTERNS, text, language)
