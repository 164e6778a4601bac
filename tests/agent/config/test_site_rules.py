"""How the fields of a site file must fit together: each mistake by its key and the words that help."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.config import Checked
from agent.config.pins import same_line

Changed = Callable[..., Checked]

# what is changed in the good file -> (key named, words of the message)
SOURCE = 'source = "rtsp://10.0.0.7/main"'
WRONG = [
    # ids
    (
        ('id = "siren"', 'id = "pump-1"', 'drive = ["siren"]', "drive = []"),
        'relay[1] "pump-1".id',
        "already taken by pump[1]",
    ),
    (
        ('id = "siren"', 'id = "uplink"', 'drive = ["siren"]', "drive = []"),
        'relay[1] "uplink".id',
        "taken by standpipe itself",
    ),
    # pins
    (('"GPIO22"', '"GPIO17"'), 'point[2] "pump-1-running".pin', 'the same pin as point[1] "pump-door"'),
    (('"GPIO22"', "17"), 'point[2] "pump-1-running".pin', "the same pin"),
    (('"GPIO23"', '"bcm17"'), 'relay[1] "siren".pin', 'the same pin as point[1] "pump-door"'),
    (('"GPIO23"', '"BOARD11"'), 'relay[1] "siren".pin', "the same pin"),
    (('"GPIO23"', '"J8:11"'), 'relay[1] "siren".pin', "the same pin"),
    (('"GPIO23"', "true"), 'relay[1] "siren".pin', "text in quotes or a whole number"),
    (('"GPIO23"', "-3"), 'relay[1] "siren".pin', "text in quotes or a whole number"),
    # points
    (('pin = "GPIO22"', 'pin = "GPIO22"\nheld_open_s = 30'), 'point[2] "pump-1-running".held_open_s', 'kind = "door"'),
    (('pin = "GPIO22"', 'pin = "GPIO22"\npress = ["reset"]'), 'point[2] "pump-1-running".press', 'kind = "button"'),
    (('["acknowledge"]', '["acknowlege"]'), 'point[3] "button".press[1]', 'did you mean "acknowledge"?'),
    (('["acknowledge"]', '"acknowledge"'), 'point[3] "button".press', "a list in brackets"),
    (('["acknowledge"]', str(["reset"] * 4).replace("'", '"')), 'point[3] "button".press', "at most 3 entries"),
    (('id = "pump-room"', 'id = "pump-room"\npassword = "x"'), 'camera[1] "pump-room".password', "secrets.toml"),
    # pumps
    (
        ('running = "pump-1-running"', 'running = "pump-1-runing"'),
        'pump[1] "pump-1".running',
        'did you mean "pump-1-running"?',
    ),
    (
        ('running = "pump-1-running"', 'running = "xyz"'),
        'pump[1] "pump-1".running',
        "there are: pump-door, pump-1-running",
    ),
    (('running = "pump-1-running"', 'running = "pump-door"'), 'pump[1] "pump-1".running', "this one is a door"),
    (
        ('"pump-1-running"\n\n[[relay]]', '"pump-1-running"\ndemand = "pump-1-running"\n\n[[relay]]'),
        'pump[1] "pump-1".demand',
        'already serves as pump[1] "pump-1".running',
    ),
    # rules
    (('drive = ["siren"]', 'drive = ["sirne"]'), "rule[1].drive[1]", 'did you mean "siren"?'),
    (('cameras = ["pump-room"]', 'cameras = ["pump-rom"]'), "rule[1].clip.cameras[1]", 'did you mean "pump-room"?'),
    (('cameras = ["pump-room"]', "cameras = []"), "rule[1].clip.cameras", "at least 1 entry"),
    (('"door.held_open"]', '"door.held_opne"]'), "rule[1].on[2]", 'did you mean "door.held_open"?'),
    (('"pump.*"', '"pomp.*"'), "rule[1].on[1]", 'did you mean "pump.*"?'),
    (('"pump.*"', '"pump"'), "rule[1].on[1]", "no such event"),
    (('drive = ["siren"]', 'drive = ["siren"]\nuntil = "time"'), "rule[1].until", "needs for_s"),
    (('drive = ["siren"]', 'drive = ["siren"]\nfor_s = 3'), "rule[1].for_s", 'only with until = "time"'),
    (('clip = { cameras = ["pump-room"], before_s = 10 }', "clip = true"), "rule[1].clip", "a group in braces"),
    # addresses
    (('"rtsp://10.0.0.7/main"', '"http://10.0.0.7/main"'), 'camera[1] "pump-room".source', "allowed: rtsp://"),
    (('"rtsp://10.0.0.7/main"', '"pipe: rpicam-vid \'open"'), 'camera[1] "pump-room".source', "pipe: COMMAND"),
    (('"rtsp://10.0.0.7/main"', '"pipe: "'), 'camera[1] "pump-room".source', "pipe: COMMAND"),
    ((SOURCE, SOURCE + '\nsub = "http://10.0.0.7/sub"'), 'camera[1] "pump-room".sub', "allowed: rtsp://"),
    ((SOURCE, SOURCE + '\ntransport = "http"'), 'camera[1] "pump-room".transport', "tcp-or-udp"),
    (('"rtsp://10.0.0.7/main"', '"rtsp:///main"'), 'camera[1] "pump-room".source', "allowed: rtsp://"),
    (('"rtsp://10.0.0.7/main"', '"rtsp://10.0.0.7:99999/main"'), 'camera[1] "pump-room".source', "allowed: rtsp://"),
    (('"rtsp://10.0.0.7/main"', '"rtsp://[::1/main"'), 'camera[1] "pump-room".source', "allowed: rtsp://"),
    (("broker.example:8883", "broker.example:88830"), "uplink.broker", "host or port"),
    (
        ('"mqtts://broker.example:8883"', '"mqtts://broker.example:8883"\ncert = "a.pem"'),
        "uplink.cert",
        "key is missing",
    ),
    # what is kept
    ((SOURCE, f'{SOURCE}\nkeep = "14 days"'), 'camera[1] "pump-room".keep', "15 full days"),
    ((SOURCE, f'{SOURCE}\nkeep = "1 day"'), 'camera[1] "pump-room".keep', "15 full days"),
    (
        (SOURCE, f'{SOURCE}\nkeep = "3 months"\nkeep_at_most = "60 days"'),
        'camera[1] "pump-room".keep_at_most',
        "shorter than keep",
    ),
    # sections
    (("[site]", "[[site]]"), "site", "written once"),
    (("[[relay]]", "[relay]"), "relay", "[[relay]]"),
    (("[[camera]]", "[[cameras]]", 'cameras = ["pump-room"]', 'cameras = ["x"]'), "cameras", 'did you mean "camera"?'),
    (
        ('board = "pump-house"', 'board = "pump-house"\ntimezone = "Asia/Shangai"'),
        "site.timezone",
        'did you mean "Asia/Shanghai"?',
    ),
    (
        ('board = "pump-house"', 'board = "pump-house"\ntimezone = "../../etc/passwd"'),
        "site.timezone",
        "no such timezone",
    ),
    (('board = "pump-house"', 'board = "pump-house\\n"'), "site.board", "control characters"),
]


@pytest.mark.parametrize(("pairs", "key", "words"), WRONG, ids=[f"{key}: {words}" for _, key, words in WRONG])
def test_wrong(changed: Changed, pairs: tuple[str, ...], key: str, words: str) -> None:
    checked = changed(*pairs)
    assert checked.config is None
    told = {problem.key: problem for problem in checked.problems}
    assert key in told, sorted(told)
    assert words in told[key].message
    assert told[key].line


RIGHT = [
    (SOURCE, f'{SOURCE}\nkeep = "15 days"'),
    (SOURCE, f'{SOURCE}\nkeep = "3 months"\nkeep_at_most = "3 months"\npriority = 1'),
    ('"rtsp://10.0.0.7/main"', '"rtsps://cam.local:322/a b"'.replace(" ", "")),
    ('"rtsp://10.0.0.7/main"', '"/dev/video0"'),
    ('"rtsp://10.0.0.7/main"', '"file:/srv/a.mp4"'),
    ('"rtsp://10.0.0.7/main"', '"testcard:640x360"'),
    ('"rtsp://10.0.0.7/main"', '"tcp://127.0.0.1:5000"'),
    ('drive = ["siren"]', 'drive = ["siren"]\nuntil = "time"\nfor_s = 20'),
    ('"GPIO23"', '"PQ.05"'),
    ("broker.example:8883", "[fd00::1]:8883"),
    ('board = "pump-house"', 'board = "pump-house"\ntimezone = "Asia/Shanghai"'),
]


@pytest.mark.parametrize(("old", "new"), RIGHT)
def test_right(changed: Changed, old: str, new: str) -> None:
    checked = changed(old, new)
    assert checked.problems == []
    assert checked.warnings == []


WARNED = [
    (('"GPIO23"', '"GPIO4"'), 'relay[1] "siren".pin', "pulled up"),
    (('"GPIO23"', '"BOARD3"'), 'relay[1] "siren".pin', "pulled up"),
    (('pin = "GPIO22"', 'pin = "GPIO22"\nclass = "alarm"'), 'point[2] "pump-1-running"', "no rule"),
    (('"pump.*", ', ""), 'pump[1] "pump-1"', "no rule"),
    (('drive = ["siren"]\n', ""), 'relay[1] "siren"', "no rule drives"),
    (('press = ["acknowledge"]\n', ""), 'point[3] "button"', "does nothing"),
    (('"door.held_open"]', '"panel.refused"]'), "rule[1].on[2]", "do not hear"),
    (
        ('running = "pump-1-running"', 'running = "pump-1-running"\nfail_to_start_s = 9'),
        'pump[1] "pump-1".fail_to_start_s',
        "demand",
    ),
    (("mqtts://broker.example", "mqtt://broker.example"), "uplink.broker", "without TLS"),
    ((SOURCE, 'source = "csi:0"\ntransport = "udp"'), 'camera[1] "pump-room".transport', "only with an rtsp://"),
    ((SOURCE, SOURCE + '\nsub = "rtsp://10.0.0.7/user=a&password=hunter2"'), 'camera[1] "pump-room".sub', "password"),
    (
        ('"rtsp://10.0.0.7/main"', '"rtsp://10.0.0.7/user=admin&password=hunter2&channel=1"'),
        'camera[1] "pump-room".source',
        "password",
    ),
]


@pytest.mark.parametrize(("pairs", "key", "words"), WARNED)
def test_warned_and_still_usable(changed: Changed, pairs: tuple[str, ...], key: str, words: str) -> None:
    checked = changed(*pairs)
    assert checked.config is not None
    told = {warning.key: warning.message for warning in checked.warnings}
    assert words in told[key]
    assert "hunter2" not in str(checked.warnings)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"rtsp://10.0.0.7/main"', '"rtsp://admin:hunter2@10.0.0.7/main"', "camera"),
        ('"rtsp://10.0.0.7/main"', '"rtsp://admin:hun@hunter2@10.0.0.7/main"', "camera"),
        ('"rtsp://10.0.0.7/main"', '"rtsp://admin:a/hunter2@10.0.0.7/main"', "camera"),
        ('"rtsp://10.0.0.7/main"', '"admin:hunter2@10.0.0.7/main"', "camera"),
        ('"rtsp://10.0.0.7/main"', '"rtsp://10.0.0.7/main"\npassword = "hunter2"', "camera"),
        ('"rtsp://10.0.0.7/main"', '["rtsp://admin:hunter2@10.0.0.7/main"]', "camera"),
        ('"rtsp://10.0.0.7/main"', '"rtsp:/\\u0007/admin:hunter2@10.0.0.7/main"', "camera"),
        ('"mqtts://broker.example:8883"', '"mqtts://board:hunter2@broker.example"', "uplink"),
        ('"mqtts://broker.example:8883"', '"mqtts://b"\ntoken = "hunter2"', "uplink"),
    ],
)
def test_credentials_are_refused_and_never_shown(changed: Changed, old: str, new: str, key: str, language: str) -> None:
    checked = changed(old, new, language=language)
    assert checked.config is None
    assert any(problem.key.startswith(key) for problem in checked.problems)
    assert "hunter2" not in repr(checked)


@pytest.mark.parametrize("pin", ["17", "GPIO17", "gpio17", "BCM17", "GPIO017", "BOARD11", "J8:11", " GPIO17 "])
def test_spellings_of_one_line(pin: str) -> None:
    assert same_line(pin) == "GPIO17"


def test_lines_with_names_are_told_apart() -> None:
    assert len({same_line(pin) for pin in ("PQ.05", "PQ.06", "GPIO18", "BOARD12x", "gpiochip1:17")}) == 5
