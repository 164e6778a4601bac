"""The documents tell the truth: what they name exists, what exists they name, and their tables are the code's.

`.venv/bin/python -m tests.test_docs` writes agent/core/events.md anew, from agent/core/events.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from agent.cli.commands import COMMANDS
from agent.core import events
from agent.core.events import KINDS, Event

ROOT = Path(__file__).parents[1]
SKIPPED = {"build", "dist", "node_modules"}
PROCESSES = ("panel", "recorder", "uplink", "web", "jobs", "installer", "collector")
README, AGENT_README, EVENTS_MD = ROOT / "README.md", ROOT / "agent/README.md", ROOT / "agent/core/events.md"


def files(*suffixes: str) -> list[Path]:
    """All files of ours with one of these endings."""
    found = (path for suffix in suffixes for path in ROOT.rglob(f"*{suffix}"))
    return sorted(p for p in found if not any(q.startswith(".") or q in SKIPPED for q in p.relative_to(ROOT).parts))


DOCS = {str(path.relative_to(ROOT)): path for path in files(".md")}
ENDINGS = (".py", ".sh", ".sql", ".toml", ".service", ".target", ".conf", ".scenario")
CODE = [path for path in files(*ENDINGS) if path != Path(__file__)]  # this file is full of names that are lies
WORDS = set(re.findall(r"\w+", "\n".join(path.read_text(encoding="utf-8") for path in CODE)))


# --- reading Markdown ---


def without_blocks(text: str) -> str:
    """The text without its code blocks, fenced or indented."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"(?:\A|(?<=\n\n))(?: {4}.*\n|\n)+", "\n", text)


def spans(text: str) -> set[str]:
    """What stands in backticks, outside of code blocks."""
    return set(re.findall(r"`([^`\n]+)`", without_blocks(text)))


def tables(text: str) -> dict[str, list[list[str]]]:
    """First word of the heading row -> rows of cells, for each table."""
    found = {}
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.M):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found[head[0].strip("`")] = rows
    return found


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# --- links ---


def broken_links(path: Path, text: str) -> list[str]:
    """Links to files, or to headings in them, that are not there."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)):
        if link.startswith(("http://", "https://")):
            continue
        where, _, heading = link.partition("#")
        target = path.parent / where if where else path
        known = {anchor(h) for h in re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.M)} if heading else set()
        if not target.exists() or (heading and heading not in known):
            broken.append(link)
    return broken


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name: str) -> None:
    assert broken_links(DOCS[name], DOCS[name].read_text(encoding="utf-8")) == []


# --- names in backticks ---

# Files that a running site has and a checkout does not, and what an editor makes.
OF_A_SITE = re.compile(
    r"(site|my-site|secrets)\.toml|(journal|media|collector)\.db|cursor-[\w*]+\.db|journal\.lock|media\.lock|"
    r"journal\.db\.moved-\.\.\.|status-[\w*]+\.json|board\.sock|(footage|clips|pictures)/(CAMERA/)?"
)
FILE = re.compile(r"[\w.*@-]+\.(py|sh|sql|toml|md|service|target|conf|scenario|db|json|lock|sock)(\.moved-\.\.\.)?")
PATH = re.compile(r"[\w.@*-]+(/[\w.@*-]+)*/?")
MODULE = re.compile(r"(agent|hw)(\.\w+)+")
MEMBER = re.compile(r"([A-Z_]\w*)\.(\w+)(\(\))?")
IDENTIFIER = re.compile(r"(\w+)(\(.*\))?")
TOPICS = ("standpipe/", "state/", "file/")
OF_OTHERS = {"bounce_time"}  # what other people's programs call things


def _members() -> dict[str, set[str]]:
    """Class -> methods, fields and attributes, its own and those its bases here have."""
    own: dict[str, set[str]] = {}
    bases: dict[str, set[str]] = {}
    for path in files(".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                inner = list(ast.walk(node))
                found = {n.name for n in inner if isinstance(n, ast.FunctionDef)}
                found |= {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
                found |= {n.attr for n in inner if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
                own.setdefault(node.name, set()).update(found)
                bases.setdefault(node.name, set()).update(ast.unparse(base) for base in node.bases)
    return {name: found.union(*(own.get(base, set()) for base in bases[name])) for name, found in own.items()}


MEMBERS = _members()
MODULES = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in files(".py")}
MODULES |= {m.removesuffix(".__init__") for m in MODULES} | {m.removesuffix(".__main__") for m in MODULES}


def _is_there(span: str, beside: Path) -> bool:
    """A path, seen from the root, from the document's folder, from agent/ or from agent/core/; * is a wildcard."""
    for base in (ROOT, beside, ROOT / "agent", ROOT / "agent/core"):
        if "*" in span and list(base.glob(span.rstrip("/"))):
            return True
        if "*" not in span and (base / span).exists():
            return True
    return False


