"""Reasons, as processes record them in English, in the language of a site: by tables of text -> the same in Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping

Patterns = list[tuple[re.Pattern[str], str]]


def patterns(table: Mapping[str, str]) -> Patterns:
    """A table to look reasons up by. In its texts {} is what stands there; the first that fits counts."""
    return [
        (re.compile(re.escape(text).replace(r"\{\}", "(.+?)"), re.DOTALL), chinese) for text, chinese in table.items()
    ]


def said(known: Patterns, text: str, language: str) -> str:
    """A reason in that language, and what stands in it, too; as it was recorded if nobody has translated it."""
    if language == "zh-CN":
        for pattern, chinese in known:
            if found := pattern.fullmatch(text):
                return chinese.format(*(said(known, one, language) for one in found.groups()))
    return text
