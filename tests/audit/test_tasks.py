"""Every pillar answers for several classes and for numbers as well."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

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
    ClassCosts,
    Criterion,
    MulticlassTarget,
    NumberCosts,
    Params,
    RegressionTarget,
)
from stages.core.schema import Schema

from .conftest import SCHEMA, Make, table

PILLARS = (performance, safety, fairness, privacy_security, transparency, accountability)
LEVELS = ("high", "low", "middle")


@dataclass
class Classifier:
    """The probabilities of three levels of risk, read off the number of late months."""

    function: Callable[[pd.DataFrame], Any]
    classes_: tuple[str, ...] = LEVELS

    def predict_proba(self, frame: pd.DataFrame) -> Any:
        return self.function(frame)


@dataclass
class Regressor:
    function: Callable[[pd.DataFrame], Any]

    def predict(self, frame: pd.DataFrame) -> Any:
        return self.function(frame)


def chances(frame: pd.DataFrame) -> np.ndarray:
    late = np.nan_to_num(frame["late"].to_numpy(dtype=np.float64, na_value=np.nan), nan=2.0)
    scores = np.stack([late - 3, 1 - late, np.zeros(len(late))], axis=1).clip(-20, 20)
    odds = np.exp(scores)
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def amount(frame: pd.DataFrame) -> np.ndarray:
    late = np.nan_to_num(frame["late"].to_numpy(dtype=np.float64, na_value=np.nan), nan=2.0)
    income = np.nan_to_num(frame["income"].to_numpy(dtype=np.float64, na_value=np.nan), nan=3000)
    return np.asarray(100 * late + 0.05 * income)


def of_classes(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    drawn = (rng.random((len(frame), 1)) > chances(frame).cumsum(axis=1)).sum(axis=1)
    return frame.assign(y=pd.array(np.array(LEVELS)[drawn.clip(0, 2)], dtype="str"))


def of_numbers(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return frame.assign(y=amount(frame) + rng.normal(0, 40, len(frame)))


def described(**y: Any) -> Schema:
    columns = SCHEMA.model_dump(exclude_none=True)["columns"]
    return Schema.model_validate({"columns": {**columns, "y": y}})


@pytest.fixture
def classes(make: Make) -> Callable[..., Evidence]:
    def evidence(function: Callable[[pd.DataFrame], Any] = chances, **more: Any) -> Evidence:
        train = of_classes(table(1500, 1), 1)
        test = of_classes(table(900, 2, first=3000), 2)
        model = Classifier(function)
        return replace(
            make(),
            schema=described(
                dtype="str", kind="categorical", title="Risk", checks={"isin": LEVELS}
            ),
            target=MulticlassTarget(column="y", meaning="the level of risk"),
            costs=ClassCosts(
                currency="EUR", right=0.0, wrong=-10.0, exceptions=(), source="measured"
            ),
            criteria=(Criterion(metric="roc_auc_ovr", at_least=0.6, why="ranks"),),
            threshold=None,
            train=train,
            test=test,
            model=model,
            predicted=model.predict_proba(test),
            rule_decisions=np.where(test["late"] >= 3, "high", "low").astype(object),
            **more,
        )

    return evidence


@pytest.fixture
def numbers(make: Make) -> Callable[..., Evidence]:
    def evidence(function: Callable[[pd.DataFrame], Any] = amount, **more: Any) -> Evidence:
        train = of_numbers(table(1500, 1), 1)
        test = of_numbers(table(900, 2, first=3000), 2)
        model = Regressor(function)
        known = make()
        return replace(
            known,
            schema=described(dtype="float64", kind="numeric", title="Amount", unit="EUR"),
            target=RegressionTarget(column="y", meaning="the amount owed"),
            costs=NumberCosts(
                currency="EUR", per_unit_over=-1.0, per_unit_under=-2.0, source="measured"
            ),
            criteria=(Criterion(metric="r2", at_least=0.3, why="explains"),),
            manifest=dict(known.manifest) | {"scoring": "root_mean_squared_error"},
            threshold=None,
            train=train,
            test=test,
            model=model,
            predicted=model.predict(test),
            rule_decisions=np.full(len(test), float(train["y"].mean())),
            **more,
        )

    return evidence


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
