"""What others do, to be measured against: Motion as a process, and Frigate's way of detecting over a file."""

from __future__ import annotations

import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FPS, HEIGHT = 5, 180
Span = tuple[float, float]  # from, until, in seconds of the scene
HOLD_S = 10.0


class FrigateStyle:
    """A running average over contrast-stretched, blurred luma, as Frigate's improved motion detector has it."""

    def __init__(self) -> None:
        self._average: Any = None
        self._low, self._high = deque[float](maxlen=50), deque[float](maxlen=50)
        self._frames = 0

    def moves(self, grey: Any) -> bool:
        """Whether something moves in the next picture."""
        self._low.append(float(np.percentile(grey, 4)))
        self._high.append(float(np.percentile(grey, 96)))
        low, high = sum(self._low) / len(self._low), sum(self._high) / len(self._high)
        stretched = np.clip((grey.astype(np.float32) - low) * 255 / max(1.0, high - low), 0, 255)
        picture = cv2.GaussianBlur(stretched, (0, 0), 1)
        self._frames += 1
        if self._average is None:
            self._average = picture
            return False
        apart = cv2.absdiff(picture, self._average)
        _, differs = cv2.threshold(apart.astype(np.uint8), 30, 255, cv2.THRESH_BINARY)
        differs = cv2.dilate(differs, None, iterations=1)
        contours, _ = cv2.findContours(differs, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        calibrating = self._frames < 30 or float((differs > 0).mean()) > 0.8
        cv2.accumulateWeighted(picture, self._average, 0.2 if calibrating else 0.01)
        return not calibrating and any(cv2.contourArea(contour) > 10 for contour in contours)


def frigate_events(file: Path) -> list[Span]:
    """When that detector sees motion in a file, at 5 pictures a second; pauses under HOLD_S are none."""
    detector, at = FrigateStyle(), []
    for number, grey in enumerate(_pictures(file)):
        if detector.moves(grey):
            at.append(number / FPS)
    return spans(at)


def spans(at: list[float]) -> list[Span]:
    """Moments of motion as events: a pause of HOLD_S ends one."""
    found: list[list[float]] = []
    for moment in at:
        if not found or moment - found[-1][1] > HOLD_S:
            found.append([moment, moment])
        found[-1][1] = moment
    return [(start, end) for start, end in found]


def _pictures(file: Path) -> Iterator[Any]:
    size = (HEIGHT * 16 // 9, HEIGHT)
    ask = ["ffmpeg", "-v", "error", "-i", str(file), "-vf", f"fps={FPS},scale={size[0]}:{size[1]}:flags=area"]
    with subprocess.Popen([*ask, "-f", "rawvideo", "-pix_fmt", "gray", "-"], stdout=subprocess.PIPE) as decoder:
        assert decoder.stdout is not None
        while len(data := decoder.stdout.read(size[0] * size[1])) == size[0] * size[1]:
            yield np.frombuffer(data, np.uint8).reshape(size[1], size[0])


class Motion:
    """Debian's `motion` over an RTSP address, copying the stream into its movies. Its defaults but for that."""

    def __init__(self, url: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._events = folder / "events"
        note = f"echo {{}} $(date +%s.%N) >> {self._events}"
        (folder / "motion.conf").write_text(
            f"daemon off\nlog_level 4\ntarget_dir {folder}\nnetcam_url {url}\nwidth 1920\nheight 1080\nframerate 25\n"
            "movie_passthrough on\nmovie_output on\npicture_output off\nwebcontrol_port 0\nstream_port 0\n"
            f"event_gap {HOLD_S:.0f}\non_event_start {note.format('start')}\non_event_end {note.format('end')}\n"
        )
        command = ["motion", "-n", "-c", str(folder / "motion.conf")]
        self._log = (folder / "log").open("wb")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    @staticmethod
    def is_there() -> bool:
        return shutil.which("motion") is not None

    def events(self, zero_s: float, end_s: float) -> list[Span]:
        """What it saw, in seconds since `zero_s` (UTC); what had not ended by then ends at `end_s`."""
        lines = self._events.read_text().split("\n")[:-1] if self._events.exists() else []
        at = [(word, float(time) - zero_s) for word, time in (line.split() for line in lines)]
        starts = [time for word, time in at if word == "start"]
        ends = [time for word, time in at if word == "end"]
        return [(start, next((end - HOLD_S for end in ends if end > start), end_s)) for start in starts]

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


def judged(events: list[Span], truth: list[tuple[str, float, float]], slack_s: float) -> tuple[list[str], int, float]:
    """(what was missed, how many events were none, precision). `slack_s`: how late a detector's clock may be."""

    def meets(event: Span, start: float, end: float) -> bool:
        return event[0] <= end + slack_s and event[1] >= start - slack_s

    missed = [name for name, start, end in truth if not any(meets(event, start, end) for event in events)]
    false = sum(not any(meets(event, start, end) for _, start, end in truth) for event in events)
    return missed, false, 1.0 if not events else 1 - false / len(events)
