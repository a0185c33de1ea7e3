"""params.yaml: strict models that mirror it one to one."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stages.core.documents import Section, read_document
from stages.core.errors import did_you_mean
from stages.core.sources.declared import Ingest

Name = Annotated[str, Field(min_length=1)]
Names = tuple[Name, ...]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Knots = Annotated[int, Field(ge=3, le=20)]


Task = Literal["binary", "multiclass", "regression"]


class BinaryTarget(Section):
    """The column to predict, and which of its values is the positive one."""

    task: ClassVar[Task] = "binary"
    column: Name
    positive: int | str | bool
    meaning: Name


class MulticlassTarget(Section):
    """The column to predict: one of several classes."""

    task: ClassVar[Task] = "multiclass"
    column: Name
    meaning: Name


class RegressionTarget(Section):
    """The column to predict: a number."""

    task: ClassVar[Task] = "regression"
    column: Name
    meaning: Name


Target = BinaryTarget | MulticlassTarget | RegressionTarget


class Feasibility(Section):
    """Is it a machine-learning problem at all? A person's answers."""

    pattern: str
    data: str
    error_tolerance: str
    alternative_tried: str


class Rule(Section):
    """The decision without machine learning: a condition, a class or a number, by the task.

    Role ``start``: the model must beat it; ``ideal``: the model may only come near it.
    """

    expression: Name
    meaning: Name
    role: Literal["start", "ideal"]


class Costs(Section):
    """What one yes-or-no decision brings in each outcome, in `currency`; a loss is negative."""

    currency: Name
    true_positive: float
    false_positive: float
    true_negative: float
    false_negative: float
    source: str


class ClassCost(Section):
    """What it brings to decide for one class where another is true."""

    actual: Name
    decided: Name
    value: float


class ClassCosts(Section):
    """What one decision among classes brings, in `currency`; a loss is negative.

    `right` and `wrong` hold for every class, but for the pairs that `exceptions` name.
    """

    currency: Name
    right: float
    wrong: float
    exceptions: tuple[ClassCost, ...]
    source: str


class NumberCosts(Section):
    """What a prediction brings for each unit that it is too high or too low; a loss is negative."""

    currency: Name
    per_unit_over: Annotated[float, Field(le=0)]
    per_unit_under: Annotated[float, Field(le=0)]
    source: str


AnyCosts = Costs | ClassCosts | NumberCosts


class Criterion(Section):
    """A metric and the bound that it must reach: one of `at_least` and `at_most`.

    Beyond `possible` it is too good to be true.
    """

    metric: Name
    at_least: float | None = None
    at_most: float | None = None
    possible: float | None = None
    why: str

    @model_validator(mode="after")
    def _one_bound(self) -> "Criterion":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("exactly one of at_least and at_most was expected")
        return self


Role = Literal["start", "ideal"]


class BaselineHere(Section):
    """The error to compare with is that of the charter's rule, in its role, or of the dummy."""

    kind: Literal["rule", "dummy"]


class KnownError(Section):
    """An error that a study found, with its 95 % interval, by the metric of train.scoring."""

    metric: Name
    value: float
    low: float
    high: float
    source: Name

    @model_validator(mode="after")
    def _ordered(self) -> "KnownError":
        if not self.low <= self.value <= self.high:
            raise ValueError("value was expected from low to high")
        return self


class BaselineElsewhere(Section):
    """People or a model from elsewhere: what they said is in a column, or known as an error."""

    kind: Literal["human", "external"]
    role: Role
    column: Name | None
    error: KnownError | None

    @model_validator(mode="after")
    def _one_source(self) -> "BaselineElsewhere":
        if (self.column is None) == (self.error is None):
            raise ValueError("exactly one of column and error was expected; the other is null")
        return self


Baseline = Annotated[BaselineHere | BaselineElsewhere, Field(discriminator="kind")]


class Scope(Section):
    """What the model is for, and what it must not be used for."""

    inside: Names
    outside: Names


