import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from stages.core.figures import POSITIVE
from stages.core.params import BinaryTarget, Params
from stages.core.schema import Column, Schema
from stages.explore import explore
from stages.explore.boxes import DRAWN_OUTLIERS, draw_box
from stages.explore.histograms import draw_histograms
from stages.explore.missing import PATTERNS, draw_missing
from stages.explore.rates import draw_rates
from stages.explore.view import View

NUMBER = Column(dtype="float64", kind="numeric", title="Number")


@pytest.fixture(scope="module")
def seen(chosen: Params, schema: Schema, credit: pd.DataFrame) -> View:
    sample = credit.sample(2000, random_state=0)
    return explore(sample, schema, chosen.charter.target, "ID", chosen.explore)[1]


@pytest.fixture(scope="module")
def small(chosen: Params) -> View:
    """Twelve hundred rows: an amount, a nominal column with many levels, an all-missing one."""
    rng = np.random.default_rng(0)
    y = (np.arange(1200) % 4 == 0).astype(np.int64)
    city = pd.Series(
        rng.choice(list("abcdefgh"), 1200, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.06, 0.05, 0.04])
    )
    frame = pd.DataFrame(
        {
            "amount": rng.lognormal(3, 2, 1200) + 50 * y,
            "city": city.mask(rng.random(1200) < 0.1).astype("str"),
            "none": np.full(1200, np.nan),
            "y": y,
        }
    )
    schema = Schema(
        columns={
            "amount": Column(dtype="float64", kind="numeric", title="Amount", unit="NT$"),
            "city": Column(
                dtype="str", kind="categorical", title="City", labels={"a": "Alpha $x$"}
            ),
            "none": Column(dtype="float64", kind="numeric", title="None known"),
            "y": Column(dtype="int64", kind="categorical", title="Target", labels={"1": "yes"}),
        }
    )
    target = BinaryTarget(column="y", positive=1, meaning="it happened")
    return explore(frame, schema, target, None, chosen.explore)[1]


def labels(axes: list[Axes]) -> list[str]:
    return [ax.get_xlabel().replace("\n", " ") for ax in axes]


def words(artist: object) -> str:
    found = artist.findobj(Text)  # type: ignore[attr-defined]
    return " ".join(text.get_text() for text in found if text.get_visible())


# --- histograms ---------------------------------------------------------------------------


def test_every_column_has_its_panel_with_title_and_unit(seen: View, schema: Schema) -> None:
    fig = draw_histograms(seen)
    assert len(fig.axes) == 23
    assert "Credit limit (NT$)" in labels(fig.axes)
    for variable, label in zip(seen.variables, labels(fig.axes), strict=True):
        assert label == variable.column.axis_title()


def test_bins_hold_the_share_of_each_class(seen: View) -> None:
    ax = draw_histograms(seen).axes[0]
    outlines = [p for p in ax.patches if isinstance(p, StepPatch) and not p.get_fill()]
    limits = seen.variables[0].values
    for patch, group in zip(outlines, seen.outcome.groups, strict=True):
        values, edges, _ = patch.get_data()
        counts, _ = np.histogram(limits[group.rows], edges)
        np.testing.assert_allclose(values, counts / group.rows.sum())
        assert values.sum() == pytest.approx(1)


def test_the_title_says_which_column_tells_most(seen: View) -> None:
    title = draw_histograms(seen).get_suptitle()
    assert title.startswith("Payment status in September 2005 tells the classes apart best")
    best = max(found.value for found in seen.strengths.values())
    assert f"ROC AUC {best:.2f}" in title


def test_categories_are_bars_with_names_shares_and_rates(small: View) -> None:
    ax = draw_histograms(small).axes[1]
    texts = words(ax)
    assert "Alpha $x$" in texts
    assert "3 others" in texts
    assert "(missing)" in texts
    widths = np.array([bar.get_width() for bar in ax.patches])
    assert widths.sum() == pytest.approx(1)
    city = small.variables[1]
    first = city.values == 0
    assert widths[: len(widths) // 2][0] + widths[len(widths) // 2 :][0] == pytest.approx(
        first.mean()
    )
    assert f"{100 * small.outcome.y[first].mean():.0f}\N{NO-BREAK SPACE}%" in texts


def test_a_column_without_a_value_says_so(small: View) -> None:
    assert "no known value" in words(draw_histograms(small).axes[2])


# --- rates --------------------------------------------------------------------------------


def test_rates_stand_where_the_table_has_them(seen: View) -> None:
    fig = draw_rates(seen, seen.outcome)
    assert len(fig.axes) == 12
    ax, variable = fig.axes[0], seen.telling[0]
    assert labels([ax]) == ["Payment status in September 2005 (months late)"]
    groups = pd.Series(seen.outcome.y).groupby(variable.values).mean()
    drawn = {
        round(x, 9): y
        for line in ax.lines
        if line.get_marker() == "o"
        for x, y in zip(*line.get_data(), strict=True)
    }
    assert drawn == pytest.approx(groups.to_dict())
    (overall,) = [line for line in ax.lines if line.get_marker() in ("None", None, "")]
    assert overall.get_ydata()[0] == pytest.approx(seen.outcome.y.mean())


