import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from scipy import stats

from stages.core.figures import DIVERGING, NEGATIVE, POSITIVE
from stages.core.params import BinaryTarget, Params
from stages.core.schema import Column, Schema
from stages.explore import explore
from stages.explore.heatmap import draw_correlation
from stages.explore.pair_plot import draw_pair
from stages.explore.scatter import SCATTER_PANELS, draw_scatter, telling_pairs
from stages.explore.view import View

TARGET = BinaryTarget(column="y", positive=1, meaning="it happened")


@pytest.fixture(scope="module")
def seen(chosen: Params, schema: Schema, credit: pd.DataFrame) -> View:
    sample = credit.sample(2000, random_state=0)
    return explore(sample, schema, chosen.charter.target, "ID", chosen.explore)[1]


def of(frame: pd.DataFrame, chosen: Params, **bounds: object) -> View:
    number = Column(dtype="float64", kind="numeric", title="T")
    columns = {name: number.model_copy(update={"title": f"Title {name}"}) for name in frame}
    changed = chosen.explore.model_copy(update=bounds)
    return explore(frame, Schema(columns=columns), TARGET, None, changed)[1]


def words(artist: object) -> list[str]:
    found = artist.findobj(Text)  # type: ignore[attr-defined]
    return [text.get_text() for text in found if text.get_text()]


# --- scatter ------------------------------------------------------------------------------


def test_pairs_are_the_best_and_no_column_fills_the_figure(seen: View) -> None:
    pairs = telling_pairs(seen)
    values = [value for value, _, _ in pairs]
    assert len(pairs) == SCATTER_PANELS
    assert values == sorted(values, reverse=True)
    used = [v.name for _, a, b in pairs for v in (a, b)]
    assert max(used.count(name) for name in used) == 2
    assert "PAY_0" in used


def test_points_are_the_sampled_rows_in_the_colours_of_their_class(seen: View) -> None:
    fig = draw_scatter(seen)
    _, x, y = telling_pairs(seen)[0]
    (points,) = fig.axes[0].collections
    rows = seen.sample()
    offsets = np.asarray(points.get_offsets())
    # Columns with many values are not moved.
    assert x.distinct > 20
    np.testing.assert_allclose(offsets[:, 0], seen.scales[x.name].positions(x.values[rows]))
    # Those with few are moved by less than half a step, so that they can be read back.
    assert y.distinct <= 20
    np.testing.assert_array_equal(offsets[:, 1].round(), y.values[rows])
    assert not np.array_equal(offsets[:, 1], y.values[rows])
    expected = np.array([to_rgb(NEGATIVE), to_rgb(POSITIVE)])[seen.outcome.y[rows]]
    np.testing.assert_allclose(points.get_facecolors()[:, :3], expected)


def test_axes_are_named_with_units(seen: View) -> None:
    fig = draw_scatter(seen)
    for ax, (_, x, y) in zip(fig.axes, telling_pairs(seen), strict=True):
        assert ax.get_xlabel().replace("\n", " ") == x.column.axis_title()
        assert ax.get_ylabel().replace("\n", " ") == y.column.axis_title()


def test_a_planted_pair_is_drawn_first(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2000, 5)), columns=list("abcde"))
    frame["y"] = (frame["b"] * frame["d"] > 0).astype(np.int64)
    title = draw_scatter(of(frame, chosen)).get_suptitle()
    assert sorted(title.split()[1:5:3]) == ["b", "d"]
    assert "tell the classes apart best as a pair" in title.replace("\n", " ")
    frame["y"] = rng.permutation(frame["y"])
    assert draw_scatter(of(frame, chosen)).get_suptitle().startswith("No pair tells the classes")


# --- pair plot ----------------------------------------------------------------------------


def test_the_pair_plot_has_counts_points_and_correlations(seen: View) -> None:
    fig = draw_pair(seen)
    count = seen.bounds.pair_columns
    assert len(fig.axes) == count**2
    kinds = ["points" if ax.collections else "bins" if ax.patches else "number" for ax in fig.axes]
    expected = [
        "bins" if i == j else "points" if i > j else "number"
        for i in range(count)
        for j in range(count)
    ]
    assert kinds == expected
    bottom = [ax.get_xlabel() for ax in fig.axes[-count:]]
    left = [ax.get_ylabel() for ax in fig.axes[::count]]
    assert all(bottom)
    assert [a.replace("\n", " ") for a in bottom] == [a.replace("\n", " ") for a in left]


