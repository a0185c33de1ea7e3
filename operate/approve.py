"""A person decides about the model that is here: approve, reject or override."""

from datetime import datetime
from pathlib import Path

from operate import gate
from operate.approval import REJECTED, GateResult, Wish, add
from operate.pipeline import read_pipeline
from stages.core.params import read_params


def record(root: Path, wish: Wish, now: datetime | None = None) -> str:
    """Ask the gate, add the record of a decision, and say what to do with it.

    Raises:
        LoopwrightError: the decision cannot be taken; see `operate.approval.add`.
    """
    pipeline = read_pipeline(root)
    owners = read_params(root / pipeline.path("params")).charter.owners.model_dump()
    who = f"{owners[wish.by]} ({wish.by})" if wish.by in owners else wish.by
    # A new decision stands in for an earlier rejection.
    blocking = [found.id for found in gate.decide(root).blocking if found.id != REJECTED]
    result = GateResult(ships=not blocking, blocking=tuple(blocking))
    wish = Wish(wish.kind, who, wish.why, wish.expires)
    written, file = add(root, pipeline, wish, result, now)
    name = file.relative_to(root).as_posix()
    return f"{written}\n{name} is written; add it to git: git add {name} && git commit"
