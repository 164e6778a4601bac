"""What people read in `rules`, `arm`, `visit`, `impairment` and `drill`, in English and Chinese: id -> (en, zh-CN)."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "nobody-to-ask": (
        "this makes the site deafer and nobody is here to confirm it: add --yes if it is meant",
        "此操作会降低站点的报警能力，且无人确认：确实需要请加 --yes",
    ),
    "go-on": ("go on? [y/N] ", "继续吗？[y/N] "),
    "permit-length": ("--minutes: from 1 to {most}", "--minutes：从 1 分钟到 {most}"),
    "permit-unknown": ("there is no {id} here; there are: {known}", "没有 {id}；现有：{known}"),
    "permit-none": ("which? there is no {id}; standing: {known}", "请指定：没有 {id}；当前：{known}"),
    "permit-over": ("{id}: ended", "{id}：已结束"),
    "permit-stranger": (
        "{key}: this key is not known here: site.toml needs its [[person]] section",
        "{key}：此处不认可该密钥：site.toml 中需要相应的 [[person]]",
    ),
    "permit-role": (
        "{person} is {role}: this takes one of {roles}",
        "{person} 的角色是 {role}：此项需要 {roles} 之一",
    ),
    "permit-key": (
        "{of} takes a signature, --key FILE, of: {roles}",
        "{of} 需要签名（--key FILE），签名人角色：{roles}",
    ),
    "permit-signed": ("signed by {person} ({role})", "已由 {person} 签名（{role}）"),
    "permit-unsigned": ("not signed", "未签名"),
    "permit-wrong": ("SIGNATURE DOES NOT FIT", "签名不符"),
    "permit-command": ("by signed command, row {row}", "由签名命令下达，第 {row} 条"),
    "did-visit.opened": (
        "{id}: on record, for {s} at most (standpipe visit close {id})",
        "{id}：已登记，最长 {s}（离开时：standpipe visit close {id}）",
    ),
    "did-impairment.started": (
        "{id}: stands for {s} at most (standpipe impairment end {id})",
        "{id}：已生效，最长 {s}（恢复时：standpipe impairment end {id}）",
    ),
    "did-drill.started": (
        "{id}: runs for {s} at most (standpipe drill end {id})",
        "{id}：演练开始，最长 {s}（结束：standpipe drill end {id}）",
    ),
    "impairment-asks": (
        "supervisory and trouble signals of {of} will raise no alarm for {minutes} min",
        "{of} 的监管和故障信号在 {minutes} 分钟内不再报警",
    ),
    "drill-asks": (
        "all rows of {of} will be marked as a drill for {minutes} min",
        "{of} 的所有记录在 {minutes} 分钟内标记为演练",
    ),
    "disarm-asks": ("opening {doors} will be no forced entry any more", "打开 {doors} 将不再视为强行闯入"),
    "which-door": ("say which door, or --all; doors: {doors}", "请指定门或使用 --all；现有：{doors}"),
    "armed": ("armed", "已布防"),
    "disarmed": ("not armed", "未布防"),
    "did-arm": ("{id}: armed by {by}", "{id}：已由 {by} 布防"),
    "did-disarm": ("{id}: disarmed by {by}", "{id}：已由 {by} 撤防"),
    # rules explain
    "no-event": (
        "there is no event {kind}{near}; those that are alarms here: standpipe rules lint",
        "没有事件 {kind}{near}；本站的报警事件：standpipe rules lint",
    ),
    "not-heard": ("rules do not hear of {kind}: nothing follows", "规则不响应 {kind}：不会有任何动作"),
    "no-source": (
        "{kind} cannot happen to {source} here; it can to: {known}",
        "{kind} 不会发生在 {source}；可能的有：{known}",
    ),
    "happens": ("{kind} of {source}:", "{source} 发生 {kind}："),
    "latched": (
        "alarm {id}, class {signal}: stays until somebody acknowledges it, its cause is gone, and it is reset",
        "报警 {id}，级别：{signal}；须确认、恢复并复位后才解除",
    ),
    "no-alarm": (
        "no alarm: its class is status, and no rule makes one of it",
        "不报警：级别为状态，且没有规则将其列为报警",
    ),
    "drives": ("{relay} {state}, {until}", "{relay} {state}，{until}"),
    "until-acknowledged": ("until somebody acknowledges", "直到有人确认"),
    "until-restored": ("until its cause is gone", "直到原因消除"),
    "until-time": ("for {s}", "持续 {s}"),
    "at-most": (" (at most {s})", "（最长 {s}）"),
    "at-least": (" (at least {s})", "（最短 {s}）"),
    "cuts": (
        "a clip of {cameras}, {before} before to {after} after{held}",
        "剪取 {cameras} 的录像，事前 {before} 至事后 {after}{held}",
    ),
    "held": (", held: it may not be deleted for its age", "，并留存：不得因到期删除"),
    "tells": ("tells {to}", "通知 {to}"),
    "next-contact": ("after {s} without acknowledgement tells {to}", "{s} 内无人确认则通知 {to}"),
    "plan": ("people: {plan}", "处置：{plan}"),
    "because": ("because of rule {number}: on {on}{of}", "依据第 {number} 条规则：on {on}{of}"),
    "because-of": (" of {of}", "，of {of}"),
    "nothing": ("no rule answers it: it is written down, nothing else", "没有规则响应：只作记录"),
    # rules lint
    "lint-rule": ("rule {number}", "规则 {number}"),
    "lint-no-rule": ("NO RULE", "无规则"),
    "lint-no-plan": ("no plan", "无处置方案"),
    "lint-good": ("every alarm of this site has a rule and a plan", "本站所有报警均有规则和处置方案"),
    "lint-bad": (
        "{rules} kinds of alarm without a rule, {plans} without a plan (plan = of a rule)",
        "{rules} 种报警没有规则，{plans} 种没有处置方案（规则的 plan）",
    ),
}
