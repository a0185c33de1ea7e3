"""Every pillar answers for several classes and for numbers as well."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.audit_faults.world import (
    LEVELS,
    Function,
    amount,
    chances,
    class_evidence,
    number_evidence,
    of_classes,
    of_numbers,
    table,
)
from stages.audit import (
    accountability,
    fairness,
    performance,
    privacy_security,
    safety,
    transparency,
)
from stages.audit.evidence import Evidence, Findings, completed
from stages.core.metrics import NumberPredictions
from stages.core.models import save_model
from stages.core.params import (
    Params,
)

PILLARS = (performance, safety, fairness, privacy_security, transparency, accountability)


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    return table(1500, 1), table(900, 2, first=3000)


@pytest.fixture
def classes(tmp_path: Path) -> Callable[..., Evidence]:
    def made(function: Function = chances, **more: Any) -> Evidence:
        train, test = (of_classes(frame, seed) for seed, frame in enumerate(tables(), 1))
        return class_evidence(function, train, test, tmp_path / "model.skops", **more)

    return made


@pytest.fixture
def numbers(tmp_path: Path) -> Callable[..., Evidence]:
    def made(function: Function = amount, **more: Any) -> Evidence:
        train, test = (of_numbers(frame, seed) for seed, frame in enumerate(tables(), 1))
        return number_evidence(function, train, test, tmp_path / "model.skops", **more)

    return made


def examined(pillar: ModuleType, e: Evidence, chosen: Params) -> Findings:
    name = pillar.__name__.rpartition(".")[2]
    bounds = getattr(chosen.audit, name)
    if name == "privacy_security":
        bounds = bounds.model_copy(update={"quasi_identifiers": ("sex",)})
    save_model(e.model_file, {"nothing": np.zeros(3)})
    found: Findings = pillar.examine(e, bounds)
    return found


def verdicts(pillar: ModuleType, e: Evidence, chosen: Params) -> dict[str, Any]:
    found = examined(pillar, e, chosen)
    return {v.id: v for v in completed(pillar.CHECKS, found.verdicts, "silent")}


@pytest.mark.parametrize("pillar", PILLARS, ids=lambda p: p.__name__.rpartition(".")[2])
@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_every_check_has_an_answer_and_a_picture(
    task: str, pillar: ModuleType, chosen: Params, request: pytest.FixtureRequest
) -> None:
    e = request.getfixturevalue(task)()
    found = examined(pillar, e, chosen)
    answers = completed(pillar.CHECKS, found.verdicts, "silent")
    assert not [v for v in answers if v.why.endswith("silent")]
    assert found.figures
    assert all(isinstance(figure, Figure) for figure in found.figures.values())
    for name, figure in found.figures.items():
        figure.savefig(Path(e.model_file).parent / f"{name}.png")


def test_a_sound_model_of_classes_is_better_than_its_dummy(
    classes: Callable[..., Evidence], chosen: Params
) -> None:
    found = verdicts(performance, classes(), chosen)
    assert found["performance.better_than_dummy"].status == "pass"
    assert found["performance.criterion:roc_auc_ovr"].status == "pass"
    flat = classes(lambda frame: np.full((len(frame), 3), 1 / 3))
    assert verdicts(performance, flat, chosen)["performance.better_than_dummy"].status == "fail"


def test_a_sound_model_of_numbers_is_calibrated_and_a_shifted_one_is_not(
    numbers: Callable[..., Evidence], chosen: Params
) -> None:
    sound = verdicts(performance, numbers(), chosen)
    assert sound["performance.better_than_rule"].status == "pass"
    assert sound["performance.calibration"].status in ("pass", "warn")
    shifted = verdicts(performance, numbers(lambda frame: amount(frame) + 100), chosen)
    assert shifted["performance.calibration"].status == "fail"


def test_a_gap_in_the_targets_unit_is_held_as_a_share(
    numbers: Callable[..., Evidence], chosen: Params
) -> None:
    half = {"root_mean_squared_error": {"value": 20.0, "interval": (19.0, 21.0)}}
    e = numbers()
    e = replace(e, evaluation={**e.evaluation, "metrics": {"validation": half}})
    found = verdicts(performance, e, chosen)["performance.gap:root_mean_squared_error"]
    assert found.status == "fail"
    assert found.value == pytest.approx(1, abs=0.2)


def test_a_bias_between_groups_is_found_for_every_task(
    classes: Callable[..., Evidence], numbers: Callable[..., Evidence], chosen: Params
) -> None:
    def unfair_chances(frame: pd.DataFrame) -> np.ndarray:
        shift = np.where(frame["sex"] == 1, 2, 0)
        return chances(frame.assign(late=frame["late"] + shift))

    def unfair_amount(frame: pd.DataFrame) -> np.ndarray:
        return amount(frame) + np.where(frame["sex"] == 1, 250, 0)

    name = "fairness.demographic_parity_difference:sex"
    for made, unfair in ((classes, unfair_chances), (numbers, unfair_amount)):
        fair = verdicts(fairness, made(sensitive_features=("sex",)), chosen)[name]
        assert fair.status in ("pass", "warn"), fair
        biased = verdicts(fairness, made(unfair, sensitive_features=("sex",)), chosen)[name]
        assert biased.status == "fail", biased


def test_a_part_of_the_rows_that_is_told_wrong_is_found(
    numbers: Callable[..., Evidence], chosen: Params
) -> None:
    def off_in_ulm(frame: pd.DataFrame) -> np.ndarray:
        return amount(frame) + np.where(frame["town"] == "Ulm", 90, 0)

    found = verdicts(safety, numbers(off_in_ulm), chosen)["safety.worst_slice"]
    assert found.status == "fail"
    assert "town = Ulm, too high" in found.why


def test_a_model_of_numbers_that_keeps_its_rows_gives_them_away(
    numbers: Callable[..., Evidence], chosen: Params
) -> None:
    known = of_numbers(table(1500, 1), 1).set_index("id")["y"]

    def remembers(frame: pd.DataFrame) -> np.ndarray:
        return frame["id"].map(known).fillna(pd.Series(amount(frame), index=frame.index)).to_numpy()

    name = "privacy_security.membership_auc"
    assert verdicts(privacy_security, numbers(), chosen)[name].status == "pass"
    assert verdicts(privacy_security, numbers(remembers), chosen)[name].status == "fail"


def test_answers_are_moved_turned_and_shown_by_the_task(
    classes: Callable[..., Evidence], numbers: Callable[..., Evidence]
) -> None:
    e = numbers()
    spread = float(np.std(e.train["y"]))
    assert e.spread_of_target == pytest.approx(spread)
    before, after = np.array([0.0, 0.0]), np.array([0.05 * spread, 0.2 * spread])
    assert e.turned(before, after).tolist() == [False, True]
    assert isinstance(e.predictions, NumberPredictions)
    e = classes()
    before = np.array([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]])
    after = np.array([[0.5, 0.4, 0.1], [0.3, 0.6, 0.1]])
    assert e.moved(before, after) == pytest.approx([0.1, 0.3])
    assert e.turned(before, after).tolist() == [False, True]
    frequent = LEVELS.index(e.train["y"].mode().iloc[0])
    assert e.shown(before).tolist() == before[:, frequent].tolist()
    assert [side for side, _ in e.sides] == list(LEVELS)
