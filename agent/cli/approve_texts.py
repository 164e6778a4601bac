"""What a person reads who signs a verdict on what another asked for. id -> (en, zh-CN)."""

from __future__ import annotations

from agent.cli import reasons

APPROVE_TEXTS: dict[str, tuple[str, str]] = {
    "approve-none": ("nothing waits for a signature", "没有等待签名的申请"),
    "approve-unknown": (
        "there is no request {request} ({command} approve lists them)",
        "没有申请 {request}（{command} approve 可列出）",
    ),
    "approve-whose": ("whose signature? name your key with --key FILE", "由谁签名？请用 --key FILE 指定您的密钥"),
    "approve-days": ("--days {days}: from 1 to {most}", "--days {days}：应为 1 至 {most}"),
    "approve-json": (
        "--json asks nobody whether to sign: look at it without, or add --yes",
        "--json 不会询问是否签名：请先不加 --json 查看，或加 --yes",
    ),
    "approve-approve": (
        "You APPROVE this with your signature; it stands until {until}, for nothing else",
        "您将签名批准以上申请，有效期至 {until}，仅对此申请有效",
    ),
    "approve-refuse": ("You REFUSE this with your signature", "您将签名拒绝以上申请"),
    "nobody-to-ask": (
        "nobody is here to say yes: read it, then add --yes",
        "此处无人确认：请先阅读以上内容，再加 --yes",
    ),
    "go-on": ("sign it? yes/no: ", "签名吗？是/否（yes/no）："),
    "approve-left": ("nothing was signed", "未签名"),
    "approve-done": ("{request}: signed by {by}", "{request}：已由 {by} 签名"),
    "approve-refused": (
        "{request}: {why}; it does not stand, and that is on record",
        "{request}：{why}；签名无效，已记录在案",
    ),
    "approve-signed": ("signed already: {verdict} by {by}", "已有签名：{by} {verdict}"),
    "approve-at": ("at {site}/{board}", "站点 {site}/{board}"),
    "verdict-approve": ("approved", "批准"),
    "verdict-refuse": ("refused", "拒绝"),
    "by-key": ("with key {key}", "密钥 {key}"),
    # what is asked for
    "kind-disk.retire": ("destruction of a disk", "销毁磁盘"),
    "kind-footage.delete": ("deletion of footage", "删除录像"),
    "kind-footage.view": ("viewing of footage", "调看录像"),
    "kind-hold.release": ("release of a hold", "解除留存"),
    "kind-policy": ("standing policy", "长期有效的策略"),
    # its scope
    "scope-by": ("asked by", "申请人"),
    "scope-reason": ("reason", "原因"),
    "scope-camera": ("camera", "摄像机"),
    "scope-cameras": ("cameras", "摄像机"),
    "scope-from": ("from", "自"),
    "scope-to": ("to", "至"),
    "scope-files": ("files", "文件数"),
    "scope-bytes": ("size", "大小"),
    "scope-document": ("document", "文件编号"),
    "scope-about": ("about", "事项"),
    "scope-overwrite": ("overwrite before its time", "允许提前覆盖"),
    "scope-hold": ("hold", "留存编号"),
    "scope-copies": ("copies", "副本"),
    "scope-disk": ("disk", "磁盘序列号"),
    "scope-volume": ("volume", "卷标识"),
    "scope-held": ("held", "存储内容"),
    "scope-last_used_ns": ("last recorded to", "最后录像时间"),
    "scope-method": ("destroyed by", "销毁方式"),
    "scope-early": ("before its time: keep asks", "未满保存期，应保存"),
    # what stands there, where it is one of some words
    "value-about-retention": ("what expires by itself", "录像自动到期删除"),
    "value-overwrite-yes": ("YES", "是"),
    "value-overwrite-no": ("no", "否"),
    "value-copies-keep": ("stay in the special store", "保留专用存储中的副本"),
    "value-copies-delete": ("are DELETED too", "一并删除"),
    "value-method-overwritten": ("overwritten in full", "整盘覆写"),
    "value-method-erased": (
        "erased by its own command (secure erase, crypto erase)",
        "安全擦除（磁盘自带命令或密钥销毁）",
    ),
    "value-method-degaussed": ("degaussed", "消磁"),
    "value-method-shredded": ("taken apart and shredded", "拆解粉碎"),
    "scope-viewer": ("viewer", "调看人"),
    "scope-why": ("kind of viewing", "调看类别"),
    "scope-purpose": ("purpose", "用途"),
}

# Why a verdict does not stand (core/statements.py), in English -> in Chinese.
REASONS: dict[str, str] = {
    "signed for another board": "签名针对另一块板",
    "signed by a key that is not known here": "本板不认可此密钥",
    "the signature does not fit: forged or changed": "签名不符：伪造或被改动",
    "signed for another request, or what is asked has another scope or reason now": "签名针对另一申请，或申请内容已变",
    "who asks may not approve: a second person must sign": "申请人不得自行批准，须由第二人签名",
    "nobody's key asked for it: who wants it must ask again, with --key": "申请未经密钥签名：请用 --key 重新申请",
    "the verdict is neither approve nor refuse": "既非批准也非拒绝",
    "there is no such kind of request": "没有这类申请",
    "role {} may not sign this, it takes {}": "角色 {} 无权签批，须由 {}",
    "must be valid for at most {} days": "有效期最长 {} 天",
    "this board's clock is not set: an expiry cannot be judged": "本板时钟未设置，无法判断有效期",
    "expired": "已过期",
    "there is no request {}": "没有申请 {}",
}
_PATTERNS = reasons.patterns(REASONS)


def said(reason: str, language: str) -> str:
    """Why a verdict does not stand, in the language of the site."""
    return reasons.said(_PATTERNS, reason, language)
