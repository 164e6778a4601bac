"""What a person reads who signs a verdict on what another asked for. id -> (en, zh-CN)."""

from __future__ import annotations

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
    "scope-viewer": ("viewer", "调看人"),
    "scope-why": ("kind of viewing", "调看类别"),
    "scope-purpose": ("purpose", "用途"),
}