def unknown(span: str, beside: Path) -> bool:
    """True if `span` looks like the name of something of ours, and there is no such thing."""
    if span in KINDS or span in OF_OTHERS or span.startswith(TOPICS) or OF_A_SITE.fullmatch(span):
        return False
    if FILE.fullmatch(span) or (PATH.fullmatch(span) and "/" in span):
        return not _is_there(span, beside)
    if MODULE.fullmatch(span):
        planned = {*layers().ALLOWED, *(where for places in layers().PACKAGES.values() for where in places)}
        return not (span in MODULES or span in planned or _in_a_module(span))
    if (member := MEMBER.fullmatch(span)) and member[1] in MEMBERS:
        return member[2] not in MEMBERS[member[1]]
    identifier = IDENTIFIER.fullmatch(span)
    ours = identifier and ("_" in span or identifier[2] or re.fullmatch(r"_?[A-Z]\w*[a-z]\w*[A-Z]\w*", span))
    return bool(identifier and ours and identifier[1] not in WORDS) or bool(member and member[1] not in WORDS)


def _in_a_module(span: str) -> bool:
    module, _, name = span.rpartition(".")
    return module in MODULES and hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("name", DOCS)
def test_what_stands_in_backticks_exists(name: str) -> None:
    path = DOCS[name]
    found = [span for span in spans(path.read_text(encoding="utf-8")) if unknown(span, path.parent)]
    assert found == [], "renamed, moved, or never there"


@pytest.mark.parametrize("name", [name for name in DOCS if name.startswith("agent/design/0")])
def test_a_decision_is_short_dated_and_listed(name: str) -> None:
    text = DOCS[name].read_text(encoding="utf-8")
    assert re.match(r"# \d{4} .+\n\nDate: \d{4}-\d\d-\d\d\. Status: ", text)
    assert [part for part in ("Context", "Options", "Outcome", "Costs") if f"**{part}" not in text] == []
    assert text.count("\n") <= 40
    listed = (ROOT / "agent/design/README.md").read_text(encoding="utf-8")
    assert f"({Path(name).name})" in listed


# --- the command line ---


@functools.cache
def commands() -> dict[str, argparse.ArgumentParser]:
    """Every command with its subcommands: "alarm ack" -> its parser."""
    found = {}
    for name in COMMANDS:
        module = f"agent.cli.commands.{name.replace('-', '_')}"
        if module not in MODULES:
            continue
        parser = argparse.ArgumentParser()
        importlib.import_module(module).add(parser)
        inner = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        below = {f"{name} {word}": sub for action in inner for word, sub in action.choices.items()}
        found.update(below or {name: parser})
    return found


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    assert {command.partition(" ")[0] for command in commands()} == set(COMMANDS), "listed without a module"
    assert [command for command in commands() if f"`{command}`" not in text] == []


def told_commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """(command, its options) of every `standpipe ...` in a document's backticks and code blocks."""
    for told in re.findall(r"(?<![\w/.-])standpipe ((?:[a-z]+ ?)[^`\n#:;→]*)", text):
        words = told.split()
        two = " ".join(words[:2])
        known = commands()
        yield (two if two in known else words[0]), [word for word in words if word.startswith("--")]


def code_of(text: str) -> str:
    """Backticks and code blocks only."""
    prose = without_blocks(text)
    lines = [line for line in text.splitlines() if line not in prose]
    return "\n".join([*lines, *spans(text)])


@pytest.mark.parametrize("name", DOCS)
def test_no_document_tells_of_commands_or_options_there_are_not(name: str) -> None:
    known, wrong = commands(), []
    families = {command.partition(" ")[0] for command in known}
    for command, options in told_commands(code_of(DOCS[name].read_text(encoding="utf-8"))):
        if command in families and command not in known:
            continue  # a family without its subcommand
        accepted = {"--site", "--data", "--run", "--help"}
        if command in known:
            accepted |= set(known[command]._option_string_actions)
        wrong += [command] if command not in families | set(known) else []
        wrong += [f"{command} {option}" for option in options if option not in accepted]
    assert wrong == []


