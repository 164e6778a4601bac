"""A scene seen by a camera, drawn: a pump room with sensor noise, people who walk through it, light that changes, rain.

What moves and when is known (`EVENTS`), so that detectors can be judged. Everything is in parts of the picture, and
drawn in any size: small for tests of figures, 1080p for benches.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np


class Part(NamedTuple):
    """Something that happens from `start_s` on for `length_s`: motion, or a change of light or weather that is none."""

    name: str
    start_s: float
    length_s: float
    draw: Callable[[Any, float, np.random.Generator], Any]  # (float32 picture, 0..1 of its time) -> picture


def body(picture: Any, x: float, y: float, tall: float, level: float, thick: float = 0.32) -> Any:
    """A person: head, trunk and legs, feet at (x, y) in parts of the picture, `tall` in parts of its height."""
    height, width = picture.shape
    h = tall * height
    cx, foot = x * width, y * height
    w = h * thick
    trunk = (int(cx - w / 2), int(foot - 0.85 * h)), (int(cx + w / 2), int(foot - 0.4 * h))
    cv2.rectangle(picture, *trunk, level, -1)
    cv2.circle(picture, (int(cx), int(foot - 0.92 * h)), max(1, int(0.09 * h)), level + 40, -1)
    for side in (-1, 1):
        leg = (int(cx + side * w / 4 - w / 8), int(foot - 0.42 * h)), (int(cx + side * w / 4 + w / 8), int(foot))
        cv2.rectangle(picture, *leg, level * 0.8, -1)
    return picture


def walk(x0: float, x1: float, y: float, tall: float, level: float) -> Callable[..., Any]:
    return lambda picture, t, rng: body(picture, x0 + (x1 - x0) * t, y, tall * (1 + 0.01 * np.sin(40 * t)), level)


def box(x0: float, x1: float, y: float, wide: float, tall: float, level: float) -> Callable[..., Any]:
    """A cart or a car that drives through."""

    def draw(picture: Any, t: float, rng: np.random.Generator) -> Any:
        height, width = picture.shape
        x = x0 + (x1 - x0) * t
        corner = int((x - wide / 2) * width), int((y - tall) * height)
        other = int((x + wide / 2) * width), int(y * height)
        cv2.rectangle(picture, corner, other, level, -1)
        cv2.rectangle(
            picture, (corner[0] + 2, corner[1] + 2), (other[0] - 2, (corner[1] + other[1]) // 2), level + 30, -1
        )
        return picture

    return draw


def door(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """The door at the left opens and shuts: the dark of the corridor behind it."""
    height, width = picture.shape
    open_ = min(1.0, 3 * t, 3 * (1 - t))
    left, right = int(0.06 * width), int((0.06 + 0.1 * open_) * width)
    cv2.rectangle(picture, (left, int(0.25 * height)), (right, int(0.78 * height)), 25, -1)
    return picture


def lights_on(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """The ceiling lamps are on for a while."""
    return picture * 1.5 + 18


def cloud(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """Less light from the window, and back, slowly; more at its side than elsewhere."""
    width = picture.shape[1]
    return picture * (1 - 0.35 * np.sin(np.pi * t) * np.linspace(0.3, 1, width, dtype=np.float32))


def infrared(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """The camera goes over to its own lamp: white for a moment, then bright in the middle and dark at the rim."""
    if t < 0.03:
        return picture * 2 + 120
    height, width = picture.shape
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return picture * (1.15 - 0.75 * (x * x + y * y) / 2).astype(np.float32) * 0.8 + 15


def rain(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """Streaks before the lens, others in every picture."""
    height, width = picture.shape
    for _ in range(40):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        long = int(height * 0.04)
        cv2.line(picture, (x, y), (x + long // 6, y + long), float(rng.integers(120, 200)), max(1, width // 960))
    return picture


def lamp(picture: Any, t: float, rng: np.random.Generator) -> Any:
    """A torch behind the corner: a soft glow that comes and goes."""
    height, width = picture.shape
    y, x = np.ogrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    glow = np.exp(-(((x - 0.75) / 0.22) ** 2) - ((y - 0.35) / 0.3) ** 2).astype(np.float32)
    return picture + 45 * np.sin(np.pi * t) * glow


SHORT: tuple[Part, ...] = (
    Part("walk", 14, 6, walk(-0.05, 1.05, 0.92, 0.42, 45)),
    Part("dash", 34, 1.2, walk(1.1, -0.1, 0.9, 0.4, 60)),
    Part("lights", 48, 12, lights_on),
    Part("far", 74, 5, walk(0.55, 0.8, 0.62, 0.13, 30)),
)
LONG: tuple[Part, ...] = (
    *SHORT,
    Part("cloud", 94, 20, cloud),
    Part("door", 126, 3, door),
    Part("rain", 144, 16, rain),
    Part("car", 174, 1.0, box(-0.25, 1.25, 0.88, 0.22, 0.25, 170)),
    Part("lamp", 190, 6, lamp),
    Part("alike", 210, 6, walk(0.2, 0.75, 0.95, 0.45, 95)),
    Part("night", 230, 60, infrared),
    Part("night walk", 252, 5, walk(0.9, 0.3, 0.85, 0.36, 120)),
    Part("cart", 272, 8, box(0.3, 0.6, 0.8, 0.12, 0.14, 60)),
)
NO_MOTION = {"lights", "cloud", "rain", "lamp", "night"}
LENGTH_S = {SHORT: 90, LONG: 300}


def truth(parts: tuple[Part, ...]) -> list[tuple[str, float, float]]:
    """(name, from, until) of all motion."""
    return [(p.name, p.start_s, p.start_s + p.length_s) for p in parts if p.name not in NO_MOTION]


class Scene:
    """Pictures of the scene: luma of a video (16 to 235), the same for the same seed. noise: levels, at 1080p."""

    def __init__(
        self, width: int, height: int, parts: tuple[Part, ...] = SHORT, *, noise: float = 4.0, seed: int = 1
    ) -> None:
        self.width, self.height, self.parts = width, height, parts
        self._rng = np.random.default_rng(seed)
        self.still = room(width, height, seed)
        small = noise * max(0.12, width / 1920)  # what is left of it in a picture made smaller
        self._noise = [self._rng.normal(0, small, (height, width)).astype(np.float32) for _ in range(12)]

    def picture(self, at_s: float) -> Any:
        """The picture at that time, as uint8 array."""
        picture = self.still.copy()
        for part in sorted(self.parts, key=lambda p: p.name in NO_MOTION):
            if part.start_s <= at_s < part.start_s + part.length_s:
                picture = part.draw(picture, (at_s - part.start_s) / part.length_s, self._rng)
        return self.finished(picture, at_s)

    def finished(self, picture: Any, at_s: float) -> Any:
        """With the sensor's noise and the camera's own clock."""
        noise = self._noise[int(self._rng.integers(len(self._noise)))]
        down, across = int(self._rng.integers(self.height)), int(self._rng.integers(self.width))
        shown = picture + np.roll(noise, (down, across), (0, 1))
        text = f"{int(at_s) // 3600:02}:{int(at_s) // 60 % 60:02}:{int(at_s) % 60:02}"
        scale = self.height / 900
        where = (int(0.02 * self.width), int(0.06 * self.height))
        cv2.putText(shown, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, 235, max(1, int(2 * scale)))
        return np.clip(shown, 16, 235).astype(np.uint8)


def room(width: int, height: int, seed: int = 1) -> Any:
    """What stands still: wall, floor, door, pipes, cabinets, and a rough texture, as float32."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), 105, np.float32)
    picture += np.linspace(12, -25, height, dtype=np.float32)[:, None]
    picture[int(0.72 * height) :] -= 30
    for _ in range(26):
        x, y = rng.random(2)
        w, h = 0.02 + 0.1 * rng.random(), 0.04 + 0.25 * rng.random()
        corner, other = (int(x * width), int(y * height)), (int((x + w) * width), int((y + h) * height))
        cv2.rectangle(picture, corner, other, float(rng.integers(45, 175)), -1)
        cv2.rectangle(picture, corner, other, float(rng.integers(30, 200)), max(1, width // 480))
    for _ in range(12):
        ends = [(int(px * width), int(py * height)) for px, py in rng.random((2, 2))]
        cv2.line(picture, *ends, float(rng.integers(50, 190)), max(1, width // 320))
    cv2.rectangle(picture, (int(0.06 * width), int(0.25 * height)), (int(0.16 * width), int(0.78 * height)), 140, -1)
    rough = cv2.resize(rng.normal(0, 5, (108, 192)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return picture + rough


def yuv(scene: Scene, seconds: float, fps: int) -> Iterator[bytes]:
    """Raw yuv420p pictures, grey."""
    colour = bytes([128]) * (scene.width * scene.height // 2)
    for number in range(int(seconds * fps)):
        yield scene.picture(number / fps).tobytes() + colour


def scene_file(
    folder: Path,
    parts: tuple[Part, ...] = SHORT,
    *,
    size: tuple[int, int] = (1920, 1080),
    fps: int = 25,
    gop: int = 50,
    variable: bool = False,
) -> Path:
    """The scene as H.264 at about 4 Mbit/s at 1080p, a keyframe each 2 s, no B-frames. Made once a folder.

    variable: of constant quality instead, and up to twice the bits where something moves.
    """
    seconds = LENGTH_S[parts]
    how = "-vbr" if variable else ""
    path = folder / f"standpipe-scene-{size[0]}x{size[1]}-{fps}fps-gop{gop}-{seconds}s{how}.mp4"
    if path.exists():
        return path
    part = path.with_suffix(f".part{os.getpid()}.mp4")
    rate = max(200, 4000 * size[0] * size[1] * fps // (1920 * 1080 * 25))
    raw = f"-f rawvideo -pix_fmt yuv420p -s {size[0]}x{size[1]} -r {fps} -i -"
    code = f"-c:v libx264 -preset superfast -profile:v main -bf 0 -g {gop} -keyint_min {gop} -sc_threshold 0"
    bits = f"-b:v {rate}k -maxrate {rate}k -bufsize {rate}k"
    if variable:
        bits = f"-crf 27 -maxrate {2 * rate}k -bufsize {4 * rate}k"
    command = ["ffmpeg", "-v", "error", "-y", *raw.split(), *code.split(), *bits.split(), str(part)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        for picture in yuv(Scene(*size, parts), seconds, fps):
            encoder.stdin.write(picture)
        encoder.stdin.close()
        if encoder.wait():
            raise RuntimeError(f"ffmpeg could not make {path.name}")
    part.rename(path)
    return path