class ReturnOnInvestment(Section):
    """What building and running the model costs, in the currency of the costs."""

    decisions_per_year: Count
    build_cost: Annotated[float, Field(ge=0)]
    run_cost_per_year: Annotated[float, Field(ge=0)]
    horizon_years: Annotated[float, Field(gt=0)]


class Owners(Section):
    """Who answers for what, by role and not by name."""

    product: str
    model: str
    data: str
    risk: str
    on_call: str


class DataSheet(Section):
    """What only a person can say of the data; None where nobody has said it yet."""

    collected_by: Name | None
    collection: Name | None
    consent: Name | None
    licence: Name | None
    distribution: Name | None
    maintenance: Name | None


# Which way a person can move a number about themselves, once they know the decision.
Change = Literal["increase", "decrease", "any"]


class _Charter(Section):
    """What every charter says, whatever the task."""

    title: str
    problem: str
    decision: str
    key: Name | None
    sample_weight: Name | None
    sensitive_features: Names
    monotonic: dict[Name, Literal["increasing", "decreasing"]]
    invariant: Names
    mutable: dict[Name, Change]
    feasibility: Feasibility
    rule: Rule
    baseline: Baseline
    success_criteria: tuple[Criterion, ...]
    scope: Scope
    return_on_investment: ReturnOnInvestment
    owners: Owners
    data_sheet: DataSheet


class BinaryCharter(_Charter):
    """The project: problem, decision, costs, criteria, scope and owners."""

    task: Literal["binary"]
    target: BinaryTarget
    costs: Costs


class MulticlassCharter(_Charter):
    """The project, where the target is one of several classes."""

    task: Literal["multiclass"]
    target: MulticlassTarget
    costs: ClassCosts

    @field_validator("monotonic")
    @classmethod
    def _no_direction(cls, monotonic: dict[str, str]) -> dict[str, str]:
        if monotonic:
            raise ValueError(
                "several classes have no direction to rise or fall in; {} was expected"
            )
        return monotonic


class RegressionCharter(_Charter):
    """The project, where the target is a number."""

    task: Literal["regression"]
    target: RegressionTarget
    costs: NumberCosts


Charter = BinaryCharter | MulticlassCharter | RegressionCharter


class SingleFeatureLeakage(Section):
    """A feature that alone ranks the target this well is suspected to know it."""

    policy: Literal["fail", "warn"]
    roc_auc: Annotated[float, Field(gt=0.5, le=1)]


class Validate(Section):
    """What happens at each fault of quality."""

    missing_labels: Literal["fail", "drop"]
    duplicates: Literal["fail", "warn", "drop"]
    conflicting_labels: Literal["fail", "warn", "drop"]
    constant_columns: Literal["fail", "warn"]
    one_class_target: Literal["fail", "warn"]
    single_feature_leakage: SingleFeatureLeakage


class Fractions(Section):
    """Shares of the rows; they sum to 1."""

    train: Annotated[float, Field(gt=0, lt=1)]
    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _whole(self) -> "Fractions":
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(f"train, validation and test were expected to sum to 1, not {total:g}")
        return self


class Split(Section):
    """How rows are dealt to train, validation and test."""

    strategy: Literal["stratified", "group", "time"]
    group: Name | None
    time: Name | None
    fractions: Fractions
    random_state: Seed

    @model_validator(mode="after")
    def _has_column(self) -> "Split":
        if self.strategy == "group" and self.group is None:
            raise ValueError("strategy 'group' needs the column in split.group")
        if self.strategy == "time" and self.time is None:
            raise ValueError("strategy 'time' needs the column in split.time")
        return self


