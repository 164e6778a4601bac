"""The two tables of agent/README.md, held: who may import whom, and which package is allowed where.

Every import statement counts, lazy ones inside functions and those under TYPE_CHECKING too.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROCESSES = ("panel", "recorder", "uplink", "web", "jobs", "installer", "collector")

# What each unit may import of ours, besides itself. A unit is the longest name here that a module begins with.
ALLOWED: dict[str, set[str]] = {
    "hw.ports": set(),
    "hw": {"hw.ports"},
    "agent.core": set(),
    "agent.journal": {"agent.core", "hw.ports"},
    "agent.config": {"agent.core", "hw.ports"},
    "agent.runtime": {"agent.core", "hw.ports"},
    "agent.footage": {"agent.core", "hw.ports", "agent.journal", "agent.config", "agent.runtime"},
    "agent.registers": {"agent.core", "hw.ports", "agent.journal", "agent.config", "agent.runtime"},
}
_BELOW = ALLOWED["agent.footage"] | {"agent.footage", "agent.registers"}
ALLOWED |= {f"agent.{name}": _BELOW for name in PROCESSES}
_ALL = _BELOW | {f"agent.{name}" for name in PROCESSES} | {"hw"}
ALLOWED |= {f"agent.{name}.__main__": _ALL for name in PROCESSES}
ALLOWED["agent.cli"] = _ALL
ALLOWED["agent"] = set()

# Third-party package -> where it may be imported (prefixes of module names).
PACKAGES: dict[str, tuple[str, ...]] = {
    "gpiozero": ("hw",),
    "gpiod": ("hw",),
    "lgpio": ("hw",),
    "picamera2": ("hw.cameras", "agent.recorder"),
    "av": ("hw.cameras", "agent.recorder", "agent.footage"),
    "cv2": ("hw.cameras", "agent.recorder"),
    "numpy": ("hw.cameras", "agent.recorder"),
    "paho": ("agent.uplink", "agent.collector"),
    "sqlite_utils": ("agent.journal.migrate", "agent.jobs", "agent.registers", "agent.cli"),
    "sqlite3": ("agent.journal", "agent.footage", "agent.collector"),
    "psycopg": ("agent.collector",),
    "minio": ("agent.collector",),
    "urllib3": ("agent.collector",),
    "systemd": ("agent.runtime",),
    "starlette": ("agent.web",),
    "jinja2": ("agent.web",),
    "uvicorn": ("agent.web",),
    "cryptography": ("agent.runtime.keys",),
    "inotify_simple": ("agent.journal.bell",),
    "msgspec": ("agent", "hw"),  # and yet not agent.core: see below
}
CORE_MAY_NOT = {
    "os",
    "time",
    "threading",
    "socket",
    "subprocess",
    "sqlite3",
    "pathlib",
    "select",
    "selectors",
    "random",
}


# The one import by a file's own folder: the system's python3 runs the worker, and knows nothing else of ours.
BESIDE = ("hw.cameras.csi_worker", "areas")


def modules() -> dict[str, Path]:
    """Dotted name -> file, for all Python of ours."""
    found = {}
    for top in ("agent", "hw"):
        for path in (ROOT / top).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of everything a file imports, at whatever depth of it."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base]).rstrip(".")
            yield base, node.lineno
            yield from ((f"{base}.{name.name}", node.lineno) for name in node.names if f"{base}.{name.name}" in MODULES)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "__import__",
            "importlib.import_module",
            "import_module",
        ):
            target = node.args[0]
            if isinstance(target, ast.Constant) and isinstance(target.value, str):
                yield target.value, node.lineno


MODULES = modules()


def unit(name: str) -> str:
    """The unit of the table that a module belongs to."""
    return max((u for u in ALLOWED if name == u or name.startswith(u + ".")), key=len)


def _ours(name: str) -> bool:
    return name.partition(".")[0] in ("agent", "hw")


def _fits(target: str, allowed: set[str]) -> bool:
    return any(target == a or target.startswith(a + ".") for a in allowed)


def wrong_layers(name: str, path: Path) -> list[str]:
    """Imports of ours that go upwards or sideways."""
    home = unit(name)
    found = []
    for target, line in imports(name, path):
        if not _ours(target) or unit(target) == home or target in ("agent", "hw"):
            continue
        same_process = home.endswith(".__main__") and _fits(target, {home.rpartition(".")[0]})
        if not same_process and not _fits(target, ALLOWED[home]):
            found.append(f"{name}:{line} imports {target}")
    return found


def wrong_packages(name: str, path: Path) -> list[str]:
    """Third-party imports (and sqlite3) outside the places their table row names."""
    found = []
    for target, line in imports(name, path):
        top = target.partition(".")[0]
        if _ours(target) or top == "__future__" or (name, target) == BESIDE:
            continue
        if top in PACKAGES:
            allowed = _fits(name, set(PACKAGES[top])) and not (top == "msgspec" and name.startswith("agent.core"))
        else:
            allowed = top in sys.stdlib_module_names
        if not allowed:
            found.append(f"{name}:{line} imports {target}")
    return found


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_downwards(name: str) -> None:
    assert wrong_layers(name, MODULES[name]) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_packages_stay_where_they_belong(name: str) -> None:
    assert wrong_packages(name, MODULES[name]) == []


@pytest.mark.parametrize("name", sorted(n for n in MODULES if n.startswith("agent.core")))
def test_core_touches_no_clock_file_thread_or_socket(name: str) -> None:
    found = {target.partition(".")[0] for target, _ in imports(name, MODULES[name])}
    assert found & CORE_MAY_NOT == set()


# What reads pictures -> who may import it. A person sees footage through agent.footage.viewing alone, which asks for a
# grant and writes the row; the others record, salvage, prove, or read when a fragment was taken and nothing more.
PICTURES: dict[str, set[str]] = {
    "agent.footage.reading": {
        f"agent.footage.{name}" for name in ("cut", "query", "recovery", "segment", "verify", "viewing")
    },
    "agent.footage.cut": {"agent.footage.export", "agent.footage.viewing", "agent.recorder.clips"},
    "agent.footage.holds": {"agent.jobs.holds"},
    "agent.footage.thumbnails": {"agent.footage.delete", "agent.recorder"},
    "agent.footage.viewing": {"agent.cli", "agent.web", "agent.footage.export"},
}
FOLDERS = {"footage", "clips", "holds_path", "newest"}  # of Paths and Desk
MAY_NAME_THEM = {"agent.cli.screens", "agent.cli.commands.footage", "agent.jobs", "agent.runtime", "agent.recorder"}
# Who may follow a path that a row names, under the data folder: each writes the row of it, or sends what has one.
MAY_FOLLOW = {
    "agent.cli.clipping",  # Viewing.hand_over; without a grant only the path is told: viewing.cut
    "agent.cli.commands.camera",  # viewing.still
    "agent.cli.stills",
    "agent.uplink",
    "agent.jobs",
    "agent.recorder",
    "agent.runtime",  # folders and keys of the board itself
}


def showing(name: str, path: Path) -> list[str]:
    """How a module comes by pictures otherwise than through viewing.py."""
    found = [
        f"{name}:{line} imports {target}"
        for target, line in imports(name, path)
        if target in PICTURES and name != target and not _fits(name, PICTURES[target])
    ]
    if not _fits(name, MAY_NAME_THEM):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in FOLDERS and "paths" in ast.unparse(node.value):
                found.append(f"{name}:{node.lineno} names {ast.unparse(node)}")
    if not _fits(name, MAY_FOLLOW):
        found += [f"{name}:{line} follows a path" for line in _followed(path)]
    return found


def _followed(path: Path) -> Iterator[int]:
    """Lines where something else than a fixed name, or a constant, is looked for under the data folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            under = ast.unparse(node.left).rpartition(".")[2].strip("_") == "data"
            if under and not (isinstance(node.right, ast.Constant) or ast.unparse(node.right).isupper()):
                yield node.lineno


