"""Does the model survive an input that is missing, new or far out?"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import Check, Evidence, Findings, counted, listed, spread
from stages.audit.safety.inputs import like, of_kind
from stages.core.errors import LoopwrightError
from stages.core.figures import BLUE, elide, figure
from stages.core.params import AuditSafety
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# Rows for a disturbed input: one prediction a column.
DISTURBED_ROWS = 1000
# How far beyond the trained range an extreme value lies, in widths of that range.
FAR = 10
UNSEEN = "a value that nobody has seen"
BARS = 10

CHECKS = (
    Check(
        "safety.missing_values",
        "Does the model survive a missing value in each of its inputs?",
        "inputs without which it neither gives an answer nor, where schema.yaml forbids a "
        "missing value, refuses it with a clear error",
        "= 0",
        "an input that is missing in use must not stop the service",
    ),
    Check(
        "safety.unseen_category",
        "Does it survive a code that was not in train?",
        "categorical and ordinal inputs whose new code leaves it without an answer",
        "= 0",
        "new codes appear in every table that lives",
    ),
    Check(
        "safety.extreme_values",
        "Does it stay sound far outside of what it was trained on?",
        "numeric inputs whose extreme value (ten ranges beyond) leaves it without an answer",
        "= 0",
        "a wrong unit must not break the service",
    ),
)


def without(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a copy of `frame` with `column` missing in every row."""
    return frame.assign(**{column: frame[column].mask(np.ones(len(frame), dtype=bool))})


def with_unseen(frame: pd.DataFrame, column: str, train: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `frame` whose `column` holds a code that is not in `train`."""
    seen = train[column]
    if pd.api.types.is_numeric_dtype(seen):
        return frame.assign(**{column: like(frame[column], np.full(len(frame), seen.max() + 1.0))})
    return frame.assign(**{column: pd.Series(UNSEEN, index=frame.index, dtype="str")})


def far_out(frame: pd.DataFrame, column: str, train: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of `frame` whose `column` lies far below and far above its trained range."""
    low, high = float(train[column].min()), float(train[column].max())
    beyond = FAR * ((high - low) or 1.0)
    values = np.where(np.arange(len(frame)) % 2, low - beyond, high + beyond)
    return frame.assign(**{column: like(frame[column], values)})


@dataclass(frozen=True)
class Response:
    """What the model did with a disturbed column.

    Attributes:
        column: the disturbed one.
        turned: share of decisions that turned; None where there was no answer.
        moved: how far the answers moved in the mean, as `Evidence.moved` has it.
        fault: why there was no answer.
        refused: whether it said so with one clear error.
    """

    column: str
    turned: float | None
    moved: float | None
    fault: str | None = None
    refused: bool = False


def respond(
    e: Evidence, disturbed: Iterator[tuple[str, pd.DataFrame]], usual: Floats
) -> list[Response]:
    """Let the model predict each frame of `disturbed`, held against its `usual` answers."""
    responses = []
    for column, frame in disturbed:
        try:
            changed = e.ask(frame)
        except LoopwrightError:
            responses.append(Response(column, None, None, "refused", refused=True))
            continue
        except Exception as fault:  # a model may fail in any way; the audit tells it
            responses.append(Response(column, None, None, type(fault).__name__))
            continue
        if not e.sound(changed):
            responses.append(Response(column, None, None, "no sound answer"))
            continue
        turned = float(e.turned(usual, changed).mean())
        responses.append(Response(column, turned, float(e.moved(usual, changed).mean())))
    return responses


def survived(
    check: str,
    responses: Sequence[Response],
    what: str,
    evidence: tuple[str, ...],
    may_refuse: Collection[str] = (),
) -> Verdict:
    """Ask that every disturbed column gave answers, or was refused where it may be."""
    if not responses:
        why = f"the model has no input that could hold {what}"
        return Verdict(check, "not_applicable", None, None, "= 0", evidence, why)
    refused = [r.column for r in responses if r.refused and r.column in may_refuse]
    broken = [f"{r.column} ({r.fault})" for r in responses if r.fault and r.column not in refused]
    why = f"with {what}, {len(responses) - len(refused)} inputs still give an answer"
    if refused:
        why += f"; {len(refused)} are refused with a clear error, as schema.yaml asks"
    if broken:
        why = f"with {what}, no answer from: {listed(broken)}"
    return counted(check, len(broken), evidence, why)


def draw_disturbed(e: Evidence, disturbed: Mapping[str, Sequence[Response]]) -> Figure:
    """Draw the disturbed inputs that turn most decisions."""
    turned = [
        (100 * response.turned, f"{elide(e.title(response.column), 36)}: {disturbance}")
        for disturbance, responses in disturbed.items()
        for response in responses
        if response.turned is not None
    ]
    shown = sorted(turned, key=lambda bar: -bar[0])[:BARS]
    fig, ax = figure(7.2, 1.2 + 0.28 * len(shown))
    ax.barh(range(len(shown)), [share for share, _ in shown], color=BLUE, height=0.6)
    ax.set(
        title="Which wrong input would turn most decisions?",
        xlabel="share of decisions that turn, were it wrong in every row (%)",
        yticks=range(len(shown)),
        yticklabels=[label for _, label in shown],
        ylim=(len(shown) - 0.5, -0.5),
    )
    ax.grid(axis="y", visible=False)
    return fig


def examine(e: Evidence, bounds: AuditSafety) -> Findings:
    """Let the model predict rows whose inputs are disturbed one at a time."""
    places = spread(len(e.rows), DISTURBED_ROWS)
    some, usual = e.rows.iloc[places], e.predicted[places]
    inputs = [name for name in e.inputs if name in some]
    codes = of_kind(inputs, e.schema, "categorical", "ordinal")
    codes = [name for name in codes if not pd.api.types.is_bool_dtype(e.train[name])]
    numbers = of_kind(inputs, e.schema, "numeric")
    disturbed = {
        "missing": respond(e, ((name, without(some, name)) for name in inputs), usual),
        "unseen code": respond(
            e, ((name, with_unseen(some, name, e.train)) for name in codes), usual
        ),
        "extreme": respond(e, ((name, far_out(some, name, e.train)) for name in numbers), usual),
    }
    whole = [name for name in inputs if not e.schema.column(name, "inputs").nullable]
    answered = any(r.turned is not None for responses in disturbed.values() for r in responses)
    shown = e.paths("disturbed") if answered else e.paths()
    found = Findings()
    found.verdicts = [
        survived("safety.missing_values", disturbed["missing"], "a missing value", shown, whole),
        survived(
            "safety.unseen_category",
            disturbed["unseen code"],
            "a code that train does not hold",
            shown,
        ),
        survived("safety.extreme_values", disturbed["extreme"], "an extreme value", shown),
    ]
    found.tables["Disturbed inputs"] = [
        {
            "Disturbance": disturbance,
            "Input": e.title(response.column),
            "Decisions that turn": response.turned,
            "Mean change of the answer": response.moved,
            "Fault": response.fault,
        }
        for disturbance, responses in disturbed.items()
        for response in responses
    ]
    if answered:
        found.figures["disturbed"] = draw_disturbed(e, disturbed)
    return found