class Explore(Section):
    """What is drawn, and from where on something counts as a finding."""

    bins: Annotated[int, Field(ge=5, le=200)]
    scatter_points: Count
    pair_columns: Annotated[int, Field(ge=2, le=8)]
    max_columns: Annotated[int, Field(ge=2, le=60)]
    random_state: Seed
    skew: Annotated[float, Field(gt=0)]
    outlier_share: Share
    collinear: Share
    leakage_roc_auc: Annotated[float, Field(gt=0.5, le=1)]
    imbalance: Share
    near_constant: Annotated[float, Field(gt=0.5, le=1)]
    max_categories: Annotated[int, Field(ge=2)]


class Created(Section):
    """A created feature: from which columns, and why it should help.

    What else a kind declares are the parameters of its transformer.
    """

    kind: str
    columns: Names
    hypothesis: Annotated[str, Field(min_length=10)]
    # How many columns it takes: at least, and at most.
    takes: ClassVar[tuple[int, int | None]] = (1, None)

    @model_validator(mode="after")
    def _enough(self) -> "Created":
        least, most = self.takes
        if not least <= len(self.columns) <= (most or len(self.columns)):
            raise ValueError(f"{_columns(least, most)} expected, not {len(self.columns)}")
        return self

    def settings(self) -> dict[str, Any]:
        """Return what the transformer takes beside its columns."""
        return self.model_dump(exclude={"kind", "columns", "hypothesis"}, mode="json")


def _columns(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} columns or more were"
    if least < most:
        return f"{least} to {most} columns were"
    return "one column was" if most == 1 else f"{most} columns were"


class OfTwo(Created):
    """One column held against another."""

    kind: Literal["ratio", "difference", "greater", "equal"]
    takes: ClassVar[tuple[int, int | None]] = (2, 2)


class OfMany(Created):
    """Several columns in one number."""

    kind: Literal["sum", "mean", "max", "min", "product"]
    takes: ClassVar[tuple[int, int | None]] = (2, None)


class CountAbove(Created):
    """How many of the columns are above a number."""

    kind: Literal["count_above"]
    above: float
    takes: ClassVar[tuple[int, int | None]] = (2, None)


class WeightedRatio(Created):
    """A weighted sum of the columns over another of them; the sum alone without `denominator`."""

    kind: Literal["weighted_ratio"]
    numerator: tuple[float, ...]
    denominator: tuple[float, ...] | None

    @model_validator(mode="after")
    def _weighs_each(self) -> "WeightedRatio":
        for name in ("numerator", "denominator"):
            weights = getattr(self, name)
            if weights is not None and len(weights) != len(self.columns):
                raise ValueError(
                    f"{name}: a weight for each of the {len(self.columns)} columns was "
                    f"expected, not {len(weights)}"
                )
            if weights is not None and not any(weights):
                raise ValueError(f"{name}: a weight other than 0 was expected")
        return self


class Log1p(Created):
    """The natural logarithm of 1 + the column."""

    kind: Literal["log1p"]
    takes: ClassVar[tuple[int, int | None]] = (1, 1)


class Bins(Created):
    """The number of the quantile bin of train that a value falls into."""

    kind: Literal["bins"]
    bins: Annotated[int, Field(ge=2, le=1000)]
    takes: ClassVar[tuple[int, int | None]] = (1, 1)


class DatePart(Created):
    """A part of a date, as it is or as a place on a circle."""

    kind: Literal["date_part"]
    part: Literal["year", "quarter", "month", "day", "day_of_week", "day_of_year", "hour", "minute"]
    cyclic: bool
    takes: ClassVar[tuple[int, int | None]] = (1, 1)

    @model_validator(mode="after")
    def _comes_round(self) -> "DatePart":
        if self.cyclic and self.part == "year":
            raise ValueError("a year does not come round again: cyclic: false was expected")
        return self


class DaysSince(Created):
    """The days from a reference date, or from a second column, to the first."""

    kind: Literal["days_since"]
    reference: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None
    takes: ClassVar[tuple[int, int | None]] = (1, 2)

    @model_validator(mode="after")
    def _one_reference(self) -> "DaysSince":
        if (self.reference is None) == (len(self.columns) == 1):
            raise ValueError("one column and a reference, or two columns and reference: null")
        return self


