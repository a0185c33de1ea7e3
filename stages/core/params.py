"""params.yaml: strict models that mirror it one to one."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from stages.core.documents import Section, read_document
from stages.core.errors import did_you_mean

Name = Annotated[str, Field(min_length=1)]
Names = tuple[Name, ...]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


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
    """A metric and the bound that it must reach: one of `at_least` and `at_most`."""

    metric: Name
    at_least: float | None = None
    at_most: float | None = None
    why: str

    @model_validator(mode="after")
    def _one_bound(self) -> "Criterion":
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("exactly one of at_least and at_most was expected")
        return self


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


class _Charter(Section):
    """What every charter says, whatever the task."""

    title: str
    problem: str
    decision: str
    key: Name | None
    sample_weight: Name | None
    sensitive_features: Names
    feasibility: Feasibility
    rule: Rule
    success_criteria: tuple[Criterion, ...]
    scope: Scope
    return_on_investment: ReturnOnInvestment
    owners: Owners


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


class RegressionCharter(_Charter):
    """The project, where the target is a number."""

    task: Literal["regression"]
    target: RegressionTarget
    costs: NumberCosts


Charter = BinaryCharter | MulticlassCharter | RegressionCharter


class Ingest(Section):
    """How the source is written."""

    format: Literal["csv"]
    # one character of ASCII that is no quotation mark and no line break
    separator: Annotated[str, Field(pattern=r"^[\t !#-~]$")]
    decimal: Literal[".", ","]
    encoding: Name
    missing_values: tuple[str, ...]


class SingleFeatureLeakage(Section):
    """A feature that alone ranks the target this well is suspected to know it."""

    policy: Literal["fail", "warn"]
    roc_auc: Annotated[float, Field(gt=0.5, le=1)]


class Validate(Section):
    """What happens at each fault of quality."""

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


class Feature(Section):
    """A created feature: how it is made, from which columns, and why it should help."""

    kind: Literal["ratio", "difference", "sum", "mean", "max", "min", "count_above"]
    columns: Names
    above: float | None = None
    hypothesis: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _fits(self) -> "Feature":
        if self.kind in ("ratio", "difference") and len(self.columns) != 2:
            raise ValueError(f"kind '{self.kind}' takes two columns, not {len(self.columns)}")
        if len(self.columns) < 2:
            raise ValueError(f"kind '{self.kind}' takes two columns or more")
        if (self.kind == "count_above") != (self.above is not None):
            raise ValueError("'above' goes with kind 'count_above', and only with it")
        return self


class Transform(Section):
    """What is done to the columns of each kind."""

    numeric: Literal["passthrough", "standard", "quantile", "power"]
    ordinal: Literal["passthrough", "standard", "one_hot"]
    categorical: Literal["one_hot", "ordinal"]
    impute: Literal["median", "mean", "most_frequent"]


class Select(Section):
    """Which transformed features are left out, seen on train alone."""

    min_variance: Annotated[float, Field(ge=0)]
    max_correlation: Annotated[float, Field(gt=0, le=1)]


class Featurize(Section):
    """The declared list of features."""

    exclude: Names
    create: dict[Name, Feature]
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


class Dummy(Section):
    """The share of positives in train, whatever the row."""

    estimator: Literal["dummy"]


class RuleOfCharter(Section):
    """The charter's rule."""

    estimator: Literal["rule"]


class LogisticRegression(Section):
    """sklearn.linear_model.LogisticRegression."""

    estimator: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)]
    max_iter: Count


class HistGradientBoosting(Section):
    """sklearn.ensemble.HistGradientBoostingClassifier."""

    estimator: Literal["hist_gradient_boosting"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_iter: Count
    max_leaf_nodes: Annotated[int, Field(ge=2)]
    min_samples_leaf: Count
    l2_regularization: Annotated[float, Field(ge=0)]


Candidate = Annotated[
    Dummy | RuleOfCharter | LogisticRegression | HistGradientBoosting,
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
    random_state: Seed
    start: Candidate
    space: dict[Name, Range]


class Train(Section):
    """The candidates, and the score that chooses among them."""

    scoring: Scoring
    random_state: Seed
    candidates: Annotated[dict[Name, Candidate], Field(min_length=1)]


class Evaluate(Section):
    """How the model is measured on validation."""

    bootstrap: Annotated[int, Field(ge=100)]
    random_state: Seed
    calibration_bins: Annotated[int, Field(ge=2)]
    learning_curve: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=2)]


class AuditPerformance(Section):
    """Bounds of the performance pillar."""

    min_events: Count
    max_gap: Annotated[float, Field(gt=0)]
    max_calibration_error: Share


class AuditSafety(Section):
    """Bounds of the safety pillar."""

    noise: Share
    max_flip_rate: Share
    worst_slice_gap: Share
    min_slice_size: Count
    max_out_of_range: Share


class AuditFairness(Section):
    """Bounds of the fairness pillar."""

    min_group_size: Count
    age_bands: tuple[float, ...]
    max_demographic_parity_difference: Share
    min_demographic_parity_ratio: Share
    max_equalized_odds_difference: Share
    max_proxy_roc_auc: Annotated[float, Field(gt=0.5, le=1)]


class AuditPrivacySecurity(Section):
    """Bounds of the privacy and security pillar."""

    quasi_identifiers: Names
    min_k: Count
    max_unique_share: Share
    max_membership_auc: Annotated[float, Field(ge=0.5, le=1)]
    max_membership_tpr: Share


class AuditTransparency(Section):
    """Bounds of the transparency pillar."""

    permutation_repeats: Annotated[int, Field(ge=2)]
    min_rank_correlation: Share
    max_surrogate_gap: Share
    top_features: Count


class AuditAccountability(Section):
    """Bounds of the accountability pillar."""

    max_model_size: Count


class Audit(Section):
    """The six pillars, on the test split."""

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
