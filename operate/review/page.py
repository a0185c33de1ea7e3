"""The review as a document: the verdict first, what to decide next, then what changed."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from operate.review.changes import ABSENT, Change
from operate.review.difference import LEVEL
from operate.review.document import (
    Block,
    Cell,
    Code,
    Fold,
    Heading,
    Image,
    Pictures,
    Points,
    Ready,
    Table,
    Text,
)
from operate.review.pictures import png, slices_picture, verdict_picture
from operate.review.results import MetricRow
from operate.review.review import Review
from stages.core.metrics import METRICS
from stages.core.numbers import MINUS, SPACE, decimals, interval, measured, number, percent
from stages.core.statistics import Estimate

# More looks than this wear a validation split out: even the adjusted interval then says
# little about new rows. A choice of this project.
WORN = 20
# On one line wherever it stands.
UNCLEAR = f"not{SPACE}clear"


def title_of(review: Review) -> str:
    """Return the title of the document."""
    return f"Review of {review.head} against {review.base}"


def compose(review: Review) -> list[Block]:
    """Return the document."""
    return [
        Heading(title_of(review), 1),
        *_verdict(review),
        Heading("To decide"),
        Points(tuple(questions(review)), boxes=True),
        *_metrics(review),
        *_changes(review),
        *_slices(review),
        *_verdicts(review),
        *_model(review),
        *_data(review),
        *_figures(review),
        *_gaps(review),
    ]


# --- the verdict ------------------------------------------------------------------------


def headline(review: Review) -> str:
    """Return the verdict in one sentence."""
    found = review.decision
    if found.difference is None or found.difference["value"] is None:
        return "; ".join(found.why)
    title = METRICS[review.metric].title
    row = review.metrics[0]
    moved = f"{title} moved by {signed(found.difference)} on the same rows"
    if row.base and row.head and row.name == review.metric:
        moved += f" ({number(row.base['value'])} before, {number(row.head['value'])} now)"
    return f"{moved}; {found.why[0]}."


def _verdict(review: Review) -> list[Block]:
    found = review.decision
    lead = f"Verdict: {found.judgement}."
    if found.decisive is None:
        return [Text("", lead), Points(found.why), *_warnings(review)]
    direction = METRICS[review.metric].direction
    base, head, shared = review.rows
    rows = f"{shared:,} rows are compared; the validation splits have {base:,} and {head:,}."
    if base == head == shared:
        rows = f"All {shared:,} validation rows are compared: both revisions have the same."
    if review.relabelled:
        rows += f" {review.relabelled:,} rows in both have another truth and are left out."
    places = decimals([*found.decisive])
    decides = (
        f"The interval that decides is {interval(found.decisive, places)}; {direction} is better. "
        f"It is the 95 % interval over rows, {number(review.stretched, 2)} times as wide: for "
        "what another training on other rows would change, and for the looks."
    )
    plain = found.difference["interval"] if found.difference else None
    apart = plain is not None and not plain[0] <= 0 <= plain[1]
    if apart and found.judgement == "no evidence of a difference":
        decides += " Over rows alone the difference would be clear."
    block: list[Block] = [
        Text(headline(review), lead),
        Points((rows, decides, looks(review))),
        *_warnings(review),
    ]
    drawn = verdict_picture(review)
    if drawn is not None:
        image = Image("verdict.png", f"{review.metric}: {found.judgement}", png(drawn))
        block.append(Pictures(("The difference",), (image,)))
    return block


def looks(review: Review) -> str:
    """Return what the number of tries does to the verdict."""
    tries = review.tries
    least = "" if tries.complete else "At least "
    counted = f"{least}{tries.count:,} models were measured on these validation rows"
    if tries.comparisons == 1:
        return f"{counted}: nothing to adjust for."
    level = 1 - (1 - LEVEL) / tries.comparisons
    return (
        f"{counted}, and the best of several looks better by chance alone. So the interval "
        f"that decides holds for all {tries.comparisons:,} comparisons at once: its level is "
        f"{percent(level, 2)} (Bonferroni)."
    )


def _warnings(review: Review) -> list[Block]:
    found: list[Block] = []
    if review.seeds_only:
        found.append(
            Text("Nothing but seeds changed: whatever differs here is chance.", "Seeds only.")
        )
    if review.stale:
        names = ", ".join(review.stale)
        text = f"The workspace is not what dvc.lock names; run dvc repro first. Stages: {names}."
        found.append(Text(text, "Stale."))
    return found


# --- what to decide ---------------------------------------------------------------------


def questions(review: Review) -> list[str]:
    """Return what is left to a person."""
    asked = [
        {
            "better": "The gain is clear: is it worth what the change costs to run and to keep?",
            "worse": "The change makes the model clearly worse: what else speaks for it?",
            "no evidence of a difference": (
                "There is no evidence of a gain: does anything else speak for the change "
                "(simpler, faster, fairer)?"
            ),
            "not comparable": "The numbers cannot be compared: by what is the change judged?",
        }[review.decision.judgement]
    ]
    if review.stale:
        asked.append("Run dvc repro and review again: the outputs are not of these inputs.")
    for flip in review.verdicts:
        if flip.direction in ("worse", "gone"):
            asked.append(f"{flip.id} went from {flip.old} to {flip.new or 'gone'}: accept it?")
    worse = [f"{row.column} = {row.value}" for row in review.slices if row.reading == "worse"]
    if worse:
        asked.append(f"Clearly worse for {', '.join(worse)}: may it be?")
    chartered = [c.name for c in review.params if c.name.startswith("charter.")]
    if chartered:
        asked.append(f"The charter changed ({', '.join(chartered)}): do its owners agree?")
    if any(c.name.startswith("gate.") for c in review.params):
        asked.append("What the gate accepts changed: who vouches for it?")
    if review.data is not None:
        asked.append("The data changed: is each of the changes meant?")
    if review.packages:
        asked.append(f"{_count(len(review.packages), 'package')} changed: on purpose?")
    loose = [r.stage for r in review.reruns if "not reproducible" in r.why[0]]
    if loose:
        asked.append(f"The same inputs gave other outputs in {', '.join(loose)}: find out why.")
    if review.tries.count > WORN:
        asked.append(
            f"{review.tries.count:,} models were chosen on these validation rows: is it time to "
            "split anew?"
        )
    if review.gaps:
        asked.append(f"{_count(len(review.gaps), 'thing')} could not be compared: does it matter?")
    return asked


# --- the parts --------------------------------------------------------------------------


def _metrics(review: Review) -> list[Block]:
    if not review.metrics:
        return []
    rows = [_metric_row(row, row.name == review.metric, review.currency) for row in review.metrics]
    header = ("metric", "before", "now", "difference on the same rows", "reading")
    note = (
        "Before and now are on all validation rows of their own revision. Readings look at each "
        "metric alone, at 95 % over rows; only the verdict above is adjusted."
    )
    return [Heading("Metrics"), Table(header, rows, frozenset({1, 2, 3})), Text(note)]


def _metric_row(row: MetricRow, main: bool, currency: str) -> list[Cell]:
    def shown(found: Estimate | None) -> str:
        return measured(found["value"], found["interval"]) if found else number(None)

    metric = METRICS.get(row.name)
    title = metric.title if metric else row.name
    if metric and metric.needs in ("value", "rule") and currency:
        title += f", {currency}"
    moved = signed(row.difference) if row.difference else number(None)
    return [
        f"{title} (decides)" if main else title,
        shown(row.base),
        shown(row.head),
        moved,
        row.reading.replace("not clear", UNCLEAR),
    ]


def _changes(review: Review) -> list[Block]:
    blocks: list[Block] = [Heading("What changed")]
    if review.params:
        blocks += [Text("", "Params"), _change_table("key", review.params)]
    if review.code:
        rows: list[list[Cell]] = [[Code(c.file), c.lines, ", ".join(c.stages)] for c in review.code]
        blocks += [Text("", "Code and inputs"), Table(("file", "lines", "stages"), rows)]
    if review.other_files:
        other = _count(review.other_files, "more file")
        blocks.append(Text(f"{other} changed that no stage depends on."))
    if review.packages:
        blocks += [Text("", "Environment"), _change_table("package", review.packages)]
    if review.reruns:
        ran: list[list[Cell]] = [
            [Code(r.stage), ", ".join(r.why), f"{len(r.outputs)} of {r.of}"] for r in review.reruns
        ]
        header = ("stage", "because of", "outputs changed")
        blocks += [Text("", "Stages that ran again"), Table(header, ran, frozenset({2}))]
    if len(blocks) == 1:
        blocks.append(Text("Nothing that a stage depends on."))
    return blocks


def _change_table(name: str, changes: Sequence[Change]) -> Table:
    def shown(value: str) -> Cell:
        return value if value == ABSENT else Code(value)

    rows: list[list[Cell]] = [[Code(c.name), shown(c.old), shown(c.new)] for c in changes]
    return Table((name, "before", "now"), rows)


def _slices(review: Review) -> list[Block]:
    if not review.slices:
        return []
    clear = [row for row in review.slices if row.reading != "not clear"]
    count = len(review.slices)
    text = (
        f"{len(clear)} of {count} slices are clearly better or worse in log loss, after Holm's "
        f"correction for {count} looks."
    )
    rows: list[list[Cell]] = [
        [
            Code(row.column),
            row.value,
            f"{row.rows:,}",
            number(row.base),
            number(row.head),
            signed({"value": row.head - row.base, "interval": row.interval}),
            "< 0.001" if row.p < 0.001 else number(row.p, 3),
            row.reading.replace("not clear", UNCLEAR),
        ]
        for row in review.slices
    ]
    header = ("column", "value", "rows", "before", "now", "difference", "p (Holm)", "reading")
    blocks: list[Block] = [Heading("Slices"), Text(text)]
    drawn = slices_picture(review)
    if drawn is not None:
        image = Image("slices.png", "slices with the clearest differences", png(drawn))
        blocks.append(Pictures(("The clearest slices",), (image,)))
    table = Table(header, rows, frozenset({2, 3, 4, 5, 6}))
    return [*blocks, Fold(f"All {count} slices", (table,))]


def _verdicts(review: Review) -> list[Block]:
    heading = Heading("Checks that changed")
    if not review.verdicts:
        return [heading, Text("None of the verdicts that both revisions have.")]
    rows: list[list[Cell]] = [
        [Code(f.id), f.old or ABSENT, f.new or ABSENT, f.direction, f.why] for f in review.verdicts
    ]
    note = (
        "What the audit found comes from the test split: it may stop a change, but to choose "
        "between changes by it would wear the split out."
    )
    return [heading, Table(("check", "before", "now", "", "why"), rows), Text(note)]


def _model(review: Review) -> list[Block]:
    rows: list[list[Cell]] = [
        [row.name, number(row.old), number(row.new), _moved(row.old, row.new)]
        for row in review.model
    ]
    return [
        Heading("The model"),
        Table(("", "before", "now", "change"), rows, frozenset({1, 2, 3})),
    ]


def _moved(old: int | str | None, new: int | str | None) -> str:
    if isinstance(old, int) and isinstance(new, int):
        return "" if old == new else f"{'+' if new > old else ''}{number(new - old)}"
    return "" if old == new else "changed"


def _data(review: Review) -> list[Block]:
    if review.data is None:
        return []
    blocks: list[Block] = [Heading("The data"), Ready(review.data.text)]
    for name, content in review.data.pictures.items():
        title = name.removesuffix(".png")
        blocks.append(Pictures((title,), (Image(f"data/{name}", title, content),)))
    return blocks


def _figures(review: Review) -> list[Block]:
    if not review.pictures and not review.same_pictures:
        return []
    blocks: list[Block] = [Heading("Figures of evaluate")]
    pairs = []
    for picture in review.pictures:
        images = tuple(
            None
            if content is None
            else Image(f"{side}/{picture.name}", f"{picture.name}, {side}", content)
            for side, content in (("before", picture.base), ("now", picture.head))
        )
        pairs.append(Pictures((f"{picture.name}, before", "now"), images))
    if pairs:
        blocks.append(Fold(f"{_count(len(pairs), 'figure')} differ, before and now", tuple(pairs)))
    if review.same_pictures:
        blocks.append(Text(f"The same in both: {', '.join(review.same_pictures)}."))
    return blocks


def _gaps(review: Review) -> list[Block]:
    if not review.gaps:
        return []
    return [Heading("What could not be compared"), Points(tuple(review.gaps))]


# --- words ------------------------------------------------------------------------------


def signed(found: Estimate) -> str:
    """Return a difference with its sign: ``+0.003 [0.001, 0.007]``."""
    text = measured(found["value"], found["interval"])
    value = found["value"]
    return f"+{text}" if value is not None and value > 0 and not text.startswith(MINUS) else text


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def as_document(review: Review) -> dict[str, Any]:
    """Return the review for JSON: everything but the pictures."""
    found = asdict(review)
    found["pictures"] = [picture.name for picture in review.pictures]
    found["headline"] = headline(review)
    found["to_decide"] = questions(review)
    found["tries"]["comparisons"] = review.tries.comparisons
    found["data"] = None if review.data is None else review.data.text
    for row, metric in zip(found["metrics"], review.metrics, strict=True):
        row["reading"] = metric.reading
    for row, part in zip(found["slices"], review.slices, strict=True):
        row["reading"] = part.reading
    for row, flip in zip(found["verdicts"], review.verdicts, strict=True):
        row["direction"] = flip.direction
    return found
