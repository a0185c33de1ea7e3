"""The table of what to do next: each row, and the planted situations that it must recognise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.next_step import BAR, PLANTS, TASKS, decide, hits
from stages.core.diagnosis import Diagnosis
from stages.core.extrapolation import Extrapolation
from stages.core.params import Task
from stages.core.probes import Direction, Probe
from stages.core.recalibration import Recalibration
from stages.core.shifts import Shift
from stages.core.statistics import UNDEFINED, Drawn, Estimate
from stages.core.verdicts import Status
from stages.evaluate.situations import TABLE, Evidence, next_step

NOISE = np.random.default_rng(0).normal(size=400)


def drawn(value: float, spread: float = 0.001) -> Drawn:
    return Drawn(value, value + spread * NOISE)


def diagnosis(verdict: Any, gap: Estimate = UNDEFINED) -> Diagnosis:
    return Diagnosis(
        verdict=verdict,
        why="because",
        metric="log_loss",
        baseline=UNDEFINED,
        train=UNDEFINED,
        validation=UNDEFINED,
        gap=gap,
        gain=UNDEFINED,
        lost_share=UNDEFINED,
    )


FLAT = Extrapolation(
    "flat", 2000, UNDEFINED, {"value": 0.0, "interval": (0.0, 0.001)}, UNDEFINED, 0.006
)
FALLS = replace(FLAT, trend="falls", fall={"value": 0.05, "interval": (0.03, 0.07)})
OPEN = replace(FLAT, trend="insufficient", fall={"value": 0.05, "interval": (0.0, 0.2)})
APART: Estimate = {"value": 0.1, "interval": (0.05, 0.15)}
MOVED = Shift("level", "values", "ks", 0.3, None, 0.0, 0.0, True)
WEAK = {"definition": "town = north", "flagged": True, "within": None}
MAPPED = Recalibration("sigmoid", "sigmoid recalibration clearly lowers the log loss", 0.5, {}, {})


def probe(direction: Direction, gain: float) -> Probe:
    better = drawn(0.5 - gain)
    return Probe(direction, "max_leaf_nodes", 4, 0.4, better, drawn(0.5) - better)


def evidence(picture: Any = "good_fit", **changes: Any) -> Evidence:
    """A model with an error of 0.5, where the baseline has 0.55 and the dummy 0.6."""
    failed = changes.pop("failed", ())
    warned = changes.pop("warned", ())
    names = ("roc_auc", "beats_rule", "beats_dummy", "calibrated", "overfitting")
    status: dict[str, Status] = dict.fromkeys(names, "pass")
    status |= dict.fromkeys(failed, "fail") | dict.fromkeys(warned, "warn")  # type: ignore[arg-type]
    plain = Evidence(
        status=status,
        diagnosis=diagnosis(picture),
        role="start",
        title="the rule",
        baseline=drawn(0.55),
        dummy=drawn(0.6),
        error=drawn(0.5),
        more_rows=FLAT,
        expected=drawn(0.5),
        probes=(probe("simpler", -0.01), probe("richer", -0.01)),
        relevant=0.006,
    )
    return replace(plain, **changes)


BAD = ("roc_auc",)


@pytest.mark.parametrize(
    ("found", "situation", "step", "word"),
    [
        (evidence(), "ready", "audit", "what the charter asks"),
        (evidence(warned=["drift"]), "ready", "audit", "not settled: drift"),
        (evidence("insufficient"), "rows_cannot_answer", "ingest", "rarer outcome"),
        (evidence(leak="column 'x' alone"), "leak_suspected", "validate", "column 'x'"),
        (
            evidence(
                "high_variance",
                failed=BAD,
                shifts=[MOVED],
                diagnosis=diagnosis("high_variance", APART),
            ),
            "splits_differ",
            "split",
            "level",
        ),
        (evidence(shifts=[MOVED]), "ready", "audit", ""),
        (
            evidence("high_bias", failed=BAD, error=drawn(0.6), probes=()),
            "nothing_to_learn",
            "define",
            "know the target at all",
        ),
        (
            evidence("high_bias", failed=BAD, baseline=drawn(0.5)),
            "baseline_suffices",
            "define",
            "the rule does as well",
        ),
        (
            evidence("high_bias", failed=BAD, baseline=drawn(0.5), role="ideal"),
            "high_bias",
            "featurize",
            "create features",
        ),
        (
            evidence(
                "high_variance", failed=BAD, more_rows=FALLS, expected=drawn(0.45), slices=[WEAK]
            ),
            "more_rows",
            "ingest",
            "2,000 rows, twice as many, are expected to take 0.050 off it; collect more, above "
            "all rows where town = north",
        ),
        (
            evidence(
                "high_variance", failed=BAD, probes=(probe("simpler", 0.05),), stopped=(30, 150)
            ),
            "simpler_model",
            "train",
            "max_leaf_nodes 4 takes 0.050 off the error; the error was least after 30 of 150",
        ),
        # A change of the model comes first where rows do not gain several times as much.
        (
            evidence(
                "high_variance", failed=BAD, more_rows=FALLS, probes=(probe("simpler", 0.05),)
            ),
            "simpler_model",
            "train",
            "",
        ),
        (
            evidence(
                "high_bias", failed=BAD, probes=(probe("simpler", 0.02), probe("richer", 0.05))
            ),
            "richer_model",
            "train",
            "max_leaf_nodes 4",
        ),
        # A gain that is clear and not worth a step back.
        (
            evidence("high_bias", failed=BAD, probes=(probe("richer", 0.005),), slices=[WEAK]),
            "high_bias",
            "featurize",
            "most is to be gained where town = north",
        ),
        (evidence("high_variance", failed=BAD), "high_variance", "train", "fewer features"),
        (
            evidence("high_variance", failed=BAD, more_rows=OPEN),
            "high_variance",
            "train",
            "the learning curve cannot say",
        ),
        (evidence(failed=["calibrated"]), "miscalibrated", "train", "calibrate them"),
        (
            evidence(failed=["calibrated"], recalibration=MAPPED),
            "miscalibrated",
            "train",
            "the probabilities are off; sigmoid recalibration clearly lowers the log loss",
        ),
        (evidence(failed=["value_over_rule"]), "criteria_missed", "define", "value_over_rule"),
    ],
)
def test_each_row_of_the_table(found: Evidence, situation: str, step: str, word: str) -> None:
    said = next_step(found)
    assert (said["situation"], said["step"]) == (situation, step)
    assert word in said["why"]


def test_what_else_holds_is_told_as_well() -> None:
    found = evidence("high_bias", failed=BAD, probes=(probe("richer", 0.05),))
    said = next_step(found)
    assert said["situation"] == "richer_model"
    assert [other["situation"] for other in said["also"]] == ["high_bias"]
    assert all(other["why"] and other["step"] for other in said["also"])


def test_a_gain_on_some_rows_of_train_is_told_as_that() -> None:
    whole = evidence("high_bias", failed=BAD, probes=(probe("richer", 0.05),))
    some = replace(whole, probes=(replace(whole.probes[0], rows=50_000),))
    assert "rows of train" not in next_step(whole)["why"]
    assert next_step(some)["why"].endswith("off the error, both fitted on 50,000 rows of train")


def test_twice_the_rows_may_promise_what_today_has_not() -> None:
    poor = evidence("high_variance", failed=BAD, error=drawn(0.6), probes=())
    assert next_step(poor)["situation"] == "nothing_to_learn"
    promising = replace(poor, more_rows=FALLS, expected=drawn(0.5))
    assert next_step(promising)["situation"] == "more_rows"


def test_the_table_ends_with_what_always_holds_and_names_each_situation_once() -> None:
    names = [one.name for one in TABLE]
    assert len(set(names)) == len(names)
    assert TABLE[-1].holds(evidence())
    assert {plant.expected for plant in PLANTS.values()} <= set(names)


# --- planted situations -----------------------------------------------------------------


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_situation_is_recognised(name: str) -> None:
    task: Task = TASKS[list(PLANTS).index(name) % len(TASKS)]
    assert decide(PLANTS[name], task, 1)["situation"] == PLANTS[name].expected


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_situation_is_recognised_nearly_always(name: str, task: Task) -> None:
    found = hits(name, task, range(1000, 1020))
    assert found["hits"] >= BAR, found
