"""An export package of real footage, and ways to tamper with it: as anybody could, and as who has the board's key."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sp_footage import fragments, stamp, write_segment
from sp_viewing import SITE, ViewingSite

from agent.core.package import EXPORT, MANIFEST, SIGNATURE, as_text, field_hashes, listed, to_be_signed
from agent.core.people import public_of
from agent.core.verdict import Verdict
from agent.footage.export import Board, Exporter, Made, Order, Receiver
from agent.footage.seal import Sealer
from agent.footage.verify import verify_package
from agent.runtime.keys import Signer, board_key, new_signer, verify

TWO = SITE + '\n[[camera]]\nid = "gate"\nsource = "testcard:"\npurpose = "who comes in"\n'


class ExportSite(ViewingSite):
    """Two cameras, sealed in parts; the time is in the hour that runs."""

    def __init__(self, folder: Path, segments: int = 4) -> None:
        super().__init__(folder, segments, TWO)
        for n in range(2):
            parts = fragments(20, first=100 + 20 * n, start=stamp(101 + 2 * n), size=(160, 128))
            write_segment(self.paths.footage, 7 + n, parts, camera="gate", index=self.index)
        rows = [row for row in self.index.segments("yard") if row.seq <= 2]
        self.sealer = Sealer(self.paths.footage, self.index, self.journal)
        self.index.drop("yard", 3)
        self.sealer.seal_now(rows)
        self.index.drop("yard", 3)
        self._put_back()
        self.signer: Signer = board_key(self.paths.data)
        self.wang = new_signer()

    def _put_back(self) -> None:
        parts = fragments(20, first=40, start=stamp(104))
        for path in self.paths.footage.glob("yard/*/00000003-*"):
            path.unlink()
        write_segment(self.paths.footage, 3, parts, index=self.index)

    def order(self, **changes: Any) -> Order:
        grant = changes.pop("grant", "") or self.granted(100, 110, copies=True, cameras=("yard", "gate"))
        about: dict[str, Any] = {
            "viewer": "wang",
            "cameras": ("yard", "gate"),
            "from_ns": self.at(101),
            "to_ns": self.at(107.5),
            "receiver": Receiver("公安分局", ("李某 110101", "王某 110102"), "公证字 17 号"),
            "basis": "治安管理处罚法",
            "by": "root",
            "at": "tty1",
        }
        return Order(grant=grant, **{**about, **changes})

    def exporter(self, **changes: Any) -> Exporter:
        board = Board("plant", "pump-house", "Asia/Shanghai", {"gate": "who comes in"}, self.signer, "standpipe test")
        return Exporter(self.screen, board, **{"person": ("wang", self.wang), **changes})

    def make(self, name: str = "evidence.zip", **changes: Any) -> Made:
        exporter = changes.pop("exporter", None) or self.exporter()
        return exporter.make(self.order(**changes), self.paths.run / name)


def unpacked(package: Path, folder: Path) -> Path:
    """The package as a folder."""
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    return folder


def judged(package: Path, *keys: Signer) -> Verdict:
    return verify_package(package, [public_of(key.public_text) for key in keys], verify)


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return found


def write_manifest(folder: Path, told: dict[str, Any]) -> None:
    (folder / MANIFEST).write_bytes(as_text(told))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object], **signers: Signer) -> None:
    """Change the manifest, make its hashes those of the files, and sign it anew with whatever keys there are."""
    told = manifest_of(folder)
    change(told)
    for _, entry in listed(told):
        path = folder / entry["name"]
        if path.exists():
            _renew(told, entry["name"], path.read_bytes())
    write_manifest(folder, told)
    digest, fields = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(), field_hashes(told)
    signatures = []
    for one in told["signers"]:
        key = signers.get(one["as"])
        sig = key.sign(EXPORT, to_be_signed(digest, fields, one)) if key else "0" * 128
        signatures.append({"as": one["as"], "sig": sig})
    said = {"v": 1, "manifest": digest, "fields": fields, "signatures": signatures}
    (folder / SIGNATURE).write_bytes(as_text(said))


def _renew(told: dict[str, Any], name: str, data: bytes) -> None:
    """The entry of that file says what the file is."""
    groups = [one for camera in told["cameras"] for one in (*camera["segments"], *camera["clips"], *camera["marked"])]
    for entry in (*groups, *told["files"]):
        if entry.get("name", entry.get("file")) == name:
            entry["bytes"], entry["sha256"] = len(data), hashlib.sha256(data).hexdigest()
