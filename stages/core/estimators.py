"""The candidates by name: from their parameters to a scikit-learn estimator.

Each estimator takes the whole raw frame and gives probabilities or numbers, so that a rule,
a linear model and an ensemble are measured and shipped in the same way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from pydantic import ValidationError
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from stages.core.baselines import RuleClassifier, RuleRegressor
from stages.core.boosters import (
    CatBoostClassifier,
    CatBoostRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
)
from stages.core.ensemble import Members, WeightedClassifier, WeightedRegressor
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.linear import RowwiseElasticNet, RowwiseLogisticRegression, RowwiseRidge
from stages.core.monotonic import Directions, MonotonicClassifier, MonotonicRegressor
from stages.core.newton import NewtonLogisticRegression
from stages.core.params import Candidate, TargetTransform, Task
from stages.core.splines import NaturalSplines

# What a step of a pipeline is called, and the step.
Steps = list[tuple[str, Any]]


@dataclass(frozen=True)
class Setup:
    """What every candidate of a project has in common.

    Attributes:
        task: binary, multiclass or regression.
        rule: the charter's rule.
        random_state: the seed, where an estimator draws lots.
        target_transform: what a regression is fitted on: the target as it is, its
            logarithm or its quantile.
        directions: by transformed feature 1 to rise with it, -1 to fall; kept by the
            candidates that can.
    """

    task: Task
    rule: str
    random_state: int
    target_transform: TargetTransform = "none"
    directions: Directions = field(default_factory=dict)

    @property
    def classifies(self) -> bool:
        """Whether the task is to tell classes apart."""
        return self.task != "regression"

    def on_the_target_itself(self) -> "Setup":
        """Return the same without a transform of the target."""
        return replace(self, target_transform="none")


Builder = Callable[[dict[str, Any], Setup], Steps]


def _linear(name: str) -> Builder:
    """Return a builder of a linear model, whose penalty is fair only among one scale."""

    def build(parameters: dict[str, Any], setup: Setup) -> Steps:
        knots = parameters.pop("n_knots")
        # Features may be missing where featurize.transform.impute leaves them so.
        fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        curves = [] if knots is None else [("splines", NaturalSplines(knots))]
        estimator = LINEAR[name](setup, **parameters)
        return [("fill", fill), *curves, ("scale", StandardScaler()), ("estimator", estimator)]

    return build


# scikit-learn's 1e-4 may stop so early that the last bits of the features, which differ
# between processors, decide when, and show in the fourth decimal of a probability.
TOLERANCE = 1e-6


def _logistic_regression(setup: Setup, l1_ratio: float, **more: Any) -> BaseEstimator:
    if l1_ratio > 0:
        # saga alone can make coefficients 0; it draws the rows in a random order.
        return RowwiseLogisticRegression(
            solver="saga", l1_ratio=l1_ratio, random_state=setup.random_state, **more
        )
    return NewtonLogisticRegression(tol=TOLERANCE, **more)


LINEAR: dict[str, Callable[..., BaseEstimator]] = {
    "logistic_regression": _logistic_regression,
    "ridge": lambda setup, **more: RowwiseRidge(**more),
    "elastic_net": lambda setup, **more: RowwiseElasticNet(**more),
}


def _trees(classifier: Any, regressor: Any, **fixed: Any) -> Builder:
    """Return a builder of trees of scikit-learn."""

    def build(parameters: dict[str, Any], setup: Setup) -> Steps:
        kind = classifier if setup.classifies else regressor
        estimator = kind(random_state=setup.random_state, **fixed, **parameters)
        if setup.directions:
            keeps = MonotonicClassifier if setup.classifies else MonotonicRegressor
            estimator = keeps(estimator, setup.directions)
        return [("estimator", estimator)]

    return build


def _library(classifier: Any, regressor: Any) -> Builder:
    """Return a builder of boosted trees of another library."""

    def build(parameters: dict[str, Any], setup: Setup) -> Steps:
        kind = classifier if setup.classifies else regressor
        estimator = kind(directions=setup.directions, random_state=setup.random_state, **parameters)
        return [("estimator", estimator)]

    return build


# Those that learn from features: the steps after the feature pipeline.
LEARNERS: dict[str, Builder] = {
    **{name: _linear(name) for name in LINEAR},
    "decision_tree": _trees(DecisionTreeClassifier, DecisionTreeRegressor),
    "random_forest": _trees(RandomForestClassifier, RandomForestRegressor),
    "extra_trees": _trees(ExtraTreesClassifier, ExtraTreesRegressor),
    # Its own early stopping would deal rows without regard to groups and time.
    "hist_gradient_boosting": _trees(
        HistGradientBoostingClassifier, HistGradientBoostingRegressor, early_stopping=False
    ),
    "lightgbm": _library(LightGBMClassifier, LightGBMRegressor),
    "catboost": _library(CatBoostClassifier, CatBoostRegressor),
}

# Those that do without: they learn nothing from single rows.
BASELINES: dict[str, Callable[[Setup], BaseEstimator]] = {
    "dummy": lambda setup: (
        DummyClassifier(strategy="prior") if setup.classifies else DummyRegressor(strategy="mean")
    ),
    "rule": lambda setup: (
        RuleClassifier(setup.rule, setup.task) if setup.classifies else RuleRegressor(setup.rule)
    ),
}


def parameters_of(candidate: Candidate) -> dict[str, Any]:
    """Return the parameters of `candidate`, those that the estimator takes."""
    return candidate.model_dump(exclude={"estimator", "early_stopping"})


def with_parameters(candidate: Candidate, parameters: dict[str, Any], where: str) -> Candidate:
    """Return `candidate` with some of its parameters given other values.

    Raises:
        LoopwrightError: one is no parameter of it, or its value is not possible; `where`
            says who asked for it.
    """
    possible = parameters_of(candidate)
    for name in parameters:
        if name not in possible:
            raise LoopwrightError(
                f"{where}.{name}: not a parameter of {candidate.estimator}"
                f"{did_you_mean(name, possible)}; possible: {', '.join(possible) or 'none'}"
            )
    try:
        return type(candidate).model_validate(candidate.model_dump() | parameters)
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        raise LoopwrightError(
            f"{where}.{fault['loc'][0]}: found {fault['input']!r}; {fault['msg']}"
        ) from None


def build_learner(candidate: Candidate, setup: Setup) -> Steps:
    """Return the steps of `candidate` after the features, not fitted."""
    *before, (name, estimator) = LEARNERS[candidate.estimator](parameters_of(candidate), setup)
    return [*before, (name, _of_transformed(estimator, setup))]


def _of_transformed(estimator: Any, setup: Setup) -> Any:
    """Return `estimator` on the transformed target, where one is asked for."""
    if setup.classifies or setup.target_transform == "none":
        return estimator
    if setup.target_transform == "log1p":
        return TransformedTargetRegressor(
            estimator, func=np.log1p, inverse_func=np.expm1, check_inverse=False
        )
    return TransformedTargetRegressor(estimator, transformer=quantiles(), check_inverse=False)


def quantiles() -> QuantileTransformer:
    """Return what turns a target into its quantile, as a normal number; not fitted."""
    # Fewer quantiles than train has rows, so that the file holds few of its values.
    return QuantileTransformer(n_quantiles=100, output_distribution="normal", subsample=None)


def build_estimator(candidate: Candidate, setup: Setup, features: Pipeline) -> BaseEstimator:
    """Return the estimator of `candidate`; it takes the raw frame and is not fitted.

    Args:
        candidate: its name and parameters.
        setup: what it has in common with the others.
        features: the feature pipeline; it becomes the first step, and is not copied. The
            baselines do without.
    """
    if candidate.estimator in BASELINES:
        return BASELINES[candidate.estimator](setup)
    return Pipeline([("features", features), *build_learner(candidate, setup)])


def build_ensemble(members: Members, weights: list[float], setup: Setup) -> Any:
    """Return the weighted mean of `members`, which take what the feature pipeline gives."""
    return (WeightedClassifier if setup.classifies else WeightedRegressor)(members, weights)


def inputs_of(estimator: BaseEstimator) -> list[str]:
    """Return the columns of the raw frame that `estimator` reads to predict."""
    if isinstance(estimator, Pipeline):
        return list(estimator["features"]["columns"].inputs)
    if isinstance(estimator, RuleClassifier | RuleRegressor):
        return list(estimator.rule().columns)
    return []
