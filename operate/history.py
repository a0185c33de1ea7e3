"""The ledger: what was tried, what came of it and what was decided, iteration by iteration."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_limits

from operate.decisions import COSTS, RULE, TARGET, Answer, Decision, Judge, Result
from operate.iterations import Commit, Iteration, Past, read_past
from operate.locks import Lock, is_code, read_lock
from operate.looks import Looks, looks_at_test
from operate.pipeline import Pipeline, read_pipeline
from stages.core import markdown
from stages.core.criteria import WHERE
from stages.core.errors import LoopwrightError
from stages.core.metrics import Metric, find_metric
from stages.core.numbers import NOTHING, number
from stages.core.params import Criterion, read_params

# What a person reads; JSON and HTML have all of it.
LONGEST = 40
MOST_STAGES = 3


@dataclass(frozen=True)
class Changes:
    """What an iteration changed against the one before it.

    Attributes:
        params: of each parameter, its value before and after; None where it was not there.
        data: whether the validated table is another.
        code: the stages whose code changed.
        files: other inputs that changed: the schema, the environment, the source.
    """

    params: Mapping[str, tuple[Any, Any]]
    data: bool
    code: tuple[str, ...]
    files: tuple[str, ...]

    def __str__(self) -> str:
        """Return all of it on one line, long values cut."""
        return self._told({key: key for key in self.params})

    @property
    def brief(self) -> str:
        """The same, with the last word of each key where that tells them apart."""
        words = {key: key.rpartition(".")[2] for key in self.params}
        return self._told(
            words if len(set(words.values())) == len(words) else {key: key for key in words}
        )

    def _told(self, names: Mapping[str, str]) -> str:
        parts = [
            f"{names[key]} {_shown(old)} → {_shown(new)}" for key, (old, new) in self.params.items()
        ]
        if self.data:
            parts.append("data")
        if self.code:
            named = len(self.code) <= MOST_STAGES
            parts.append(f"code of {', '.join(self.code) if named else f'{len(self.code)} stages'}")
        return "; ".join([*parts, *self.files])


@dataclass(frozen=True)
class Entry:
    """One line of the ledger.

    Attributes:
        iteration: where it is.
        changes: what was tried.
        result: what came of it.
        decision: whether it is better than what main had.
        looks: distinct models seen until then: on validation, on test.
    """

    iteration: Iteration
    changes: Changes
    result: Result
    decision: Decision
    looks: tuple[int, int]

    @property
    def place(self) -> str:
        """Where it is: on main, or the dead end that it became."""
        it = self.iteration
        if it.on_main:
            return "kept"
        kind = "experiment" if it.experiment else "branch"
        name = it.experiment or it.branch
        became = f"kept as {it.applied.commit.short}" if it.applied else "not merged"
        return f"{kind} {name}, {became}" if name else became  # a detached HEAD has none

    @property
    def is_dead_end(self) -> bool:
        """Whether main holds neither it nor its result."""
        return not self.iteration.on_main and self.iteration.applied is None


@dataclass(frozen=True)
class Ledger:
    """All iterations and how often the splits were looked at.

    Attributes:
        main: the branch that keeps.
        metric: the charter's main metric: that of its first success criterion.
        criterion: that criterion.
        entries: oldest first.
        looks_at_validation: distinct pairs of a model and a validation split.
        looks_at_test: distinct pairs of a model and a test split.
    """

    main: str
    metric: Metric
    criterion: Criterion
    entries: tuple[Entry, ...]
    looks_at_validation: Looks
    looks_at_test: Looks


def read_ledger(root: Path, main: str | None = None) -> Ledger:
    """Read the ledger of the repository `root`.

    Args:
        root: the top of the repository.
        main: the branch that keeps what was decided; see `read_past`.

    Raises:
        LoopwrightError: dvc.yaml or params.yaml cannot be read, `root` is not in git, or
            nothing was evaluated yet.
    """
    pipeline = read_pipeline(root)
    chosen = read_params(root / pipeline.path("params"))
    criterion = chosen.charter.success_criteria[0]
    metric = find_metric(criterion.metric, f"{WHERE}.0.metric", chosen.charter.task)
    past = read_past(root, pipeline, main)
    if not past.iterations:
        raise LoopwrightError(
            "no iteration yet: run `dvc repro` and commit dvc.lock with "
            f"{pipeline.path('metrics')}, or run an experiment"
        )
    cache = _cache(root)
    memory = root / ".dvc/tmp/loopwright/paired.json"
    kept = memory if os.access(root, os.W_OK) else None
    judge = Judge(metric, chosen.evaluate, cache, kept, chosen.charter.task)
    tries = _tries(past.iterations, pipeline)
    looks = list(_looks(past.locks, pipeline))

    results = {i.commit.id: _result(i.commit, pipeline, judge) for i in past.iterations}
    with threadpool_limits(1):  # these sums are too small to share
        entries = tuple(
            Entry(
                iteration,
                _changes(iteration, pipeline),
                results[iteration.commit.id],
                judge.decide(
                    results[iteration.commit.id],
                    results[iteration.baseline.commit.id] if iteration.baseline else None,
                    tries[iteration.commit.id],
                ),
                looks[iteration.order - 1],
            )
            for iteration in past.iterations
        )
    judge.remember()
    return Ledger(
        past.main,
        metric,
        criterion,
        entries,
        _looks_at_validation(root, past, pipeline),
        looks_at_test(root, pipeline.path("model"), pipeline.path("test")),
    )


def _cache(root: Path) -> Path:
    """Return the folder of DVC's cache that holds files by their md5."""
    from dvc.config import Config
    from dvc.exceptions import DvcException

    folder = root / ".dvc"
    if not folder.is_dir():
        raise LoopwrightError("this is no DVC repository; go to the top of the repository")
    try:
        configured = Config(str(folder.resolve())).get("cache", {}).get("dir")
    except DvcException as fault:
        raise LoopwrightError(f"{fault}") from None
    return (folder / str(configured or "cache")).resolve() / "files" / "md5"