class Frequency(Created):
    """The share of train's rows that have the same category; of several, the combination."""

    kind: Literal["frequency"]


class GroupStatistic(Created):
    """A statistic of a number among train's rows of the same category.

    `shrinkage` is the number of rows of the whole of train that are added to each group.
    """

    kind: Literal["group_mean", "group_median", "group_std", "group_deviation"]
    by: Annotated[Names, Field(min_length=1)]
    shrinkage: Annotated[float, Field(ge=0)]
    takes: ClassVar[tuple[int, int | None]] = (1, 1)


class TargetMean(Created):
    """The mean of the target among train's rows of the same category, cross-fitted."""

    kind: Literal["target_mean"]
    folds: Annotated[int, Field(ge=2)]
    smooth: Literal["auto"] | Annotated[float, Field(ge=0)]
    random_state: Seed


class TextComponents(Created):
    """The first components of the words, or of the letters, of a text."""

    kind: Literal["text"]
    vectorizer: Literal["hashing", "tfidf"]
    analyzer: Literal["word", "char_wb"]
    ngram_range: Annotated[tuple[Count, Count], Field(strict=False)]
    max_features: Annotated[int, Field(ge=2, le=2**20)]
    components: Annotated[int, Field(ge=1, le=300)]
    random_state: Seed
    takes: ClassVar[tuple[int, int | None]] = (1, 1)


class Own(Created):
    """A transformer of the project's own, by its name in `OWN_TRANSFORMERS`."""

    kind: Literal["own"]
    transformer: Name
    parameters: dict[Name, Any]


Feature = Annotated[
    OfTwo
    | OfMany
    | CountAbove
    | WeightedRatio
    | Log1p
    | Bins
    | DatePart
    | DaysSince
    | Frequency
    | GroupStatistic
    | TargetMean
    | TextComponents
    | Own,
    Field(discriminator="kind"),
]


class Evidence(Section):
    """How it is measured what each created feature adds; 0 folds turn it off."""

    folds: Annotated[int, Field(ge=0)]
    bootstrap: Annotated[int, Field(ge=100)]
    max_rows: Annotated[int, Field(ge=100)]
    min_gain: Share
    max_skill: Share
    apply: bool
    random_state: Seed

    @model_validator(mode="after")
    def _folds(self) -> "Evidence":
        if self.folds == 1:
            raise ValueError("folds: 0 (off), or 2 and more were expected")
        return self


class HighCardinality(Section):
    """What becomes of a categorical column with more levels in train than `above`."""

    above: Count
    encoding: Literal["one_hot", "ordinal", "frequency", "target"]


class TargetEncoding(Section):
    """How a category is replaced by the mean of the target; see `TargetMean`."""

    folds: Annotated[int, Field(ge=2)]
    smooth: Literal["auto"] | Annotated[float, Field(ge=0)]
    random_state: Seed


class Text(Section):
    """How a text becomes numbers; see `TextComponents`."""

    vectorizer: Literal["none", "hashing", "tfidf"]
    analyzer: Literal["word", "char_wb"]
    ngram_range: Annotated[tuple[Count, Count], Field(strict=False)]
    max_features: Annotated[int, Field(ge=2, le=2**20)]
    components: Annotated[int, Field(ge=1, le=300)]
    random_state: Seed


class Transform(Section):
    """What is done to the columns of each kind."""

    numeric: Literal["passthrough", "standard", "robust", "quantile", "power"]
    ordinal: Literal["passthrough", "standard", "one_hot"]
    categorical: Literal["one_hot", "ordinal", "frequency", "target"]
    min_frequency: Count | None
    max_categories: Annotated[int, Field(ge=2)] | None
    high_cardinality: HighCardinality
    target_encoding: TargetEncoding
    datetime: Literal["none", "parts"]
    text: Text
    impute: Literal["median", "mean", "most_frequent", "constant", "none"]
    fill_value: float
    indicator: bool


