from pathlib import Path
from typing import Any

from dvc.utils.serialize import dumps_yaml
from ruamel.yaml import YAML

from operate.locks import Lock, read_lock

ROOT = Path(__file__).parents[2]
MD5 = "0123456789abcdef" * 2
TEXTS = ["two\nlines", "a blank\n\nline\n", "  spaces", "- dash", "key: value", "it's", "x" * 200]
DOCUMENT = {
    "schema": "2.0",
    "stages": {
        "split": {
            "cmd": "python split.py",
            "deps": [{"path": "a b.csv", "hash": "md5", "md5": MD5, "size": 1}],
            "params": {
                "params.yaml": {
                    "charter": {"texts": {str(i): text for i, text in enumerate(TEXTS)}},
                    "charter.key": "ID",
                    "list": ["a", {"b": 1}],
                    "empty": {},
                    "number": 1e-3,
                },
                "other.yaml": {"seed": 3},
            },
            "outs": [
                {"path": "data/split/folder", "hash": "md5", "md5": f"{MD5}.dir", "nfiles": 2},
                {"path": "%odd: name", "hash": "md5", "md5": MD5},
            ],
        },
        "audit@fairness": {
            "cmd": "audit",
            "deps": [
                {"path": "data/split", "hash": "md5", "md5": f"{MD5}.dir"},
                {"path": "code.py", "hash": "md5", "md5": MD5},
            ],
        },
    },
}


def hashes(entries: list[dict[str, Any]]) -> dict[str, str]:
    return {entry["path"]: entry["md5"] for entry in entries}


def flat(key: str, tree: Any) -> dict[str, Any]:
    if isinstance(tree, dict) and tree:
        return {
            k: v for part, inner in tree.items() for k, v in flat(f"{key}.{part}", inner).items()
        }
    return {key: tree}


def agree(text: str) -> Lock:
    """Hold what `read_lock` reads against what a YAML reader does."""
    lock, document = read_lock(text), YAML(typ="safe").load(text)
    assert list(lock.stages) == list(document["stages"])
    for name, stage in document["stages"].items():
        assert dict(lock.stages[name].deps) == hashes(stage.get("deps", []))
        assert dict(lock.stages[name].outs) == hashes(stage.get("outs", []))
        params = stage.get("params", {}).get("params.yaml", {})
        expected = {k: v for key, tree in params.items() for k, v in flat(key, tree).items()}
        values = lock.stages[name].values.items()
        assert {k: v for k, v in values if not k.startswith("other.yaml:")} == expected
    return lock


def test_what_dvc_writes_is_read_as_yaml_reads_it() -> None:
    lock = agree(dumps_yaml(DOCUMENT))
    assert lock.values["other.yaml:seed"] == 3
    assert [lock.values[f"charter.texts.{i}"] for i in range(len(TEXTS))] == TEXTS


def test_the_lock_of_this_repository_is_read_as_yaml_reads_it() -> None:
    assert len(agree((ROOT / "dvc.lock").read_text()).stages) > 10


def test_sources_are_what_no_stage_wrote() -> None:
    lock = read_lock(dumps_yaml(DOCUMENT))
    assert set(lock.sources) == {"a b.csv", "code.py"}
    assert lock.output("data/split/folder") == f"{MD5}.dir"
    assert lock.output("nowhere") is None and not lock.writer("nowhere").outs


def test_an_empty_lock_has_no_stages() -> None:
    assert read_lock("") == read_lock("schema: '2.0'\n") == Lock()
