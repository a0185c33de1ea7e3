from collections.abc import Callable
from typing import Any

import fairlearn.metrics as fl
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_score

from stages.audit.evidence import Evidence
from stages.audit.fairness import examine, proxies
from stages.core.errors import LoopwrightError
from stages.core.fairness import (
    BOUNDED,
    DISPARITIES,
    Comparison,
    Grouping,
    compare,
    crossed,
    measures,
    sums,
)
from stages.core.metrics import Predictions
from stages.core.params import AuditFairness
from stages.core.statistics import bootstrap_weights
from stages.core.verdicts import Verdict

from .conftest import SCHEMA, Make, table, truth

BOUNDS = AuditFairness(
    min_group_size=100,
    age_bands=(18, 30, 50, 80),
    max_demographic_parity_difference=0.1,
    min_demographic_parity_ratio=0.8,
    max_equalized_odds_difference=0.15,
    max_error_rate_difference=0.15,
    max_group_calibration_error=0.1,
    max_mean_error_difference=0.2,
    max_proxy_roc_auc=0.75,
)
FAIRLEARN: dict[str, Callable[..., float]] = {
    "demographic_parity_difference": fl.demographic_parity_difference,
    "demographic_parity_ratio": fl.demographic_parity_ratio,
    "equalized_odds_difference": fl.equalized_odds_difference,
    "equalized_odds_ratio": fl.equalized_odds_ratio,
    "error_rate_difference": fl.zero_one_loss_difference,
}