class MutualInformation(Section):
    """Keep the features that tell most about the target, each by itself."""

    keep: Count


class L1(Section):
    """Leave out what a linear model with an absolute penalty gives no weight."""

    alpha: Annotated[float, Field(gt=0)]


class Permutation(Section):
    """Leave out what a small model does not miss when it is shuffled."""

    folds: Annotated[int, Field(ge=2)]
    repeats: Count
    min_gain: Annotated[float, Field(ge=0)]


class Recursive(Section):
    """Leave out the least important again and again, as long as the loss does not grow."""

    folds: Annotated[int, Field(ge=2)]
    step: Annotated[float, Field(gt=0, lt=1)]
    min_features: Count


class Select(Section):
    """Which transformed features are left out, seen on train alone."""

    min_variance: Annotated[float, Field(ge=0)]
    near_constant: Annotated[float, Field(gt=0.5, le=1)]
    max_correlation: Annotated[float, Field(gt=0, le=1)]
    mutual_information: MutualInformation | None
    l1: L1 | None
    permutation: Permutation | None
    recursive: Recursive | None
    max_rows: Annotated[int, Field(ge=100)]
    random_state: Seed


class Featurize(Section):
    """The declared list of features."""

    exclude: Names
    create: dict[Annotated[str, Field(pattern="^[^=]+$")], Feature]
    evidence: Evidence
    transform: Transform
    select: Select
    answers: dict[Name, Name]


class Range(Section):
    """An interval to search, on a logarithmic scale or not."""

    low: float
    high: float
    log: bool

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if not self.low < self.high:
            raise ValueError("low was expected below high")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range starts above 0")
        return self


class EarlyStopping(Section):
    """Stop adding iterations when rows dealt from train have not gained for a while.

    The number found is then fitted on the whole of train.
    """

    rounds: Count
    fraction: Annotated[float, Field(gt=0, le=0.5)]


class _Candidate(Section):
    """What train may fit; the tasks that it can do, and whether it can keep a direction."""

    tasks: ClassVar[tuple[Task, ...]] = get_args(Task)
    monotonic: ClassVar[bool] = False


class Dummy(_Candidate):
    """The shares of the classes in train, or the mean, whatever the row."""

    estimator: Literal["dummy"]


class RuleOfCharter(_Candidate):
    """The charter's rule."""

    estimator: Literal["rule"]


class LogisticRegression(_Candidate):
    """sklearn.linear_model.LogisticRegression, of curves where `n_knots` is given."""

    tasks = ("binary", "multiclass")
    estimator: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)]
    l1_ratio: Share
    n_knots: Knots | None
    max_iter: Count


class Ridge(_Candidate):
    """sklearn.linear_model.Ridge, of curves where `n_knots` is given."""

    tasks = ("regression",)
    estimator: Literal["ridge"]
    alpha: Annotated[float, Field(gt=0)]
    n_knots: Knots | None


class ElasticNet(_Candidate):
    """sklearn.linear_model.ElasticNet, of curves where `n_knots` is given."""

    tasks = ("regression",)
    estimator: Literal["elastic_net"]
    alpha: Annotated[float, Field(gt=0)]
    l1_ratio: Share
    n_knots: Knots | None
    max_iter: Count


class DecisionTree(_Candidate):
    """sklearn.tree.DecisionTreeClassifier or DecisionTreeRegressor."""

    monotonic = True
    estimator: Literal["decision_tree"]
    max_depth: Count | None
    min_samples_leaf: Count


class _Trees(_Candidate):
    monotonic = True
    n_estimators: Count
    max_features: Annotated[float, Field(gt=0, le=1)]
    min_samples_leaf: Count
    max_leaf_nodes: Annotated[int, Field(ge=2)] | None


class RandomForest(_Trees):
    """sklearn.ensemble.RandomForestClassifier or RandomForestRegressor."""

    estimator: Literal["random_forest"]


class ExtraTrees(_Trees):
    """sklearn.ensemble.ExtraTreesClassifier or ExtraTreesRegressor."""

    estimator: Literal["extra_trees"]


