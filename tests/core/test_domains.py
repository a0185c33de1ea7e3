import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from stages.core.domains import delong, domains
from stages.core.schema import Column, Schema
from stages.core.statistics import bootstrap
from stages.core.variables import Variable, read_variables

SCHEMA = Schema(
    columns={
        "town": Column(dtype="str", kind="categorical", title="Town"),
        **{
            f"x{i}": Column(dtype="float64", kind="numeric", title="X", nullable=True)
            for i in range(25)
        },
    }
)


def read(seed: int, n: int, columns: int = 6) -> tuple[tuple[Variable, ...], pd.DataFrame]:
    rng = np.random.default_rng((seed, 4))
    frame = pd.DataFrame({f"x{i}": rng.normal(size=n) for i in range(columns)})
    frame["town"] = rng.choice(list("abcd"), n)
    frame.loc[rng.random(n) < 0.05, "x1"] = np.nan
    return read_variables(frame, SCHEMA, "", None), frame


def test_a_random_split_raises_no_alarm() -> None:
    # measured over 100 seeds: none
    alarms = 0
    for seed in range(20):
        variables, _ = read(seed, 1500)
        second = np.random.default_rng(seed).random(1500) < 0.25
        alarms += domains(variables, second, seed).alarm
    assert alarms <= 1


def test_a_difference_that_no_column_shows_alone_raises_an_alarm() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        _, frame = read(seed, 3000)
        second = rng.random(3000) < 0.3
        frame.loc[second, "x0"] = frame["x2"] * 0.9 + 0.44 * rng.normal(size=3000)
        found = domains(read_variables(frame, SCHEMA, "", None), second, seed)
        assert found.alarm and found.roc_auc["interval"][0] > 0.56
        assert found.why == "a model can tell them apart"


def test_what_matters_little_is_told_without_an_alarm() -> None:
    rng = np.random.default_rng(0)
    _, frame = read(0, 10_000)
    second = rng.random(10_000) < 0.5
    frame.loc[second, "x0"] += 0.12
    found = domains(read_variables(frame, SCHEMA, "", None), second, 0)
    assert not found.alarm
    assert found.roc_auc["interval"][0] > 0.5
    assert found.why == "a model can hardly tell them apart"


def test_copies_in_both_tables_are_no_evidence_where_entities_are_known() -> None:
    variables, frame = read(1, 400)
    rows = np.repeat(np.arange(400), 6)
    wide = read_variables(frame.iloc[rows].reset_index(drop=True), SCHEMA, "", None)
    # each entity in one table: known as rows, their copies give them away
    second = (np.random.default_rng(1).random(400) < 0.5)[rows]
    assert domains(wide, second, 0).alarm
    assert not domains(wide, second, 0, rows).alarm
    assert len(variables) == len(wide)


def test_too_few_rows_are_no_answer() -> None:
    variables, _ = read(0, 20)
    found = domains(variables, np.arange(20) < 3, 0)
    assert found.roc_auc["value"] is None and not found.alarm
    # the second table is one entity: where it is left out, there is no other row of it
    variables, _ = read(0, 300)
    second = np.arange(300) < 100
    groups = np.where(second, -1, np.arange(300))
    assert domains(variables, second, 0, groups).roc_auc["value"] is None


def test_it_is_fast() -> None:
    variables, _ = read(0, 24_000, 25)
    second = np.arange(24_000) >= 18_000
    begun = time.process_time()
    domains(variables, second, 0)
    assert time.process_time() - begun < 3


def test_delong_is_the_area_and_its_error() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(500) < 0.3).astype(np.int64)
    score = np.round(rng.normal(size=500) + y, 1)
    area, error = delong(score, y)
    assert area == pytest.approx(roc_auc_score(y, score))
    # by its definition, pair by pair
    pairs = (score[y == 1][:, None] > score[y == 0]) + 0.5 * (
        score[y == 1][:, None] == score[y == 0]
    )
    s10, s01 = pairs.mean(axis=1).var(ddof=1), pairs.mean(axis=0).var(ddof=1)
    assert error == pytest.approx(np.sqrt(s10 / y.sum() + s01 / (1 - y).sum()))


def test_delong_by_entity_is_near_the_bootstrap_by_entity() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(150), 4)
    y = (rng.random(600) < 0.4).astype(np.int64)
    score = np.repeat(rng.normal(size=150), 4) + 0.7 * y + 0.3 * rng.normal(size=600)

    def areas(weights: np.ndarray) -> np.ndarray:
        return np.array([roc_auc_score(y, score, sample_weight=w) for w in weights])

    _, error = delong(score, y, groups)
    drawn = bootstrap(areas, 600, 300, 0, groups)
    assert error == pytest.approx(drawn.std(), rel=0.15)
    same = delong(score[::4], y[::4])
    fourfold = np.repeat(np.arange(150), 4)
    rows = np.repeat(np.arange(0, 600, 4), 4)
    assert delong(score[rows], y[rows], fourfold) == pytest.approx(same)
