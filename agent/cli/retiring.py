"""standpipe retention retire and certificate: a disk that held footage is destroyed, by two signatures, on paper."""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path
from typing import Any

from agent.cli.approve_texts import APPROVE_TEXTS
from agent.cli.moments import span as moments
from agent.cli.place import CommandError, Place, UsageError
from agent.cli.requests import ask, wants
from agent.cli.retention_texts import why
from agent.cli.sheet import STYLE
from agent.cli.texts import Texts
from agent.config import load
from agent.core.retiring import METHODS
from agent.footage.errors import FootageError
from agent.jobs import retiring
from agent.jobs.desk import Desk
from agent.runtime.paths import Paths

RETIRING_TEXTS: dict[str, tuple[str, str]] = {
    "retire-not": ("this disk may not be destroyed: {why}", "此磁盘不得销毁：{why}"),
    "retire-not-empty": (
        "{device}: not empty at byte {at}: overwrite all of it with zeros (blkdiscard -z, or shred -n 0 -z) first",
        "{device}：字节 {at} 处仍有数据：请先用零覆盖整盘（blkdiscard -z 或 shred -n 0 -z）",
    ),
    "retire-looked": ("{count} blocks spread over it were read: empty", "抽读全盘 {count} 个数据块：均为空"),
    "retire-written": ("{file}: print it, sign it, file it", "{file}：请打印、签字、归档"),
    "cert-title": ("Certificate of destruction", "数据载体销毁证明"),
    "cert-disk": ("disk (serial number)", "磁盘序列号"),
    "cert-volume": ("volume", "卷标识"),
    "cert-held": ("held", "存储内容"),
    "cert-used": ("last recorded to", "最后录像时间"),
    "cert-method": ("destroyed by", "销毁方式"),
    "cert-looked": ("read back by this board", "本板回读"),
    "cert-not-looked": ("not read back", "未回读"),
    "cert-document": ("written consent", "书面同意文件编号"),
    "cert-reason": ("reason", "原因"),
    "cert-requester": ("asked for by", "申请人"),
    "cert-approver": ("approved by", "批准人"),
    "cert-key": ("with key {key}", "密钥 {key}"),
    "cert-row": ("row {row} of the journal, {time}", "日志第 {row} 条，{time}"),
    "cert-done": ("carried out by", "销毁人"),
    "cert-seen": ("witnessed by", "监销人"),
    "cert-day": ("date", "日期"),
    **{name: text for name, text in APPROVE_TEXTS.items() if name.startswith("value-method-")},
}
FACTS = ("disk", "volume", "held", "used", "method", "looked", "document", "reason", "requester", "approver")
NS = 1_000_000_000


def add_to(actions: Any) -> None:
    """The two of them."""
    retire = actions.add_parser("retire", help="ask for a disk that held footage to be destroyed")
    retire.add_argument("--disk", required=True, metavar="SERIAL", help="its serial number, as printed on it")
    retire.add_argument(
        "--volume", default="", metavar="ID", help="its marker (.standpipe-volume), where it can be read"
    )
    retire.add_argument("--held", required=True, metavar="TEXT", help="what was on it: cameras, from when to when")
    retire.add_argument(
        "--last-used", metavar="TIME", help="when footage was last recorded to it, if the journal cannot tell"
    )
    retire.add_argument("--method", required=True, choices=METHODS)
    retire.add_argument("--document", default="", metavar="NUMBER", help="of the paper with the written consent")
    wants(retire)
    certificate = actions.add_parser("certificate", help="of a disk that two people have signed for, to print")
    certificate.add_argument("request", metavar="REQUEST")
    certificate.add_argument("--device", type=Path, metavar="PATH", help="the emptied disk, to be looked at: /dev/sdX")
    certificate.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it: FILE.html")


def retire(args: argparse.Namespace, paths: Paths, desk: Desk, place: Place, t: Texts) -> int:
    """Ask, if nothing speaks against it. CommandError, UsageError."""
    told_ns = moments(args.last_used, "now", place)[0] if args.last_used else None
    if refused := retiring.may_not(desk, args.volume, told_ns):
        raise CommandError(t("retire-not", why=why(refused, t.language)))
    used_ns = retiring.replaced_ns(desk, args.volume) or told_ns
    scope = {"disk": args.disk, "volume": args.volume, "held": args.held, "last_used_ns": str(used_ns)}
    scope |= {"method": args.method, "document": args.document}
    return ask(paths, t, retiring.WHAT, scope, args)


def _looked(device: Path, t: Texts) -> str:
    count, at = retiring.looked_at(device)
    if at is not None:
        raise UsageError(t("retire-not-empty", device=device, at=at))
    return t("retire-looked", count=count)


def certificate(args: argparse.Namespace, paths: Paths, desk: Desk, place: Place, t: Texts) -> int:
    """Written, and a row the first time. CommandError if it was not signed for."""
    site = load(paths.site).site
    looked = _looked(args.device, t) if args.device is not None else ""
    try:
        made = retiring.certify(desk, args.request, looked)
    except FootageError as error:
        raise CommandError(f"{args.request}: {why(str(error), t.language)}") from error
    page = rendered(made, f"{site.id}/{site.board}", place, t)
    try:
        args.out.write_text(page, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{args.out}: {error.strerror}") from error
    print(t("retire-written", file=args.out))
    return 0


def rendered(made: dict[str, Any], where: str, place: Place, t: Texts) -> str:
    """One page that prints on A4."""
    told = {
        **made,
        "used": place.time(made["last_used_ns"]),
        "method": t(f"value-method-{made['method']}"),
        "looked": made["looked"] or t("cert-not-looked"),
        "approver": f"{made['approver']} ({t('cert-key', key=made['key'])})",
    }
    title, day = t("cert-title"), place.time(made["at_ns"])[:10]
    facts = "\n".join(
        f"<tr><th>{t(f'cert-{name}')}</th><td>{escape(str(told[name]) or '-')}</td></tr>" for name in FACTS
    )
    proof = t("cert-row", row=made["row"], time=place.time(made["at_ns"]))
    lines = "".join(f"<div>{t(f'cert-{name}')}</div>" for name in ("done", "seen"))
    style = STYLE.replace("SHEET", f"{where} {made['request']}")
    head = f"<title>{title}: {escape(made['disk'])}</title><style>{style}</style>"
    return (
        f'<!doctype html>\n<html lang="{place.language}"><head><meta charset="utf-8">{head}</head>\n<body>\n'
        f'<header><h1>{title}</h1><div class="where">{escape(where)}<small>{escape(made["request"])}, {day}</small>'
        f"</div></header>\n<table>{facts}</table>\n"
        f'<section class="proof"><p>{proof}</p><code>{made["hash"]}</code></section>\n'
        f'<div class="sign">{lines}<div class="date">{t("cert-day")}</div></div>\n</body></html>\n'
    )
