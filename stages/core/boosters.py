"""LightGBM and CatBoost as scikit-learn estimators whose model files are the same each time.

Both are extras. What they learnt is kept in the library's own format, without the time and
the chance name that CatBoost writes into it, and read again at the first prediction. Every
sum runs on one thread in one order.
"""

import tempfile
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.core.errors import LoopwrightError, how_to_install
from stages.core.monotonic import Directions

Floats = npt.NDArray[np.float64]
Held = tuple[Any, npt.NDArray[Any], Floats | None]

# What CatBoost writes that differs each time.
CHANCE = ("train_finish_time", "model_guid")


def _missing(library: str) -> LoopwrightError:
    return LoopwrightError(
        f"estimator {library}: the package '{library}' is not installed; it is an extra: "
        + how_to_install("boost")
    )


class _Booster(BaseEstimator):
    """What both libraries and both tasks share.

    Attributes:
        model_: what was learnt, in the library's own format.
        n_iter_: how many trees, or trees a class.
    """

    directions: Directions
    model_: Any

    def fit(self, X: Any, y: npt.ArrayLike, sample_weight: Floats | None = None) -> Any:
        """Fit on `X`, shape (rows, features), NaN where missing; on one thread."""
        self._train(X, y, sample_weight, None, 0)
        return self

    def best_iterations(
        self, X: Any, y: npt.ArrayLike, sample_weight: Floats | None, held: Held, rounds: int
    ) -> int:
        """Return after how many iterations the loss on the `held` rows is least.

        Args:
            X: the rows to fit on.
            y: what was true in them.
            sample_weight: how much each counts.
            held: rows, truth and weights of those that stop it.
            rounds: it stops after so many without a gain.
        """
        return self._train(X, y, sample_weight, held, rounds)

    def _train(
        self, X: Any, y: npt.ArrayLike, weight: Floats | None, held: Held | None, rounds: int
    ) -> int:
        values = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        target = self._learn_target(np.asarray(y))
        names = getattr(self, "feature_names_in_", range(values.shape[1]))
        ways = [self.directions.get(str(name), 0) for name in names]
        stop = None
        if held is not None:
            stop = (np.asarray(held[0], dtype=np.float64), self._target(held[1]), held[2])
        self._loaded = None
        self.model_, self.n_iter_ = self._grow(values, target, weight, ways, stop, rounds)
        return self.n_iter_

    def raw(self, X: Any) -> Iterator[Floats]:
        """Yield the sum of the trees after each iteration, before it becomes a prediction."""
        values = self._values(X)
        total: Any = 0.0
        for iteration in range(self.n_iter_):
            total = total + self._margin(values, iteration, iteration + 1)
            yield total

    def _values(self, X: Any) -> Floats:
        check_is_fitted(self)
        values = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        return np.ascontiguousarray(values)

    def _whole(self, X: Any) -> Floats:
        return self._margin(self._values(X), 0, self.n_iter_)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what the library holds in memory: it is made again from `model_`."""
        state: dict[str, Any] = super().__getstate__()
        state.pop("_loaded", None)
        return state

    @property
    def library(self) -> Any:
        """The library's model, read from `model_` once."""
        if getattr(self, "_loaded", None) is None:
            self._loaded = self._read()
        return self._loaded

    @abstractmethod
    def _learn_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

    @abstractmethod
    def _target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]: ...

    @abstractmethod
    def _outputs(self) -> int:
        """How many classes there are; 1 for a number."""

    @abstractmethod
    def _grow(
        self, values: Floats, target: Any, weight: Any, ways: list[int], held: Any, rounds: int
    ) -> tuple[Any, int]: ...

    @abstractmethod
    def _read(self) -> Any: ...

    @abstractmethod
    def _margin(self, values: Floats, start: int, stop: int) -> Floats: ...


class _Classes(ClassifierMixin, _Booster):
    """A booster that tells classes apart."""

    def _learn_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        self.classes_ = np.unique(y)
        return self._target(y)

    def _target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.searchsorted(self.classes_, y)

    def _outputs(self) -> int:
        return len(self.classes_)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, shape (rows, classes)."""
        return self._probabilities(self._whole(X))

    def staged_predict_proba(self, X: Any) -> Iterator[Floats]:
        """Yield the probabilities after each iteration."""
        yield from map(self._probabilities, self.raw(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the likeliest class of each row, shape (rows,)."""
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def _probabilities(self, margin: Floats) -> Floats:
        if margin.ndim == 2:
            return np.asarray(softmax(margin, axis=1))
        positive = expit(margin)
        return np.column_stack([1 - positive, positive])


