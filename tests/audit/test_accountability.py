import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stages.audit.accountability import examine, is_written
from stages.audit.evidence import Evidence
from stages.core.params import AuditAccountability, Criterion, Owners, Scope
from stages.core.verdicts import Verdict

from .conftest import Make

BOUNDS = AuditAccountability(max_model_size=1000)
MODEL = b"the bytes of a model"
SHA256 = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
def sound(make: Make, tmp_path: Path) -> Evidence:
    (tmp_path / "model.skops").write_bytes(MODEL)
    manifest = {"sha256": SHA256, "inputs": ["income", "late"], "rows": 3000}
    return make(manifest=manifest, evaluation={"model_sha256": SHA256, "threshold": 0.2})


def found(e: Evidence, bounds: AuditAccountability = BOUNDS) -> dict[str, Verdict]:
    return {verdict.id.partition(".")[2]: verdict for verdict in examine(e, bounds).verdicts}


def failed(e: Evidence, **changes: Any) -> set[str]:
    answers = found(replace(e, **changes))
    return {name for name, verdict in answers.items() if verdict.status == "fail"}


def test_a_sound_chain_raises_no_alarm(sound: Evidence) -> None:
    answer = examine(sound, BOUNDS)
    assert {verdict.status for verdict in answer.verdicts} == {"pass"}
    assert {row["Status"] for row in answer.tables["Lineage"]} == {"pass"}
    assert len(answer.tables["Owners"]) == 5
    assert set(answer.figures) == {"lineage"}


# --- the charter ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", " ", "?", "...", "TBD", "tbd.", "N/A", "none", "TODO: ask", "<123>", "nobody"]
)
def test_what_stands_in_for_an_answer_is_none(text: str) -> None:
    assert not is_written(text)


@pytest.mark.parametrize("text", ["head of collections", "Ann", "风险官", "on call: 3rd line"])
def test_an_answer_is_one(text: str) -> None:
    assert is_written(text)


def test_a_role_without_an_owner_fails(sound: Evidence) -> None:
    owners = Owners(product="sales", model="TBD", data="desk", risk="", on_call="ops")
    assert failed(sound, owners=owners) == {"owners"}


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": Scope(inside=(), outside=("prices",))},
        {"scope": Scope(inside=("calls",), outside=("?",))},
        {"criteria": ()},
        {"criteria": (Criterion(metric="roc_auc", at_least=0.7, why=""),)},
    ],
)
def test_a_charter_that_says_nothing_fails(sound: Evidence, changes: dict[str, Any]) -> None:
    assert failed(sound, **changes) == {"charter"}


def test_costs_from_nowhere_fail(sound: Evidence) -> None:
    costs = sound.costs.model_copy(update={"source": "todo"})
    assert failed(sound, costs=costs) == {"charter"}


# --- lineage ------------------------------------------------------------------------------------


def test_other_bytes_than_the_manifests_fail(sound: Evidence) -> None:
    sound.model_file.write_bytes(MODEL[:-1] + b"!")
    assert failed(sound) == {"model_bytes"}


def test_a_model_that_is_too_large_fails(sound: Evidence) -> None:
    answers = found(sound, AuditAccountability(max_model_size=len(MODEL) - 1))
    assert answers["model_size"].status == "fail"
    assert found(sound, AuditAccountability(max_model_size=len(MODEL)))["model_size"].status == (
        "pass"
    )


@pytest.mark.parametrize("rows", [2999, None, "3000"])
def test_other_rows_than_those_of_train_fail(sound: Evidence, rows: Any) -> None:
    assert failed(sound, manifest={**sound.manifest, "rows": rows}) == {"training_rows"}


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        (["late", "ghost"], "ghost (not in schema.yaml)"),
        (["late", "y"], "y (the target)"),
        (["late", "id"], "id (the key)"),
    ],
)
def test_an_input_that_nobody_declared_or_that_knows_the_answer_fails(
    sound: Evidence, inputs: list[str], told: str
) -> None:
    manifest = {**sound.manifest, "inputs": inputs}
    assert failed(sound, manifest=manifest) == {"inputs"}
    assert told in found(replace(sound, manifest=manifest))["inputs"].why


def test_a_manifest_without_inputs_fails(sound: Evidence) -> None:
    manifest = {key: value for key, value in sound.manifest.items() if key != "inputs"}
    assert failed(sound, manifest=manifest) == {"inputs"}


def test_a_test_row_that_was_learned_from_fails(sound: Evidence) -> None:
    leaked = sound.test.copy()
    leaked.loc[:2, "id"] = sound.train["id"].iloc[:3].to_numpy()
    verdict = found(replace(sound, test=leaked))["sealed_test"]
    assert (verdict.status, verdict.value) == ("fail", 3)


def test_without_a_key_rows_cannot_be_told_apart(sound: Evidence) -> None:
    assert found(replace(sound, key=None))["sealed_test"].status == "not_applicable"


@pytest.mark.parametrize("evaluation", [{}, {"model_sha256": None}, {"model_sha256": "0" * 64}])
def test_an_evaluation_of_another_model_fails(sound: Evidence, evaluation: dict[str, Any]) -> None:
    assert failed(sound, evaluation=evaluation) == {"evaluation"}


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_that_treats_all_alike_decides_nothing(
    sound: Evidence, threshold: float
) -> None:
    assert failed(sound, threshold=threshold) == {"threshold"}


def test_the_picture_shows_where_the_chain_breaks(sound: Evidence) -> None:
    answer = examine(replace(sound, evaluation={}), BOUNDS)
    (ax,) = answer.figures["lineage"].axes
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("✗ broken") == 1
    assert texts.count("✓ holds") == 4
    status = {row["Link"]: row["Status"] for row in answer.tables["Lineage"]}
    assert status["Evaluation"] == "fail"
    assert all(status[link] == "pass" for link in status if link != "Evaluation")