@pytest.mark.parametrize("name", DOCS)
def test_scripts_take_the_options_that_documents_give_them(name: str) -> None:
    wrong = []
    for script, rest in re.findall(r"\bsh ([\w/]+\.sh)([^`\n#]*)", DOCS[name].read_text(encoding="utf-8")):
        text = (ROOT / script).read_text(encoding="utf-8")
        if script == "tests/run.sh":
            text += (ROOT / "tests/conftest.py").read_text(encoding="utf-8")
        if script == "tests/bench/run.sh":
            text += (ROOT / "tests/bench/table.py").read_text(encoding="utf-8")
        wrong += [f"{script} {option}" for option in re.findall(r"--[a-z-]+", rest) if option not in text]
    assert wrong == []


# --- the layers ---


def layers() -> ModuleType:
    """tests/test_layers.py as a module."""
    if "sp_layers" not in sys.modules:
        spec = importlib.util.spec_from_file_location("sp_layers", Path(__file__).with_name("test_layers.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules["sp_layers"] = module
    return sys.modules["sp_layers"]


def _spread(unit: str) -> list[str]:
    return [unit.replace("*", process) for process in PROCESSES] if "*" in unit else [unit]


def test_the_table_of_layers_is_the_one_that_is_held() -> None:
    told: dict[str, set[str]] = {}
    for units, below in tables(AGENT_README.read_text(encoding="utf-8"))["unit"]:
        allowed = set(told) if "everything above" in below else set(names(below))
        told |= {one: allowed for unit in names(units) for one in _spread(unit)}
    held = {unit: set(allowed) for unit, allowed in layers().ALLOWED.items() if unit != "agent"}
    assert told == held


def test_the_table_of_packages_is_the_one_that_is_held() -> None:
    told = {
        package: set(names(where))
        for packages, where in tables(AGENT_README.read_text(encoding="utf-8"))["package"]
        for package in names(packages)
    }
    assert told == {package: set(where) for package, where in layers().PACKAGES.items()}


# --- event kinds ---


def _sections() -> dict[str, str]:
    """Kind -> what its file is about, file by file as the package lists them."""
    found = {}
    for area in re.findall(r"^from (agent\.core\.events\.\w+) import", inspect.getsource(events), re.MULTILINE):
        module = importlib.import_module(area)
        heading = (module.__doc__ or "").strip().rstrip(".")
        for name in re.findall(r'^@kind\("([^"]+)"', inspect.getsource(module), re.MULTILINE):
            found[name] = heading
    return found


def _field_names(kind: type[Event]) -> str:
    return ", ".join(f"`{f.name}`" for f in fields(kind) if f.name not in ("source", "signal", *events.MARKS))


def events_table() -> str:
    """agent/core/events.md, as the package has it."""
    source = "Made from the docstrings of [events](events/__init__.py) by `tests/test_docs.py`."
    lines = ["# Event kinds", "", source, ""]
    lines += ["Lane `alarm`: always; `class`: alarm lane unless the row's class is status."]
    heading = ""
    for kind, section in _sections().items():
        if section != heading:
            heading = section
            lines += ["", f"## {section}", "", "| kind | says | data | lane |", "|---|---|---|---|"]
        cls = KINDS[kind]
        says = " ".join((inspect.getdoc(cls) or "").split()).replace("|", "\\|")
        lines.append(f"| `{kind}` | {says} | {_field_names(cls)} | {cls.LANE or 'class'} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_event_kinds_is_current() -> None:
    again = "write it anew: .venv/bin/python -m tests.test_docs"
    assert EVENTS_MD.read_text(encoding="utf-8") == events_table(), again
    assert set(_sections()) == set(KINDS)


# --- do these tests see what they forbid? ---


def test_a_document_that_lies_is_found() -> None:
    lies = (
        "`agent/core/nowhere.py` `Decider.guess` `append_twice()` `agent.core.nothing` `no_such_name` `NoSuchThing` "
        "`core/pump.sql`"
    )
    assert {span for span in spans(lies) if unknown(span, ROOT)} == spans(lies)
    true = "`agent/core/alarm.py` `core/alarm.py` `Decider.take` `append()` `agent.core.wire` `door.opened` `site.toml`"
    assert {span for span in spans(true) if unknown(span, ROOT)} == set()
    assert broken_links(README, "[a](nowhere.md) [b](agent/README.md#no-such-heading) [c](LICENSE)") == [
        "nowhere.md",
        "agent/README.md#no-such-heading",
    ]
    assert list(told_commands("standpipe alarm ack --all\nstandpipe dance")) == [
        ("alarm ack", ["--all"]),
        ("dance", []),
    ]


if __name__ == "__main__":
    EVENTS_MD.write_text(events_table(), encoding="utf-8")
