"""What changed between two revisions: params, packages, code, stages."""

from operate.locks import read_lock
from operate.review.changes import (
    Change,
    code_changes,
    numstat,
    only_seeds,
    package_changes,
    param_changes,
    reruns,
)
from stages.core.numbers import MINUS, NOTHING

LOCK = """\
schema: '2.0'
stages:
  train:
    cmd: python train.py
    deps:
    - path: code.py
      hash: md5
      md5: {code}
      size: 1
    - path: data/rows.csv
      hash: md5
      md5: bb
      size: 1
    params:
      params.yaml:
        train.depth: {depth}
    outs:
    - path: model.bin
      hash: md5
      md5: {model}
      size: 1
  evaluate:
    cmd: python evaluate.py
    deps:
    - path: model.bin
      hash: md5
      md5: {model}
      size: 1
    outs:
    - path: metrics.json
      hash: md5
      md5: dd
      size: 1
"""


def lock(code: str = "aa", depth: int = 3, model: str = "cc"):  # type: ignore[no-untyped-def]
    return read_lock(LOCK.format(code=code, depth=depth, model=model))


SAME = ({}, {})


def test_params_are_told_by_dotted_key_with_their_type() -> None:
    old = {"a": {"b": 1, "c": [1, 2], "same": None, "empty": {}}, "gone": "x"}
    new = {"a": {"b": True, "c": [2, 1], "same": None, "empty": {}}, "new": 0.5}
    assert param_changes(old, new) == [
        Change("a.b", "1", "true"),
        Change("a.c", "[1, 2]", "[2, 1]"),
        Change("gone", "x", NOTHING),
        Change("new", NOTHING, "0.5"),
    ]
    assert param_changes(old, old) == []


def test_packages_are_told_from_the_lock() -> None:
    old = "numpy==2.3.0 \\\n    --hash=sha256:ab==\nPandas[x]==3.0 ; python_version < '4'\nold==1\n"
    new = "numpy==2.4.0 \\\n    --hash=sha256:cd\npandas[x]==3.0\nnew==2\n"
    assert package_changes(old, new) == [
        Change("new", NOTHING, "2"),
        Change("numpy", "2.3.0", "2.4.0"),
        Change("old", "1", NOTHING),
    ]


def test_a_stage_ran_again_because_of_what_it_reads() -> None:
    (train, evaluate) = reruns(lock(), lock(code="a2", depth=4, model="c2"), SAME)
    assert (train.stage, train.why) == ("train", ("code.py", "train.depth"))
    assert (train.outputs, train.of) == (("model.bin",), 1)
    assert (evaluate.why, evaluate.outputs) == (("model.bin",), ())
    assert reruns(lock(), lock(), SAME) == []


def test_outputs_that_change_by_themselves_are_told() -> None:
    found = reruns(lock(), lock(model="c2"), SAME)[0]
    assert "not reproducible" in found.why[0]


def test_a_new_command_a_new_stage_and_one_that_is_gone_are_told() -> None:
    both = ({"train": "python a"}, {"train": "python b"})
    assert reruns(lock(), lock(), both)[0].why == ("its command",)
    nothing = read_lock("")
    assert {row.why for row in reruns(nothing, lock(), SAME)} == {("the stage is new",)}
    assert {row.why for row in reruns(lock(), nothing, SAME)} == {("the stage is gone",)}


def test_code_is_told_with_its_stages_and_lines() -> None:
    (changed,) = code_changes(lock(), lock(code="a2", model="c2"), {"code.py": "+1"})
    assert (changed.file, changed.lines, changed.stages) == ("code.py", "+1", ("train",))


def test_lines_are_read_from_git() -> None:
    text = "3\t1\ta b.py\0-\t-\tpicture.png\0"
    assert numstat(text) == {"a b.py": f"+3 {MINUS}1", "picture.png": "binary"}
    assert numstat("") == {}


def test_only_seeds_means_nothing_else() -> None:
    seed = Change("train.random_state", "0", "1")
    assert only_seeds([seed], [])
    assert not only_seeds([seed, Change("train.depth", "3", "4")], [])
    assert not only_seeds([seed], code_changes(lock(), lock(code="x"), {}))
    assert not only_seeds([], [])
