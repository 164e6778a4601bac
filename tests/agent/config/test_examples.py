"""The example files: good, complete, and true to the JSON Schema that editors get."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec import inspect as model

from agent.config import check, load
from agent.config.model import SiteConfig
from agent.config.schema import schema
from hw.cameras import open_camera

EXAMPLES = Path(__file__).parents[3] / "provisioning/examples"
FILES = sorted(path.name for path in EXAMPLES.glob("*.toml"))


@pytest.mark.parametrize("name", FILES)
def test_example_is_good_and_without_warnings(name: str) -> None:
    checked = check(EXAMPLES / name, "en")
    assert checked.problems == []
    assert checked.warnings == []


def test_minimal_is_one_camera_one_door_one_siren() -> None:
    config = load(EXAMPLES / "minimal.toml")
    assert [len(part) for part in (config.camera, config.point, config.relay, config.rule)] == [1, 1, 1, 1]


@pytest.mark.parametrize("name", FILES)
def test_example_is_valid_by_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(document(name), schema())


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("point", "settle_ms", 5),
        ("point", "setle_ms", 50),
        ("relay", "active", "hi"),
        ("camera", "id", "A B"),
        ("rule", "on", []),
    ],
)
def test_schema_refuses_what_check_refuses(section: str, key: str, value: object) -> None:
    wrong = document("pump-house.toml")
    wrong[section][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema())


def test_schema_takes_a_pin_as_a_number() -> None:
    site = document("minimal.toml")
    site["point"][0]["pin"] = 17
    jsonschema.validate(site, schema())


def test_schema_says_what_each_key_is_for() -> None:
    mute = [
        f"{table}.{key}"
        for table, made in schema()["$defs"].items()
        for key, field in made["properties"].items()
        if table != "SiteConfig" and "description" not in json.dumps(field) and "$ref" not in json.dumps(field)
    ]
    assert mute == []


def keys_of_model(kind: model.Type, path: str = "") -> dict[str, str]:
    """Key path -> default as the file would write it, for every key of the model."""
    while isinstance(kind, model.Metadata):
        kind = kind.type
    if isinstance(kind, model.ListType):
        return keys_of_model(kind.item_type, path)
    if not isinstance(kind, model.StructType):
        return {}
    found = {}
    for field in kind.fields:
        here = f"{path}.{field.encode_name}".lstrip(".")
        found[here] = "" if field.default is msgspec.NODEFAULT else json.dumps(field.default, default=str)
        found |= keys_of_model(field.type, here)
    return found


def test_every_key_stands_in_the_big_example() -> None:
    """Used, or in a comment of its section as `# key = ...` with the true default."""
    text = (EXAMPLES / "pump-house.toml").read_text()
    used = set(keys_of_document(document("pump-house.toml")))
    for path, default in keys_of_model(model.type_info(SiteConfig)).items():
        if path in used:
            continue
        found = re.search(rf"^# {path.rpartition('.')[2]} = (\S+)", text, re.MULTILINE)
        assert found, f"{path} is neither used nor mentioned"
        section = re.findall(r"^\[\[?([a-z]+)\]", text[: found.start()], re.MULTILINE)[-1]
        assert section == path.partition(".")[0], f"{path} is mentioned under [{section}]"
        assert default in (found[1], '""', ""), f"{path}: its default is {default}"  # "": off without it


def keys_of_document(value: Any, path: str = "") -> list[str]:
    if isinstance(value, list):
        return [key for item in value for key in keys_of_document(item, path)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        here = f"{path}.{key}".lstrip(".")
        found += [here, *keys_of_document(inner, here)]
    return found


def document(name: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLES / name).read_text())


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("cameras-")])
def test_every_camera_of_a_recipe_can_be_made(name: str) -> None:
    """The words of a command, the options of a device: as far as goes without the board."""
    for camera in load(EXAMPLES / name).camera:
        open_camera(camera.source).close()
