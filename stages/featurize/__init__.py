"""Create, transform and select features: one pipeline, fitted on train alone.

Later stages take this pipeline as the first part of their models, so that the same code,
with the same numbers learnt from train, makes the features wherever the model runs. What
each created feature adds is measured in folds of train, and shown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from stages.core.errors import LoopwrightError
from stages.core.figures import save
from stages.core.files import published, write_json
from stages.core.models import save_model
from stages.core.params import (
    Evidence,
    Feature,
    Featurize,
    GroupStatistic,
    Split,
    Target,
    read_params,
)
from stages.core.schema import read_schema
from stages.core.splits import folds
from stages.core.tables import read_table
from stages.core.targets import truth, weights_of
from stages.core.transformers import build_features, fitted_features
from stages.core.verdicts import Verdict, as_documents
from stages.featurize.drawing import TITLE, draw_gains
from stages.featurize.evidence import Gain, gains, together, unmeasured
from stages.featurize.measure import Measured, Rows, measure, sampled

LOSSES = {"binary": "log loss", "multiclass": "log loss", "regression": "squared error"}
TABLE = ("feature", "kind", "columns", "gain", "low", "high", "decision", "used", "skill")


def evidence(
    features: Pipeline,
    asked: Evidence,
    created: Mapping[str, Feature],
    rows: Rows,
    split: Split,
    target: Target,
    key: str | None,
) -> tuple[Rows, Measured] | str:
    """Measure the features in folds of train; or say why they cannot be measured.

    Args:
        features: the pipeline with every declared feature.
        asked: folds, budget and seed.
        created: the declared features.
        rows: of train.
        split: how rows may be dealt.
        target: what to predict.
        key: the column that names a row.
    """
    if not asked.folds:
        return "featurize.evidence.folds is 0: nothing was measured"
    places = sampled(len(rows.y), asked.max_rows, asked.random_state)
    seen = rows.part(places)
    try:
        dealt = folds(seen.frame, split, target, key, asked.folds, asked.random_state)
    except LoopwrightError as fault:
        return f"the rows cannot be dealt to {asked.folds} folds ({fault})"
    return seen, measure(features, list(created), seen, dealt, target.task)


def without(featurize: Featurize, found: Mapping[str, Gain]) -> Featurize:
    """Return `featurize` without the created features that the evidence speaks against."""
    kept = {n: f for n, f in featurize.create.items() if found[n].decision != "drop"}
    return featurize.model_copy(update={"create": kept})


def describe(
    features: Pipeline,
    featurize: Featurize,
    found: Mapping[str, Gain],
    skill: Mapping[str, float],
) -> dict[str, Any]:
    """Return what the fitted pipeline takes, makes, keeps and leaves out, and why.

    Args:
        features: the pipeline, fitted.
        featurize: what is declared.
        found: the gain of each created feature.
        skill: what each transformed column explains alone.
    """
    created = features["create"]
    return {
        "inputs": features["columns"].inputs,
        "created": {
            name: {
                "kind": feature.kind,
                "columns": sources(feature),
                "hypothesis": feature.hypothesis,
                "gain": found[name].gain,
                "interval": found[name].interval,
                "decision": found[name].decision,
                "why": found[name].why,
                "used": name in created.features,
                "skill": _best(skill, created.names_.get(name, ())),
                "sources_skill": _best(skill, sources(feature)),
            }
            for name, feature in featurize.create.items()
        },
        "features": [str(name) for name in features.get_feature_names_out()],
        "dropped": features["select"].dropped_,
        "answers": dict(featurize.answers),
    }


def sources(feature: Feature) -> list[str]:
    """Return the columns that a created feature is made of."""
    by = feature.by if isinstance(feature, GroupStatistic) else ()
    return [*feature.columns, *by]


def _best(skill: Mapping[str, float], columns: Any) -> float | None:
    known = [skill[column] for column in columns if column in skill]
    return round(max(known), 6) if known else None


def target_leakage(
    skill: Mapping[str, float], max_skill: float, why_not: str, evidence: tuple[str, ...]
) -> Verdict:
    """Say whether one column alone explains so much that it must be suspected to know the target.

    Args:
        skill: what each transformed column explains alone, on rows held out.
        max_skill: the bound.
        why_not: why nothing was measured, where `skill` is empty.
        evidence: the files that show it.
    """
    name, threshold = "featurize.target_leakage", f"<= {max_skill:g}"
    if not skill:
        return Verdict(name, "insufficient", None, None, threshold, evidence, why_not)
    order = sorted(skill, key=lambda column: -skill[column])
    value = round(skill[order[0]], 6)
    suspects = [column for column in order if skill[column] > max_skill]
    if not suspects:
        why = f"no column alone explains more of the target than '{order[0]}' does"
        return Verdict(name, "pass", value, None, threshold, evidence, why)
    why = (
        f"{', '.join(suspects[:5])} alone tells nearly all of the target: when is it known? "
        "What is known only with the outcome belongs into featurize.exclude"
    )
    return Verdict(name, "fail", value, None, threshold, evidence, why)


def created_features(found: Mapping[str, Gain], used: Any, evidence: tuple[str, ...]) -> Verdict:
    """Say whether features are in use that the evidence speaks against.

    Args:
        found: the gain of each created feature.
        used: the names of those in the pipeline.
        evidence: the files that show it.
    """
    name, threshold = "featurize.created_features", "<= 0"
    if not found:
        why = "no feature is created"
        return Verdict(name, "not_applicable", None, None, None, evidence, why)
    counts = {d: sum(g.decision == d for g in found.values()) for d in ("keep", "insufficient")}
    idle = [feature for feature in used if found[feature].decision == "drop"]
    why = f"of {len(found)} created features {counts['keep']} surely help"
    if counts["insufficient"]:
        why += f", {counts['insufficient']} cannot be told from these rows"
    if idle:
        why += (
            f", and {', '.join(idle)} add nothing that counts: take them out of "
            "featurize.create, or say in the hypothesis why they stay"
        )
    return Verdict(name, "warn" if idle else "pass", len(idle), None, threshold, evidence, why)


def table(written: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row a created feature from what `describe` gives."""
    rows = []
    for name, created in written["created"].items():
        low, high = created["interval"] or (None, None)
        told = {k: created[k] for k in ("kind", "gain", "decision", "used", "skill")}
        columns = ", ".join(created["columns"])
        rows.append({"feature": name, "columns": columns, "low": low, "high": high, **told})
    return pd.DataFrame(rows, columns=TABLE)


