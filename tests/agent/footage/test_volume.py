"""The marker: a missing or other disk is refused; the reserve: recording stops below it and starts above it again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.footage.errors import FootageError
from agent.footage.volume import MIB, Volume


@pytest.fixture
def volume(tmp_path, footage):
    (tmp_path / "data").mkdir()
    return Volume(footage, tmp_path / "data", 16 * MIB)


def test_the_first_look_makes_the_marker_and_later_ones_find_it(volume, footage):
    volume.check(recording=False)
    marker = (footage / ".standpipe-volume").read_text()
    volume.check(recording=True)
    assert (footage / ".standpipe-volume").read_text() == marker


def test_many_recorders_that_start_on_a_new_board_agree_on_one_marker(tmp_path):
    for board in range(20):
        footage, data = tmp_path / f"{board}" / "footage", tmp_path / f"{board}"
        data.mkdir()
        together = threading.Barrier(4)

        def start(footage=footage, data=data, together=together):
            together.wait()
            Volume(footage, data, 16 * MIB).check(recording=False)

        with ThreadPoolExecutor(4) as pool:
            for one in [pool.submit(start) for _ in range(4)]:
                one.result()
        Volume(footage, data, 16 * MIB).check(recording=True)


def test_a_disk_that_is_not_mounted_is_refused_and_not_filled(volume, footage):
    volume.check(recording=True)
    (footage / ".standpipe-volume").unlink()
    with pytest.raises(FootageError, match="is the disk mounted") as caught:
        volume.check(recording=True)
    assert caught.value.reason == "wrong volume"
    assert list(footage.iterdir()) == []


def test_another_disk_is_refused_until_a_person_accepts_it(volume, footage):
    volume.check(recording=True)
    (footage / ".standpipe-volume").write_text("00000000-0000-0000-0000-000000000000\n")
    with pytest.raises(FootageError, match="another disk"):
        volume.check(recording=True)
    volume.accept()
    volume.check(recording=True)


def test_a_new_board_takes_a_disk_as_it_is(tmp_path, volume, footage):
    volume.check(recording=True)
    (tmp_path / "board-2").mkdir()
    other = Volume(footage, tmp_path / "board-2", 16 * MIB)
    other.check(recording=True)


def test_below_the_reserve_recording_stops_and_goes_on_only_with_slack(volume, monkeypatch):
    volume.check(recording=True)
    for free, recording, fine in ((17, True, True), (15, True, False), (16.5, False, False), (18, False, True)):
        monkeypatch.setattr(volume, "free_bytes", lambda free=free: int(free * MIB))
        if fine:
            volume.check(recording=recording)
        else:
            with pytest.raises(FootageError, match="16 MiB are kept") as caught:
                volume.check(recording=recording)
            assert caught.value.reason == "disk full"
