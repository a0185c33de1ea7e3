"""How many models were already measured on these validation rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from operate.iterations import read_past
from operate.locks import Lock
from operate.pipeline import read_pipeline
from operate.review.snapshot import Snapshot
from stages.core.errors import LoopwrightError


@dataclass(frozen=True)
class Tries:
    """The models that were measured on the validation split of the new revision.

    Attributes:
        count: distinct models, those of both revisions among them; at least 1.
        complete: False where the history is cut off or cannot be read: then there may
            have been more.
    """

    count: int
    complete: bool = True

    @property
    def comparisons(self) -> int:
        """How many of them could have been held against the old revision."""
        return max(self.count - 1, 1)


def count_tries(root: Path, base: Snapshot, head: Snapshot) -> Tries:
    """Count them over all commits and experiments that this clone knows, and the workspace."""
    locks: list[Lock] = [base.lock, head.lock]
    complete = False
    try:
        past = read_past(root, read_pipeline(root))
        locks += past.locks
        complete = past.complete
    except LoopwrightError:
        pass  # without a history the two revisions are all that is known
    return Tries(max(len(models_measured(locks, head)), 1), complete)


def models_measured(locks: Iterable[Lock], head: Snapshot) -> set[str]:
    """Return the hashes of the models that `locks` saw measured on the validation of `head`."""
    predictions, model, validation = (
        head.paths.get(name, "") for name in ("predictions", "model", "validation")
    )
    rows = head.lock.writer(predictions).deps.get(validation)
    evaluated = (lock.writer(predictions).deps for lock in locks)
    return {
        deps[model]
        for deps in evaluated
        if rows is not None and deps.get(validation) == rows and model in deps
    }
