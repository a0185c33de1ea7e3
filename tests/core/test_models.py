"""Model files: one form, the same bytes everywhere, and nothing loaded that is not ours."""

import copy
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from skops.io import dumps
from threadpoolctl import threadpool_limits

from stages.core.errors import LoopwrightError
from stages.core.estimators import Setup, build_estimator
from stages.core.models import (
    NO_DATE,
    OWN,
    TRUSTED,
    as_bytes,
    canonical,
    load_model,
    recorded_sha256,
    save_model,
)
from stages.core.params import Params
from stages.core.schema import Schema
from stages.core.transformers import build_features

ROOT = Path(__file__).parent.parent.parent
TARGET = "default payment next month"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Limit threads as `stages.core.stage.run` does."""
    with threadpool_limits(1):
        yield


def fitted(chosen: Params, schema: Schema, frame: pd.DataFrame, name: str) -> Any:
    # Every kind of column takes part.
    featurize = chosen.featurize.model_copy(update={"exclude": ()})
    features = build_features(featurize, schema, TARGET, "ID")
    candidate = chosen.train.candidates[name]
    if name == "boosting":
        candidate = candidate.model_copy(update={"max_iter": 12})
    setup = Setup(task="binary", rule=chosen.charter.rule.expression, random_state=0)
    estimator = build_estimator(candidate, setup, features)
    return estimator.fit(frame, frame[TARGET].to_numpy())


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- the same bytes ---------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
from stages.core.models import save_model
from stages.core.params import read_params
from stages.core.schema import read_schema
from tests.core.test_models import fitted
chosen, schema = read_params(Path("params.yaml")), read_schema(Path("schema.yaml"))
frame = pd.read_csv("data/source/credit_default.csv.gz", nrows=2000)
for name in ("linear", "boosting"):
    model = fitted(chosen, schema, frame, name)
    model.words = {"one", "two", "three", "four"}
    model.counts = {7, 11, 13}
    print(save_model(Path(sys.argv[1]) / name, model))
"""


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    running = []
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", SCRIPT, str(folder)]
        running.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        )
    first, second = [process.communicate(timeout=100)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert first == second
    assert len(set(first)) == 2
    for name in ("linear", "boosting"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


@pytest.mark.parametrize("name", ["dummy", "rule", "linear", "boosting"])
def test_a_model_predicts_the_same_to_the_last_bit_after_a_round_trip(
    name: str, chosen: Params, schema: Schema, sample: pd.DataFrame, tmp_path: Path
) -> None:
    model = fitted(chosen, schema, sample[:1500], name)
    digest = save_model(tmp_path / "a.skops", model)
    assert digest == sha((tmp_path / "a.skops").read_bytes())
    loaded = load_model(tmp_path / "a.skops", digest)
    np.testing.assert_array_equal(
        loaded.predict_proba(sample[1500:]), model.predict_proba(sample[1500:])
    )
    # What was loaded, and a copy, are the same model.
    assert save_model(tmp_path / "b.skops", loaded) == digest
    assert save_model(tmp_path / "c.skops", copy.deepcopy(model)) == digest


def test_the_form_is_plain(
    chosen: Params, schema: Schema, sample: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(tmp_path / "m.skops", fitted(chosen, schema, sample, "boosting"))
    data = (tmp_path / "m.skops").read_bytes()
    with ZipFile(io.BytesIO(data)) as file:
        members = file.infolist()
        text = file.read("schema.json").decode()
    assert all(member.date_time == NO_DATE for member in members)
    assert all(member.compress_type == ZIP_STORED for member in members)
    assert all(member.create_system == 3 for member in members)
    names = [member.filename for member in members]
    assert names == ["schema.json", *(f"{i}.npy" for i in range(len(names) - 1))]
    assert "__id__" not in text
    assert json.loads(text)["protocol"] == 2
    assert canonical(data) == data


def test_what_has_no_order_is_ordered_and_what_has_one_keeps_it() -> None:
    def schema_of(value: Any) -> str:
        with ZipFile(io.BytesIO(canonical(dumps(value)))) as file:
            return file.read("schema.json").decode()

    assert schema_of({"a", "b", "c"}) == schema_of({"c", "b", "a"})
    assert schema_of({"x": 1, "y": 2}) != schema_of({"y": 2, "x": 1})
    assert schema_of(["x", "y"]) != schema_of(["y", "x"])
    one, other = LinearRegression(), LinearRegression()
    one.first, one.second = 1, 2
    other.second, other.first = 2, 1
    assert schema_of(one) == schema_of(other)
    # A saved dictionary may use skops' own words.
    with_words = {"__id__": 1, "file": "x", "__loader__": "y"}
    assert schema_of(with_words).count('"__id__"') == 1


def test_equal_arrays_are_stored_once() -> None:
    data = canonical(dumps([np.arange(4), np.arange(4), np.arange(5), b"bytes"]))
    with ZipFile(io.BytesIO(data)) as file:
        assert file.namelist() == ["schema.json", "0.npy", "1.npy", "2.bin"]


def test_no_array_of_the_model_is_as_long_as_train(
    chosen: Params, schema: Schema, sample: pd.DataFrame, tmp_path: Path
) -> None:
    for name in ("linear", "boosting"):
        save_model(tmp_path / "m.skops", fitted(chosen, schema, sample, name))
        with ZipFile(tmp_path / "m.skops") as file:
            for member in file.namelist()[1:]:
                array = np.load(io.BytesIO(file.read(member)))
                assert max(array.shape, default=0) < len(sample) / 2


# --- what is refused --------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, str]:
    model = LogisticRegression().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    path = tmp_path / "model.skops"
    return path, save_model(path, model)


def test_an_altered_byte_is_refused_before_anything_is_parsed(
    saved: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = saved
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    monkeypatch.setattr("stages.core.models._construct", lambda *_: pytest.fail("parsed"))
    with pytest.raises(LoopwrightError, match=r"not the file that was saved.*dvc checkout"):
        load_model(path, digest)


def test_another_models_hash_is_refused(saved: tuple[Path, str]) -> None:
    path, digest = saved
    assert load_model(path, digest).coef_.shape == (1, 1)
    with pytest.raises(LoopwrightError, match="expected 000000000000"):
        load_model(path, "0" * 64)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match=r"no such file; run `dvc repro`"):
        load_model(tmp_path / "none.skops", "0" * 64)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused_even_with_its_own_hash(
    saved: tuple[Path, str], share: float
) -> None:
    path, _ = saved
    data = path.read_bytes()[: int(path.stat().st_size * share)]
    path.write_bytes(data)
    with pytest.raises(LoopwrightError, match="not a model"):
        load_model(path, sha(data))


def node(kind: str, module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__class__": name, "__module__": module, "__loader__": kind, **more}


def text(value: Any) -> dict[str, Any]:
    return node("JsonNode", "builtins", "str", content=json.dumps(value), is_json=True)


def sequence(kind: str, *parts: Any) -> dict[str, Any]:
    return node(f"{kind.title()}Node", "builtins", kind, content=list(parts))


def mapping(**parts: Any) -> dict[str, Any]:
    keys = sequence("list", *[node("TypeNode", "builtins", "str") for _ in parts])
    return node("DictNode", "builtins", "dict", content=parts, key_types=keys)


COMMAND = "touch {path}"
ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "os.system": (node("FunctionNode", "os", "system"), "os.system"),
    "eval": (node("FunctionNode", "builtins", "eval"), "builtins.eval"),
    "type": (node("TypeNode", "subprocess", "Popen"), "subprocess.Popen"),
    "call": (
        node(
            "ConstructorFromReduceNode",
            "os",
            "system",
            content=sequence("tuple", text(COMMAND)),
        ),
        "os.system",
    ),
    "partial": (
        node(
            "PartialNode",
            "functools",
            "partial",
            content={
                "func": node("FunctionNode", "os", "system"),
                "args": sequence("tuple", text(COMMAND)),
                "kwds": mapping(),
                "namespace": mapping(),
            },
        ),
        "os.system",
    ),
    "reduce": (
        node(
            "LossNode",
            "builtins",
            "exec",
            __reduce__={"args": sequence("tuple", text("open('{path}', 'w')"))},
            content=mapping(),
        ),
        "builtins.exec",
    ),
    "methodcaller": (
        node("OperatorFuncNode", "operator", "methodcaller", attrs=sequence("tuple", text("f"))),
        "operator.methodcaller",
    ),
    "hidden in an estimator": (
        node(
            "ObjectNode",
            "sklearn.linear_model._base",
            "LinearRegression",
            content=mapping(fit=node("FunctionNode", "shutil", "rmtree")),
        ),
        "shutil.rmtree",
    ),
    "list of another class": (
        node("ListNode", "os", "system", content=[text(COMMAND)]),
        "os.system",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_file_that_would_run_something_is_refused(name: str, tmp_path: Path) -> None:
    state, culprit = ATTACKS[name]
    trace, path = tmp_path / "was_here", tmp_path / "evil.skops"
    written = json.dumps({**state, "protocol": 2, "_skops_version": "0.16.0"})
    with ZipFile(path, "w") as file:
        file.writestr("schema.json", written.replace("{path}", str(trace)))
    with pytest.raises(LoopwrightError) as caught:
        load_model(path, sha(path.read_bytes()))
    assert culprit in str(caught.value)
    assert str(path) in str(caught.value)
    assert not trace.exists()


def test_the_same_file_without_the_attack_is_accepted(tmp_path: Path) -> None:
    state = node(
        "ObjectNode",
        "sklearn.linear_model._base",
        "LinearRegression",
        content=mapping(positive=text(True), _sklearn_version=text(sklearn.__version__)),
    )
    path = tmp_path / "good.skops"
    with ZipFile(path, "w") as file:
        file.writestr("schema.json", json.dumps({**state, "protocol": 2}))
    assert load_model(path, sha(path.read_bytes())).positive is True


class Stranger:
    """A type that is not on the list."""


def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path: Path) -> None:
    model = LinearRegression()
    model.extra = Stranger()
    with pytest.raises(LoopwrightError, match=r"Stranger.*stages/core/models.py"):
        save_model(tmp_path / "m.skops", model)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_model(saved: tuple[Path, str]) -> None:
    path, digest = saved
    model = LinearRegression()
    model.extra = Stranger()
    with pytest.raises(LoopwrightError):
        save_model(path, model)
    assert load_model(path, digest).coef_.shape == (1, 1)


def test_every_type_of_a_library_is_needed(
    chosen: Params,
    schema: Schema,
    sample: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    boosting = fitted(chosen, schema, sample[:500], "boosting")
    tree = DecisionTreeClassifier(max_depth=2).fit([[0.0], [1.0]] * 30, [0, 1] * 30)
    for name in TRUSTED[: -len(OWN)]:
        left = [other for other in TRUSTED if other != name]
        monkeypatch.setattr("stages.core.models.TRUSTED", left)
        with pytest.raises(LoopwrightError, match=name):
            for model in (boosting, tree):
                save_model(tmp_path / "m.skops", model)


def test_every_estimator_of_our_own_may_be_in_a_model() -> None:
    def below(kind: type) -> set[type]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    own = {
        kind
        for kind in below(BaseEstimator)
        if kind.__module__.startswith("stages.") and not kind.__name__.startswith("_")
    }
    assert own <= set(OWN)
    # The others are functions as objects: what our transformers are told by, and maps of
    # probabilities.
    assert {kind.__name__ for kind in OWN if not issubclass(kind, BaseEstimator)} == {
        "ByLevels",
        "CategoryNames",
        "ColumnsOf",
        "Isotonic",
        "OneVsRest",
        "Sigmoid",
        "Temperature",
    }


def test_records_hold_nothing_that_was_in_memory_by_chance() -> None:
    X, y = np.arange(400.0).reshape(200, 2), np.arange(200) % 3
    tree = DecisionTreeClassifier(max_depth=5).fit(X, y)
    gap = tree.tree_.__getstate__()["nodes"].view(np.uint8).reshape(-1, 64)[:, 57:]
    assert gap.shape[1] == 7  # as scikit-learn has it, and as numpy copies it
    data = as_bytes(tree)
    for _ in range(5):
        noise = copy.deepcopy(tree)
        state = noise.tree_.__getstate__()
        state["nodes"].view(np.uint8).reshape(-1, 64)[:, 57:] = np.random.default_rng().integers(
            0, 255, (len(gap), 7)
        )
        noise.tree_.__setstate__(state)
        assert as_bytes(noise) == data
    with ZipFile(io.BytesIO(data)) as file:
        arrays = [np.load(io.BytesIO(file.read(n))) for n in file.namelist() if n[-3:] == "npy"]
    (nodes,) = [array for array in arrays if array.dtype.names]
    for field in nodes.dtype.names:
        np.testing.assert_array_equal(nodes[field], tree.tree_.__getstate__()["nodes"][field])


def test_hist_gradient_boosting_alone_holds_no_type_but_its_trees() -> None:
    model = HistGradientBoostingClassifier(max_iter=2).fit([[0.0], [1.0]] * 30, [0, 1] * 30)
    from skops.io import get_untrusted_types

    assert get_untrusted_types(data=dumps(model)) == [
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"
    ]


# --- the manifest -----------------------------------------------------------------------


@pytest.mark.parametrize("document", ["[]", "{}", '{"sha256": 3}'])
def test_a_manifest_without_a_hash_is_refused(document: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(document)
    with pytest.raises(LoopwrightError, match="no sha256"):
        recorded_sha256(path)


def test_the_recorded_hash_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"sha256": "abc", "rows": 1}')
    assert recorded_sha256(path) == "abc"
