"""The feature pipeline: from the raw frame to the numbers that an estimator takes."""

from stages.core.transformers.bins import QuantileBins
from stages.core.transformers.by_kind import N_QUANTILES
from stages.core.transformers.categories import ByLevels, CategoryNames, FrequencyEncoder
from stages.core.transformers.columns import SelectColumns
from stages.core.transformers.combine import Combine
from stages.core.transformers.create import ColumnsOf, CreateFeatures, is_of
from stages.core.transformers.dates import DatePart, DateParts, DaysSince
from stages.core.transformers.gaps import KnownColumns, WhereMissing
from stages.core.transformers.groups import GroupStatistic
from stages.core.transformers.own import OWN_TRANSFORMERS
from stages.core.transformers.pipeline import (
    build_features,
    choose_inputs,
    fitted_features,
    weight_params,
)
from stages.core.transformers.probe import coded, probe, row_losses
from stages.core.transformers.select import SelectFeatures
from stages.core.transformers.target import TargetMean
from stages.core.transformers.text import TextComponents

# Every type of our own that a fitted pipeline may hold.
TRANSFORMERS = (
    ByLevels,
    CategoryNames,
    ColumnsOf,
    Combine,
    CreateFeatures,
    DatePart,
    DateParts,
    DaysSince,
    FrequencyEncoder,
    GroupStatistic,
    KnownColumns,
    QuantileBins,
    SelectColumns,
    SelectFeatures,
    TargetMean,
    TextComponents,
    WhereMissing,
    *OWN_TRANSFORMERS.values(),
)

__all__ = [
    "N_QUANTILES",
    "OWN_TRANSFORMERS",
    "TRANSFORMERS",
    "build_features",
    "coded",
    "choose_inputs",
    "fitted_features",
    "is_of",
    "probe",
    "row_losses",
    "weight_params",
    *(kind.__name__ for kind in TRANSFORMERS[:17]),
]
