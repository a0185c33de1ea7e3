"""scikit-learn's gradient boosting as it comes: the least that a recipe must beat."""

from typing import Any

import numpy as np
import pandas as pd
from job import carry_out
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def work(train: pd.DataFrame, test: pd.DataFrame, job: dict[str, Any]) -> np.ndarray:
    """Fit on `train` with texts as codes, and predict `test`."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    texts = make_column_selector(dtype_exclude="number")
    encode = make_column_transformer((codes, texts), remainder="passthrough")
    # A date is no code: those of the test rows are all new.
    out = [name for name in (job["target"], job["time"]) if name]
    X, y = train.drop(columns=out), train[job["target"]]
    if job["task"] == "regression":
        return (
            make_pipeline(encode, HistGradientBoostingRegressor(random_state=0))
            .fit(X, y)
            .predict(test)
        )
    model = make_pipeline(encode, HistGradientBoostingClassifier(random_state=0)).fit(X, y)
    probabilities = model.predict_proba(test)
    if job["task"] == "binary":
        return probabilities[:, list(model.classes_).index(job["positive"])]
    return probabilities


if __name__ == "__main__":
    carry_out(work, ["scikit-learn"])
