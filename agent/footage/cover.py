"""The cover sheet of an export package, in Chinese and English: what is in it and how to check it, for a judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from html import escape
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_STYLE = """
body{font:15px/1.5 "Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif;max-width:60em;
margin:2em auto;padding:0 1em}
table{border-collapse:collapse;width:100%;margin:.5em 0}td,th{border:1px solid #999;padding:.3em .5em;text-align:left;
vertical-align:top}th{background:#eee;font-weight:normal}code{background:#eee;word-break:break-all}h2{margin-top:1.5em}
"""
CLOCKS = {
    "synced": "由网络校时 / kept by network time",
    "rtc": "可信，但无人校准 / plausible, kept by nothing",
    "unset": "录像时未校时 / not set when it was recorded",
}
_CHECK = """
<p>在任一装有 standpipe 的电脑上运行下面的命令（不需要站点的任何数据，也不需要网络）。公钥须从本单位另行取得
（在板上运行 <code>standpipe keys board</code>），不能只采信本文件包内所写的公钥。<br>
Run this on any computer that has standpipe; nothing of the site and no network is needed. Have the public key told to
you by the site itself (there: <code>standpipe keys board</code>): do not rely on the one written in here.</p>
<p><code>standpipe verify {name} --key KEY-FILE</code></p>
<p>该命令检查：文件包自制作以来未被改动（设备签名）；每段原始录像自录制后不久即被封存，此后未被改动、删减、调换或改时
（封存记录与默克尔路径）；片段中的每一幅画面都出自这些原始录像。凡有不符，逐项指明。<br>
It checks that nothing was changed since the package was made (the board's signature); that each original was sealed
soon after it was recorded and has not been changed, dropped, swapped or re-timed since (the sealing rows and their
Merkle paths); and that every picture of the clips is one of the originals. Whatever does not fit is named.</p>
<p>不用本程序也可核对：<code>sha256sum -c SHA256SUMS</code>（文件散列值）。<br>
Without the program: <code>sha256sum -c SHA256SUMS</code> for the hashes of the files alone.</p>
<p><b>播放 / To play:</b> <code>clips/</code> 中的 MP4 可用任何播放器打开；<code>footage/</code> 为原始录像，也可播放。
带水印的副本（<code>marked/</code>）经重新编码，仅供阅览，不作证明。<br>
The MP4s in <code>clips/</code> open in any player; <code>footage/</code> are the originals, and play too. Copies with a
watermark (<code>marked/</code>) were encoded again: for viewing, not for proof.</p>
<p><b>原始录像为整段（约一分钟），首尾可能超出所申请的时间。</b>
Originals are whole segments of about a minute: at either end they may show a little more than was asked for.</p>
"""


def cover(manifest: dict[str, Any]) -> str:
    """The sheet as one HTML page that needs nothing else. Everything of the manifest is escaped."""
    zone = _zone(manifest["site"]["timezone"])
    parts = [
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">',
        f"<title>{escape(manifest['export'])}</title><style>{_STYLE}</style>",
        "<h1>录像证据包 / Footage handed out</h1>",
        _table(_about(manifest, zone)),
    ]
    for camera in manifest["cameras"]:
        parts += [f"<h2>{escape(camera['id'])}</h2>", *_camera(camera, zone)]
    parts += ["<h2>核验 / How to check it</h2>", _CHECK.replace("{name}", "PACKAGE.zip")]
    parts.append(_table(_proof(manifest)))
    return "\n".join(parts) + "\n"


def _about(told: dict[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    made, asked, receiver, clock = told["made"], told["asked"], told["receiver"], told["clock"]
    yield "编号 / number", told["export"]
    yield "站点 / site", f"{told['site']['id']} / {told['site']['board']}"
    yield "制作 / made", f"{_time(made['at_ns'], zone)}, {made['by']}, {made['program']}"
    yield "时间 / time asked for", f"{_time(asked['from_ns'], zone)} - {_time(asked['to_ns'], zone)}"
    yield "接收方 / receiver", receiver["name"]
    for person in receiver["persons"]:
        yield "经办人 / person", person
    yield "文书编号 / letter", receiver["letter"] or "-"
    yield "法律依据 / legal basis", told["basis"]
    yield "用途 / purpose", told["purpose"]
    yield "批准 / approved under", told["grant"]
    yield "板的时钟 / the board's clock", CLOCKS.get(clock["state"], clock["state"])
    if clock["compared"]:
        ahead = f"{clock['ahead_ms'] / 1000:+.3f} s"
        yield "与标准时间比对 / compared", f"{ahead} ({clock['compared']})"


def _camera(camera: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    segments = camera["segments"]
    rows = [("用途 / purpose", camera["purpose"] or "-")]
    if segments:
        first, last = segments[0], segments[-1]
        begin, end = first["start_at_ns"] + first["correction_ns"], last["end_at_ns"] + last["correction_ns"]
        rows.append(("原始录像 / originals", f"{len(segments)}: {_time(begin, zone)} - {_time(end, zone)}"))
        clocks = sorted({segment["clock"] for segment in segments})
        rows.append(("录像时的时钟 / clock then", "; ".join(CLOCKS.get(one, one) for one in clocks)))
        moved = {segment["correction_ns"] for segment in segments} - {0}
        if moved:
            rows.append(("事后校正 / corrected by", ", ".join(f"{one / 1e9:+.3f} s" for one in sorted(moved))))
        proven = sum(segment["seal"] >= 0 for segment in segments)
        rows.append(("已封存 / under a seal", f"{proven} / {len(segments)}"))
    rows += [("片段 / clip", f"{one['name']}") for one in camera["clips"]]
    rows += [("水印副本 / with watermark", f"{one['name']}: {one['text']}") for one in camera["marked"]]
    for gap in camera["gaps"]:
        when = f"{_time(gap['from_ns'], zone)} - {_time(gap['to_ns'], zone)}"
        rows.append(("缺失 / not recorded", f"{when}: {gap['cause']}"))
    rows += [("未含 / left out", f"{one['segments']}: {one['why']}") for one in camera["missing"]]
    yield _table(rows)


def _proof(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for signer in told["signers"]:
        what = "设备公钥 / the board's key" if signer["as"] == "board" else "签名人 / signed by"
        yield what, f"{signer['who']}: {signer['key']}"
    chain = told["chain"]
    yield "日志链首 / head of the journal", f"{chain['epoch']}-{chain['seq']}: {chain['hash']}"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def _time(ns: int, zone: tzinfo) -> str:
    try:
        return datetime.fromtimestamp(ns // 1_000_000_000, zone).strftime("%Y-%m-%d %H:%M:%S %z")
    except (ValueError, OverflowError, OSError):
        return str(ns)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
