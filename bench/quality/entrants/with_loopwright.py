"""The project's own features, candidates and ensemble, by presets of params.yaml.

It learns from all rows of train, as the stage `train` makes its ensemble: folds within them
choose iterations and weights. Only the leaderboard, which decides nothing here, is left out.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
from job import carry_out
from ruamel.yaml import YAML
from schema_of import schema_of, typed
from threadpoolctl import threadpool_limits

from bench.quality.recipes import preset_files
from stages.core.documents import Section
from stages.core.estimators import Setup, build_estimator
from stages.core.fitting import Rows, fit
from stages.core.iterations import Fold, stopped_early
from stages.core.params import (
    BinaryTarget,
    Featurize,
    Fractions,
    MulticlassTarget,
    RegressionTarget,
    Split,
    Target,
    Train,
)
from stages.core.scoring import predicted
from stages.core.splits import folds
from stages.core.targets import truth
from stages.core.transformers import build_features, fitted_features
from stages.train.blend import weighted
from stages.train.race import after_features


class Preset(Section):
    """The two sections of params.yaml that make a model."""

    featurize: Featurize
    train: Train


def read_preset(name: str, table: str, task: str) -> Preset:
    """Return preset `name` for `task`, with what is known of `table`."""
    sections: dict[str, Any] = {}
    for path in preset_files(name, table, task):
        for section, values in YAML(typ="safe").load(path).items():
            sections.setdefault(section, {}).update(values)
    return Preset.model_validate_json(json.dumps(sections))


def target_of(job: dict[str, Any]) -> Target:
    """Return the target that the job asks for."""
    if job["task"] == "binary":
        return BinaryTarget(column=job["target"], positive=job["positive"], meaning="the target")
    kind = MulticlassTarget if job["task"] == "multiclass" else RegressionTarget
    return kind(column=job["target"], meaning="the target")


def work(train: pd.DataFrame, test: pd.DataFrame, job: dict[str, Any]) -> np.ndarray:
    """Fit the ensemble of the job's preset, and predict `test`."""
    threadpool_limits(1)  # as a stage runs
    preset = read_preset(job["options"]["preset"], job["table"], job["task"])
    target, seed = target_of(job), preset.train.random_state
    schema = schema_of(train)
    split = Split(
        strategy="time" if job["time"] else "stratified",
        group=None,
        time=job["time"],
        fractions=Fractions(train=0.6, validation=0.2, test=0.2),
        random_state=seed,
    )

    def deal(frame: pd.DataFrame, n_folds: int) -> list[Fold]:
        return folds(frame, split, target, None, n_folds, seed)

    rows = Rows(typed(train, schema), truth(train, target), None)
    unfitted = build_features(preset.featurize, schema, job["target"], None, job["task"])
    features, matrix = fitted_features(unfitted, rows.frame, rows.y)
    setup = Setup(job["task"], "", seed, preset.train.target_transform)
    members = {}
    for name, candidate in preset.train.candidates.items():
        settled = stopped_early(candidate, setup, features, rows, deal)
        learner = after_features(build_estimator(settled, setup, features))
        members[name] = fit(learner, matrix, rows.y, None)
    model, weights = weighted(
        members, preset.train.ensemble, setup, preset.train.scoring, features, rows, deal
    )
    print(weights)
    new = schema.model_copy(
        update={"columns": {n: c for n, c in schema.columns.items() if n != job["target"]}}
    )
    return predicted(model, typed(test, new), job["task"])


if __name__ == "__main__":
    carry_out(work, ["scikit-learn", "lightgbm", "catboost"])