def test_numbers_are_the_correlations_of_all_and_of_each_class(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=800)
    y = (a + rng.normal(size=800) > 0).astype(np.int64)
    frame = pd.DataFrame({"a": a, "b": 0.4 * a + rng.normal(size=800), "y": y})
    fig = draw_pair(of(frame, chosen))
    shown = [float(t.replace("\N{MINUS SIGN}", "-")) for t in words(fig.axes[1])]
    expected = [
        stats.spearmanr(frame["a"][rows], frame["b"][rows]).statistic
        for rows in (y >= 0, y == 0, y == 1)
    ]
    assert shown == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("pair_columns", [2, 8])
def test_the_pair_plot_takes_as_many_as_are_asked_for(chosen: Params, pair_columns: int) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(100, 8)), columns=list("abcdefgh"))
    frame["y"] = np.arange(100) % 2
    fig = draw_pair(of(frame, chosen, pair_columns=pair_columns))
    assert len(fig.axes) == pair_columns**2
    assert fig.get_figwidth() < 12


# --- correlation --------------------------------------------------------------------------


def test_cells_are_scipys_correlations(seen: View) -> None:
    fig = draw_correlation(seen)
    (mesh,) = fig.axes[0].collections
    assert mesh.get_cmap() is DIVERGING
    assert mesh.get_clim() == (-1, 1)
    titles = [text.get_text() for text in fig.axes[0].texts]
    by_title = {v.column.title: v for v in seen.variables}
    order = [by_title[title] for title in titles if title in by_title]
    assert len(order) == 20
    image = np.ma.filled(mesh.get_array(), np.nan).reshape(22, 20)
    expected = stats.spearmanr(
        np.column_stack([*(v.values for v in order), seen.outcome.y])
    ).statistic
    below = np.tri(20, k=-1, dtype=bool)
    np.testing.assert_allclose(image[:20][below], expected[:20, :20][below], atol=1e-9)
    assert np.isnan(image[:20][~below]).all()
    np.testing.assert_allclose(image[-1], expected[-1, :20], atol=1e-9)


def test_written_numbers_are_those_of_their_cells(seen: View) -> None:
    fig = draw_correlation(seen)
    ax = fig.axes[0]
    (mesh,) = ax.collections
    image = np.ma.filled(mesh.get_array(), np.nan).reshape(22, 20)
    written = [text for text in ax.texts if text.get_text().lstrip("\N{MINUS SIGN}")[:1] in ".1"]
    assert len(written) > 100
    for text in written:
        column, row = text.get_position()
        cell = image[21 if row > 20 else int(row), int(column)]
        assert float(text.get_text().replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            cell, abs=0.0051
        )
        assert abs(cell) >= 0.095


def test_the_title_names_the_strongest_pair(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("abcd"))
    frame["c"] = -frame["a"] + 0.01 * frame["c"]
    frame["y"] = np.arange(300) % 2
    title = draw_correlation(of(frame, chosen)).get_suptitle().replace("\n", " ")
    assert title.startswith("1 of 6 pairs have a correlation of 0.9 or more; strongest: ")
    assert "Title a" in title
    assert "Title c" in title


def test_many_columns_are_coloured_and_not_written(chosen: Params) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 1))
    frame = pd.DataFrame(base + rng.normal(size=(200, 60))).rename(columns=lambda i: f"c{i}")
    frame["y"] = np.arange(200) % 2
    fig = draw_correlation(of(frame, chosen, max_columns=60))
    assert len(fig.axes[0].texts) == 61
    assert fig.get_figwidth() < 13


# --- nothing to draw ----------------------------------------------------------------------


@pytest.mark.parametrize("columns", [[], ["a"]])
def test_fewer_than_two_columns_are_no_pair(chosen: Params, columns: list[str]) -> None:
    frame = pd.DataFrame({"a": np.arange(40.0), "y": np.arange(40) % 2})[[*columns, "y"]]
    seen = of(frame, chosen)
    for draw in (draw_scatter, draw_pair, draw_correlation):
        fig = draw(seen)
        assert fig.get_suptitle().startswith("No ")
        assert fig.axes == []
