"""A data diff for a pull request: the most important first, and what was left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from operate.data_diff.changes import CategoryChange, DataDiff, Label, Level, Rows
from stages.core.figures import elide
from stages.core.many_tests import ALPHA
from stages.core.markdown import code, escape
from stages.core.numbers import MINUS, TIMES, interval, number, percent
from stages.core.shifts import Shift

# The rule of trimming: so many lines of a table, so many names in a line, so long a name.
LINES = 15
NAMES = 5
LETTERS = 40

# What changed, the most important first: what a model breaks on or is misled by, then what
# it would see differently, then what only people read.
KINDS = (
    "labels",
    "column removed",
    "key",
    "type",
    "unit",
    "column renamed",
    "categories",
    "missing values",
    "distribution",
    "rows",
    "rare categories",
    "column added",
    "schema.yaml",
)

NO_CHANGE = "No change in the data."


@dataclass(frozen=True)
class Finding:
    """One line: its kind (of `KINDS`), the column or ``""``, and Markdown."""

    kind: str
    column: str
    text: str


def markdown(diff: DataDiff) -> str:
    """Return `diff` as Markdown (GitHub's), for a comment on a pull request.

    At most `LINES` findings, ordered by `KINDS`, each with at most `NAMES` names; the last
    line says what was left out. Names from the data show letter by letter.
    """
    told = findings(diff)
    if not told:
        return f"{NO_CHANGE}\n"
    lines = [_summary(diff), "", "| What | Column | Change |", "|---|---|---|"]
    lines += [f"| {each.kind} | {_name(each.column)} | {each.text} |" for each in told[:LINES]]
    left = Counter(each.kind for each in told[LINES:])
    if left:
        kinds = ", ".join(f"{count} {TIMES} {kind}" for kind, count in left.items())
        lines += [
            "",
            f"{sum(left.values())} more of less weight are left out ({kinds}); "
            "`loopwright data-diff --json` lists them.",
        ]
    return "\n".join(lines) + "\n"


def findings(diff: DataDiff) -> list[Finding]:
    """Return all that changed, the most important first; empty where nothing did."""
    found = list(_findings(diff))
    return sorted(found, key=lambda each: KINDS.index(each.kind))


def _findings(diff: DataDiff) -> Iterator[Finding]:
    yield from _labels(diff)
    target = diff.label.column if diff.label else None
    for name in diff.columns.removed:
        yield Finding("column removed", name, "the target is gone" if name == target else "gone")
    yield from _keys(diff.rows)
    for change in diff.types:
        text = f"{code(change.before)} became {code(change.after)}"
        yield Finding("type", change.column, text)
    for unit in diff.units:
        rows = "" if unit.rows is None else f" in {_of(unit.rows, diff.rows.matched)}"
        meaning = f": {unit.meaning}?" if unit.meaning else ""
        text = f"{_factor(unit.factor)}{rows}{meaning}"
        yield Finding("unit", unit.column, text)
    for renamed in diff.columns.renamed:
        text = f"was {_name(renamed.before)}: same content in {percent(renamed.equal)} of rows"
        yield Finding("column renamed", renamed.after, text)
    for recoded in diff.categories:
        kind = "rare categories" if _by_chance(recoded, diff.rows) else "categories"
        yield Finding(kind, recoded.column, _categories(recoded))
    for missing in diff.missing:
        parts = [f"{percent(missing.base)} became {percent(missing.head)}"]
        if missing.emptied:
            parts.append(f"{_count(missing.emptied, 'cell')} emptied")
        if missing.filled:
            parts.append(f"{_count(missing.filled, 'cell')} filled")
        yield Finding("missing values", missing.column, "; ".join(parts))
    apart = [s for s in diff.shifts if s.flagged and s.of == "values" and s.column != target]
    for shift in sorted(apart, key=lambda each: -each.effect):
        yield Finding("distribution", shift.column, _shift(shift))
    yield from _rows(diff)
    for name in diff.columns.added:
        yield Finding("column added", name, "new")
    for said in diff.schema:
        text = f"{escape(said.field)}: {_short(said.before)} became {_short(said.after)}"
        yield Finding("schema.yaml", said.column, text)


def _labels(diff: DataDiff) -> Iterator[Finding]:
    label = diff.label
    if label is None:
        return
    if label.flips:
        text = (
            f"{_of(label.flips, label.matched)} have another label: "
            f"{number(label.to_positive)} became {code(label.positive)}, "
            f"{number(label.to_negative)} were"
        )
        yield Finding("labels", label.column, text)
    if any(s.flagged for s in diff.shifts if (s.column, s.of) == (label.column, "values")):
        yield Finding("labels", label.column, f"{_rate(label)}: more than chance and not small")


def _rate(label: Label) -> str:
    """Return the share of positives in both tables, and the difference with its interval."""
    text = f"{code(label.positive)} in {percent(label.base)} of rows, now {percent(label.head)}"
    if label.difference is None or label.interval is None:
        return text
    points = [100 * end for end in label.interval]
    return f"{text} (difference {number(100 * label.difference, 1)} points {interval(points, 1)})"


def _keys(rows: Rows) -> Iterator[Finding]:
    before, after = rows.repeated
    if before != after:
        text = f"{_count(after, 'key')} repeated or missing; before {number(before)}"
        yield Finding("key", rows.key or "", text)


def _categories(change: CategoryChange) -> str:
    parts = [
        f"{_short(merge.before)} {'is now called' if merge.renamed else 'merged into'} "
        f"{_short(merge.after)} ({_count(merge.rows, 'row')})"
        for merge in change.merged[:NAMES]
    ]
    if len(change.merged) > NAMES:
        parts.append(f"{len(change.merged) - NAMES} more merged")
    for levels, verb in ((change.removed, "gone"), (change.added, "new")):
        if levels:
            parts.append(f"{verb}: {_levels(levels)}")
    return "; ".join(parts)


def _by_chance(change: CategoryChange, rows: Rows) -> bool:
    """Whether so few rows are concerned that chance can explain it.

    Of k rows of one category, all fall into one of two tables by chance with the
    probability (its share of all rows) to the power of k.
    """
    both = rows.base + rows.head
    sides = ((change.removed, rows.base), (change.added, rows.head))
    return not change.merged and all(
        (size / both) ** level.rows >= ALPHA for levels, size in sides for level in levels
    )


def _levels(levels: Sequence[Level]) -> str:
    most = sorted(levels, key=lambda level: -level.rows)
    return _listed(f"{_short(level.name)} ({_count(level.rows, 'row')})" for level in most)


def _shift(shift: Shift) -> str:
    p_value = "p below 0.0001" if shift.p_adjusted < 1e-4 else f"p {number(shift.p_adjusted)}"
    if shift.test == "ks":
        mean = ""
        if shift.second is not None:
            way = "up" if shift.second >= 0 else "down"
            mean = f", mean {way} {number(abs(shift.second), 2)} standard deviations"
        return f"Kolmogorov-Smirnov distance {number(shift.effect, 2)}{mean} ({p_value})"
    v = "" if shift.second is None else f", Cramér's V {number(shift.second, 2)}"
    return f"{percent(shift.effect)} of rows in other categories{v} ({p_value})"


def _rows(diff: DataDiff) -> Iterator[Finding]:
    rows = diff.rows
    if rows.removed:
        yield Finding("rows", "", f"{_of(rows.removed, rows.base)} removed")
    if rows.added:
        yield Finding("rows", "", f"{_count(rows.added, 'row')} added to {number(rows.base)}")
    if rows.edited:
        cells = sorted((c for c in diff.cells if c.edited), key=lambda c: -c.edited)
        where = _listed(f"{_name(c.column)} ({_count(c.edited, 'cell')})" for c in cells)
        yield Finding("rows", "", f"{_of(rows.edited, rows.matched)} edited: {where}")


def _summary(diff: DataDiff) -> str:
    """Return the sizes, how rows were matched, and the rate of the label."""
    rows, columns = diff.rows, diff.columns
    parts = [
        f"Rows: {_became(rows.base, rows.head)}. Columns: {_became(columns.base, columns.head)}."
    ]
    if rows.key is not None:
        parts.append(f"{_count(rows.matched, 'row')} matched by {_name(rows.key)}.")
    else:
        parts.append(
            f"Rows were compared whole ({escape(rows.why_no_key)}): one that was edited counts "
            "as removed and added."
        )
    if diff.label is not None and diff.label.difference:
        parts.append(f"{_name(diff.label.column)}: {_rate(diff.label)}.")
    return " ".join(parts)


def _became(before: int, now: int) -> str:
    return f"{number(before)}, as before" if before == now else f"{number(before)} to {number(now)}"


def _name(column: str) -> str:
    return str(code(elide(column, LETTERS))) if column else ""


def _short(text: str) -> str:
    return str(code(elide(text, LETTERS))) if text else "(empty text)"


def _listed(texts: Iterable[str]) -> str:
    """Return the first `NAMES` of `texts`, and how many more there are."""
    every = list(texts)
    more = len(every) - NAMES
    return ", ".join(every[:NAMES]) + (f" and {number(more)} more" if more > 0 else "")


def _factor(factor: float) -> str:
    by, verb = (1 / factor, "divided") if abs(factor) < 1 else (factor, "multiplied")
    return f"{verb} by {f'{by:,.6g}'.replace('-', MINUS)}"


def _count(count: int, noun: str) -> str:
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def _of(count: int, rows: int) -> str:
    if count == rows:
        return f"all {_count(rows, 'row')}"
    share = count / rows if rows else 0.0
    shown = percent(share, 1 if share >= 0.0005 else 3)
    return f"{number(count)} of {_count(rows, 'row')} ({shown})"
