"""Why a camera is lost, in Chinese: every reason that stands in the code, and as the recorder writes it down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli.camera_words import REASONS
from agent.cli.footage_words import cause
from hw.cameras.stream import _reason

ROOT = Path(__file__).parents[3]
WRITTEN_BY = [
    *(ROOT / "hw/cameras" / f"{name}.py" for name in ("child", "csi", "encoder", "feed", "formats", "stream", "v4l2")),
    ROOT / "agent/recorder/camera.py",
]
# A source that makes no sense ends the recorder at its start: it is never the state of a camera.
NEVER_A_STATE = (
    "is the form",
    "are understood",
    "is a number",
    "read before open",
    "no command; ",
    "the command cannot",
)


def texts() -> Iterator[str]:
    """What HardwareError is raised with, X for what is filled in; of what is nothing but filled in, nothing."""
    for path in WRITTEN_BY:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "HardwareError":
                text = "".join(_parts(node.args[0]))
                if text.strip("X: ") and not any(words in text for words in NEVER_A_STATE):
                    yield text


def _parts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.JoinedStr():
            for value in node.values:
                yield from _parts(value)
        case ast.Constant():
            yield str(node.value)
        case _:
            yield "X"


def chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in cause(text, "zh-CN"))


def test_every_reason_in_the_code_has_its_words() -> None:
    found = sorted(set(texts()))
    assert len(found) >= 15
    assert [text for text in found if not chinese(text)] == []


def test_every_answer_of_a_server_has_its_words() -> None:
    import av.error

    kinds = ("ExitError", "HTTPUnauthorizedError", "HTTPForbiddenError", "HTTPNotFoundError", "HTTPClientError",
             "HTTPServerError", "InvalidDataError", "EOFError")  # fmt: skip
    said = [_reason(getattr(av.error, kind)(0, "x"), 5) for kind in kinds]
    assert len(set(said)) == len(kinds)
    assert [text for text in said if not chinese(text)] == []


def test_nothing_that_is_filled_in_is_lost() -> None:
    assert [english for english, words in REASONS.items() if english.count("{}") != words.count("{}")] == []


@pytest.mark.parametrize(("written", "told"), [
    ("rtsp://127.0.0.1:9/main: connection refused",
     "rtsp://127.0.0.1:9/main：连接被拒绝：地址和端口是否正确，摄像机是否已启动？"),
    ("camera lost: rtsp://10.0.0.7/main: refused user or password (401): see secrets.toml",
     "摄像机失联：rtsp://10.0.0.7/main：用户名或密码被拒绝（401）：见 secrets.toml"),
    ("pipe: sh: it ended with exit code 3: no camera here", "pipe: sh：命令已结束，退出码 3：no camera here"),
    ("pipe: /x/y: cannot be started (no such file or directory)", "pipe: /x/y：无法启动（没有这个文件或设备）"),
    ("camera 0 on CSI: nothing came for 8 s (it ended by signal 9)",
     "camera 0 on CSI：8 秒内没有任何数据（命令被信号 9 终止）"),
    ("yard: its codec vp8 cannot be kept in MP4: set it to H.264 or H.265",
     "yard：编码 vp8 无法存入 MP4：请设为 H.264 或 H.265"),
    ("something new", "something new"),
])  # fmt: skip
def test_as_the_recorder_writes_it_down(written: str, told: str) -> None:
    assert cause(written, "zh-CN") == told
    assert cause(written, "en") == written
