"""The step that treats each column by its kind, created features as numbers, and fills gaps."""

from collections.abc import Callable
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from stages.core.params import Featurize, Task
from stages.core.schema import Column
from stages.core.transformers.categories import ByLevels, CategoryNames, FrequencyEncoder
from stages.core.transformers.columns import GROUP
from stages.core.transformers.create import ColumnsOf
from stages.core.transformers.dates import DateParts
from stages.core.transformers.gaps import KnownColumns, WhereMissing
from stages.core.transformers.target import TargetMean
from stages.core.transformers.text import TextComponents

# A title, a transformer and the columns that it takes.
Block = tuple[str, Any, Any]

NUMBERS = ("int64", "Int64", "float64", "boolean")
TEXTS = ("str", "category")

# Enough to follow a distribution, and few of train's values in the model file: on the
# default data 1,000 quantiles give no better log loss than 100.
N_QUANTILES = 100

SCALERS: dict[str, Callable[[], list[Any]]] = {
    "passthrough": lambda: [],
    "standard": lambda: [StandardScaler()],
    "robust": lambda: [RobustScaler()],
    # All rows decide: a random subsample would need a seed and give nothing.
    "quantile": lambda: [QuantileTransformer(n_quantiles=N_QUANTILES, subsample=None)],
    "power": lambda: [PowerTransformer()],
}

# Created features that may be missing though their columns never are.
MAY_BE_MISSING = (
    "ratio",
    "weighted_ratio",
    "product",
    "log1p",
    "group_std",
    "group_deviation",
    "own",
)


def by_kind(
    featurize: Featurize, inputs: dict[str, Column], task: Task, grouped: bool
) -> ColumnTransformer:
    """Return the step, not fitted; created features come last.

    Args:
        featurize: what is declared.
        inputs: the columns that features are made of.
        task: of the target, for what encodes by it.
        grouped: the frame has the column `GROUP`.
    """
    kinds, create = featurize.transform, featurize.create
    nullable = {name for name, column in inputs.items() if column.nullable}
    nullable |= {
        name
        for name, feature in create.items()
        if feature.kind in MAY_BE_MISSING or nullable & {*feature.columns}
    }

    def of(kind: str, *dtypes: str) -> list[str]:
        own = [(name, column) for name, column in inputs.items() if column.kind == kind]
        return [name for name, column in own if column.dtype in dtypes or not dtypes]

    def filled(title: str, names: list[str], steps: list[Any], pick: Any = None) -> list[Block]:
        """Return a block of the columns that are whole, and those of what is not."""
        pick = pick or (lambda chosen: chosen)
        whole = [name for name in names if name not in nullable]
        gaps = [name for name in names if name in nullable]
        blocks = [(title, make_pipeline(*steps) if steps else "passthrough", pick(whole))]
        return [*(blocks if whole else []), *(_gaps(title, pick(gaps), steps) if gaps else [])]

    def _gaps(title: str, columns: Any, steps: list[Any]) -> list[Block]:
        steps = [KnownColumns(), *steps]
        if kinds.impute == "none":
            return [(f"{title}_gaps", make_pipeline(*steps), columns)]
        if kinds.impute == "constant":  # in the column's own unit, so before the transform
            fill = SimpleImputer(
                strategy="constant", fill_value=kinds.fill_value, keep_empty_features=True
            )
            blocks = [(f"{title}_filled", make_pipeline(fill, *steps[1:]), columns)]
            says = [(f"{title}_missing", WhereMissing(), columns)] if kinds.indicator else []
            return [*blocks, *says]
        # What is missing is filled in after the transform, which leaves it as it is.
        fill = SimpleImputer(strategy=kinds.impute, add_indicator=kinds.indicator)
        return [(f"{title}_filled", make_pipeline(*steps, fill), columns)]

    blocks = filled("numeric", of("numeric"), SCALERS[kinds.numeric]())
    one_hot = _one_hot(featurize, inputs)
    if kinds.ordinal == "one_hot":
        blocks += [("ordinal", one_hot, of("ordinal"))]
    else:
        scaler = SCALERS[kinds.ordinal]()
        blocks += filled("ordinal", of("ordinal", *NUMBERS), scaler)
        ranked = of("ordinal", *TEXTS)
        ranks = _ranks([inputs[name] for name in ranked])
        blocks += _gaps("ranked", ranked, [ranks, *scaler]) if ranked else []
    encoders = {
        "one_hot": one_hot,
        "ordinal": OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
        ),
        "frequency": FrequencyEncoder(),
        "target": TargetMean(task, **kinds.target_encoding.model_dump()),
    }
    blocks += _categorical(featurize, of("categorical"), encoders, grouped)
    if kinds.datetime == "parts":
        blocks += filled("datetime", of("datetime"), [DateParts()])
    if kinds.text.vectorizer != "none":
        settings = kinds.text.model_dump(mode="json")
        blocks += [(f"text {n}", TextComponents(**settings), [n]) for n in of("text")]
    blocks += filled("created", list(create), SCALERS[kinds.numeric](), ColumnsOf)
    return ColumnTransformer(
        [block for block in blocks if block[2]], verbose_feature_names_out=False
    )


def _categorical(
    featurize: Featurize, names: list[str], encoders: dict[str, Any], grouped: bool
) -> list[Block]:
    """Return the blocks of the categories: those with few levels and those with many."""
    kinds = featurize.transform
    usual, many = kinds.categorical, kinds.high_cardinality
    if not names:
        return []

    def beside(encoding: str) -> list[str]:
        return [GROUP] if grouped and encoding == "target" else []

    if usual == many.encoding:
        return [("categorical", encoders[usual], [*names, *beside(usual)])]
    return [
        (
            title,
            encoders[encoding],
            ByLevels(names, many.above, is_many, beside(encoding)),
        )
        for title, encoding, is_many in (
            ("categorical", usual, False),
            ("high_cardinality", many.encoding, True),
        )
    ]


def _one_hot(featurize: Featurize, inputs: dict[str, Column]) -> OneHotEncoder:
    return OneHotEncoder(
        min_frequency=featurize.transform.min_frequency,
        max_categories=featurize.transform.max_categories,
        handle_unknown="infrequent_if_exist",
        sparse_output=False,
        feature_name_combiner=CategoryNames(_labels(inputs)),
    )


def _ranks(columns: list[Column]) -> OrdinalEncoder:
    """Return an encoder of texts by the order of their labels; others are missing."""
    return OrdinalEncoder(
        categories=[list(column.categories()) for column in columns],
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        encoded_missing_value=float("nan"),
    )


def _labels(inputs: dict[str, Column]) -> dict[str, dict[str, str]]:
    """Return the labels of the columns in which no two codes share one."""
    labelled = {name: column.labels for name, column in inputs.items() if column.labels}
    return {
        name: labels
        for name, labels in labelled.items()
        if len(set(labels.values())) == len(labels)
    }
