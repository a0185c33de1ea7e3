"""Which features the target needs: four ways to ask, each says why a feature goes.

Each takes features without missing values, shape (rows, features), and gives for each place
the reason why that feature is left out, or none. They see the rows that the pipeline is
fitted on and no others, as every step does.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import RFECV, mutual_info_classif, mutual_info_regression
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from stages.core.params import Task
from stages.core.transformers.probe import coded, probe, row_losses

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[Any]
Reasons = dict[int, str]


def mutual_information(
    X: Floats, y: Truth, weight: Floats | None, task: Task, random_state: int, keep: int
) -> Reasons:
    """Leave out all but the `keep` features that tell most about the target by themselves."""
    measure = mutual_info_regression if task == "regression" else mutual_info_classif
    discrete = np.array([len(np.unique(column)) <= 2 for column in X.T])
    told = measure(X, y, discrete_features=discrete, random_state=random_state)
    order = np.argsort(-np.round(told, 9), kind="stable")
    return {
        int(place): f"mutual information {told[place]:.6f} nats, place {rank} of {len(order)}"
        for rank, place in enumerate(order, start=1)
        if rank > keep
    }


def l1(
    X: Floats, y: Truth, weight: Floats | None, task: Task, random_state: int, alpha: float
) -> Reasons:
    """Leave out what a linear model with the penalty `alpha` on absolute weights does not use."""
    scaled = StandardScaler().fit_transform(X)
    if task == "regression":
        spread = y.std() or 1.0
        model = Lasso(alpha=alpha).fit(scaled, (y - y.mean()) / spread, sample_weight=weight)
    else:
        # The penalty stands against the sum of the losses here, and against their mean there.
        strength = 1 / (alpha * (len(y) if weight is None else weight.sum()))
        model = LogisticRegression(
            l1_ratio=1, C=strength, solver="saga", max_iter=1000, random_state=random_state
        ).fit(scaled, y, sample_weight=weight)
    size = np.abs(np.atleast_2d(model.coef_)).max(axis=0)
    out = _but_strongest(size <= 1e-9, _association(scaled, y, task))
    return dict.fromkeys(out, f"weight 0 under the L1 penalty {alpha:g}")


def permutation(
    X: Floats,
    y: Truth,
    weight: Floats | None,
    task: Task,
    random_state: int,
    folds: int,
    repeats: int,
    min_gain: float,
) -> Reasons:
    """Leave out what a probe does not miss: shuffled, the held-out loss grows by no more."""
    rng = np.random.default_rng(random_state)
    growth = np.zeros(X.shape[1])
    with _rare_classes():
        dealt = list(_deal(task, folds, random_state).split(X, y))
    for fitting, held in dealt:
        part = None if weight is None else weight[fitting]
        seen, rows = coded(X[fitting], X[held])
        fitted = probe(task).fit(seen, y[fitting], sample_weight=part)
        counts = None if weight is None else weight[held]
        usual = np.average(row_losses(task, fitted, rows, y[held]), weights=counts)
        for place in range(X.shape[1]):
            own = rows[:, place].copy()
            for _ in range(repeats):
                rows[:, place] = own[rng.permutation(len(held))]
                lost = np.average(row_losses(task, fitted, rows, y[held]), weights=counts)
                growth[place] += (lost - usual) / (folds * repeats)
            rows[:, place] = own
    return {
        place: f"permutation: the loss grows by {growth[place]:.6f}, no more than {min_gain:g}"
        for place in _but_strongest(growth <= min_gain, growth)
    }


def recursive(
    X: Floats,
    y: Truth,
    weight: Floats | None,
    task: Task,
    random_state: int,
    folds: int,
    step: float,
    min_features: int,
) -> Reasons:
    """Leave out what recursive elimination with cross-validation does without (RFECV)."""
    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    # All features at each split: noise is chosen where nothing else is, and seen to be.
    trees = kind(n_estimators=50, min_samples_leaf=5, max_features=1.0, random_state=random_state)
    search = RFECV(
        trees,
        step=step,
        min_features_to_select=min(min_features, X.shape[1]),
        cv=_deal(task, folds, random_state),
        scoring=lambda fitted, rows, true: -row_losses(task, fitted, rows, true).mean(),
    )
    with _rare_classes():
        search.fit(X, y)
    why = f"the loss in folds is least with {search.n_features_}"
    return {
        place: f"recursive elimination: round {rank} from the last; {why}"
        for place, rank in enumerate(search.ranking_)
        if rank > 1
    }


def _deal(task: Task, folds: int, random_state: int) -> Any:
    kind = KFold if task == "regression" else StratifiedKFold
    return kind(folds, shuffle=True, random_state=random_state)


@contextmanager
def _rare_classes() -> Iterator[None]:
    """A class with fewer rows than folds is missing in some of them, and that is no fault."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        yield


def _but_strongest(out: npt.NDArray[np.bool_], strength: Floats) -> list[int]:
    """Return the places that are `out`; where all are, the strongest stays."""
    if out.all():
        out = np.arange(len(out)) != int(np.argmax(strength))
    return [int(place) for place in np.flatnonzero(out)]


def _association(X: Floats, y: Truth, task: Task) -> Floats:
    """Return how far the features go with the target, linearly, shape (features,)."""
    outcomes = y[:, None] if task == "regression" else y[:, None] == np.unique(y)
    centred = outcomes - outcomes.mean(axis=0)
    return np.asarray(np.abs((X - X.mean(axis=0)).T @ centred).max(axis=1))


# In the order in which they are asked: the cheap first.
RELEVANCE: dict[str, Callable[..., Reasons]] = {
    "mutual_information": mutual_information,
    "l1": l1,
    "permutation": permutation,
    "recursive": recursive,
}
