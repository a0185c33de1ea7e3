from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from stages.core.calibration import CalibratedClassifier, OneVsRest, Temperature, fitted
from stages.core.models import as_bytes, load_model, save_model
from stages.train.calibrate import behind_map
from tests.candidates import fitted as candidate
from tests.candidates import made

METHODS = ("sigmoid", "isotonic", "temperature")
N = 3000


def drawn(seed: int, slope: float, classes: int = 2) -> tuple[Any, Any]:
    """Truths, and probabilities that are right at slope 1 and too sure above."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1.3, (N, classes))
    y = (scores + rng.gumbel(size=(N, classes))).argmax(axis=1)
    y_prob = softmax(slope * scores, axis=1)
    return y, y_prob[:, 1] if classes == 2 else y_prob


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", METHODS)
def test_a_distorted_model_is_mended_and_a_good_one_kept(method: Any, classes: int) -> None:
    for seed in range(5):
        for slope in (3.0, 0.3):
            mapping = fitted(method, *drawn(seed, slope, classes))
            y, y_prob = drawn(seed + 100, slope, classes)
            best = log_loss(*drawn(seed + 100, 1.0, classes))
            before, after = log_loss(y, y_prob), log_loss(y, mapping(y_prob))
            # most of what the distortion costs comes back
            assert after - best < 0.25 * (before - best)
        mapping = fitted(method, *drawn(seed, 1.0, classes))
        y, y_prob = drawn(seed + 100, 1.0, classes)
        assert log_loss(y, mapping(y_prob)) - log_loss(y, y_prob) < 0.02


@pytest.mark.parametrize("method", METHODS)
def test_no_map_turns_an_order_round(method: Any) -> None:
    y, y_prob = drawn(0, 2.0)
    grid = np.linspace(0.001, 0.999, 500)
    step = np.diff(fitted(method, y, y_prob)(grid))
    assert (step >= 0).all()
    if method != "isotonic":
        assert (step > 0).all()
    # also of a model that knows less than nothing
    assert (np.diff(fitted(method, 1 - y, y_prob)(grid)) >= -1e-15).all()


@pytest.mark.parametrize("method", METHODS)
def test_several_classes_sum_to_1(method: Any) -> None:
    y, y_prob = drawn(0, 2.0, 4)
    found = fitted(method, y, y_prob)(y_prob)
    assert found.shape == y_prob.shape and (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("method", METHODS)
def test_a_weight_of_2_is_the_row_twice(method: Any, classes: int) -> None:
    y, y_prob = drawn(0, 2.0, classes)
    heavy = y == (y_prob > 0.5 if classes == 2 else y_prob.argmax(axis=1))
    rows = np.r_[np.arange(N), np.flatnonzero(heavy)]
    twice = fitted(method, y[rows], y_prob[rows])(y_prob)
    weighted = fitted(method, y, y_prob, np.where(heavy, 2.0, 1.0))(y_prob)
    # isotonic counts rows for how far it stays off 0 and 1
    assert weighted == pytest.approx(twice, abs=1e-3)
    assert np.abs(weighted - fitted(method, y, y_prob)(y_prob)).max() > 0.01


def test_a_class_that_the_folds_do_not_have_stays_possible() -> None:
    y, y_prob = drawn(0, 1.0, 4)
    found = fitted("isotonic", np.where(y == 3, 2, y), y_prob)
    assert isinstance(found, OneVsRest)
    assert np.isfinite(found(y_prob)).all() and found(y_prob)[:, 3].max() < 0.01


def behind(task: Any, method: Any, kind: str = "hist_gradient_boosting") -> Any:
    _, y_prob = drawn(0, 2.0, 2 if task == "binary" else 3)
    y = drawn(0, 2.0, 2 if task == "binary" else 3)[0]
    return behind_map(candidate(kind, task), fitted(method, y, y_prob))


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("method", METHODS)
def test_the_model_is_saved_loaded_and_fitted_again(task: Any, method: Any, tmp_path: Path) -> None:
    frame, truths = made()
    model = behind(task, method)
    sha256 = save_model(tmp_path / "model.skops", model)
    assert as_bytes(behind(task, method)) == as_bytes(model)
    found = load_model(tmp_path / "model.skops", sha256)
    y_prob = model.predict_proba(frame)
    np.testing.assert_array_equal(found.predict_proba(frame), y_prob)
    assert as_bytes(found) == as_bytes(model)
    one_by_one = np.concatenate(
        [found.predict_proba(frame.iloc[[row]]) for row in range(len(frame))]
    )
    np.testing.assert_array_equal(one_by_one, y_prob)
    assert list(found.classes_) == list(np.unique(truths[task]))
    np.testing.assert_array_equal(found.predict(frame), found.classes_[y_prob.argmax(axis=1)])
    # the map stays, the classifier learns anew
    again = clone(found).fit(frame[:300], truths[task][:300])
    np.testing.assert_array_equal(again.predict_proba(frame), y_prob)
    *_, last = found[-1].staged_predict_proba(found["features"].transform(frame))
    np.testing.assert_array_equal(last, y_prob)
    assert found[-1].n_iter_ == 12


def test_only_what_is_staged_is_staged() -> None:
    model = behind("binary", "sigmoid", "logistic_regression")
    assert not hasattr(model[-1], "staged_predict_proba")


def test_rows_count_by_their_weight_when_it_is_fitted_again() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=500)})
    y = (rng.random(500) < expit(X["a"])).astype(int).to_numpy()
    weight = np.where(y == 1, 5.0, 1.0)
    model = CalibratedClassifier(LogisticRegression(), Temperature(1.0)).fit(X, y, weight)
    expected = LogisticRegression().fit(X, y, weight).predict_proba(X)
    assert model.predict_proba(X) == pytest.approx(expected)
