"""An RTSP server of its own process for tests and benches: H.264 files, looped, with times that never jump back.

    with RtspServer({"main": path}) as server: server.url("main")

GStreamer's server (Debian: gir1.2-gst-rtsp-server-1.0) speaks through the system's python3, so this file is both
the module tests import and, run by /usr/bin/python3, the server itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PYTHON = "/usr/bin/python3"


class RtspServer:
    """Serves path -> MP4 file, or pipeline in parentheses, on 127.0.0.1 and a free port.

    Several files for a path are played one after another on one connection, whatever their sizes.
    With `user` and `password` it asks for Basic auth.
    `over`: "tcp" or "udp" refuses the other one. `port`: this one, as it was free a moment ago.
    """

    def __init__(
        self,
        media: Mapping[str, Path | str | Sequence[Path]],
        user: str = "",
        password: str = "",
        over: str = "",
        port: int = 0,
    ) -> None:
        files = {
            name: [str(file)] if isinstance(file, Path | str) else [str(one) for one in file]
            for name, file in media.items()
        }
        wish = {"media": files, "user": user, "password": password, "over": over, "port": port}
        self._process = subprocess.Popen(
            [PYTHON, __file__, json.dumps(wish)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self.port = self._await_ready()

    def _await_ready(self, deadline_s: float = 20) -> int:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], deadline_s)
        line = self._process.stdout.readline() if ready else ""
        if not line.startswith("READY "):
            self.close()
            raise RuntimeError(f"RTSP server did not start (gir1.2-gst-rtsp-server-1.0 installed?): {line!r}")
        return int(line.split()[1])

    @property
    def pid(self) -> int:
        return self._process.pid

    def url(self, name: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{name}"

    def freeze(self) -> None:
        """Stop sending without closing anything."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def hush(self) -> None:
        """No more pictures; whatever else a server has to say (answers, reports) goes on. Again: pictures again."""
        os.kill(self.pid, signal.SIGUSR1)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> RtspServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def card_file(
    folder: Path, *, seconds: int = 30, fps: int = 15, gop: int = 15, size: tuple[int, int] = (320, 180)
) -> Path:
    """A test card as MP4 (made once a folder): frames numbered from 0, `gop` frames from keyframe to keyframe."""
    import av

    from hw.cameras.encoder import CardEncoder

    path = folder / f"card-{seconds}s-{fps}fps-gop{gop}-{size[0]}x{size[1]}.mp4"
    if not path.exists():
        part = path.with_suffix(f".part{os.getpid()}")
        with av.open(str(part), "w", format="mp4") as out:
            encoder = CardEncoder(out, *size, fps, "rtsp", gop=gop)
            for number in range(seconds * fps):
                out.mux(encoder.encode(number))
            out.mux(list(encoder.stream.encode(None)))
        part.rename(path)
    return path


def full_hd_file(folder: Path, seconds: int = 10) -> Path:
    """1080p25 H.264 at about 4 Mbit/s, a keyframe each 2 s, no B-frames: what a usual camera sends. Made once."""
    path = folder / f"standpipe-1080p25-{seconds}s.mp4"
    if not path.exists():
        part = path.with_suffix(f".part{os.getpid()}.mp4")
        picture = f"testsrc2=s=1920x1080:r=25:d={seconds},noise=alls=8:allf=t"
        encoder = "-c:v libx264 -preset superfast -profile:v main -pix_fmt yuv420p -bf 0 -g 50 -keyint_min 50"
        rate = "-sc_threshold 0 -b:v 4M -maxrate 4M -bufsize 4M"
        command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, *encoder.split(), *rate.split()]
        subprocess.run([*command, str(part)], check=True)
        part.rename(path)
    return path


# --- from here on: the server itself, in the system's python3 ---

AUD = b"\x00\x00\x00\x01\x09"


