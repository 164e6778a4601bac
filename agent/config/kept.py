"""The last good site.toml, kept beside the data: a file that was cut off or mistyped must not stop an alarm panel."""

from __future__ import annotations

import os
from pathlib import Path

from agent.config.load import load
from agent.config.model import SiteConfig
from agent.config.problems import ConfigError

NAME = "site.last-good.toml"


def load_or_kept(path: Path, data: Path) -> tuple[SiteConfig, str]:
    """The site's config; and, if the file is wrong and the last good copy is used instead, one line that says so.

    ConfigError, as load() gives it, if there is no good copy either.
    """
    try:
        return load(path), ""
    except ConfigError as error:
        try:
            config = load(data / NAME)
        except ConfigError:
            raise error from None
        return config, f"{error.first()}; the last good site file is used until it is mended: standpipe check {path}"


def keep(path: Path, data: Path) -> None:
    """Keep a copy of a file that was just loaded, if it changed. OSError if the disk refuses: go on without."""
    target = data / NAME
    text = path.read_bytes()
    try:
        if target.read_bytes() == text:
            return
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{NAME}.part")  # one name: what a kill left is written over
    with part.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(target)
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)  # or a power cut brings back the copy before
    finally:
        os.close(folder)