class _Booster(_Candidate):
    monotonic = True
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    early_stopping: EarlyStopping | None


class HistGradientBoosting(_Booster):
    """sklearn.ensemble.HistGradientBoostingClassifier or HistGradientBoostingRegressor."""

    iterations_key: ClassVar[str] = "max_iter"
    estimator: Literal["hist_gradient_boosting"]
    max_iter: Count
    max_leaf_nodes: Annotated[int, Field(ge=2)]
    min_samples_leaf: Count
    l2_regularization: Annotated[float, Field(ge=0)]
    max_features: Annotated[float, Field(gt=0, le=1)]


class LightGBM(_Booster):
    """lightgbm, by the names of its scikit-learn interface; an extra."""

    iterations_key: ClassVar[str] = "n_estimators"
    estimator: Literal["lightgbm"]
    n_estimators: Count
    num_leaves: Annotated[int, Field(ge=2)]
    min_child_samples: Count
    reg_lambda: Annotated[float, Field(ge=0)]
    subsample: Annotated[float, Field(gt=0, le=1)]
    colsample_bytree: Annotated[float, Field(gt=0, le=1)]


class CatBoost(_Booster):
    """catboost; an extra."""

    iterations_key: ClassVar[str] = "iterations"
    estimator: Literal["catboost"]
    iterations: Count
    depth: Annotated[int, Field(ge=1, le=16)]
    l2_leaf_reg: Annotated[float, Field(ge=0)]


Booster = HistGradientBoosting | LightGBM | CatBoost

Candidate = Annotated[
    Dummy
    | RuleOfCharter
    | LogisticRegression
    | Ridge
    | ElasticNet
    | DecisionTree
    | RandomForest
    | ExtraTrees
    | HistGradientBoosting
    | LightGBM
    | CatBoost,
    Field(discriminator="estimator"),
]


BinaryScoring = Literal["log_loss", "brier_score", "roc_auc", "average_precision"]
MulticlassScoring = Literal["log_loss", "brier_score", "roc_auc_ovr", "accuracy"]
RegressionScoring = Literal["root_mean_squared_error", "mean_absolute_error", "r2"]
Scoring = BinaryScoring | MulticlassScoring | RegressionScoring

# The scores that choose among models, by task.
SCORINGS: dict[Task, tuple[str, ...]] = {
    "binary": get_args(BinaryScoring),
    "multiclass": get_args(MulticlassScoring),
    "regression": get_args(RegressionScoring),
}


class Tune(Section):
    """The search within train; 0 trials turn it off."""

    trials: Annotated[int, Field(ge=0)]
    candidate: Name
    scoring: Scoring
    folds: Annotated[int, Field(ge=2)]
    prune: bool
    random_state: Seed
    start: Candidate
    enqueue: tuple[dict[Name, int | float], ...]
    space: dict[Name, Range]


class Ensemble(Section):
    """The mean of some candidates, with weights found on predictions out of fold."""

    members: Literal["all"] | Annotated[Names, Field(min_length=2)]
    folds: Annotated[int, Field(ge=2)]
    rounds: Count


CalibrationMethod = Literal["sigmoid", "isotonic", "temperature"]


class Calibration(Section):
    """A map of the winner's probabilities, fitted on predictions out of fold within train."""

    method: CalibrationMethod
    folds: Annotated[int, Field(ge=2)]


TargetTransform = Literal["none", "log1p", "quantile"]


