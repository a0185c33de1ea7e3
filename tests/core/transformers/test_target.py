"""Target encoding: against scikit-learn's own, and the leaks that it must not have."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from stages.core.params import Task
from stages.core.transformers import TargetMean
from stages.core.transformers.columns import GROUP

SKLEARN = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}


@pytest.fixture
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 600
    return pd.DataFrame(
        {
            "town": rng.choice([f"town {i}" for i in range(40)], n).astype(object),
            "shop": rng.integers(0, 12, n).astype(float),
        }
    )


def truth(task: Task, n: int) -> Any:
    rng = np.random.default_rng(1)
    if task == "binary":
        return rng.integers(0, 2, n)
    if task == "multiclass":
        return rng.choice(["a", "b", "c"], n).astype(object)
    return rng.normal(10, 3, n)


def encoder(task: Task, smooth: Any = "auto", **more: Any) -> TargetMean:
    return TargetMean(task, 5, smooth, 0, **more)


@pytest.mark.parametrize("smooth", ["auto", 0.0, 20.0])
@pytest.mark.parametrize("task", list(SKLEARN))
def test_it_is_scikit_learns_encoder(task: Any, smooth: Any, rows: pd.DataFrame) -> None:
    y = truth(task, len(rows))
    kind = KFold if task == "regression" else StratifiedKFold
    dealt = kind(5, shuffle=True, random_state=0)
    theirs = TargetEncoder(target_type=SKLEARN[task], smooth=smooth, cv=dealt)
    ours = encoder(task, smooth)
    np.testing.assert_allclose(ours.fit_transform(rows, y), theirs.fit_transform(rows, y))
    new = rows.assign(shop=99.0)[:50]
    np.testing.assert_allclose(ours.transform(new), theirs.transform(new))
    np.testing.assert_allclose(ours.transform(rows), theirs.transform(rows))


def test_a_combination_is_one_category(rows: pd.DataFrame) -> None:
    y = truth("binary", len(rows))
    joined = pd.DataFrame({"both": rows["town"] + "/" + rows["shop"].astype(str)})
    apart = encoder("binary", crossed=True).fit(rows, y).transform(rows)
    np.testing.assert_allclose(apart, encoder("binary").fit(joined, y).transform(joined)[:, 0])


def test_missing_is_a_category_and_the_unknown_is_the_whole() -> None:
    X = pd.DataFrame({"c": ["a"] * 10 + [np.nan] * 10}, dtype=object)
    y = np.array([1] * 9 + [0] + [0] * 9 + [1])
    fitted = encoder("binary", 0.0).fit(X, y)
    new = pd.DataFrame({"c": ["a", np.nan, "missing"]}, dtype=object)
    np.testing.assert_allclose(fitted.transform(new)[:, 0], [0.9, 0.1, 0.5])


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("task", list(SKLEARN))
def test_a_few_rows_are_enough(task: Any, n: int) -> None:
    X = pd.DataFrame({"c": ["a", "b", "a"][:n]}, dtype=object)
    y = {"binary": [1, 0, 1], "multiclass": ["u", "v", "w"], "regression": [1.0, 2.0, 4.0]}[task]
    found = encoder(task).fit_transform(X, np.array(y[:n]))
    assert np.isfinite(found).all()


def test_a_rare_class_does_not_stop_it(recwarn: pytest.WarningsRecorder) -> None:
    X = pd.DataFrame({"c": list("abcd") * 10}, dtype=object)
    y = np.array(["often"] * 39 + ["once"], dtype=object)
    found = encoder("multiclass").fit_transform(X, y)
    assert found.shape == (40, 2)
    assert not recwarn.list


# --- leaks ----------------------------------------------------------------------------------


def learnt(X_train: Any, y_train: Any, X_new: Any, y_new: Any) -> tuple[float, float]:
    """The ROC AUC of a logistic regression on the rows that it saw, and on others."""
    model = LogisticRegression(C=1e6).fit(X_train, y_train)
    return (
        roc_auc_score(y_train, model.predict_proba(X_train)[:, 1]),
        roc_auc_score(y_new, model.predict_proba(X_new)[:, 1]),
    )


def test_without_folds_noise_looks_like_knowledge_and_with_them_it_does_not() -> None:
    """1,500 levels in 3,000 rows, and an outcome drawn by a coin: there is nothing to know."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": rng.integers(0, 1500, 6000).astype(float)})
    y = rng.integers(0, 2, 6000)
    train, new = X[:3000], X[3000:]
    fitted = encoder("binary", 1.0).fit(train, y[:3000])
    coded = fitted.transform(new)
    naive, _ = learnt(fitted.transform(train), y[:3000], coded, y[3000:])
    assert naive > 0.8  # told its own outcome
    ours = encoder("binary", 1.0).fit_transform(train, y[:3000])
    seen, held = learnt(ours, y[:3000], coded, y[3000:])
    assert seen < 0.55
    assert abs(held - 0.5) < 0.05
    # And what is real beside it is not drowned: the naive way forgets it.
    signal = y + rng.normal(0, 2, 6000)
    both = [np.column_stack([part, signal[:3000]]) for part in (fitted.transform(train), ours)]
    after = np.column_stack([coded, signal[3000:]])
    losses = [
        log_loss(y[3000:], LogisticRegression(C=1e6).fit(part, y[:3000]).predict_proba(after))
        for part in both
    ]
    assert losses[1] < 0.69 < losses[0]


def test_rows_of_an_entity_do_not_tell_of_each_other() -> None:
    """Each entity has its own outcome, and a code that only it has: it knows no other's."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(300), 6)
    y = np.repeat(rng.integers(0, 2, 300), 6)
    X = pd.DataFrame({"code": who.astype(float)})
    told = encoder("binary").fit_transform(X, y)[:, 0]
    assert roc_auc_score(y, told) > 0.95  # its other rows give it away
    grouped = X.assign(**{GROUP: [f"entity {i}" for i in who]})
    kept = encoder("binary").fit_transform(grouped, y)[:, 0]
    assert roc_auc_score(y, kept) < 0.55
    # New rows are encoded alike, and the entity is no category.
    a, b = (encoder("binary").fit(part, y).transform(X) for part in (X, grouped))
    np.testing.assert_array_equal(a, b)