def test_a_rate_of_few_rows_is_hollow(seen: View) -> None:
    ax, variable = draw_rates(seen, seen.outcome).axes[0], seen.telling[0]
    few = pd.Series(seen.outcome.y).groupby(variable.values).size() < 30
    assert few.any()
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    assert sorted(hollow[0].get_xdata()) == sorted(few.index[few])
    assert hollow[0].get_linestyle() == "None"


def test_category_rates_are_named_and_counted(small: View) -> None:
    fig = draw_rates(small, small.outcome)
    ax = next(ax for ax in fig.axes if ax.get_xlabel() == "City")
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "Alpha $x$"
    assert len(names) == 5
    assert f"{int((small.variables[1].values == 0).sum()):,}" in words(ax)


# --- boxes --------------------------------------------------------------------------------


def test_boxes_are_the_quartiles_of_each_class(small: View) -> None:
    (ax,) = draw_box(small).axes
    assert labels([ax]) == ["Amount (NT$)"]
    scale = small.scales["amount"]
    assert scale.kind == "symlog"
    for bar, group in zip(ax.patches, small.outcome.groups, strict=True):
        low, high = scale.positions(
            np.quantile(small.variables[0].values[group.rows], [0.25, 0.75])
        )
        assert (bar.get_x(), bar.get_x() + bar.get_width()) == pytest.approx((low, high))


def test_of_many_outliers_the_outermost_are_drawn(small: View) -> None:
    (ax,) = draw_box(small).axes
    values = small.variables[0].values
    for line, group in zip(ax.lines, small.outcome.groups, strict=True):
        assert 0 < len(line.get_xdata()) <= DRAWN_OUTLIERS
        farthest = small.scales["amount"].positions(values[group.rows].max())
        assert max(line.get_xdata()) == pytest.approx(farthest)


def test_the_title_counts_the_columns_with_many_outliers(small: View) -> None:
    assert draw_box(small).get_suptitle().startswith("1 of 1 quantities have more than 5")


# --- missing ------------------------------------------------------------------------------


def missing(frame: pd.DataFrame, limit: int = 24) -> object:
    schema = Schema(columns={name: NUMBER.model_copy(update={"title": name}) for name in frame})
    return draw_missing(frame, schema, limit)


def test_nothing_missing_is_said_in_a_small_figure() -> None:
    fig = missing(pd.DataFrame({"a": [1.0, 2.0]}))
    assert fig.get_suptitle() == "No value is missing"
    assert "All 2 rows of all 1 columns are complete." in words(fig)
    assert fig.axes == []
    assert fig.get_figheight() < 1


def test_shares_and_patterns_are_those_of_the_table() -> None:
    frame = pd.DataFrame({"a": np.ones(10), "b": np.ones(10), "c": np.ones(10)})
    frame.loc[:3, ["b", "c"]] = np.nan
    frame.loc[9, "c"] = np.nan
    fig = missing(frame)
    bars, grid = fig.axes
    assert [bar.get_width() for bar in bars.patches] == pytest.approx([0.5, 0.4])
    assert [label.get_text() for label in bars.get_yticklabels()] == ["c", "b"]
    # Patterns: both in four rows, c alone in one.
    cells = {tuple(cell) for cell in grid.collections[1].get_offsets().tolist()}
    assert cells == {(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)}
    shares = [label.get_text() for label in grid.get_xticklabels()]
    assert shares == ["40\N{NO-BREAK SPACE}%", "10\N{NO-BREAK SPACE}%"]
    assert "5 rows are complete" in words(fig)
    assert fig.get_suptitle().startswith("2 of 3 columns have missing values, c most (50")


def test_many_columns_and_patterns_are_cut_and_it_is_said() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(np.where(rng.random((300, 40)) < 0.3, np.nan, 1.0)).rename(columns=str)
    fig = missing(frame, 7)
    bars, grid = fig.axes
    assert len(bars.patches) == 7
    assert len(grid.get_xticks()) == PATTERNS
    assert "33 more columns are not drawn" in words(fig).replace("\n", " ")


def test_nearly_all_is_not_called_all() -> None:
    frame = pd.DataFrame({"a": np.r_[np.full(999, np.nan), 1.0]})
    assert "99.9\N{NO-BREAK SPACE}%" in words(missing(frame))


def test_the_positive_class_has_one_colour(seen: View) -> None:
    ax = draw_rates(seen, seen.outcome).axes[0]
    assert {line.get_color() for line in ax.lines if line.get_marker() == "o"} == {POSITIVE}
