"""What was found, as a Markdown table, and the page that holds it."""

from collections.abc import Iterable
from pathlib import Path

from bench.audit_faults.fault import ALARMS, Found
from stages.core.verdicts import SEVERITY

HEAD = "| Check | Task | Planted | Caught | As | False alarms | Not answered |"
LINE = "|---|---|---|---:|---|---:|---:|"


def row(found: Found) -> str:
    """Return the line of one fault."""
    fault = found.fault
    statuses = [one for one in SEVERITY if found.caught[one]]
    told = ", ".join(
        one if len(statuses) == 1 else f"{one} {found.caught[one]}" for one in statuses
    )
    cells = (
        f"`{fault.check}`",
        fault.task,
        fault.plant,
        f"{found.caught.total()} of {found.seeds}",
        told or "nothing",
        f"{found.alarms} of {found.seeds}",
        str(found.silent) if found.silent else "",
    )
    return f"| {' | '.join(cells)} |"


def markdown(found: Iterable[Found]) -> str:
    """Return a table, one row a fault."""
    return "\n".join([HEAD, LINE, *map(row, found)])


def markers(pillar: str) -> tuple[str, str]:
    """Return the lines between which the table of `pillar` stands."""
    return f"<!-- planted faults: {pillar} -->", f"<!-- end: {pillar} -->"


def updated(text: str, pillar: str, table: str) -> str:
    """Return the page with another table of `pillar`.

    Raises:
        ValueError: the page has no place for it.
    """
    begin, end = markers(pillar)
    before, first, rest = text.partition(begin)
    _, second, after = rest.partition(end)
    if not first or not second:
        raise ValueError(f"the page has no lines '{begin}' and '{end}'")
    return f"{before}{begin}\n{table}\n{end}{after}"


def write(page: Path, pillar: str, table: str) -> None:
    """Write the table of `pillar` into `page`."""
    text = updated(page.read_text(encoding="utf-8"), pillar, table)
    page.write_text(text, encoding="utf-8", newline="\n")


def summary(found: list[Found]) -> str:
    """Return in one line how many faults are caught, and how many sound worlds accused."""
    caught = sum(one.caught.total() for one in found)
    alarms = sum(one.alarms for one in found)
    runs = sum(one.seeds for one in found)
    return (
        f"{len(found)} faults, {runs} runs each way: {caught} caught, {alarms} false alarms "
        f"({' or '.join(ALARMS)})"
    )