@pytest.fixture(autouse=True)
def fewer_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trees tell a planted proxy as well as forty."""
    monkeypatch.setattr(proxies, "PROXY_TREES", 10)


def found(e: Evidence, bounds: AuditFairness = BOUNDS) -> dict[str, Verdict]:
    return {verdict.id.partition(".")[2]: verdict for verdict in examine(e, bounds).verdicts}


def hard_on_men(frame: pd.DataFrame) -> Any:
    return np.clip(truth(frame) + np.where(frame["sex"] == 1, 0.15, -0.05), 0, 1)


# --- the same numbers as fairlearn --------------------------------------------------------------


def random_case(seed: int, n: int = 400, groups: int = 4) -> tuple[Predictions, Grouping]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, groups, n)
    y_prob = np.clip(rng.random(n) * 0.7 + 0.1 * codes, 0, 1)
    y_true = (rng.random(n) < y_prob).astype(np.int64)
    p = Predictions(y_true, y_prob, (y_prob > 0.5).astype(np.int64))
    return p, Grouping("g", tuple("abcd"[:groups]), codes)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", sorted(FAIRLEARN))
def test_a_disparity_is_fairlearns(seed: int, name: str) -> None:
    p, grouping = random_case(seed)
    rates = measures(sums(grouping, p, np.ones((1, len(p)))))
    expected = FAIRLEARN[name](p.y_true, p.y_pred, sensitive_features=grouping.codes)
    assert DISPARITIES[name](rates)[0] == pytest.approx(expected, abs=1e-12, rel=0)


@pytest.mark.parametrize("seed", range(3))
def test_the_measures_of_a_group_are_fairlearns(seed: int) -> None:
    p, grouping = random_case(seed)
    rates = measures(sums(grouping, p, np.ones((1, len(p)))))
    expected = fl.MetricFrame(
        metrics={
            "Selection rate": fl.selection_rate,
            "True positive rate": fl.true_positive_rate,
            "False positive rate": fl.false_positive_rate,
            "Precision": precision_score,
        },
        y_true=p.y_true,
        y_pred=p.y_pred,
        sensitive_features=grouping.codes,
    ).by_group
    for name in expected:
        np.testing.assert_allclose(rates[name][0], expected[name], atol=1e-12, rtol=0)
    for code in range(4):
        own = grouping.codes == code
        off = p.y_prob[own].mean() - p.y_true[own].mean()
        assert rates["Calibration"][0, code] == pytest.approx(off, abs=1e-12)


@pytest.mark.parametrize("name", sorted(FAIRLEARN))
def test_on_every_draw_it_is_fairlearn_on_the_rows_drawn(name: str) -> None:
    p, grouping = random_case(9, n=150, groups=2)
    (weights,) = bootstrap_weights(150, 20, np.random.default_rng(3))
    drawn = DISPARITIES[name](measures(sums(grouping, p, weights)))
    for row, value in zip(weights, drawn, strict=True):
        places = np.repeat(np.arange(150), row)
        expected = FAIRLEARN[name](
            p.y_true[places], p.y_pred[places], sensitive_features=grouping.codes[places]
        )
        assert value == pytest.approx(expected, abs=1e-12, rel=0)


def test_where_nobody_is_acted_on_there_is_no_ratio() -> None:
    p, grouping = random_case(0)
    nobody = Predictions(p.y_true, p.y_prob, np.zeros(len(p), dtype=np.int64))
    rates = measures(sums(grouping, nobody, np.ones((1, len(p)))))
    assert np.isnan(DISPARITIES["demographic_parity_ratio"](rates)[0])
    assert DISPARITIES["demographic_parity_difference"](rates)[0] == 0


# --- a biased model and a fair one ------------------------------------------------------------


def test_a_fair_model_raises_no_alarm(make: Make) -> None:
    answers = found(make(sensitive_features=("sex",)))
    for name in BOUNDED:
        assert answers[f"{name}:sex"].status in ("pass", "warn")
    assert answers["group_size:sex"].status == "pass"
    assert answers["proxy:sex"].status == "pass"
    assert answers["attribute_flip:sex"].status == "pass"


def test_a_biased_model_fails_every_measure(make: Make) -> None:
    answers = found(make(hard_on_men, sensitive_features=("sex",)))
    for name in set(BOUNDED) - {"error_rate_difference"}:
        verdict = answers[f"{name}:sex"]
        assert verdict.status == "fail"
        assert verdict.interval is not None
        assert isinstance(verdict.value, float)
        assert verdict.interval[0] < verdict.value < verdict.interval[1]
    assert "(female) to" in answers["demographic_parity_difference:sex"].why
    assert "(male)" in answers["demographic_parity_difference:sex"].why


def test_bias_between_the_bounds_warns(make: Make) -> None:
    e = make(sensitive_features=("sex",))
    c = compare(e.grouping("sex", ()), e.sides[0], e.how, 100)
    value = c.disparity("demographic_parity_difference")["value"]
    assert value is not None
    close = BOUNDS.model_copy(update={"max_demographic_parity_difference": value + 0.001})
    assert found(e, close)["demographic_parity_difference:sex"].status == "warn"


# --- groups -----------------------------------------------------------------------------------


def test_a_group_that_is_too_small_is_named_and_not_judged(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    test = world[1].copy()
    test.loc[:4, "sex"] = 3
    e = make(
        lambda f: np.where(f["sex"] == 3, 1.0, truth(f)), test=test, sensitive_features=("sex",)
    )
    answers = examine(e, BOUNDS)
    verdicts = {v.id.partition(".")[2]: v for v in answers.verdicts}
    assert verdicts["group_size:sex"].status == "insufficient"
    assert verdicts["group_size:sex"].value == 5
    assert "3 (5)" in verdicts["group_size:sex"].why
    assert verdicts["demographic_parity_difference:sex"].status in ("pass", "warn")
    row = next(r for r in answers.tables["Groups"] if r["Group"] == "3")
    assert row["Rows"] == 5
    assert row["Selection rate"] is None


def test_one_group_cannot_be_compared(make: Make, world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    e = make(test=world[1].assign(sex=1), sensitive_features=("sex",))
    answers = found(e)
    for name in ("demographic_parity_ratio:sex", "proxy:sex", "attribute_flip:sex"):
        assert answers[name].status == "insufficient"
    assert answers["intersections:demographic_parity_ratio"].status == "not_applicable"


def test_a_group_without_both_outcomes_has_no_rates_of_errors(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    test = world[1].copy()
    test.loc[test["sex"] == 1, "y"] = 0
    answers = found(make(test=test, sensitive_features=("sex",)))
    assert answers["equalized_odds_difference:sex"].status == "insufficient"
    assert answers["demographic_parity_difference:sex"].status in ("pass", "warn")


def test_years_are_grouped_by_bands_and_codes_by_labels(make: Make) -> None:
    e = make()
    ages = e.grouping("age", BOUNDS.age_bands)
    assert ages.labels == ("18 to 29", "30 to 49", "50 to 79")
    assert ages.sizes.tolist() == [
        ((e.test["age"] >= low) & (e.test["age"] < high)).sum()
        for low, high in ((18, 30), (30, 50), (50, 80))
    ]
    assert e.grouping("sex", ()).labels == ("male", "female")


def test_a_band_that_nobody_is_in_is_no_group(make: Make) -> None:
    e = make()
    assert e.grouping("age", (18, 80, 90)).labels == ("18 to 79",)


def test_other_numbers_are_grouped_by_their_quarters_in_train(make: Make) -> None:
    e = make()
    quarters = e.grouping("income", BOUNDS.age_bands)
    assert len(quarters.labels) == 4
    assert quarters.labels[0].startswith("below ")
    below = e.test["income"] < e.train["income"].quantile(0.25)
    assert quarters.sizes[0] == below.sum()


def test_a_missing_value_is_a_group(make: Make, world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    test = world[1].astype({"age": "Int64"}).astype({"sex": "Int64"})
    test.loc[:9, ["age", "sex"]] = pd.NA
    e = make(test=test)
    for name, bands in (("age", BOUNDS.age_bands), ("sex", ())):
        grouping = e.grouping(name, bands)
        assert grouping.labels[-1] == "missing"
        assert grouping.sizes[-1] == 10


def test_an_age_outside_of_the_bands_is_an_error(make: Make) -> None:
    with pytest.raises(LoopwrightError, match=r"age_bands.*widen"):
        examine(make(), BOUNDS.model_copy(update={"age_bands": (18, 30)}))


def test_a_feature_that_is_no_column_is_an_error(make: Make) -> None:
    with pytest.raises(LoopwrightError, match="'religion'"):
        examine(make(sensitive_features=("religion",)), BOUNDS)


def test_without_sensitive_features_nothing_is_asked(make: Make) -> None:
    answer = examine(make(sensitive_features=()), BOUNDS)
    assert {verdict.status for verdict in answer.verdicts} == {"not_applicable"}
    assert len(answer.verdicts) == 11


# --- intersections ----------------------------------------------------------------------------


def gerrymandered(frame: pd.DataFrame) -> Any:
    """Young men and old women are treated worse; neither sex nor age alone shows it."""
    young = frame["age"] < 49
    return np.where((frame["sex"] == 1) == young, 0.6, 0.1)


def test_two_features_together_show_what_each_alone_hides(make: Make) -> None:
    bounds = BOUNDS.model_copy(update={"age_bands": (18, 49, 80)})
    answers = found(make(gerrymandered), bounds)
    assert answers["demographic_parity_difference:sex"].status in ("pass", "warn")
    assert answers["demographic_parity_difference:age"].status in ("pass", "warn")
    verdict = answers["intersections:demographic_parity_difference"]
    assert (verdict.status, verdict.value) == ("fail", 1.0)
    assert "sex x age" in verdict.why


def test_a_fair_model_hides_nothing(make: Make) -> None:
    loose = BOUNDS.model_copy(update={"max_demographic_parity_difference": 0.2})
    assert found(make(), loose)["intersections:demographic_parity_difference"].status in (
        "pass",
        "warn",
    )


def test_what_chance_makes_of_many_small_groups_only_warns(make: Make) -> None:
    bounds = BOUNDS.model_copy(update={"age_bands": tuple(range(18, 82, 3)), "min_group_size": 30})
    verdict = found(make(), bounds)["intersections:demographic_parity_difference"]
    assert isinstance(verdict.value, float)
    assert verdict.value > 2 * bounds.max_demographic_parity_difference
    assert verdict.status == "warn"
    assert "chance alone makes it up to" in verdict.why


@pytest.mark.parametrize("name", sorted(FAIRLEARN))
def test_chance_makes_what_shuffled_groups_show(make: Make, name: str) -> None:
    e = make(test=table(600, 2, first=3000))
    grouping = e.grouping("age", (18, 30, 45, 60, 80))
    drawn = compare(grouping, e.sides[0], e.how, 50).by_chance(name, 2000, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    shuffled = []
    for _ in range(600):
        codes = rng.permutation(grouping.codes)
        rates = measures(
            sums(Grouping("", grouping.labels, codes), e.predictions, np.ones((1, 600)))
        )
        shuffled.append(DISPARITIES[name](rates)[0])
    assert drawn.mean() == pytest.approx(np.mean(shuffled), rel=0.06)
    assert drawn.std() == pytest.approx(np.std(shuffled), rel=0.15)


def test_of_many_pairs_the_worst_is_told(make: Make) -> None:
    e = make(hard_on_men, sensitive_features=("sex", "age", "town"))
    answer = examine(e, BOUNDS)
    rows = [
        row
        for row in answer.tables["Disparities"]
        if row["Disparity"] == "demographic_parity_difference" and " x " in row["Features"]
    ]
    assert len(rows) == 3
    verdict = {v.id: v for v in answer.verdicts}[
        "fairness.intersections:demographic_parity_difference"
    ]
    assert verdict.value == max(row["Value"] for row in rows)


def test_crossed_groups_are_the_pairs_that_exist() -> None:
    first = Grouping("a", ("x", "y"), np.array([0, 0, 1, 1]))
    second = Grouping("b", ("1", "2"), np.array([0, 1, 1, 1]))
    both = crossed(first, second)
    assert both.labels == ("x, 1", "x, 2", "y, 2")
    assert both.codes.tolist() == [0, 1, 2, 2]


def test_pairs_with_too_few_rows_answer_nothing(make: Make) -> None:
    bounds = BOUNDS.model_copy(update={"min_group_size": 600})
    verdict = found(make(), bounds)["intersections:demographic_parity_ratio"]
    assert verdict.status == "insufficient"


# --- proxies and flips ------------------------------------------------------------------------


def test_an_input_that_stands_for_the_group_is_found(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    rng = np.random.default_rng(0)
    test = world[1].assign(income=lambda f: 3000 + 1500 * f["sex"] + rng.normal(0, 600, len(f)))
    verdict = found(make(test=test, sensitive_features=("sex",)))["proxy:sex"]
    assert verdict.status == "fail"
    assert isinstance(verdict.value, float)
    assert verdict.value > 0.9


def test_what_chance_tells_is_no_proxy(make: Make) -> None:
    verdict = found(make(sensitive_features=("sex",)))["proxy:sex"]
    assert verdict.value == pytest.approx(0.5, abs=0.05)


def test_a_feature_that_is_an_input_needs_no_proxy(make: Make) -> None:
    def asked(feature: str, inputs: list[str]) -> str:
        e = make(manifest={"inputs": inputs})
        grouping = e.grouping(feature, BOUNDS.age_bands)
        return proxies.proxy(grouping, e, BOUNDS, ()).status

    assert asked("sex", ["sex", "late"]) == "not_applicable"
    assert asked("age", ["sex", "late"]) == "pass"
    assert asked("age", []) == "not_applicable"


def test_a_model_that_does_not_read_the_group_cannot_turn(make: Make) -> None:
    verdict = found(make(sensitive_features=("sex",)))["attribute_flip:sex"]
    assert (verdict.status, verdict.value, verdict.interval) == ("pass", 0.0, (0.0, 0.0))


@pytest.mark.parametrize(
    ("inputs", "status"), [(["late", "income"], "fail"), (["late", "sex"], "warn")]
)
def test_a_model_that_reads_the_group_is_told(make: Make, inputs: list[str], status: str) -> None:
    e = make(hard_on_men, manifest={"inputs": inputs}, sensitive_features=("sex",))
    verdict = found(e)["attribute_flip:sex"]
    assert verdict.status == status
    flipped = e.rows.assign(sex=3 - e.rows["sex"])
    turned = np.mean((hard_on_men(flipped) >= 0.2) != (e.predicted >= 0.2))
    assert verdict.value == pytest.approx(turned)


# --- intervals and pictures ---------------------------------------------------------------------


def test_the_interval_of_a_rate_is_about_that_of_a_share(make: Make) -> None:
    e = make(draws=1000)
    c: Comparison = compare(e.grouping("sex", ()), e.sides[0], e.how, 100)
    rates, size = c.drawn["Selection rate"][:, 0], c.sizes[0]
    share = c.once["Selection rate"][0]
    assert rates.std() == pytest.approx(np.sqrt(share * (1 - share) / size), rel=0.1)
    assert rates.mean() == pytest.approx(share, abs=0.002)


def test_each_feature_has_its_panel(make: Make) -> None:
    features = ("sex", "age", "town")
    figures = examine(make(hard_on_men, sensitive_features=features), BOUNDS).figures
    assert set(figures) == {
        "selection_rate",
        "error_rates",
        "group_calibration",
        "mitigation",
    }
    assert all(len(drawn.axes) == 3 for name, drawn in figures.items() if name != "mitigation")
    assert len(figures["mitigation"].axes) % 2 == 0
    titles = [ax.get_title(loc="center") for ax in figures["error_rates"].axes]
    assert titles == ["Sex", "Age", "Town"]
    assert SCHEMA.columns["town"].title == "Town"
