"""Measure the model on the validation split, set its threshold, and say where to go next.

Every number that decides something carries a 95 % bootstrap interval, and a comparison is
paired on the same rows. The test split is not read here.
"""

from pathlib import Path

from stages.core.criteria import strictest
from stages.core.error_analysis import analyse
from stages.core.errors import LoopwrightError
from stages.core.figures import house_style, save
from stages.core.files import published, read_json, write_json
from stages.core.metrics import cost_threshold, find_metric
from stages.core.models import load_model, recorded_sha256
from stages.core.params import Costs, Target, read_params
from stages.core.sample import Sample
from stages.core.schema import Kind, read_schema
from stages.core.scoring import check_truth
from stages.core.statistics import Seed
from stages.core.tables import read_table, write_table
from stages.core.targets import truth, weights_of
from stages.core.variables import read_variables
from stages.core.worth import return_on_investment
from stages.evaluate.document import (
    DECIMALS,
    document,
    headline,
    predictions_of,
    rounded,
    verdicts_of,
)
from stages.evaluate.drawing import draw
from stages.evaluate.measurement import measure_model
from stages.evaluate.situations import evidence_of, next_step
from stages.evaluate.subjects import Terms
from stages.evaluate.tables import class_names, tables_of
from stages.evaluate.training import training_curve

# Columns of these kinds have few values, each of which makes a slice.
SLICED: tuple[Kind, ...] = ("categorical", "ordinal")


def rows_of(
    path: Path, target: Target, sample_weight: str | None, entity: str | None, seed: Seed
) -> Sample:
    """Read a split: the rows without the target, the truth, entities where they repeat.

    Raises:
        LoopwrightError: there are no rows.
    """
    frame = read_table(path)
    if not len(frame):
        raise LoopwrightError(f"{path}: no rows; give this split a larger share in split.fractions")
    y = truth(frame, target)
    groups = None
    if entity is not None and frame[entity].duplicated().any():
        groups = frame[entity].to_numpy()
    return Sample(
        frame.drop(columns=target.column),
        y,
        weights_of(frame, sample_weight),
        groups,
        seed,
    )


def main(
    *,
    params: Path,
    schema: Path,
    train: Path,
    validation: Path,
    model: Path,
    model_manifest: Path,
    live: Path,
    metrics: Path,
    evaluation: Path,
    predictions: Path,
    evaluate_tables: Path,
    evaluate_figures: Path,
) -> None:
    """Read the model and its rows, measure, and write what was found."""
    chosen = read_params(params)
    described = read_schema(schema)
    task, target, rule = chosen.charter.task, chosen.charter.target, chosen.charter.rule
    costs, plan = chosen.charter.costs, chosen.charter.return_on_investment
    criteria = strictest(chosen.charter.success_criteria, task)
    manifest = read_json(model_manifest)
    scoring = find_metric(str(manifest.get("scoring")), f"{model_manifest}: scoring", task)
    sha256 = recorded_sha256(model_manifest)
    fitted = load_model(model, sha256)

    seed = chosen.evaluate.random_state
    entity = chosen.split.group or chosen.charter.key
    # Draws of train and validation are independent, as the rows are.
    seen = rows_of(train, target, chosen.charter.sample_weight, entity, (seed, 1))
    check_truth(task, seen.y, train)
    unseen = rows_of(validation, target, chosen.charter.sample_weight, entity, seed)
    terms = Terms(
        task=task,
        classes=tuple(map(str, fitted.classes_)) if task == "multiclass" else (),
        costs=costs,
        threshold=round(cost_threshold(costs), DECIMALS) if isinstance(costs, Costs) else None,
        scoring=scoring,
        calibration_bins=chosen.evaluate.calibration_bins,
        draws=chosen.evaluate.bootstrap,
        random_state=seed,
    )
    m = measure_model(
        fitted,
        seen,
        unseen,
        terms=terms,
        rule=rule,
        baseline=chosen.charter.baseline,
        criteria=criteria,
        evaluate=chosen.evaluate,
        schema=described,
        target=target.column,
        inputs=manifest.get("inputs", ()),
    )

    alternative = "rule" if rule.role == "start" else m.constant
    investment = return_on_investment(m.gain_over(alternative), plan)
    verdicts = verdicts_of(
        m,
        criteria,
        rule.role,
        chosen.evaluate.max_lone_skill,
        investment,
        plan.horizon_years,
        evaluation,
        evaluate_figures,
    )
    names = class_names(described, target, terms.classes)
    columns = read_variables(unseen.frame, described, target.column, chosen.charter.key)
    sensitive = chosen.charter.sensitive_features
    errors = analyse(
        unseen.frame,
        m.model,
        columns,
        sliced=[v for v in columns if v.name in sensitive or v.column.kind in SLICED],
        metric=scoring,
        draws=terms.draws,
        random_state=seed,
        groups=unseen.groups,
        key=chosen.charter.key,
        labels=names,
        leave_out=sensitive,
    )
    training = training_curve(live)
    step = next_step(evidence_of(m, verdicts, chosen.evaluate.min_gain, errors, training))
    tables = tables_of(m, names, unseen) | errors.tables()
    write_table(predictions, predictions_of(unseen.frame, chosen.charter.key, m.model))
    with published(evaluate_tables) as folder:
        folder.mkdir()
        for name, table in tables.items():
            text = table.round(DECIMALS).to_csv(index=False, lineterminator="\n")
            (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="\n")
    with published(evaluate_figures) as folder, house_style():
        folder.mkdir()
        figures = draw(m, tables, names, costs.currency) | errors.draw(m.model, columns)
        for name, figure in figures.items():
            save(figure, folder / f"{name}.png")
    write_json(metrics, rounded(headline(m)))
    found = document(m, errors, costs.currency, investment, verdicts, training, step)
    write_json(evaluation, {"model_sha256": sha256} | rounded(found))
