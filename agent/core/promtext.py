"""Figures in Prometheus' text format (version 0.0.4): families of samples with labels, escaped as it asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Family(NamedTuple):
    """One metric: its name, gauge or counter, what it means, and (labels, value) of each sample."""

    name: str
    type: str
    help: str
    samples: list[tuple[dict[str, str], int | float]]


def text(families: Iterable[Family]) -> str:
    """All of them; one without samples is left out."""
    lines = []
    for family in families:
        if family.samples:
            lines += [f"# HELP {family.name} {_help(family.help)}", f"# TYPE {family.name} {family.type}"]
            lines += [f"{family.name}{_labels(labels)} {value}" for labels, value in family.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: dict[str, str]) -> str:
    inner = ",".join(f'{name}="{_label(value)}"' for name, value in labels.items())
    return f"{{{inner}}}" if inner else ""


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _help(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n")
