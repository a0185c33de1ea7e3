"""A planted fault, and how often the check that is made for it tells it from a sound world."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stages.core.verdicts import SEVERITY, Status, Verdict

ALARMS: tuple[Status, ...] = ("fail", "warn")

World = Callable[[int], Iterable[Verdict]]


@dataclass(frozen=True)
class Fault:
    """Something wrong that is made on purpose.

    Attributes:
        check: who must find it, ``pillar.check``.
        plant: what is wrong, in plain words.
        clean: what the audit says of a world of this seed in which nothing is wrong.
        faulty: what it says where the fault is planted.
        of: the thing that the fault is in, where the check is asked of many: only the verdict
            ``pillar.check:thing`` finds it. In the clean world all things must be quiet.
        by: the statuses that count as found.
        task: whose model it is.
    """

    check: str
    plant: str
    clean: World
    faulty: World
    of: str = ""
    by: tuple[Status, ...] = ALARMS
    task: str = "binary"


@dataclass(frozen=True)
class Found:
    """How a fault fared over seeds.

    Attributes:
        fault: which.
        seeds: how many.
        caught: in how many the fault was found, by the status that told it.
        alarms: in how many the clean world was accused.
        silent: in how many the check did not answer about the clean world.
    """

    fault: Fault
    seeds: int
    caught: Counter[Status]
    alarms: int
    silent: int


def answers(check: str, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts of `check`, or of ``check:thing``.

    Raises:
        ValueError: there is none, so the fault is planted where nobody looks.
    """
    found = [v for v in verdicts if v.id == check or v.id.startswith(f"{check}:")]
    if not found:
        raise ValueError(f"no verdict on {check}")
    return found


def status(verdicts: Sequence[Verdict], order: Sequence[Status]) -> Status | None:
    """Return the first of `order` that a verdict has."""
    has = {verdict.status for verdict in verdicts}
    return next((one for one in order if one in has), None)


def find(fault: Fault, seeds: Iterable[int]) -> Found:
    """Plant `fault` with each of `seeds`, and look at the clean world of the same seed."""
    caught: Counter[Status] = Counter()
    alarms = silent = count = 0
    order = tuple(one for one in SEVERITY if one in fault.by)
    about = f"{fault.check}:{fault.of}" if fault.of else fault.check
    for seed in seeds:
        count += 1
        told = status(answers(about, fault.faulty(seed)), order)
        if told is not None:
            caught[told] += 1
        peace = answers(fault.check, fault.clean(seed))
        accused = status(peace, order) is not None or status(peace, ALARMS) is not None
        alarms += accused
        silent += not accused and not any(verdict.status == "pass" for verdict in peace)
    return Found(fault, count, caught, alarms, silent)
