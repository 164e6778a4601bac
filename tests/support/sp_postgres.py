"""A real PostgreSQL of the tests' own: an unprivileged cluster on a Unix socket in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType

import psycopg

START_S = 30.0
SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "autovacuum_naptime": "30s",
    "log_min_messages": "fatal",
}


def _folder_of_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "no PostgreSQL here: apt-get install postgresql"
    return found[-1].parent


class Postgres:
    """A cluster under a folder of its own in /tmp. PostgreSQL refuses to run as root: `nobody` runs it then."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sp-pg-", dir="/tmp"))
        self._programs = _folder_of_programs()
        self._as: list[str] = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._as = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [self._programs / "initdb", "-D", self.data, "-U", "standpipe", "-A", "trust", "-E", "UTF8"]
        self._run(*initdb, "--locale=C.UTF-8", "--no-sync", "--no-instructions")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def url(self, schema: str = "public") -> str:
        """postgresql://... of that schema in the one database."""
        return f"postgresql://standpipe@/postgres?host={self.folder}&options=-csearch_path%3D{schema}"

    def fresh(self) -> str:
        """The address of a new, empty schema."""
        schema = f"t{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self.url(), autocommit=True) as db:
            db.execute(f"create schema {schema}".encode())
        return self.url(schema)

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run([*self._as, *map(str, command)], capture_output=True, text=True, cwd="/tmp", check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> Postgres:
        settings = [f"-c{key}={value.strip(chr(39))}" for key, value in SETTINGS.items()]
        command = [*self._as, str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), *settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/tmp")
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return self
        self.kill()
        raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])

    def kill(self) -> None:
        """kill -9 of the server; its helpers end by themselves."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        helpers = _children(process.pid)
        process.send_signal(how)
        process.wait(30)
        end = time.monotonic() + 30
        while any(_alive(pid) for pid in helpers) and time.monotonic() < end:
            time.sleep(0.01)

    def __enter__(self) -> Postgres:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _alive(pid: int) -> bool:
    """It runs. One that has ended and was left to us is taken leave of."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    return Path(f"/proc/{pid}").exists()
