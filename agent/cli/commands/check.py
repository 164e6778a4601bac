"""standpipe check: everything that is wrong with a site file, and with what stands beside it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from msgspec import UNSET

from agent.cli.beside import BESIDE_TEXTS, beside
from agent.cli.terminal import BOLD, RED, YELLOW, paint, safe
from agent.cli.texts import Texts
from agent.config import Checked, Problem, check
from agent.runtime.paths import Paths

HELP = """\
Looks through site.toml, secrets.toml beside it and the folders of copies, and says everything that is wrong, each
with its line, the value that stands there and what is allowed. Nothing is started or changed. Exit code 1 if there
are errors; warnings alone are 0."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="site.toml", help="another file than --site")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(args: argparse.Namespace, paths: Paths) -> int:
    file = args.file.absolute() if args.file else paths.site
    checked = check(file)
    t = Texts(checked.language, BESIDE_TEXTS)
    errors = [(file, problem) for problem in checked.problems]
    warnings = [(file, problem) for problem in checked.warnings]
    for where, level, problem in beside(file, checked.config, paths, t) if checked.config else []:
        (errors if level == "error" else warnings).append((where, problem))
    if args.json:
        print(_as_json(errors, warnings))
    else:
        _print(errors, RED, t("error"))
        _print(warnings, YELLOW, t("warning"))
        print(_verdict(file, checked, len(errors), len(warnings), t))
    return 1 if errors else 0


def _print(found: list[tuple[Path, Problem]], colour: str, level: str) -> None:
    for file, problem in found:
        where = f"{file}:{problem.line}" if problem.line else str(file)
        print(f"{paint(where, BOLD)}: {paint(level, colour)}: {safe(str(problem))}")


def _verdict(file: Path, checked: Checked, errors: int, warnings: int, t: Texts) -> str:
    config = checked.config
    if errors or config is None:
        return t("check-bad", errors=errors, warnings=warnings)
    uplink = t("check-no-uplink") if config.uplink is UNSET else t("check-uplink", broker=config.uplink.broker)
    counts = {f"{name}s": len(getattr(config, name)) for name in ("point", "pump", "relay", "camera", "rule")}
    return t("check-good", file=file, uplink=uplink, **counts)


def _as_json(errors: list[tuple[Path, Problem]], warnings: list[tuple[Path, Problem]]) -> str:
    found = [
        {"level": level, "file": str(file), "line": p.line, "key": p.key, "value": p.value, "message": p.message}
        for level, problems in (("error", errors), ("warning", warnings))
        for file, p in problems
    ]
    return json.dumps({"good": not errors, "found": found}, ensure_ascii=False, indent=2)