@pytest.mark.parametrize("name", sorted(MODULES))
def test_footage_is_shown_through_viewing_alone(name: str) -> None:
    assert showing(name, MODULES[name]) == []


def test_a_way_around_viewing_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("from agent.footage.reading import read_segment\nread_segment(self._paths.footage / 'x')\n")
    expected = ["agent.cli.bad:1 imports agent.footage.reading", "agent.cli.bad:2 names self._paths.footage"]
    assert showing("agent.cli.bad", bad) == expected
    bad.write_text("a = paths.data / str(row['path'])\nb = paths.data / 'board.key'\nc = paths.newest('yard')\n")
    assert showing("agent.cli.bad", bad) == ["agent.cli.bad:3 names paths.newest", "agent.cli.bad:1 follows a path"]
    assert showing("agent.footage.viewing", MODULES["agent.footage.viewing"]) == []


def test_no_import_cycles() -> None:
    """Lazy imports counted."""
    graph = {n: {t for t, _ in imports(n, p) if t in MODULES and t != n} for n, p in MODULES.items()}
    done: set[str] = set()

    def walk(node: str, path: tuple[str, ...]) -> None:
        assert node not in path, " -> ".join([*path[path.index(node) :], node])
        if node not in done:
            for target in sorted(graph[node]):
                if not node.startswith(target + "."):  # a module names its own package when it imports a sibling
                    walk(target, (*path, node))
            done.add(node)

    for name in sorted(graph):
        walk(name, ())


def test_the_tables_see_what_they_forbid(tmp_path: Path) -> None:
    """The checks above on a file that breaks each rule, lazily and relatively."""
    bad = tmp_path / "bad.py"
    bad.write_text(
        "def f():\n    import paho.mqtt.client\n    from agent.uplink import x\n    from ..uplink import y\n"
    )
    assert wrong_packages("agent.panel.bad", bad) == ["agent.panel.bad:2 imports paho.mqtt.client"]
    assert wrong_layers("agent.panel.bad", bad) == [f"agent.panel.bad:{n} imports agent.uplink" for n in (3, 4)]
    assert wrong_layers("hw.bad", bad) != []
    assert wrong_layers("agent.uplink.bad", bad) == []


def test_systemd_folder_holds_no_python_and_the_import_is_guarded() -> None:
    """`systemd/` is also the import name of systemd-python: any Python in it would hide the real one for ever."""
    assert list((ROOT / "systemd").rglob("*.py")) == []
    text = (ROOT / "agent/runtime/notify.py").read_text(encoding="utf-8")
    assert "    try:\n        from systemd import daemon\n    except ImportError" in text


def test_dependencies_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = " ".join([*project["dependencies"], *(d for e in project["optional-dependencies"].values() for d in e)])
    used = {t.partition(".")[0] for n, p in MODULES.items() for t, _ in imports(n, p)} & set(PACKAGES) - {"sqlite3"}
    names = {
        "paho": "paho-mqtt",
        "cv2": "opencv-python-headless",
        "urllib3": "minio",  # the client of the object store is built on it
        "sqlite_utils": "sqlite-utils",
        "inotify_simple": "inotify-simple",
        "systemd": "systemd-python",
    }
    assert [n for n in used if names.get(n, n) not in declared] == []
