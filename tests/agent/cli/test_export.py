"""standpipe export and standpipe verify, as a person at the board and a stranger with the package meet them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sp_cli import Said
from sp_export import ExportSite, unpacked

from agent.cli.__main__ import main
from agent.cli.commands import COMMANDS
from agent.cli.export_texts import EXPORT_TEXTS, FAULT_TEXTS
from agent.core.package import COVER
from agent.runtime.clock import SystemClock
from agent.runtime.keys import new_signer, write_key

Run = Callable[..., Said]
BASE = ["--receiver", "公安分局", "--basis", "治安管理处罚法"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ExportSite]:
    made = ExportSite(tmp_path)
    made.now = SystemClock().stamp()
    yield made
    made.close()


@pytest.fixture
def standpipe(site: ExportSite, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, folders: bool = True) -> Said:
        paths = site.paths
        where = ["--site", str(paths.site), "--data", str(paths.data), "--run", str(paths.run)] if folders else []
        try:
            code = main([*arguments, *where])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


def exported(site: ExportSite, standpipe: Run, out: Path, *more: str) -> Said:
    grant = site.granted(100, 110, copies=True, cameras=("yard", "gate"))
    return standpipe("export", "--grant", grant, "--out", str(out), *BASE, *more)


def test_from_a_grant_to_a_verdict(site: ExportSite, standpipe: Run, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    said = exported(site, standpipe, out)
    assert said.code == 0, said.err
    assert str(out) in said.out
    assert "6 of 6 originals proven" in said.out
    key = tmp_path / "board.pub"
    shutil.copy(site.paths.data / "board.pub", key)
    shutil.move(site.paths.data, tmp_path / "away")  # a stranger's computer has nothing of the site
    site.paths.site.unlink()
    for given in (str(key), site.signer.public_text):
        said = standpipe("verify", str(out), "--key", given, folders=False)
        assert (said.code, said.err) == (0, "")
        assert "GOOD: unchanged since it was made; 6 of 6" in said.out
        assert "公安分局" in said.out
        assert "WHOSE" not in said.out
    assert "WHOSE it is was not checked" in standpipe("verify", str(out), folders=False).out


def test_what_is_wrong_is_named_in_words_and_as_json(site: ExportSite, standpipe: Run, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    exported(site, standpipe, out)
    folder = unpacked(out, tmp_path / "plain")
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace("公安分局", "\\u001b[2J某人"))
    (folder / "clips/gate.mp4").unlink()
    said = standpipe("verify", str(folder), "--key", site.signer.public_text)
    assert said.code == 1
    assert "manifest.json#/receiver/name: changed since it was signed" in said.out
    assert "clips/gate.mp4: missing" in said.out
    assert "\x1b" not in said.out
    told = json.loads(standpipe("verify", str(folder), "--json").out)
    assert not told["good"]
    assert {fault["where"] for fault in told["faults"]} >= {"manifest.json#/receiver/name", "clips/gate.mp4"}


@pytest.mark.parametrize("contents", [b"", b"PK\x03\x04" + bytes(100), b"just a text\n"])
def test_what_is_no_package_is_told_in_a_line(standpipe: Run, tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "holiday.zip"
    path.write_bytes(contents)
    said = standpipe("verify", str(path), folders=False)
    assert said.code == 1
    assert "holiday.zip: not a whole zip as ours are" in said.out
    assert standpipe("verify", str(tmp_path / "none.zip"), folders=False).code == 1
    assert "neither a public key" in standpipe("verify", str(path), "--key", "nonsense", folders=False).err


def test_signed_by_a_person_too(site: ExportSite, standpipe: Run, tmp_path: Path) -> None:
    key, words = tmp_path / "li.key", tmp_path / "words"
    write_key(key, new_signer(), "li", "correct horse")
    words.write_text("correct horse\n")
    out = tmp_path / "evidence.zip"
    said = exported(site, standpipe, out, "--key", str(key), "--passphrase-file", str(words), "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert (told["proven"], told["faults"]) == (6, [])
    manifest = json.loads((unpacked(out, tmp_path / "plain") / "manifest.json").read_text())
    assert [(one["as"], one["who"]) for one in manifest["signers"]] == [("board", "plant/pump-house"), ("person", "li")]
    assert site.rows("export.made")[0]["signed"] is True


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (["--officer", "李某 110101"], "two officers"),
        (["--officer", "a", "--officer", "b"], "letter"),
        (["--ahead-ms", "5"], "--compared"),
        (["--watermark", "中"], "--watermark"),
        (["--watermark", "A" * 61], "--watermark"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_opened(
    site: ExportSite, standpipe: Run, tmp_path: Path, more: list[str], why: str
) -> None:
    said = exported(site, standpipe, tmp_path / "evidence.zip", *more)
    assert said.code == 2
    assert why in said.err
    assert len(said.err.splitlines()) == 1
    assert site.rows("viewing.opened") == []


def test_without_a_grant_there_is_none(site: ExportSite, standpipe: Run, tmp_path: Path) -> None:
    said = standpipe("export", "--grant", "g-7", "--out", str(tmp_path / "x.zip"), *BASE)
    assert (said.code, "grant ask" in said.err) == (2, True)
    grant, _ = site.ask(100, 110, copies=True, cameras=("yard", "gate"))
    said = standpipe("export", "--grant", grant, "--out", str(tmp_path / "x.zip"), *BASE)
    assert said.code == 1
    assert "not approved" in said.err
    assert not (tmp_path / "x.zip").exists()
    assert len(site.rows("viewing.refused")) == 1


def test_part_of_a_grant_and_a_watermark(site: ExportSite, standpipe: Run, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    said = exported(
        site,
        standpipe,
        out,
        *("--camera", "gate", "--from", "2026-11-18T11:08:22+00:00", "--to", "2026-11-18T11:08:24+00:00"),
        *("--watermark", "Police 17"),
    )
    assert said.code == 0, said.err
    assert "seconds" not in said.err
    assert "s of processor time" in said.out
    told = json.loads((unpacked(out, tmp_path / "plain") / "manifest.json").read_text())
    assert told["asked"]["cameras"] == ["gate"]
    assert [one["text"] for one in told["cameras"][0]["marked"]] == ["Police 17"]


def test_every_fault_has_its_words() -> None:
    """Whatever verdict.py and verify.py can say is in the table, and nothing else is."""
    root = Path(__file__).parents[3] / "agent"
    sources = [root / "core/verdict.py", root / "footage/verify.py", root / "footage/opened.py"]
    text = "\n".join(path.read_text() for path in sources)
    said = set(re.findall(r'Fault\([^"]*?(?:f?"[^"]*"|\w+(?:\([^()]*\)|\[[^\]]*\]|\.\w+)*), "([a-z-]+)"', text))
    said |= set(re.findall(r'"(swapped|changed|renamed|extra|packed|no-zip)"', text))
    assert said == set(FAULT_TEXTS)


def test_both_languages_say_the_same() -> None:
    for name, (english, chinese) in {**EXPORT_TEXTS, **FAULT_TEXTS}.items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), name
        assert re.search(r"[\u4e00-\u9fff]", chinese) or name in ("writing", "scrub-rot"), name


def test_the_commands_that_the_cover_names_are_some(site: ExportSite, tmp_path: Path) -> None:
    text = (unpacked(site.make().path, tmp_path / "plain") / COVER).read_text()
    named = {found.split()[0] for found in re.findall(r"<code>standpipe (.+?)</code>", text)}
    assert {"verify", "keys"} == named <= set(COMMANDS)