def main(
    *,
    params: Path,
    schema: Path,
    train: Path,
    features: Path,
    feature_list: Path,
    evidence_table: Path,
    featurize_figures: Path,
) -> None:
    """Fit the feature pipeline on train; write it, what it does, and what each feature adds.

    Raises:
        LoopwrightError: params.yaml, schema.yaml or the table is at fault.
    """
    chosen = read_params(params)
    columns = read_schema(schema)
    frame = read_table(train)
    target, key, group = chosen.charter.target, chosen.charter.key, chosen.split.group
    asked, task = chosen.featurize.evidence, chosen.charter.task
    rows = Rows(
        frame,
        truth(frame, target),
        weights_of(frame, chosen.charter.sample_weight),
        None if group is None or group not in frame else frame[group].to_numpy(),
    )
    declared = build_features(chosen.featurize, columns, target.column, key, task, group)
    measured = evidence(declared, asked, chosen.featurize.create, rows, chosen.split, target, key)
    if isinstance(measured, str):
        note, skill, in_total = measured, {}, None
        found = {name: unmeasured(measured) for name in chosen.featurize.create}
    else:
        seen, losses = measured
        skill, in_total = losses.skill, together(losses, seen, asked)
        found = gains(losses, list(chosen.featurize.create), seen, asked)
        note = f"{len(losses.held):,} rows of train held out in {asked.folds} folds"
    used = chosen.featurize
    if asked.apply:
        used = without(chosen.featurize, found)
        declared = build_features(used, columns, target.column, key, task, group)
    pipeline, _ = fitted_features(declared, frame, rows.y, rows.weight)
    sha256 = save_model(features, pipeline)
    shown = (feature_list.as_posix(),)
    written = {
        "sha256": sha256,
        "rows": len(frame),
        **describe(pipeline, chosen.featurize, found, skill),
        "created_together": None
        if in_total is None
        else {"gain": round(in_total[0], 6), "interval": [round(x, 6) for x in in_total[1]]},
        "measured": note,
        "figures": [{"file": "evidence.png", "title": TITLE}],
        "verdicts": as_documents(
            [
                target_leakage(skill, asked.max_skill, note, shown),
                created_features(found, list(used.create), (*shown, evidence_table.as_posix())),
            ]
        ),
    }
    write_json(feature_list, written)
    with published(evidence_table) as temporary:
        table(written).to_csv(temporary, index=False, lineterminator="\n")
    with published(featurize_figures) as folder:
        folder.mkdir()
        save(draw_gains(found, LOSSES[task], note), folder / "evidence.png")
