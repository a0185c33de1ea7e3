import hashlib
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stages.audit.accountability import examine
from stages.audit.accountability.words import is_written
from stages.audit.evidence import Evidence
from stages.core.errors import LoopwrightError
from stages.core.params import (
    AuditAccountability,
    Criterion,
    Owners,
    Params,
    Risk,
    Scope,
    read_params,
)
from stages.core.verdicts import Verdict

from .conftest import ROOT, Make

RISK = Risk(
    risk="calls that nobody wants",
    owner="product",
    likelihood="likely",
    harm="minor",
    mitigation="a person looks at the list",
    evidence=("fairness.proxy:*",),
    residual="low",
    accepted=None,
    due=date(2030, 1, 31),
)
BOUNDS = AuditAccountability(max_model_size=1000, risks=(RISK,))
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


# --- the register of risks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evidence": ()}, "no check shows how it stands"),
        (
            {"evidence": ("fairnes.proxy",)},
            "evidence 'fairnes.proxy' is of no stage that writes verdicts",
        ),
        ({"due": None}, "neither due on a day nor accepted"),
        ({"due": None, "accepted": "TBD"}, "neither due on a day nor accepted"),
        ({"mitigation": "TODO: what is done?"}, "mitigation says nothing"),
    ],
)
def test_a_risk_that_nobody_sees_to_fails(
    sound: Evidence, changes: dict[str, Any], told: str
) -> None:
    bounds = BOUNDS.model_copy(update={"risks": (RISK, RISK.model_copy(update=changes))})
    verdict = found(sound, bounds)["risks"]
    assert (verdict.status, verdict.value) == ("fail", 1)
    assert verdict.why == f"audit.accountability.risks.1: {told}"


def test_a_risk_of_a_role_that_nobody_has_fails(sound: Evidence) -> None:
    owners = sound.owners.model_copy(update={"product": "?"})
    assert failed(sound, owners=owners) == {"owners", "risks"}


def test_no_risks_at_all_fail(sound: Evidence) -> None:
    verdict = found(sound, BOUNDS.model_copy(update={"risks": ()}))["risks"]
    assert verdict.status == "fail"
    assert "audit.accountability.risks" in verdict.why


def test_an_accepted_risk_needs_no_day(sound: Evidence) -> None:
    accepted = RISK.model_copy(update={"due": None, "accepted": "the desk bears it"})
    answer = examine(sound, BOUNDS.model_copy(update={"risks": (accepted,)}))
    assert {verdict.status for verdict in answer.verdicts} == {"pass"}
    (row,) = answer.tables["Risks"]
    assert (row["Due"], row["Accepted"]) == ("no date", "the desk bears it")
    (written,) = json.loads(answer.files["risks.json"])["risks"]
    assert Risk.model_validate_json(json.dumps(written)) == accepted


def test_the_owner_of_a_risk_is_a_role(chosen: Params, tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    edited = tmp_path / "params.yaml"
    edited.write_text(text.replace("        owner: model\n", "        owner: modell\n", 1))
    assert text != edited.read_text()
    with pytest.raises(LoopwrightError, match=r"risks\.1\.owner: .*modell"):
        read_params(edited)
    assert {risk.owner for risk in chosen.audit.accountability.risks} <= set(Owners.model_fields)


# --- lineage ------------------------------------------------------------------------------------


def test_other_bytes_than_the_manifests_fail(sound: Evidence) -> None:
    sound.model_file.write_bytes(MODEL[:-1] + b"!")
    assert failed(sound) == {"model_bytes"}


def test_a_model_that_is_too_large_fails(sound: Evidence) -> None:
    for size, status in ((len(MODEL) - 1, "fail"), (len(MODEL), "pass")):
        bounds = BOUNDS.model_copy(update={"max_model_size": size})
        assert found(sound, bounds)["model_size"].status == status


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
