"""A number and several classes, each drawn and measured as what it is."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from scipy import stats

from stages.core.figures import save
from stages.core.params import MulticlassTarget, Params, RegressionTarget
from stages.core.schema import Column, Schema
from stages.core.statistics import Floats
from stages.explore import explore, pictures, summary
from stages.explore.boxes import draw_box_target
from stages.explore.findings import Finding
from stages.explore.outcomes import MOST_CLASSES, OTHER, Classes, Number, outcome_of
from stages.explore.rates import draw_class_shares, draw_means
from stages.explore.scatter import draw_scatter_target
from stages.explore.targets import CLASSES, draw_classes, draw_number
from stages.explore.view import View

NUMBER = RegressionTarget(column="y", meaning="how much")
CLASS = MulticlassTarget(column="y", meaning="which")
SHARED = ["histograms", "scatter", "scatter_target", "pair", "correlation", "box", "missing"]
OF_TASK = {
    NUMBER: {*SHARED, "target", "ranking", "target_means", "box_target"},
    CLASS: {*SHARED, "target", "ranking"},
}


def table(rows: int = 600, classes: int | None = None) -> pd.DataFrame:
    """Columns that drive the target in a line, in a bow, by category, and not at all."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "line": rng.normal(size=rows),
            "bow": rng.uniform(-1, 1, rows),
            "city": rng.choice(["Bonn", "Kiel", "Ulm"], rows, p=[0.5, 0.3, 0.2]),
            "when": pd.date_range("2024", periods=rows),
            "noise": rng.lognormal(0, 2, rows),
        }
    )
    far = {"Bonn": 0.0, "Kiel": 1.0, "Ulm": 4.0}
    y = 2 * frame["line"] + 6 * frame["bow"] ** 2 + frame["city"].map(far) + rng.normal(size=rows)
    frame.loc[rng.random(rows) < 0.1, "noise"] = np.nan
    if classes is None:
        return frame.assign(y=y)
    cut = pd.qcut(y, classes, labels=[f"c{i:02d}" for i in range(classes)])
    return frame.assign(y=cut.astype(str))


def described(frame: pd.DataFrame) -> Schema:
    number = pd.api.types.is_numeric_dtype(frame["y"])
    kinds = {
        "city": Column(dtype="str", kind="categorical", title="City"),
        "when": Column(dtype="datetime64[ns]", kind="datetime", title="Day", format="%Y-%m-%d"),
        "y": Column(dtype="float64", kind="numeric", title="Price", unit="EUR")
        if number
        else Column(dtype="str", kind="categorical", title="Sort", labels={"c00": "first sort"}),
    }
    plain = {
        name: Column(dtype="float64", kind="numeric", title=name.title()) for name in frame.columns
    }
    return Schema(columns={**plain, **{k: v for k, v in kinds.items() if k in frame}})


def looked(
    frame: pd.DataFrame, chosen: Params, target: RegressionTarget | MulticlassTarget
) -> tuple[list[Finding], View]:
    return explore(frame, described(frame), target, None, chosen.explore)


def words(fig: Figure) -> str:
    return " ".join(text.get_text() for text in fig.findobj(Text)).replace("\n", " ")


def strengths(seen: View) -> dict[str, float]:
    return {name: found.value for name, found in seen.strengths.items()}


# --- both tasks -----------------------------------------------------------------------------