def _result(commit: Commit, pipeline: Pipeline, judge: Judge) -> Result:
    """Read the main metric at a commit: from its evaluation, else from its metrics alone."""
    stage = commit.lock.writer(pipeline.path("metrics"))
    value, interval = _measured(
        judge.cached(stage.outs.get(pipeline.path("evaluation"))), judge.metric
    )
    if value is None:
        with suppress(LookupError, TypeError, ValueError):  # not measured then
            value = float(json.loads(commit.metrics)[judge.metric.name])
    terms = {k: v for k, v in stage.values.items() if k.startswith((TARGET, COSTS, RULE))}
    return Result(
        value,
        interval,
        stage.deps.get(pipeline.path("validation")),
        terms,
        stage.outs.get(pipeline.path("predictions")),
        _trained_on(judge.cached(stage.deps.get(pipeline.path("model_manifest")))),
    )


def _trained_on(manifest: Path | None) -> int | None:
    """Return how many rows the model was fitted on, where its manifest is in the cache."""
    try:
        return int(json.loads(manifest.read_text("utf-8"))["rows"]) if manifest else None
    except (LookupError, TypeError, ValueError):
        return None


def _tries(iterations: Sequence[Iteration], pipeline: Pipeline) -> dict[str, int]:
    """Return how many models could be held against the baseline of each iteration, by commit.

    Those tried before it count, and those that started where it did, however late; what
    was tried after main had moved on does not change what was known then.
    """
    siblings: dict[str, set[tuple[str | None, ...]]] = {}
    looks = {i.commit.id: _look(i.commit.lock, pipeline) for i in iterations}
    for i in iterations:
        siblings.setdefault(_start(i), set()).add(looks[i.commit.id])
    before: set[tuple[str | None, ...]] = set()
    tries = {}
    for i in iterations:
        before.add(looks[i.commit.id])
        rows = looks[i.commit.id][1]
        models = {model for model, on in before | siblings[_start(i)] if on == rows}
        tries[i.commit.id] = max(len(models) - 1, 1)
    return tries


def _start(iteration: Iteration) -> str:
    return iteration.baseline.commit.id if iteration.baseline else ""


def _look(lock: Lock, pipeline: Pipeline) -> tuple[str | None, ...]:
    """Return the hashes of the model and of the validation rows that it was measured on."""
    deps = lock.writer(pipeline.path("metrics")).deps
    return deps.get(pipeline.path("model")), deps.get(pipeline.path("validation"))