class _Numbers(RegressorMixin, _Booster):
    """A booster that predicts a number."""

    def _learn_target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self._target(y)

    def _target(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(y, dtype=np.float64)

    def _outputs(self) -> int:
        return 1

    def predict(self, X: Any) -> Floats:
        """Return the number of each row, shape (rows,)."""
        return self._whole(X)

    def staged_predict(self, X: Any) -> Iterator[Floats]:
        """Yield the numbers after each iteration."""
        yield from self.raw(X)


class _LightGBM(_Booster):
    """lightgbm, by the names of its scikit-learn interface.

    Args:
        learning_rate: how much of each tree is taken.
        n_estimators: trees, or trees a class.
        num_leaves: leaves a tree, at most.
        min_child_samples: rows a leaf, at least.
        reg_lambda: the ridge penalty on leaves.
        subsample: the share of the rows that a tree sees.
        colsample_bytree: the share of the features that a tree sees.
        directions: by feature 1 to rise with it, -1 to fall.
        random_state: the seed.
    """

    def __init__(
        self,
        learning_rate: float,
        n_estimators: int,
        num_leaves: int,
        min_child_samples: int,
        reg_lambda: float,
        subsample: float,
        colsample_bytree: float,
        directions: Directions,
        random_state: int,
    ) -> None:
        self.learning_rate = learning_rate
        self.n_estimators = n_estimators
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.reg_lambda = reg_lambda
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.directions = directions
        self.random_state = random_state

    def _grow(
        self, values: Floats, target: Any, weight: Any, ways: list[int], held: Any, rounds: int
    ) -> tuple[Any, int]:
        lightgbm = _lightgbm()
        outputs = self._outputs()
        settings: dict[str, Any] = {
            "objective": {1: "regression", 2: "binary"}.get(outputs, "multiclass"),
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_child_samples,
            "lambda_l2": self.reg_lambda,
            "bagging_fraction": self.subsample,
            "bagging_freq": int(self.subsample < 1),
            "feature_fraction": self.colsample_bytree,
            "seed": self.random_state,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        if outputs > 2:
            settings["num_class"] = outputs
        if any(ways):
            settings["monotone_constraints"] = ways
        rows = lightgbm.Dataset(values, target, weight=weight, params=settings)
        more: dict[str, Any] = {}
        if held is not None:
            stop = lightgbm.Dataset(held[0], held[1], weight=held[2], reference=rows)
            quiet = lightgbm.early_stopping(rounds, verbose=False)
            more = {"valid_sets": [stop], "callbacks": [quiet]}
        booster = lightgbm.train(settings, rows, self.n_estimators, **more)
        found = booster.best_iteration if held is not None else booster.current_iteration()
        return booster.model_to_string(), int(found)

    def _read(self) -> Any:
        return _lightgbm().Booster(model_str=self.model_)

    def _margin(self, values: Floats, start: int, stop: int) -> Floats:
        margin = self.library.predict(
            values,
            start_iteration=start,
            num_iteration=stop - start,
            raw_score=True,
            num_threads=1,
        )
        return np.asarray(margin, dtype=np.float64)


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError:
        raise _missing("lightgbm") from None
    return lightgbm


class LightGBMClassifier(_Classes, _LightGBM):
    """lightgbm for classes."""


class LightGBMRegressor(_Numbers, _LightGBM):
    """lightgbm for a number."""


class _CatBoost(_Booster):
    """catboost, on symmetric trees.

    Args:
        learning_rate: how much of each tree is taken.
        iterations: trees.
        depth: of each tree.
        l2_leaf_reg: the ridge penalty on leaves.
        directions: by feature 1 to rise with it, -1 to fall.
        random_state: the seed.
    """

    def __init__(
        self,
        learning_rate: float,
        iterations: int,
        depth: int,
        l2_leaf_reg: float,
        directions: Directions,
        random_state: int,
    ) -> None:
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.depth = depth
        self.l2_leaf_reg = l2_leaf_reg
        self.directions = directions
        self.random_state = random_state

    def _grow(
        self, values: Floats, target: Any, weight: Any, ways: list[int], held: Any, rounds: int
    ) -> tuple[Any, int]:
        catboost = _catboost()
        outputs = self._outputs()
        model = catboost.CatBoost(
            {
                "loss_function": {1: "RMSE", 2: "Logloss"}.get(outputs, "MultiClass"),
                "learning_rate": self.learning_rate,
                "iterations": self.iterations,
                "depth": self.depth,
                "l2_leaf_reg": self.l2_leaf_reg,
                "random_seed": self.random_state,
                "thread_count": 1,
                "allow_writing_files": False,
                "verbose": False,
            }
            | ({"monotone_constraints": ways} if any(ways) else {})
        )
        stop = None if held is None else catboost.Pool(held[0], held[1], weight=held[2])
        model.fit(
            catboost.Pool(values, target, weight=weight),
            eval_set=stop,
            early_stopping_rounds=rounds if held is not None else None,
            use_best_model=False,
        )
        if held is not None:
            return b"", int(model.get_best_iteration()) + 1
        metadata = model.get_metadata()
        for key in CHANCE:
            del metadata[key]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.cbm")
            model.save_model(str(path))
            return path.read_bytes(), int(model.tree_count_)

    def _read(self) -> Any:
        return _catboost().CatBoost().load_model(blob=self.model_)

    def _margin(self, values: Floats, start: int, stop: int) -> Floats:
        margin = self.library.predict(
            values,
            prediction_type="RawFormulaVal",
            ntree_start=start,
            ntree_end=stop,
            thread_count=1,
        )
        return np.asarray(margin, dtype=np.float64)


def _catboost() -> Any:
    try:
        import catboost
    except ImportError:
        raise _missing("catboost") from None
    return catboost


class CatBoostClassifier(_Classes, _CatBoost):
    """catboost for classes."""


class CatBoostRegressor(_Numbers, _CatBoost):
    """catboost for a number."""