class Train(Section):
    """The candidates, and the score that chooses among them."""

    scoring: Scoring
    random_state: Seed
    choice: Literal["best", "simplest"]
    bootstrap: Annotated[int, Field(ge=100)]
    target_transform: TargetTransform
    candidates: Annotated[dict[Name, Candidate], Field(min_length=1)]
    ensemble: Ensemble | None
    calibration: Calibration | None

    @model_validator(mode="after")
    def _name_is_free(self) -> "Train":
        taken = [f"calibrated {name}" for name in (*self.candidates, "ensemble")]
        for name in taken if self.calibration is not None else ():
            if name in self.candidates:
                raise ValueError(
                    f"candidate '{name}' needs another name: train.calibration has this one"
                )
        return self

    @model_validator(mode="after")
    def _members_learn(self) -> "Train":
        if self.ensemble is None:
            return self
        if "ensemble" in self.candidates:
            raise ValueError("candidate 'ensemble' needs another name: train.ensemble has this one")
        able = [n for n, c in self.candidates.items() if not isinstance(c, Dummy | RuleOfCharter)]
        members = able if self.ensemble.members == "all" else self.ensemble.members
        for name in members:
            if name not in able:
                raise ValueError(
                    f"ensemble.members: '{name}' is no candidate that learns from features"
                    f"{did_you_mean(name, able)}; possible: {', '.join(able) or 'none'}"
                )
        if len(set(members)) < max(2, len(members)):
            raise ValueError("ensemble.members: two different candidates or more were expected")
        return self


class Evaluate(Section):
    """How the model is measured on validation."""

    bootstrap: Annotated[int, Field(ge=100)]
    random_state: Seed
    calibration_bins: Annotated[int, Field(ge=2)]
    learning_curve: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=2)]
    learning_repeats: Count
    refit_rows: Annotated[int, Field(ge=1000)]
    min_gain: Annotated[float, Field(gt=0, le=1)]
    max_lone_skill: Share
    probes: bool


class Champion(Section):
    """The model in use: the column that holds what it said of each row."""

    predictions: Name


class AuditPerformance(Section):
    """Bounds of the performance pillar."""

    min_events: Count
    max_gap: Annotated[float, Field(gt=0)]
    max_calibration_error: Share
    champion: Champion | None


class AuditSafety(Section):
    """Bounds of the safety pillar."""

    noise: Share
    significant_digits: Count
    max_flip_rate: Share
    max_code_flip_rate: Share
    worst_slice_gap: Share
    min_slice_size: Count
    max_out_of_range: Share
    out_of_range: Literal["refuse", "clip", "abstain", "report"]
    coverage: Annotated[float, Field(ge=0.5, lt=1)]
    min_slice_coverage: Share


class AuditFairness(Section):
    """Bounds of the fairness pillar."""

    min_group_size: Count
    age_bands: tuple[float, ...]
    max_demographic_parity_difference: Share
    min_demographic_parity_ratio: Share
    max_equalized_odds_difference: Share
    max_error_rate_difference: Share
    max_group_calibration_error: Share
    max_mean_error_difference: Annotated[float, Field(gt=0)]
    max_proxy_roc_auc: Annotated[float, Field(gt=0.5, le=1)]


class AuditPrivacySecurity(Section):
    """Bounds of the privacy and security pillar."""

    quasi_identifiers: Names
    min_k: Count
    max_unique_share: Share
    max_membership_auc: Annotated[float, Field(ge=0.5, le=1)]
    max_membership_tpr: Share
    max_attribute_gain: Share
    shadow_models: Annotated[int, Field(ge=4, multiple_of=2)]
    extraction_queries: Annotated[int, Field(ge=100)]
    max_extraction: Share
    evasion_queries: Count
    evasion_distance: Annotated[float, Field(gt=0)]
    max_evasion: Share


class AuditTransparency(Section):
    """Bounds of the transparency pillar."""

    permutation_repeats: Annotated[int, Field(ge=2)]
    min_rank_correlation: Share
    max_surrogate_gap: Share
    top_features: Count
    counterfactual_rows: Count
    max_changed_inputs: Count
    counterfactual_change: Annotated[float, Field(gt=0)]
    min_recourse: Share


