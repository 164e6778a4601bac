"""cluster.py ROOT BOARDS ROWS - part of cluster.sh, in its namespaces: nodes, boards, two collectors, two kills."""

# ruff: noqa: E402 - run as a program it finds the tests' helpers first

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent / "support"), str(HERE.parent / "faults")]

import sp_boards
from sp_collect import Collect
from sp_postgres import Postgres
from test_many_boards import everything_is_there_once, stored_rows

NODES = 3
MQTT, AMQP, DIST = 21880, 25670, 25680
START_S = 180.0


def say(text: str) -> None:
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def until(condition: Callable[[], bool], what: str, patience_s: float = START_S) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"cluster: FAILED, not within {patience_s:.0f} s: {what}")
        time.sleep(0.5)


class Node:
    """One RabbitMQ server in the root, named n0@localhost and so on."""

    def __init__(self, root: Path, number: int) -> None:
        self.root = root
        self.name = f"n{number}@localhost"
        self.port = MQTT + number
        self._number = number
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/var/lib/rabbitmq",
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(AMQP + self._number),
            "RABBITMQ_DIST_PORT": str(DIST + self._number),
            "RABBITMQ_CONFIG_FILE": f"/run/n{self._number}.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "/run/plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }

    def _command(self, *words: str) -> list[str]:
        return ["chroot", "--userspec=rabbitmq:rabbitmq", str(self.root), *words]

    def start(self) -> None:
        peers = "".join(f"cluster_formation.classic_config.nodes.{n + 1} = n{n}@localhost\n" for n in range(NODES))
        (self.root / f"run/n{self._number}.conf").write_text(
            f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.port}\nmqtt.allow_anonymous = true\n"
            f"anonymous_login_user = guest\nanonymous_login_pass = guest\n{peers}"
        )
        with (self.root / f"run/n{self._number}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command("/usr/lib/rabbitmq/bin/rabbitmq-server"),
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = self._command("/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", self.name, *words)
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)

    def kill(self) -> None:
        """kill -9 of the server and all its helpers: a session of their own."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)

    def running(self) -> list[str]:
        """Nodes of the cluster that this one sees running."""
        told = self.ctl("cluster_status", "--formatter", "json")
        return list(json.loads(told.stdout)["running_nodes"]) if told.returncode == 0 else []


def form(root: Path) -> list[Node]:
    for path in ("var/lib/rabbitmq", "var/log/rabbitmq", "run"):
        (root / path).mkdir(exist_ok=True)
        subprocess.run(["chroot", str(root), "chown", "rabbitmq:rabbitmq", f"/{path}"], check=True)
    (root / "run/plugins").write_text("[rabbitmq_mqtt].\n")
    (root / "var/lib/rabbitmq/.erlang.cookie").write_text("ACOOKIEOFTHETEST")
    (root / "var/lib/rabbitmq/.erlang.cookie").chmod(0o400)
    cookie = "/var/lib/rabbitmq/.erlang.cookie"
    subprocess.run(["chroot", str(root), "chown", "rabbitmq:rabbitmq", cookie], check=True)
    nodes = [Node(root, number) for number in range(NODES)]
    for node in nodes:
        node.start()
    until(lambda: len(nodes[0].running()) == NODES, f"{NODES} nodes form a cluster: {_tail(root)}")
    return nodes


def _tail(root: Path) -> str:
    return "".join((root / f"run/n{n}.log").read_text(errors="replace")[-600:] for n in range(NODES))


def main() -> None:
    root, count, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    began = time.monotonic()
    nodes = form(root)
    say(f"{', '.join(nodes[0].running())} run after {time.monotonic() - began:.0f} s")
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=root / "run"))
    ports = ",".join(str(node.port) for node in nodes)
    with Postgres() as postgres:
        url = postgres.fresh()
        first, second = (
            Collect(f"mqtt://127.0.0.1:{nodes[n].port}", folder / f"c{n}", "--files", str(folder / "files"), to=url)
            for n in (0, 1)
        )
        command = [sys.executable, sp_boards.__file__, ports, str(count), str(rows), "7", "0.5"]
        with first, second, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as boards:
            assert boards.stdout is not None
            until(lambda: stored_rows(url) >= count * rows // 5, "a fifth of the rows is stored")
            first.kill()
            say(f"collector at {nodes[0].name} killed at {stored_rows(url)} rows")
            until(lambda: stored_rows(url) >= count * rows * 2 // 5, "two fifths, with one collector")
            nodes[2].kill()
            say(f"{nodes[2].name} killed at {stored_rows(url)} rows; its boards find another node")
            until(lambda: stored_rows(url) >= count * rows * 7 // 10, "seven tenths, with two nodes and one collector")
            first.start()
            nodes[2].start()
            line = boards.stdout.readline() and boards.stdout.readline()
            if not line:
                raise SystemExit(f"cluster: FAILED: the boards ended with {boards.wait()}")
        told = json.loads(line)
        everything_is_there_once(url, told, rows)
        until(lambda: len(nodes[0].running()) == NODES, "the killed node is back in the cluster")
        shared = [", sharing as" in collect.log for collect in (first, second)]
        say(f"shared subscriptions: {'yes' if any(shared) else 'the broker has none, each collector read everything'}")
        say(json.dumps({key: told[key] for key in ("boards", "rows", "sent", "alarm_s", "seconds")}))
        assert not any("Traceback" in collect.log for collect in (first, second))
    for node in nodes:
        node.kill()
    say("passed: every row once, every chain whole")


if __name__ == "__main__":
    main()
