"""A manifest and its signature, edited field by field: each edit is named."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sp_export import ExportSite

from agent.core.package import MANIFEST, SIGNATURE, as_text, is_name
from agent.core.people import public_of
from agent.core.verdict import Present, Verdict, judge
from agent.runtime.keys import verify


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    site = ExportSite(tmp_path_factory.mktemp("site"))
    try:
        return Package(site.make().path, site.signer.public_text)
    finally:
        site.close()


class Package:
    """What a package says, in memory."""

    def __init__(self, path: Path, key: str) -> None:
        import hashlib

        with zipfile.ZipFile(path) as opened:
            files = {name: opened.read(name) for name in opened.namelist()}
        self.manifest: dict[str, Any] = json.loads(files[MANIFEST])
        self.signature: dict[str, Any] = json.loads(files[SIGNATURE])
        self.present = {name: Present(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()}
        self.keys = [public_of(key)]

    def judged(self, manifest: Any = None, signature: Any = None) -> Verdict:
        texts = [as_text(self.manifest if manifest is None else manifest)]
        texts.append(as_text(self.signature if signature is None else signature))
        return judge(texts[0], texts[1], self.present, self.keys, verify)


def pointers(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every text and number."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        yield at
        return
    for name, inner in items:
        yield from pointers(inner, (*at, name))


def containers(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every object and list."""
    if isinstance(value, (dict, list)):
        yield at
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from containers(inner, (*at, name))


def at(value: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        value = value[step]
    return value


def changed(value: Any, way: tuple[Any, ...]) -> Any:
    """A copy in which that one text or number is another."""
    made = copy.deepcopy(value)
    old = at(made, way)
    new = old + 1 if isinstance(old, int) else "x" + old if old[:1] != "f" else "0" + old[1:]
    at(made, way[:-1])[way[-1]] = new
    return made


def written(way: tuple[Any, ...]) -> str:
    return "".join(f"/{step}" for step in way)


def test_it_is_good_as_it_was_made(package: Package) -> None:
    verdict = package.judged()
    assert verdict.faults == []
    assert (verdict.segments, verdict.proven) == (6, 6)


def test_every_field_that_is_edited_is_named(package: Package) -> None:
    ways = list(pointers(package.manifest))
    assert len(ways) > 150
    for way in ways:
        verdict = package.judged(changed(package.manifest, way))
        assert f"{MANIFEST}#{written(way)}" in {fault.where for fault in verdict.faults}, way


def test_every_field_that_is_taken_out_or_of_another_kind_is_named(package: Package) -> None:
    for way in pointers(package.manifest):
        gone, odd = copy.deepcopy(package.manifest), copy.deepcopy(package.manifest)
        if isinstance(at(gone, way[:-1]), dict):
            del at(gone, way[:-1])[way[-1]]
            assert f"{MANIFEST}#{written(way)}" in {fault.where for fault in package.judged(gone).faults}, way
        for other in (None, True, ["x"], {"x": 1}, 1.5, 10**30):
            at(odd, way[:-1])[way[-1]] = other
            text = json.dumps(odd).encode()
            signed = as_text(package.signature)
            verdict = judge(text, signed, package.present, package.keys, verify)
            assert verdict.faults, (way, other)
            assert all(fault.where.startswith(MANIFEST) for fault in verdict.faults)


def test_every_object_and_list_that_grows_shrinks_or_turns_round_is_named(package: Package) -> None:
    for way in containers(package.manifest):
        more, less, turned = (copy.deepcopy(package.manifest) for _ in range(3))
        inner = at(more, way)
        if isinstance(inner, dict):
            inner["extra"] = "x"
            assert f"{MANIFEST}#{written(way)}/extra" in {fault.where for fault in package.judged(more).faults}, way
            continue
        inner.append(copy.deepcopy(inner[-1]) if inner else "x")
        assert not package.judged(more).good, way
        if inner[:-1]:
            at(less, way).pop()
            assert not package.judged(less).good, way
        if len(set(map(str, at(turned, way)))) > 1:
            at(turned, way).reverse()
            assert not package.judged(turned).good, way


def test_every_field_of_the_signature_that_is_edited_is_named(package: Package) -> None:
    for way in pointers(package.signature):
        verdict = package.judged(signature=changed(package.signature, way))
        assert any(fault.where.startswith((SIGNATURE, MANIFEST)) for fault in verdict.faults), way
    for gone in package.signature:
        less = {name: value for name, value in package.signature.items() if name != gone}
        assert f"{SIGNATURE}#/{gone}" in {fault.where for fault in package.judged(signature=less).faults}


def test_the_same_in_other_words_is_not_what_was_signed(package: Package) -> None:
    text = json.dumps(package.manifest, indent=1).encode()
    verdict = judge(text, as_text(package.signature), package.present, package.keys, verify)
    assert [(fault.where, fault.what) for fault in verdict.faults] == [(MANIFEST, "rewritten")]


NONSENSE = [None, b"", b"{}", b"[]", b"\xff", b'{"v":1e999}', b'{"v":%s}' % (b"9" * 10_000), b"[" * 100_000]
NONSENSE += [b'{"v":NaN}', b'{"v":1,"v":2}', b"0" * 64, b'{"a":"\\ud800"}']


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_a_fault_and_never_an_error(package: Package, text: bytes | None) -> None:
    good = as_text(package.manifest), as_text(package.signature)
    for pair in ((text, good[1]), (good[0], text), (text, text)):
        verdict = judge(*pair, package.present, package.keys, verify)
        assert verdict.faults
        assert verdict.faults[0].where.split("#")[0] in (MANIFEST, SIGNATURE)


ELSEWHERE = ["", "/etc/passwd", "../x.mp4", "footage/../x.mp4", "footage/yard/../../00000001-2.mp4", "clips/.mp4"]
ELSEWHERE += ["footage/yard/00000001-2.mp4/", "footage/yard/00000001-2.mp4\0", "clips\\yard.mp4"]
ELSEWHERE += ["Manifest.json", "clips/x.exe"]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_name_of_a_file_leads_elsewhere(name: str) -> None:
    assert not is_name(name)


def test_names_of_ours_are_names() -> None:
    ours = ("manifest.json", "clips/yard-2.mp4", "marked/a.mp4", "footage/yard/00000001-20261118T000000Z.mp4")
    assert all(is_name(name) for name in ours)
