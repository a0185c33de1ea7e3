"""AutoGluon's tabular predictor, with a preset, on the raw columns."""

import tempfile
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor
from job import carry_out

METRICS = {"regression": "root_mean_squared_error"}


def work(train: pd.DataFrame, test: pd.DataFrame, job: dict[str, Any]) -> np.ndarray:
    """Fit with the job's options of `TabularPredictor.fit`, and predict `test`."""
    metric = METRICS.get(job["task"], "log_loss")
    with tempfile.TemporaryDirectory() as path:
        predictor = TabularPredictor(
            label=job["target"], eval_metric=metric, path=path, verbosity=1
        ).fit(train, **job["options"])
        if job["task"] == "regression":
            return predictor.predict(test).to_numpy()
        probabilities = predictor.predict_proba(test)
        if job["task"] == "binary":
            return probabilities[job["positive"]].to_numpy()
        return probabilities[sorted(probabilities.columns)].to_numpy()


if __name__ == "__main__":
    carry_out(work, ["autogluon.tabular", "lightgbm", "catboost", "xgboost-cpu", "torch"])
