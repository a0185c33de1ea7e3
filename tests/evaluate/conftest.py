from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.core.criteria import strictest
from stages.core.metrics import METRICS, cost_threshold
from stages.core.params import BaselineHere, Costs, Criterion, Params, Task, read_params
from stages.core.schema import Schema, read_schema
from stages.core.verdicts import Status
from stages.core.worth import return_on_investment
from stages.evaluate.document import verdicts_of
from stages.evaluate.measurement import Measurement, measure_model
from stages.evaluate.situations import evidence_of, next_step
from stages.evaluate.subjects import Terms
from tests.evaluate.project import (
    FEATURES,
    SCHEMA,
    SCORING,
    edited,
    pipeline,
    sample,
    table,
    target_of,
)


@pytest.fixture(scope="session")
def small_schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    return read_schema(path)


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, Params]:
    folder = tmp_path_factory.mktemp("params")
    tasks: tuple[Task, ...] = ("binary", "multiclass", "regression")
    return {task: read_params(edited(folder / task, task)) for task in tasks}


@pytest.fixture(scope="session")
def small(projects: dict[Task, Params]) -> Params:
    return projects["binary"]


@pytest.fixture
def judged(projects: dict[Task, Params], small_schema: Schema) -> Callable[..., Any]:
    """Return a function that fits, measures and judges: Measurement, statuses, next step."""

    def run(
        score: Callable[[pd.DataFrame], Any],
        model: Any,
        *,
        n: int = 1500,
        task: Task = "binary",
        role: str = "start",
        baseline: Any = None,
        held_out: pd.DataFrame | None = None,
        criteria: list[Criterion] | None = None,
        groups: Any = None,
        scoring: str = "",
        inputs: Any = FEATURES,
        **settings: Any,
    ) -> tuple[Measurement, dict[str, Status], dict[str, Any]]:
        chosen = projects[task]
        train = table(n, 1, score)
        validation = table(n, 2, score) if held_out is None else held_out
        seen = sample(train, (0, 1), task)
        fitted = pipeline(model).fit(seen.frame, seen.y)
        costs = chosen.charter.costs
        terms = Terms(
            task=task,
            classes=tuple(map(str, fitted.classes_)) if task == "multiclass" else (),
            costs=costs,
            threshold=cost_threshold(costs) if isinstance(costs, Costs) else None,
            scoring=METRICS[scoring or SCORING[task]],
            calibration_bins=10,
            draws=200,
            random_state=0,
        )
        wanted = strictest(chosen.charter.success_criteria if criteria is None else criteria, task)
        rule = chosen.charter.rule.model_copy(update={"role": role})
        evaluate = chosen.evaluate.model_copy(update=settings)
        m = measure_model(
            fitted,
            seen,
            sample(validation, 0, task, groups),
            terms=terms,
            rule=rule,
            baseline=baseline or BaselineHere(kind="rule"),
            criteria=wanted,
            evaluate=evaluate,
            schema=small_schema,
            target=target_of(task),
            inputs=inputs,
        )
        plan = chosen.charter.return_on_investment
        investment = return_on_investment(m.gain_over("rule"), plan)
        places = (Path("e.json"), Path("figures"))
        verdicts = verdicts_of(
            m, wanted, rule.role, evaluate.max_lone_skill, investment, 2.0, *places
        )
        status = {v.id.removeprefix("evaluate."): v.status for v in verdicts}
        return m, status, next_step(evidence_of(m, verdicts, evaluate.min_gain))

    return run