@pytest.mark.parametrize("target", [NUMBER, CLASS], ids=["number", "classes"])
@pytest.mark.parametrize("cut", ["whole", "two rows", "no feature", "one value", "categories"])
def test_every_picture_can_be_drawn(
    target: RegressionTarget | MulticlassTarget, cut: str, chosen: Params, tmp_path: Path
) -> None:
    frame = table(classes=None if target is NUMBER else 9)
    cuts = {
        "whole": frame,
        "two rows": frame.iloc[:2],
        "no feature": frame[["y"]],
        "one value": frame.assign(y=frame["y"].iloc[0]),
        "categories": frame[["city", "y"]],
    }
    before = cuts[cut].copy(deep=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, seen = looked(cuts[cut], chosen, target)
        drawn = set()
        for name, picture in pictures(cuts[cut], described(cuts[cut]), seen):
            # Rendering takes the time: the odd tables differ in what is drawn, not in how.
            if cut == "whole":
                save(picture, tmp_path / f"{name}.png")
            assert picture.get_suptitle()
            drawn.add(name)
    assert drawn == OF_TASK[target]
    pd.testing.assert_frame_equal(cuts[cut], before)


@pytest.mark.parametrize("target", [NUMBER, CLASS], ids=["number", "classes"])
def test_columns_rank_by_what_they_explain(
    target: RegressionTarget | MulticlassTarget, chosen: Params
) -> None:
    frame = table(3000, None if target is NUMBER else 4)
    _, seen = looked(frame, chosen, target)
    found = strengths(seen)
    assert min(found["line"], found["bow"], found["city"]) > 0.05
    assert max(found["when"], found["noise"]) < 0.01
    ranked = [one["column"] for one in seen.associations]
    assert ranked[:3] == [v.name for v in seen.telling[:3]]
    for one in seen.associations:
        low, high = one["explained"]["interval"]
        assert low <= one["explained"]["value"] <= high
        assert one["mutual_information"]["value"] >= 0


@pytest.mark.parametrize("target", [NUMBER, CLASS], ids=["number", "classes"])
def test_a_column_that_knows_the_answer_is_found(
    target: RegressionTarget | MulticlassTarget, chosen: Params
) -> None:
    frame = table(2000, None if target is NUMBER else 4)
    leak = pd.Series(frame["y"]).rank() + np.random.default_rng(1).normal(0, 9, len(frame))
    found, _ = looked(frame.assign(line=leak), chosen, target)
    (finding,) = [one for one in found if one.kind == "leakage"]
    assert finding.columns == ("line",)
    assert finding.threshold == pytest.approx(0.8)
    assert "of the target: was it known" in finding.why
    clean, _ = looked(frame, chosen, target)
    assert not [one for one in clean if one.kind == "leakage"]


# --- a number -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def numbers(chosen: Params) -> View:
    return looked(table(2000), chosen, NUMBER)[1]


def number(seen: View) -> Number:
    assert isinstance(seen.outcome, Number)
    return seen.outcome


def test_a_bow_has_no_rank_correlation_and_is_found(numbers: View) -> None:
    found = {one["column"]: one for one in numbers.associations}
    assert abs(found["bow"]["spearman"]["value"]) < 0.1
    assert found["bow"]["explained"]["value"] > 0.15
    assert found["city"]["spearman"] is None


def test_spearman_is_scipys_and_its_interval_holds(numbers: View) -> None:
    frame = table(2000)
    known = frame.dropna()
    found = {one["column"]: one["spearman"] for one in numbers.associations}
    for name in ("line", "noise"):
        rows = known if name == "noise" else frame
        expected = stats.spearmanr(rows[name], rows["y"]).statistic
        assert found[name]["value"] == pytest.approx(expected, abs=1e-6)
        low, high = found[name]["interval"]
        assert low < expected < high
        assert high - low == pytest.approx(2 * 1.96 / np.sqrt(len(rows)), rel=0.5)


def test_means_are_those_of_the_table(numbers: View) -> None:
    fig = draw_means(numbers, number(numbers))
    ax = next(ax for ax in fig.axes if ax.get_xlabel() == "City")
    frame = table(2000)
    mean = frame.groupby("city")["y"].mean()
    drawn = sorted(x for line in ax.lines if line.get_marker() == "o" for x in line.get_xdata())
    assert drawn == pytest.approx(sorted(mean))
    assert "mean of Price (EUR)" in words(fig)


def test_the_target_has_its_quantiles(numbers: View) -> None:
    fig = draw_number(numbers, number(numbers))
    low, middle, high = np.quantile(number(numbers).y, [0.25, 0.5, 0.75])
    assert f"{middle:.3g}" in fig.get_suptitle()
    assert "Half of the rows have Price between" in fig.get_suptitle()
    drawn = {round(float(one.get_paths()[0].vertices[0, 0]), 6) for one in fig.axes[0].collections}
    assert {round(float(v), 6) for v in (low, middle, high)} <= drawn


def test_a_skewed_target_stands_on_a_log_scale(chosen: Params) -> None:
    frame = table()
    seen = looked(frame.assign(y=np.exp(3 * frame["line"]) * 1e6), chosen, NUMBER)[1]
    assert seen.scales["y"].kind == "symlog"
    assert "symmetric log scale" in words(draw_number(seen, number(seen)))


def test_single_rows_stand_below_their_median(numbers: View) -> None:
    fig = draw_scatter_target(numbers, number(numbers))
    titles = {ax.get_xlabel() for ax in fig.axes}
    assert titles == {"Line", "Bow", "Day", "Noise"}
    ax = next(ax for ax in fig.axes if ax.get_xlabel() == "Line")
    (line,) = ax.lines
    half: Floats = np.asarray(line.get_ydata())
    assert len(half) == 10
    assert np.all(np.diff(half) > 0)


def test_boxes_of_the_target_are_those_of_its_categories(numbers: View) -> None:
    fig = draw_box_target(numbers, number(numbers))
    ax = next(ax for ax in fig.axes if ax.get_xlabel() == "City")
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["Bonn", "Kiel", "Ulm"]
    frame = table(2000)
    for bar, name in zip(ax.patches, names, strict=True):
        low, high = np.quantile(frame["y"][frame["city"] == name], [0.25, 0.75])
        assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((low, high))
    by_day = next(ax for ax in fig.axes if ax.get_xlabel() == "Day")
    assert next(one.get_text() for one in by_day.get_yticklabels()) == "from 2024-01-01"


def test_colours_run_from_low_to_high(numbers: View) -> None:
    keys = number(numbers).keys
    assert len(keys) == 5
    assert len({colour for _, colour in keys}) == 5
    assert number(numbers).shade(float(number(numbers).y.min() - 1)) != keys[0][1]


def test_a_number_has_its_own_summary(numbers: View) -> None:
    found = summary(table(2000), NUMBER, [], numbers)
    assert {"mean", "std", "min", "median", "max"} <= set(found)


# --- several classes --------------------------------------------------------------------------


def classes(seen: View) -> Classes:
    assert isinstance(seen.outcome, Classes)
    return seen.outcome


@pytest.mark.parametrize(("count", "drawn"), [(3, 3), (MOST_CLASSES, MOST_CLASSES), (9, 5)])
def test_of_many_classes_the_rest_is_one_and_it_is_said(
    chosen: Params, count: int, drawn: int
) -> None:
    frame = table(900, count)
    seen = looked(frame, chosen, CLASS)[1]
    groups = classes(seen).groups
    assert np.sum([group.rows for group in groups], axis=0).tolist() == [1] * 900
    assert len({group.colour for group in groups}) == len(groups)
    assert "first sort" in {group.name for group in groups} or count == 9
    figures = dict(pictures(frame, described(frame), seen))
    if drawn < count:
        assert groups[-1].name == f"{count - drawn} others"
        assert groups[-1].colour == OTHER
        for name in ("histograms", "scatter", "scatter_target", "pair"):
            assert f"Grey: the {count - drawn} less frequent of {count}" in words(figures[name])
    else:
        assert len(groups) == count


def test_stacked_shares_are_those_of_the_table(chosen: Params) -> None:
    frame = table(900, 3)
    seen = looked(frame, chosen, CLASS)[1]
    ax = next(ax for ax in draw_class_shares(seen, classes(seen)).axes if ax.get_xlabel() == "City")
    names = [label.get_text() for label in ax.get_yticklabels()]
    shares = pd.crosstab(frame["city"], frame["y"], normalize="index")
    for place, group in enumerate(classes(seen).groups):
        own = "c00" if group.name == "first sort" else group.name
        widths = [bar.get_width() for bar in ax.patches[3 * place : 3 * place + 3]]
        assert widths == pytest.approx(shares.loc[names, own].tolist())


def test_classes_are_counted(chosen: Params) -> None:
    frame = table(900, 3).iloc[100:]
    seen = looked(frame, chosen, CLASS)[1]
    fig = draw_classes(classes(seen))
    counts = frame["y"].value_counts()
    assert [bar.get_width() for bar in fig.axes[0].patches] == counts.tolist()
    many = looked(table(900, CLASSES + 5), chosen, CLASS)[1]
    assert "6 others" in words(draw_classes(classes(many)))


def test_classes_that_have_an_order_keep_it(chosen: Params) -> None:
    frame = table(900, 3).iloc[200:]
    labels = {"c02": "high", "c01": "middle", "c00": "low"}
    column = Column(dtype="str", kind="categorical", title="Sort", labels=labels)
    outcome = outcome_of(frame, Schema(columns={"y": column}), CLASS, 0)
    assert [group.name for group in outcome.groups] == ["high", "middle", "low"]


def test_the_heatmap_has_a_row_a_class(chosen: Params) -> None:
    frame = table(900, 3)
    seen = looked(frame, chosen, CLASS)[1]
    fig = dict(pictures(frame, described(frame), seen))["correlation"]
    assert "Lowest rows: with being of a class" in words(fig)
    (mesh,) = fig.axes[0].collections
    image = np.ma.filled(mesh.get_array(), np.nan)
    titles = [text.get_text() for text in fig.axes[0].texts]
    names = [title for title in titles if title in ("Line", "Bow", "Noise", "Day")]
    image = image.reshape(-1, len(names))
    own = image[-3:, names.index("Line")]
    expected = [
        stats.spearmanr(frame["line"], frame["y"] == c).statistic for c in sorted(set(frame["y"]))
    ]
    assert own == pytest.approx(expected, abs=1e-9)
