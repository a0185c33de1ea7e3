"""Create, transform and select features: one pipeline, fitted on train alone.

Later stages take this pipeline as the first part of their models, so that the same code,
with the same numbers learnt from train, makes the features wherever the model runs.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from stages.core.files import write_json
from stages.core.models import save_model
from stages.core.params import Feature, Featurize, read_params
from stages.core.schema import read_schema
from stages.core.tables import read_table
from stages.core.targets import truth
from stages.core.transformers import build_features

Ints = npt.NDArray[np.int64]


def describe(
    features: Pipeline, featurize: Featurize, train: pd.DataFrame, y: Ints
) -> dict[str, Any]:
    """Return what the fitted pipeline `features` takes, makes, keeps and leaves out, and why.

    Args:
        features: fitted on `train`.
        featurize: the params that it was built from.
        train: the raw frame.
        y: 1 for positive, 0 for negative, shape (rows,).
    """
    made = features[:2].transform(train)
    columns = features["columns"]
    return {
        "rows": len(train),
        "inputs": columns.inputs,
        "created": {
            name: {
                "kind": feature.kind,
                "columns": list(feature.columns),
                "hypothesis": feature.hypothesis,
                **evidence(name, feature, made, y),
            }
            for name, feature in featurize.create.items()
        },
        "features": [str(name) for name in features.get_feature_names_out()],
        "dropped": features["select"].dropped_,
        "answers": dict(featurize.answers),
    }


def evidence(name: str, feature: Feature, made: pd.DataFrame, y: Ints) -> dict[str, Any]:
    """Hold a created feature against its best source: how well does each rank the target?

    The measure is the ROC AUC of the values as they are, on train, in whichever direction
    is above 0.5, over the rows in which the feature is known. A feature that does not pass
    its source may still help a model that sees both; one that does speaks for its
    hypothesis. With one outcome only there is no ranking, and None stands for it.

    Args:
        name: of the created feature.
        feature: how it is made.
        made: inputs and created features before they are transformed.
        y: 1 for positive, 0 for negative, shape (rows,).
    """
    known = made[name].notna().to_numpy()
    if len(np.unique(y[known])) < 2:
        return {"rows": int(known.sum()), "roc_auc": None, "best_source": None}
    area = {
        column: _roc_auc(y[known], made.loc[known, column]) for column in (name, *feature.columns)
    }
    own = area.pop(name)
    best = max(area, key=lambda column: area[column])
    return {
        "rows": int(known.sum()),
        "roc_auc": own,
        "best_source": {"column": best, "roc_auc": area[best]},
    }


def _roc_auc(y: Ints, values: "pd.Series[float]") -> float:
    area = float(roc_auc_score(y, values))
    return round(max(area, 1 - area), 6)


def main(*, params: Path, schema: Path, train: Path, features: Path, feature_list: Path) -> None:
    """Fit the feature pipeline on train; write it and what it does.

    Raises:
        LoopwrightError: params.yaml, schema.yaml or the table is at fault.
    """
    chosen = read_params(params)
    columns = read_schema(schema)
    frame = read_table(train)
    y = truth(frame, chosen.charter.target)
    pipeline = build_features(
        chosen.featurize, columns, chosen.charter.target.column, chosen.charter.key
    )
    pipeline.fit(frame)
    sha256 = save_model(features, pipeline)
    write_json(feature_list, {"sha256": sha256} | describe(pipeline, chosen.featurize, frame, y))