def _measured(
    evaluation: Path | None, metric: Metric
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the metric with its interval; None for both where the evaluation has it not."""
    if evaluation is None:
        return None, None
    try:
        found = json.loads(evaluation.read_text("utf-8"))["metrics"]["validation"][metric.name]
        low, high = found["interval"]
        return float(found["value"]), (float(low), float(high))
    except (LookupError, TypeError, ValueError):  # of other days, or undefined on these rows
        return None, None


def _changes(iteration: Iteration, pipeline: Pipeline) -> Changes:
    if iteration.parent is None:
        return Changes({}, False, (), ())
    old, new = iteration.before, iteration.commit.lock
    before, after = old.values, new.values
    keys = [k for k in dict.fromkeys([*before, *after]) if before.get(k) != after.get(k)]
    validated = pipeline.path("validated")
    sources, sources_before = new.sources, old.sources
    changed = [
        path
        for path in sorted({*sources, *sources_before})
        if sources.get(path) != sources_before.get(path)
    ]
    return Changes(
        {key: (before.get(key), after.get(key)) for key in keys},
        old.output(validated) != new.output(validated),
        _code(old, new),
        tuple(path for path in changed if not is_code(path)),
    )


def _code(old: Lock, new: Lock) -> tuple[str, ...]:
    """Return the stages whose code changed; those of a matrix as one."""
    return tuple(
        dict.fromkeys(
            name.partition("@")[0]
            for name, stage in new.stages.items()
            if name in old.stages and stage.code != old.stages[name].code
        )
    )


def _looks(locks: Sequence[Lock], pipeline: Pipeline) -> Iterator[tuple[int, int]]:
    """Yield after each commit how many distinct models had been seen on validation and on test."""
    names = [pipeline.path("model"), pipeline.path("test")]
    validation: set[tuple[str | None, ...]] = set()
    test: set[tuple[str | None, ...]] = set()
    for lock in locks:
        validation.add(_look(lock, pipeline))
        audits = [stage for name, stage in lock.stages.items() if name.startswith("audit@")]
        test.update(tuple(stage.deps.get(name) for name in names) for stage in audits)
        yield sum(None not in look for look in validation), sum(None not in look for look in test)


def _looks_at_validation(root: Path, past: Past, pipeline: Pipeline) -> Looks:
    """Count the models that were held against a validation split: each was a chance to choose."""
    lock = root / "dvc.lock"
    here = [read_lock(lock.read_text(encoding="utf-8"))] if lock.is_file() else []
    pairs = {_look(lock, pipeline) for lock in [*past.locks, *here]}
    return Looks(sum(None not in pair for pair in pairs), past.complete)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else None
    text = text or number(value if isinstance(value, (bool, int, float)) else None)
    if isinstance(value, str):
        text = value
    elif isinstance(value, float):
        text = f"{value:g}"
    text = markdown.one_line(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


# --- what a person reads --------------------------------------------------------------------

STYLES: dict[Answer, str] = {
    "first": "dim",
    "better": "green",
    "worse": "bold red",
    "no evidence": "yellow",
    "not comparable": "magenta",
}


def heads(ledger: Ledger) -> tuple[str, ...]:
    """Return the titles of the columns."""
    result = f"{ledger.metric.title} ({ledger.metric.direction} is better)"
    return "revision", "date", "hypothesis", "changed", result, "decision", "looks", "place"


def cells(entry: Entry) -> tuple[str, ...]:
    """Return one line of the ledger as text, a cell a column."""
    commit, decision = entry.iteration.commit, entry.decision
    return (
        commit.short,
        commit.date,
        entry.iteration.hypothesis or NOTHING,
        str(entry.changes) or NOTHING,
        str(entry.result),
        decision.answer if decision.answer == "first" else f"{decision.answer}: {decision.why}",
        " / ".join(map(str, entry.looks)),
        entry.place,
    )


def closing(ledger: Ledger) -> Iterator[str]:
    """Yield the lines under the table."""
    dead = sum(entry.is_dead_end for entry in ledger.entries)
    yield f"iterations: {len(ledger.entries)}, of which not merged into {ledger.main}: {dead}"
    yield f"looks at the validation split: {ledger.looks_at_validation}"
    yield f"looks at the test split: {ledger.looks_at_test}"


def show(ledger: Ledger, console: Console) -> None:
    """Print the ledger: a table on a terminal, Markdown elsewhere."""
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for head in heads(ledger):
            table.add_column(head, overflow="fold")
        for entry in ledger.entries:
            row = [Text(cell) for cell in cells(entry)]
            row[3] = Text(entry.changes.brief or NOTHING)
            if entry.decision.answer != "not comparable":  # a terminal is narrow
                row[5] = Text(entry.decision.answer)
            row[5].stylize(STYLES[entry.decision.answer])
            table.add_row(*row, style="dim" if entry.is_dead_end else None)
        console.print(table)
        lines = ["", *closing(ledger)]
    else:
        lines = [as_markdown(ledger)]
    for line in lines:
        console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def as_markdown(ledger: Ledger) -> str:
    """Return the ledger as a table of GitHub's Markdown and the lines under it."""
    rows: list[Sequence[str]] = [heads(ledger), ["---"] * len(heads(ledger))]
    rows += [[markdown.escape(cell) for cell in cells(entry)] for entry in ledger.entries]
    table = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*table, "", *(f"- {line}" for line in closing(ledger))])


def as_document(ledger: Ledger) -> dict[str, Any]:
    """Return the ledger as a plain dictionary, ready for JSON."""

    def name(iteration: Iteration | None) -> str | None:
        return iteration.commit.id if iteration else None

    return {
        "main": ledger.main,
        "metric": ledger.metric.name,
        "direction": ledger.metric.direction,
        "looks_at_validation": vars(ledger.looks_at_validation),
        "looks_at_test": vars(ledger.looks_at_test),
        "iterations": [
            {
                "revision": entry.iteration.commit.short,
                "commit": entry.iteration.commit.id,
                "date": entry.iteration.commit.date,
                "hypothesis": entry.iteration.hypothesis,
                "body": entry.iteration.commit.body,
                "on_main": entry.iteration.on_main,
                "experiment": entry.iteration.experiment or None,
                "branch": entry.iteration.branch or None,
                "kept_as": name(entry.iteration.applied),
                "parent": name(entry.iteration.parent),
                "baseline": name(entry.iteration.baseline),
                "changed": {**vars(entry.changes), "params": dict(entry.changes.params)},
                "result": {"value": entry.result.value, "interval": entry.result.interval},
                "decision": vars(entry.decision),
                "looks": dict(zip(("validation", "test"), entry.looks, strict=True)),
            }
            for entry in ledger.entries
        ],
    }