def access_units(path: str) -> tuple[list[bytes], list[float]]:
    """The H.264 access units of an MP4 in decoding order, and when each is shown (s, from 0)."""
    h264 = ["-c", "copy", "-an", "-bsf:v", "h264_mp4toannexb,h264_metadata=aud=insert", "-f", "h264", "-"]
    stream = subprocess.run(["ffmpeg", "-v", "error", "-i", path, *h264], stdout=subprocess.PIPE, check=True).stdout
    ask = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "csv=p=0"]
    listed = subprocess.run([*ask, path], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    shown = [float(line.strip(",")) for line in listed]
    starts = [0]
    while (at := stream.find(AUD, starts[-1] + 1)) >= 0:
        starts.append(at)
    return [stream[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)], [t - min(shown) for t in shown]


def serve(wish: dict) -> None:
    """Serve until killed, or until whoever started this is gone. Prints `READY port`."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    gi.require_version("GstRtsp", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(wish["port"]))
    hushed = []
    GLib.unix_signal_add(
        GLib.PRIORITY_HIGH, signal.SIGUSR1, lambda: hushed.pop() if hushed else hushed.append(1) or True
    )
    for name, paths in wish["media"].items():
        launched = paths[0][0] == "("
        factory = _launched(GstRtspServer, paths[0]) if launched else _factory(GstRtspServer, Gst, GLib, paths, hushed)
        if wish["over"]:
            factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP if wish["over"] == "udp" else GstRtsp.RTSPLowerTrans.TCP)
        if wish["user"]:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory("/" + name, factory)
    if wish["user"]:
        server.set_auth(_auth(GstRtspServer, wish["user"], wish["password"]))
    server.attach(None)
    print("READY", server.get_bound_port(), flush=True)
    parent = os.getppid()
    loop = GLib.MainLoop()
    GLib.timeout_add(1000, lambda: os.getppid() == parent or loop.quit() or False)
    loop.run()


def _launched(rtsp, pipeline):
    """A mount of whatever GStreamer makes."""
    factory = rtsp.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_launch(pipeline)
    return factory


def _factory(rtsp, gst, glib, paths, hushed):
    """A mount whose viewers share one live feed of the files, looped."""
    units, shown_s = [], []
    for path in paths:
        more, more_s = access_units(path)
        step_s = max(more_s) / (len(more_s) - 1)
        shown_s += [(max(shown_s) + step_s if shown_s else 0.0) + at_s for at_s in more_s]
        units += more
    factory = rtsp.RTSPMediaFactory()
    factory.set_shared(True)
    factory.set_latency(0)
    factory.set_launch(
        "( appsrc name=src is-live=true block=false format=time do-timestamp=false max-bytes=0 "
        "caps=video/x-h264,stream-format=byte-stream,alignment=au "
        "! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 aggregate-mode=zero-latency )"
    )

    def configured(_, media):
        source = media.get_element().get_child_by_name("src")
        source.connect("need-data", _feeder(gst, glib, units, shown_s, hushed))

    factory.connect("media-configure", configured)
    return factory


def _feeder(gst, glib, units, shown_s, hushed):
    """Handler of need-data that pushes access units into an appsrc at the pace of the clock, from its first call on."""
    state = {"sent": 0, "start": 0.0}
    fps = (len(units) - 1) / max(shown_s)
    late_s = max(index / fps - shown for index, shown in enumerate(shown_s))  # B-frames: shown after, never before

    def push(source):
        if hushed:
            state["start"] += 0.01
            return True
        while state["sent"] <= (time.monotonic() - state["start"]) * fps:
            loop, index = divmod(state["sent"], len(units))
            buffer = gst.Buffer.new_wrapped(units[index])
            buffer.dts = int(state["sent"] / fps * gst.SECOND)
            buffer.pts = int((loop * len(units) / fps + shown_s[index] + late_s) * gst.SECOND)
            buffer.duration = int(gst.SECOND / fps)
            if source.emit("push-buffer", buffer) != gst.FlowReturn.OK:
                return False
            state["sent"] += 1
        return True

    def need(source, _bytes):
        if not state["start"]:
            state["start"] = time.monotonic()
            glib.timeout_add(10, push, source)

    return need


def _auth(rtsp, user, password):
    auth = rtsp.RTSPAuth()
    token = rtsp.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(rtsp.RTSPAuth.make_basic(user, password), token)
    return auth


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        serve(json.loads(sys.argv[1]))
