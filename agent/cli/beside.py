"""What stands beside a site file: secrets.toml, the files that [uplink] names, and where copies are taken away."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

from msgspec import UNSET

from agent.cli.texts import Texts
from agent.config import Problem, SiteConfig
from agent.config.words import nearest
from agent.runtime.keys import BOARD_KEY
from agent.runtime.paths import Paths
from agent.runtime.secrets import Secrets, SecretsError

Found = tuple[Path, str, Problem]  # of which file, "error" or "warning", what
FILES_MOST = 2000  # looked at in a folder of copies: what lies deeper in it than that is not looked for
SMALL = 64 * 1024  # no key file is larger
OTHERS, ANYBODY = 0o077, 0o007

BESIDE_TEXTS: dict[str, tuple[str, str]] = {
    "beside-own-disk": (
        "the copies lie on the disk of the data itself and are lost with it: mount another there (path of [backup])",
        "备份与数据在同一块磁盘上，会一同丢失：请在此处挂载另一块磁盘（[backup] 的 path）",
    ),
    "beside-held-here": (
        "copies of held footage lie on the disk of the data and are lost with it, and no backup has footage: name a "
        "folder on another disk (path of [holds])",
        "留存录像的副本与数据在同一块磁盘上，会一同丢失，而备份不含录像：请指定另一块磁盘上的文件夹（[holds] 的 path）",
    ),
    "beside-no-folder": (
        "there is no such folder: is the disk of the copies mounted? (path of [{section}])",
        "没有此文件夹：存放副本的磁盘是否已挂载？（[{section}] 的 path）",
    ),
    "beside-open-key": (
        "a key or passwords lie open where copies leave the board: whoever has this disk can sign, or log in. "
        "Keep them on a stick of its own, in the safe, and replace the key if the disk was away",
        "密钥或密码以明文存放在会被带走的副本磁盘上：拿到磁盘者即可签名或登录。请单独存于一个 U 盘并锁入保险柜；"
        "磁盘若曾外带，请更换密钥",
    ),
    "beside-loose-key": (
        "a person's key lies where copies leave the board, and other users can read it (mode {mode}): chmod 600, "
        "or better take it away",
        "个人密钥存放在会被带走的副本磁盘上，且其他用户可读（权限 {mode}）：请 chmod 600，最好移走",
    ),
    "beside-read-key": (
        "anybody on this machine can read this key (mode {mode}): chmod 640",
        "本机任何用户都能读取此密钥（权限 {mode}）：请 chmod 640",
    ),
}


def beside(file: Path, config: SiteConfig, paths: Paths, t: Texts) -> list[Found]:
    """All of it. t: with BESIDE_TEXTS."""
    return [
        *_secrets(file.with_name("secrets.toml"), config, t),
        *_certificates(file, config, t),
        *_copies(config, paths, t),
    ]


def _warning(path: Path, message: str) -> Found:
    return path, "warning", Problem("", "", message)


def _secrets(path: Path, config: SiteConfig, t: Texts) -> list[Found]:
    try:
        names = Secrets.load(path).names()
    except SecretsError as error:
        reason = str(error).removeprefix(f"{path}: ")
        return [(path, "error", Problem("", "", reason))]
    known = {camera.id for camera in config.camera} | {"uplink"}
    found = []
    for name in sorted(names - known):
        near = nearest(name, known)
        message = t("secrets-unknown", name=name, near=t("near", near=near) if near else "")
        found.append(_warning(path, message))
    return found


def _certificates(file: Path, config: SiteConfig, t: Texts) -> list[Found]:
    if config.uplink is UNSET:
        return []
    named = {key: getattr(config.uplink, key) for key in ("ca", "cert", "key")}
    missing = {key: path for key, path in named.items() if path and not Path(file.parent, path).exists()}
    found = [_warning(file, t("file-missing", key=f"uplink.{key}", path=path)) for key, path in missing.items()]
    key = Path(file.parent, named["key"])
    if named["key"] and key.exists() and key.stat().st_mode & ANYBODY:
        found.append(_warning(key, t("beside-read-key", mode=f"{key.stat().st_mode & 0o777:o}")))
    return found


# --- where copies are taken away ---


def _copies(config: SiteConfig, paths: Paths, t: Texts) -> list[Found]:
    """The folders of [backup] and [holds]: there, on another disk, and without keys."""
    found: list[Found] = []
    for section, text in (("backup", config.backup.path), ("holds", config.holds.path)):
        folder = Path(text)
        if not text or (section == "holds" and folder.is_relative_to(paths.data) and not folder.exists()):
            continue  # without a folder of its own it is made when it is needed
        if not folder.is_dir():
            if paths.journal.exists():  # of a board that runs: its file may be looked through on another machine
                found.append(_warning(folder, t("beside-no-folder", section=section)))
            continue
        if section == "backup" and _on_data(folder, paths):
            found.append(_warning(folder, t("beside-own-disk")))
        found += _keys_in(folder, t)
    held = Path(config.holds.path) if config.holds.path else paths.data
    if config.backup.path and config.camera and _on_data(held, paths):
        found.append(_warning(held, t("beside-held-here")))
    return found


def _on_data(folder: Path, paths: Paths) -> bool:
    return paths.data.is_dir() and folder.is_dir() and folder.stat().st_dev == paths.data.stat().st_dev


def _keys_in(folder: Path, t: Texts) -> list[Found]:
    found = []
    for path in sorted(itertools.islice(folder.rglob("*"), FILES_MOST)):
        try:
            small = path.is_file() and not path.is_symlink() and path.stat().st_size <= SMALL
            text = path.read_bytes().decode("ascii", errors="replace") if small else ""
            mode = path.stat().st_mode & 0o777 if text else 0
        except OSError:  # of another user: then it is not open to this one
            continue
        if _open_key(path, text):
            found.append(_warning(path, t("beside-open-key")))
        elif "ENCRYPTED PRIVATE KEY-----" in text and mode & OTHERS:
            found.append(_warning(path, t("beside-loose-key", mode=f"{mode:o}")))
    return found


def _open_key(path: Path, text: str) -> bool:
    """A board's key, passwords, or a private key that no passphrase closes."""
    if "PRIVATE KEY-----" in text:
        return "ENCRYPTED" not in text
    if path.name == BOARD_KEY or re.fullmatch(r"[0-9a-f]{64}\s*", text):
        return True
    return path.suffix == ".toml" and re.search(r"^\s*password\s*=", text, re.MULTILINE) is not None
