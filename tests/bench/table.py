"""Run the benches one after another and print what they measured as a table. Exit 1 if one fell short or failed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TIME_LIMIT_S = 3600


def names() -> list[str]:
    """All benches: every file here that reports through sp_bench."""
    return sorted(p.stem for p in HERE.glob("*.py") if p.stem != "table" and "sp_bench" in p.read_text("utf-8"))


def run(name: str, long: bool) -> list[dict[str, object]]:
    """The JSON lines of one bench; one that says `failed` if it ended badly."""
    command = [sys.executable, str(HERE / f"{name}.py"), *(["--long"] if long else [])]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return [{"bench": name, "must": f"end within {TIME_LIMIT_S} s", "ok": False}]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        lines.append({"bench": name, "must": f"exit 0, not {done.returncode}", "ok": False})
    return lines


def row(line: dict[str, object]) -> str:
    """One line of the table."""
    ratio = f"{line['ratio']}x" if line.get("ratio") is not None else ""
    shown = [f"{line.get(key, '')}" for key in ("bench", "value", "reference")]
    verdict = "reached" if line["ok"] else "NOT REACHED"
    return (
        f"{shown[0]:34} {shown[1]:>12} {shown[2]:>12} {ratio:>9}  {line.get('unit', ''):22} {line['must']:34} {verdict}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="sh tests/bench/run.sh", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the full counts")
    parser.add_argument("name", nargs="*", help=f"only these: {', '.join(names())}")
    args = parser.parse_args()
    unknown = sorted(set(args.name) - set(names()))
    if unknown:
        parser.error(f"no bench called {', '.join(unknown)}; there are {', '.join(names())}")
    lines = []
    for name in args.name or names():
        print(f"{name} ...", file=sys.stderr, flush=True)
        for line in run(name, args.long):
            print(json.dumps(line), flush=True)
            lines.append(line)
    print(f"\n{'bench':34} {'ours':>12} {'reference':>12} {'ratio':>9}  {'unit':22} {'must reach':34}")
    print("\n".join(row(line) for line in lines))
    return 0 if all(line["ok"] for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