class Risk(Section):
    """What could go wrong, who answers for it, and the checks that show how it stands.

    Attributes:
        owner: a role of ``charter.owners``.
        evidence: ids of verdicts, or patterns in which ``*`` stands for any text.
        residual: what is left after the mitigation.
        accepted: why the rest is borne, and by whom; None where it is not.
        due: the day by which the mitigation is looked at again.
    """

    risk: Name
    owner: Literal["product", "model", "data", "risk", "on_call"]
    likelihood: Literal["rare", "possible", "likely"]
    harm: Literal["minor", "moderate", "severe"]
    mitigation: Name
    evidence: Names
    residual: Literal["low", "medium", "high"]
    accepted: Name | None
    due: date | None


class AuditAccountability(Section):
    """Bounds of the accountability pillar, and the register of risks."""

    max_model_size: Count
    risks: tuple[Risk, ...]


# How far costly checks go: those that fit models anew run at `deep` alone.
Level = Literal["standard", "deep"]


class Audit(Section):
    """The six pillars, on the test split."""

    level: Level
    bootstrap: Annotated[int, Field(ge=100)]
    random_state: Seed
    performance: AuditPerformance
    safety: AuditSafety
    fairness: AuditFairness
    privacy_security: AuditPrivacySecurity
    transparency: AuditTransparency
    accountability: AuditAccountability


class Gate(Section):
    """What a person lets pass `loopwright gate`: the id of a verdict, and why."""

    accept_insufficient: dict[Name, Name]


class Params(Section):
    """The whole of params.yaml.

    A stage takes the sections that dvc.yaml lists for it as attributes of this, such as
    ``chosen.charter.target``.
    """

    charter: Annotated[Charter, Field(discriminator="task")]
    ingest: Ingest
    validate_: Annotated[Validate, Field(alias="validate")]
    split: Split
    explore: Explore
    featurize: Featurize
    tune: Tune
    train: Train
    evaluate: Evaluate
    audit: Audit
    gate: Gate

    @field_validator("tune", "train")
    @classmethod
    def _scores_the_task(cls, section: Tune | Train, others: ValidationInfo) -> Tune | Train:
        charter = others.data.get("charter")
        if charter is not None and section.scoring not in SCORINGS[charter.task]:
            raise ValueError(
                f"scoring '{section.scoring}' is no score of a {charter.task} task; "
                f"possible: {', '.join(SCORINGS[charter.task])}"
            )
        return section

    @field_validator("train")
    @classmethod
    def _fits_the_task(cls, train: Train, others: ValidationInfo) -> Train:
        charter = others.data.get("charter")
        if charter is None:
            return train
        for name, candidate in train.candidates.items():
            if charter.task not in candidate.tasks:
                raise ValueError(
                    f"candidates.{name}: {candidate.estimator} cannot do a {charter.task} task; "
                    f"it is for {' and '.join(candidate.tasks)}"
                )
        if charter.task != "regression" and train.target_transform != "none":
            raise ValueError(
                f"target_transform '{train.target_transform}' is for numbers, and charter.task "
                f"is {charter.task}; set it to none"
            )
        if charter.task == "regression" and train.calibration is not None:
            raise ValueError(
                f"calibration '{train.calibration.method}' is for probabilities, and charter.task "
                "is regression; set it to null"
            )
        return train

    @field_validator("train")
    @classmethod
    def _searched_for(cls, train: Train, others: ValidationInfo) -> Train:
        tune = others.data.get("tune")
        if tune is None or not tune.trials:
            return train
        candidate = train.candidates.get(tune.candidate)
        if candidate is None:
            hint = did_you_mean(tune.candidate, train.candidates)
            raise ValueError(f"tune.candidate '{tune.candidate}' is none of the candidates{hint}")
        if candidate.estimator != tune.start.estimator:
            raise ValueError(
                f"tune.start searches for a {tune.start.estimator}, but candidate "
                f"'{tune.candidate}' is a {candidate.estimator}"
            )
        return train


def read_params(path: Path) -> Params:
    """Read params.yaml.

    Raises:
        LoopwrightError: as `read_document`.
    """
    return read_document(path, Params)
