"""What an editor knows of params.yaml and schema.yaml: all that the models know."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from operate.cli import app
from operate.json_schema import FOLDER, MODELS, documents, json_schema
from operate.meanings import read_meanings
from stages.core.params import Params

ROOT = Path(__file__).parents[2]
NAMES = tuple(MODELS)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    found = documents(ROOT)
    return {name: json.loads(found[FOLDER / f"{name}.schema.json"]) for name in NAMES}


def loaded(name: str) -> Any:
    text = (ROOT / f"{name}.yaml").read_text(encoding="utf-8")
    return json.loads(json.dumps(YAML(typ="safe").load(text)))


def faults(schema: Any, document: Any) -> list[str]:
    found = jsonschema.Draft202012Validator(schema).iter_errors(document)
    return [".".join(map(str, fault.absolute_path)) for fault in found]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_in_step_and_named_by_the_file(name: str) -> None:
    path = FOLDER / f"{name}.schema.json"
    assert (ROOT / path).read_text(encoding="utf-8") == documents(ROOT)[path], (
        "the models or docs changed: `loopwright json-schema` writes it anew"
    )
    first = (ROOT / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={path.as_posix()}"


@pytest.mark.parametrize("name", NAMES)
def test_the_file_of_the_project_fits(made: dict[str, Any], name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(made[name])
    assert faults(made[name], loaded(name)) == []


def cut(document: Any, key: str) -> None:
    *above, last = key.split(".")
    for part in above:
        document = document[part]
    del document[last]


def put(document: Any, key: str, value: Any) -> None:
    *above, last = key.split(".")
    for part in above:
        document = document[part]
    document[last] = value


WRONG: list[tuple[str, str, Callable[[Any], None]]] = [
    ("params", "split", lambda d: put(d, "split.strategie", "group")),
    ("params", "split", lambda d: cut(d, "split.strategy")),
    ("params", "split.strategy", lambda d: put(d, "split.strategy", "by chance")),
    ("params", "split.random_state", lambda d: put(d, "split.random_state", -1)),
    ("params", "split.random_state", lambda d: put(d, "split.random_state", "0")),
    ("params", "charter", lambda d: put(d, "charter.task", "ranking")),
    ("params", "", lambda d: put(d, "splits", {})),
    ("schema", "columns.AGE.dtype", lambda d: put(d, "columns.AGE.dtype", "int")),
    ("schema", "columns.AGE", lambda d: put(d, "columns.AGE.nullabel", True)),
    ("schema", "columns.AGE", lambda d: cut(d, "columns.AGE.title")),
    ("schema", "columns", lambda d: put(d, "columns", {})),
]


@pytest.mark.parametrize(("name", "where", "spoil"), WRONG)
def test_a_wrong_one_does_not(
    made: dict[str, Any], name: str, where: str, spoil: Callable[[Any], None]
) -> None:
    document = loaded(name)
    spoil(document)
    assert where in faults(made[name], document)


def nodes(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        yield from node.get("properties", {}).items()
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


@pytest.mark.parametrize("name", NAMES)
def test_each_key_is_described(made: dict[str, Any], name: str) -> None:
    found = list(nodes(made[name]))
    assert len(found) > 10
    assert [key for key, node in found if not node["description"].strip()] == []
    assert not any("title" in node and isinstance(node["title"], str) for _, node in found)


def test_the_words_are_those_of_the_pages(tmp_path: Path) -> None:
    (tmp_path / "split.md").write_text(
        "| Key of `split` | Meaning |\n|---|---|\n"
        "| `strategy`, `group` | the **way**, [how](x.md) `a \\| b` |\n"
        "| `fractions.*.train` | the share |\n\n"
        "| check | question | bound |\n|---|---|---|\n"
        "| `split.rows` | Is it enough? | `split.time` |\n\n"
        "What follows tells of `random_state`: the seed; and more.\n"
    )
    meanings = read_meanings(tmp_path)
    assert meanings.of("split.strategy") == meanings.of("split.group") == "the way, how a | b"
    assert meanings.of("split.fractions.train") == "the share"
    assert meanings.of("split.time") == "Is it enough?"
    assert meanings.of("split.random_state") == "the seed"
    assert meanings.of("tune.random_state") is None  # no page is about tune
    made = json_schema(Params, "params.yaml", meanings)
    split = made["$defs"]["Split"]["properties"]
    assert split["random_state"]["description"] == "the seed"
    assert split["fractions"]["description"] == "Shares of the rows; they sum to 1."


def test_the_command_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["json-schema"])
    assert done.stdout.split() == [f".loopwright/{name}.schema.json" for name in NAMES]
    for name in NAMES:
        assert json.loads((tmp_path / FOLDER / f"{name}.schema.json").read_text())["properties"]
