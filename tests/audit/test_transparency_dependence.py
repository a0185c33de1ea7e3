import numpy as np
import pandas as pd
import pytest

from stages.audit.transparency import examine
from stages.audit.transparency.dependence import LINES, curves, draw_curves

from .conftest import Make
from .test_transparency import BOUNDS, by_code, linear


def test_a_curve_is_the_answer_with_the_input_set(make: Make) -> None:
    e = make(linear)
    found = curves(e, "late")
    assert found.grid == [0, 1, 2, 3, 4]
    places = np.unique(np.linspace(0, len(e.rows) - 1, 300).astype(int))
    for value, answers in zip(found.grid, found.answers, strict=True):
        expected = linear(e.rows.iloc[places].assign(late=value)).to_numpy()
        assert answers == pytest.approx(expected)
    assert found.mean == pytest.approx(found.answers.mean(axis=1))
    numbers = curves(e, "income").grid
    assert len(numbers) == 12
    assert set(numbers) <= set(e.train["income"])


def test_centred_curves_start_at_zero_and_show_who_turns_elsewhere(make: Make) -> None:
    def crossed(frame: pd.DataFrame) -> np.ndarray:
        way = np.where(frame["age"] >= 49, 1, -1)
        return np.asarray(0.5 + 0.1 * way * frame["late"])

    found = curves(make(crossed), "late")
    assert np.ptp(found.mean) < 0.05  # the mean hides it
    centred = found.centred.answers
    assert (centred[0] == 0).all()
    assert set(np.round(centred[-1], 9)) == {-0.4, 0.4}


def test_single_rows_and_the_mean_are_drawn(make: Make) -> None:
    e = make(linear)
    for centred in (False, True):
        ax = draw_curves(e, [curves(e, "income")], centred).axes[0]
        assert len(ax.lines) == LINES + 1


def test_curves_of_texts_and_gaps_are_drawn(
    make: Make, world: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    train, test = (frame.copy() for frame in world)
    for frame in (train, test):
        frame.loc[::7, "town"] = pd.NA
        frame.loc[::9, "income"] = np.nan
    e = make(by_code, train=train, test=test, manifest={"inputs": ["town", "sex", "income"]})
    answer = examine(e, BOUNDS.model_copy(update={"top_features": 3}))
    labels = [t.get_text() for t in answer.figures["partial_dependence"].axes[0].get_xticklabels()]
    assert labels == ["Bonn", "Kiel", "Ulm"]
    told = " ".join(row["For"] + row["Against"] for row in answer.tables["Reasons"])
    assert "Sex: male" in told or "Sex: female" in told
