"""Audit of privacy and security: does the table, or the model, give away persons?

Personal data is found by its form and, where it has one, its check digit; the values
themselves are never written.
"""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from stages.audit.evidence import (
    Check,
    Evidence,
    Findings,
    Ints,
    as_numbers,
    bounded,
    conduct,
    counted,
    holds,
    listed,
    plain,
    spread,
)
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.figures import BLUE, INK, VERMILION, figure, percents
from stages.core.metrics import METRICS, Metric, Predictions, cumulated, decided, measure_all
from stages.core.params import AuditPrivacySecurity, read_params
from stages.core.personal_data import personal_data
from stages.core.schema import Schema
from stages.core.statistics import Floats, ratio
from stages.core.targets import truth
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.personal_data",
        "Is there personal data in a column that is not declared an identifier?",
        "columns of train and test with e-mail, phone, IBAN, payment card, IP or social "
        "security numbers",
        "= 0",
        "data minimisation: EU GDPR, article 5 (1) c",
    ),
    Check(
        "privacy_security.identifiers",
        "Does the model read something that names a single row?",
        "inputs of the model that are identifiers, by schema.yaml or because no value repeats",
        "= 0",
        "an identifier tells nothing about the next row, and the model would keep it",
    ),
    Check(
        "privacy_security.outputs",
        "Is there personal data in what the model's stages wrote?",
        "pieces of personal data in the model file, its manifest and its evaluation",
        "= 0",
        "what is published with the model is read by all",
    ),
    Check(
        "privacy_security.k_anonymity",
        "With how many others does everybody share what outsiders may know of them?",
        "rows of the smallest group with equal quasi-identifiers, in train and test",
        "audit.privacy_security.min_k; a warning while at most max_unique_share of the rows "
        "are in smaller groups",
        "k-anonymity: Sweeney, IJUFKS 10 (2002); the team's k",
    ),
    Check(
        "privacy_security.uniqueness",
        "How many persons stand alone?",
        "share of rows, in train and test, whose quasi-identifiers no other row has",
        "audit.privacy_security.max_unique_share",
        "what the team accepts",
    ),
    Check(
        "privacy_security.membership_auc",
        "Can one tell from the model's answer that a person was in train?",
        "ROC AUC of the attack by loss: the better the answer, the rather a member",
        "audit.privacy_security.max_membership_auc",
        "Yeom and others, IEEE CSF 2018; 0.5 is chance; what the team accepts",
    ),
    Check(
        "privacy_security.membership_tpr",
        "Can one tell it of a few with near certainty?",
        "members found by the same attack at one false alarm in a hundred",
        "audit.privacy_security.max_membership_tpr",
        "Carlini and others, IEEE S&P 2022; 0.01 is chance; what the team accepts",
    ),
    Check(
        "privacy_security.model_file",
        "Is the model file the one that was trained, and does it load without running code?",
        "sha256 of the file; its types, all on the pinned list",
        "= the manifest's sha256",
        "stages/core/models.py",
    ),
    Check(
        "privacy_security.training_rows",
        "Does the model file hold rows of train?",
        "arrays of the file with one entry a training row, or with a training row in them",
        "= 0",
        "a model that keeps its rows gives them to everyone who gets the model",
    ),
    Check(
        "privacy_security.dependencies",
        "Is every package of the environment fixed to its bytes?",
        "requirements of the lock without an exact version and a sha256",
        "= 0",
        "pip's hash-checking mode",
    ),
)

# --- personal data ------------------------------------------------------------------------


def column_texts(column: "pd.Series[Any]") -> list[str]:
    """Return the distinct values of `column` that could be personal data, as text.

    Of numbers, only whole ones with thirteen digits or more can: they are too long for
    amounts and counts, and as long as payment cards.
    """
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return []
    distinct = column.dropna().unique()
    if not pd.api.types.is_numeric_dtype(column):
        return [str(value) for value in distinct]
    return [
        str(int(value)) for value in distinct if abs(value) >= 1e12 and float(value).is_integer()
    ]


def columns_with_personal_data(
    frame: pd.DataFrame, schema: Schema, inputs: Sequence[str], evidence: tuple[str, ...]
) -> tuple[Verdict, list[dict[str, Any]]]:
    """Look for personal data in every column; a declared identifier outside the model may."""
    table: list[dict[str, Any]] = []
    undeclared: list[str] = []
    declared: list[str] = []
    for name in frame:
        kinds = personal_data(column_texts(frame[name]))
        spec = schema.columns.get(str(name))
        identifier = spec is not None and spec.kind == "identifier" and str(name) not in inputs
        for kind, count in kinds.items():
            table.append(
                {
                    "Column": str(name),
                    "Kind": kind,
                    "Distinct values": count,
                    "Declared identifier": identifier,
                }
            )
            (declared if identifier else undeclared).append(f"{name} ({kind})")
    check = "privacy_security.personal_data"
    value = len({row["Column"] for row in table if not row["Declared identifier"]})
    if undeclared:
        why = f"personal data where none is declared: {listed(undeclared)}"
        return Verdict(check, "fail", value, None, "= 0", evidence, why), table
    if declared:
        why = f"personal data in identifiers that the model does not read: {listed(declared)}"
        return Verdict(check, "warn", 0, None, "= 0", evidence, why), table
    why = f"none of {frame.shape[1]} columns holds a known kind of personal data"
    return Verdict(check, "pass", 0, None, "= 0", evidence, why), table


def identifiers(
    frame: pd.DataFrame,
    schema: Schema,
    key: str | None,
    inputs: Sequence[str],
    evidence: tuple[str, ...],
) -> Verdict:
    """Look for inputs that name a single row: declared ones, and codes that never repeat."""
    found = []
    for name in inputs:
        spec = schema.columns.get(name)
        if name == key or (spec is not None and spec.kind == "identifier"):
            found.append(f"{name} (declared)")
        elif name in frame and len(frame) > 1 and _names_rows(frame[name]):
            found.append(f"{name} (no value repeats)")
    why = f"none of the model's {len(inputs)} inputs names a single row"
    if found:
        why = f"the model reads what names a single row: {listed(found)}"
    return counted("privacy_security.identifiers", len(found), evidence, why)


def _names_rows(column: "pd.Series[Any]") -> bool:
    """Return whether a text or whole number is different in every row.

    Fractions are not looked at: measurements seldom repeat, and name nobody.
    """
    if pd.api.types.is_float_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    return not column.duplicated().any()


def json_texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON document; numbers are no texts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from json_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_texts(inner)


def outputs(e: Evidence, model: bytes, evidence: tuple[str, ...]) -> Verdict:
    """Look for personal data in the texts that were written with the model."""
    with ZipFile(io.BytesIO(model)) as archive:
        stored = json.loads(archive.read("schema.json"))
    places = {
        "the model file": stored,
        "its manifest": dict(e.manifest),
        "its evaluation": dict(e.evaluation),
    }
    found, value = [], 0
    for place, document in places.items():
        for kind, count in personal_data(dict.fromkeys(json_texts(document))).items():
            found.append(f"{place} ({kind})")
            value += count
    why = "the model file, its manifest and its evaluation hold no known kind of personal data"
    if found:
        why = f"personal data in {listed(found)}"
    return counted("privacy_security.outputs", value, evidence, why)


# --- anonymity ----------------------------------------------------------------------------


def group_sizes(frame: pd.DataFrame, quasi_identifiers: Sequence[str]) -> Ints:
    """Return the number of rows of each group with equal quasi-identifiers.

    A missing value is a value: it is known to be missing.

    Raises:
        LoopwrightError: a quasi-identifier is not a column of `frame`.
    """
    for name in quasi_identifiers:
        if name not in frame:
            raise LoopwrightError(
                "audit.privacy_security.quasi_identifiers: the table has no column "
                f"'{name}'{did_you_mean(name, map(str, frame))}"
            )
    sizes = frame.groupby(list(quasi_identifiers), dropna=False, observed=True).size()
    return np.asarray(sizes, dtype=np.int64)


def anonymity(
    sizes: Ints, bounds: AuditPrivacySecurity, evidence: tuple[str, ...]
) -> list[Verdict]:
    """Judge the smallest group, and the share of rows that stand alone."""
    names = ", ".join(bounds.quasi_identifiers)
    rows = int(sizes.sum())
    small = int(sizes[sizes < bounds.min_k].sum())
    alone = int(sizes[sizes == 1].sum())
    smallest = int(sizes.min())
    few = small <= bounds.max_unique_share * rows
    return [
        Verdict(
            "privacy_security.k_anonymity",
            "pass" if smallest >= bounds.min_k else "warn" if few else "fail",
            smallest,
            None,
            f">= {bounds.min_k}",
            evidence,
            f"{small:,} of {rows:,} rows ({small / rows:.1%}) share {names} with fewer than "
            f"{bounds.min_k - 1} others; keep them out of what is published row by row",
        ),
        Verdict(
            "privacy_security.uniqueness",
            holds(alone <= bounds.max_unique_share * rows),
            alone / rows,
            None,
            f"<= {plain(bounds.max_unique_share)}",
            evidence,
            f"{alone:,} of {rows:,} rows are the only ones with their {names}",
        ),
    ]


def anonymity_table(sizes: Ints, min_k: int) -> list[dict[str, Any]]:
    """Return how many rows are in groups of which size."""
    edges = [1, 2, max(min_k, 3), max(2 * min_k, 10), 100]
    table = []
    for place, low in enumerate(edges):
        high = edges[place + 1] - 1 if place + 1 < len(edges) else None
        inside = sizes[(sizes >= low) & (sizes <= (high or sizes.max()))]
        label = f"{low} or more" if high is None else f"{low} to {high}"
        if low == high:
            label = str(low)
        table.append({"Group of": label, "Groups": len(inside), "Rows": int(inside.sum())})
    return table


# --- membership ---------------------------------------------------------------------------

FALSE_ALARMS = 0.01


def tpr_at_fpr(p: Predictions, weights: npt.NDArray[Any]) -> Floats:
    """Return the true positive rate while at most one negative in a hundred is taken, (d,)."""
    true, false = cumulated(p, weights)
    within = false <= FALSE_ALARMS * false[:, -1:]
    # Along the scores both only grow, so the last that is within is the greatest.
    taken = np.where(within, true, 0).max(axis=1)
    return ratio(taken, true[:, -1])


TPR_AT_FPR = Metric(
    "tpr_at_fpr",
    "True positive rate at 1 % false positives",
    "higher",
    0,
    1,
    frozenset({"binary"}),
    "score",
    tpr_at_fpr,
)


@dataclass(frozen=True)
class Membership:
    """What an attacker sees of as many members as others.

    Attributes:
        member: the probability that the model gave to what happened, train rows; of a
            number how near the prediction was, from 0 to 1.
        other: the same of test rows.
    """

    member: Floats
    other: Floats

    @property
    def attack(self) -> Predictions:
        """The attack by loss, as predictions of who is a member."""
        is_member = np.repeat([1, 0], [len(self.member), len(self.other)]).astype(np.int64)
        given = np.concatenate([self.member, self.other])
        return Predictions(is_member, given, is_member)


def membership(e: Evidence) -> Membership:
    """Let the model answer for as many train rows as there are test rows."""
    seen = e.train.iloc[spread(len(e.train), len(e.test))]
    answers = e.ask(seen.drop(columns=e.target.column))
    of_seen = decided(truth(seen, e.target), answers, e.costs, classes=e.classes)
    # Of a number: 1 where it was told exactly, the less the further off.
    scale = e.spread_of_target**2
    return Membership(np.exp(-of_seen.row_loss / scale), np.exp(-e.predictions.row_loss / scale))


def inference(
    m: Membership,
    draws: int,
    random_state: int,
    bounds: AuditPrivacySecurity,
    evidence: tuple[str, ...],
) -> list[Verdict]:
    """Hold the attack's success against its bounds."""
    measured = measure_all(m.attack, draws, random_state, metrics=[METRICS["roc_auc"], TPR_AT_FPR])
    return [
        bounded(
            "privacy_security.membership_auc",
            measured["roc_auc"].estimate(),
            "at_most",
            bounds.max_membership_auc,
            evidence,
            "how well the quality of an answer tells rows of train from others (0.5 is chance)",
        ),
        bounded(
            "privacy_security.membership_tpr",
            measured[TPR_AT_FPR.name].estimate(),
            "at_most",
            bounds.max_membership_tpr,
            evidence,
            "share of train rows that are told at one false alarm in a hundred (0.01 is chance)",
        ),
    ]


# --- the model file and the environment ---------------------------------------------------


def model_file(
    model: bytes, manifest_sha256: str, path: Path, evidence: tuple[str, ...]
) -> Verdict:
    """Hold the file's bytes against the manifest; its types were checked when it was loaded."""
    found = hashlib.sha256(model).hexdigest()
    same = found == manifest_sha256
    why = f"{path.as_posix()} has the manifest's bytes, and holds only types of the pinned list"
    if not same:
        why = f"{path.as_posix()} does not have the manifest's bytes"
    return Verdict(
        "privacy_security.model_file",
        holds(same),
        found[:12],
        None,
        f"= {manifest_sha256[:12]}",
        (path.as_posix(), *evidence),
        why,
    )


def arrays(model: bytes) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the name and the content of each array in a model file."""
    with ZipFile(io.BytesIO(model)) as archive:
        for name in archive.namelist():
            if name.endswith(".npy"):
                yield name, np.load(io.BytesIO(archive.read(name)), allow_pickle=False)


def training_rows(
    model: bytes,
    train: pd.DataFrame,
    features: npt.NDArray[np.float64] | None,
    evidence: tuple[str, ...],
) -> Verdict:
    """Look for train in the arrays of the model file.

    Args:
        model: the bytes of the file.
        train: the rows of train, the model's inputs only.
        features: the same rows as the model's last step sees them, where it has steps.
        evidence: the files that show it.
    """
    raw = np.ascontiguousarray(as_numbers(train).to_numpy(dtype=np.float64))
    known = [rows for rows in (raw, features) if rows is not None and rows.shape[1] > 1]
    found = []
    for name, array in arrays(model):
        if array.ndim and array.shape[0] == len(train) > 1:
            found.append(f"{name} has an entry for each row of train")
        elif array.ndim == 2 and array.dtype.kind in "fiu":
            held = sum(_shared_rows(array, rows) for rows in known)
            if held:
                found.append(f"{name} holds {held} rows of train")
    why = "no array of the model file has an entry a training row, or a training row in it"
    if found:
        why = f"in the model file, {listed(found, 3)}"
    return counted("privacy_security.training_rows", len(found), evidence, why)


def _shared_rows(array: npt.NDArray[Any], rows: npt.NDArray[np.float64]) -> int:
    """Return how many rows of `array` are rows of `rows`, number by number."""
    if array.shape[1] != rows.shape[1]:
        return 0
    # Adding 0 makes minus zero zero; a row that is all zeros is nobody's.
    known = {row.tobytes() for row in rows + 0.0 if row.any()}
    return sum(row.tobytes() in known for row in array.astype(np.float64) + 0.0)


def features_of(model: Any, rows: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Return `rows` as the last step of a pipeline sees them; None where there are no steps."""
    steps = getattr(model, "steps", ())
    if len(steps) < 2:
        return None
    return np.asarray(model[:-1].transform(rows), dtype=np.float64)


def dependencies(lock: str, evidence: tuple[str, ...]) -> Verdict:
    """Ask that every requirement of the lock has an exact version and a hash."""
    lines = re.sub(r"\\\n", " ", lock).splitlines()
    wanted = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    wanted = [line for line in wanted if not line.startswith(("--index-url", "--extra-index-url"))]
    loose = [
        re.split(r"[\s;=<>~!@\[]", line)[0]
        for line in wanted
        if not re.match(r"[\w.-]+(?:\[[\w,.-]+\])?==[\w.!+-]+(?=[\s;])", line)
        or not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line)
    ]
    if not wanted:
        why = "the lock names no requirement: nothing is fixed"
        return Verdict("privacy_security.dependencies", "fail", None, None, "= 0", evidence, why)
    why = f"each of {len(wanted)} requirements has an exact version and a sha256"
    if loose:
        why = f"without an exact version or a sha256: {listed(loose)}"
    return counted("privacy_security.dependencies", len(loose), evidence, why)


# --- figures ------------------------------------------------------------------------------


def draw_membership(m: Membership) -> Figure:
    """Draw how sure the model was of what happened, for train and for test rows."""
    fig, ax = figure(7.2, 3.6)
    edges = np.linspace(0, 1, 41)
    lines = ((m.member, VERMILION, "rows of train"), (m.other, BLUE, "new rows"))
    for given, colour, label in lines:
        shares = np.histogram(given, edges)[0] / max(len(given), 1)
        ax.stairs(100 * shares, edges, color=colour, linewidth=1.8, label=label)
    ax.set(
        title="Does the model betray who was in its training data?",
        xlabel="probability that the model gave to what then happened\n"
        "the closer the two lines, the less an outsider can tell",
        ylabel="share of the rows (%)",
        xlim=(0, 1),
    )
    ax.legend(loc="upper left")
    return fig


def draw_anonymity(table: Sequence[dict[str, Any]], names: Sequence[str], min_k: int) -> Figure:
    """Draw how many rows share their quasi-identifiers with how many."""
    fig, ax = figure(7.2, 3.0)
    rows = np.array([row["Rows"] for row in table], dtype=np.float64)
    share = rows / max(rows.sum(), 1)
    unsafe = [int(str(row["Group of"]).split()[0]) < min_k for row in table]
    colours = [VERMILION if low else BLUE for low in unsafe]
    ax.barh(range(len(table)), 100 * share, color=colours, height=0.6)
    for place, text in enumerate(percents([float(s) for s in share])):
        note = f"{text}, too few to hide among" if unsafe[place] else text
        ax.text(100 * share[place] + 1, place, note, va="center", color=INK)
    ax.set(
        title=f"How many people are equal in {', '.join(names)}?",
        xlabel="share of all rows (%)",
        ylabel="people who are equal",
        yticks=range(len(table)),
        yticklabels=[str(row["Group of"]) for row in table],
        ylim=(len(table) - 0.5, -0.5),
        xlim=(0, 100),
    )
    ax.grid(axis="y", visible=False)
    return fig


# --- the pillar ---------------------------------------------------------------------------


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Answer every check of the pillar.

    Raises:
        LoopwrightError: a quasi-identifier is not a column of the table.
    """
    model = e.model_file.read_bytes()
    table = pd.concat([e.train, e.test], ignore_index=True)
    personal, found_data = columns_with_personal_data(table, e.schema, e.inputs, e.paths())
    attacked = membership(e)
    inputs = [name for name in e.inputs if name in e.train]
    found = Findings()
    found.verdicts = [
        personal,
        identifiers(table, e.schema, e.key, e.inputs, e.paths()),
        outputs(e, model, e.paths()),
        *inference(attacked, e.draws, e.random_state, bounds, e.paths("membership")),
        model_file(model, str(e.manifest.get("sha256")), e.model_file, e.paths()),
        training_rows(model, e.train[inputs], features_of(e.model, e.train), e.paths()),
        dependencies(e.lock, e.paths()),
    ]
    found.tables = {"Personal data": found_data}
    found.figures = {"membership": draw_membership(attacked)}
    if bounds.quasi_identifiers:
        sizes = group_sizes(table, bounds.quasi_identifiers)
        shown = anonymity_table(sizes, bounds.min_k)
        found.verdicts += anonymity(sizes, bounds, e.paths("anonymity"))
        found.tables["Anonymity"] = shown
        names = [e.title(name) for name in bounds.quasi_identifiers]
        found.figures["anonymity"] = draw_anonymity(shown, names, bounds.min_k)
    else:
        why = "audit.privacy_security.quasi_identifiers names no column"
        found.verdicts += [
            Verdict(f"privacy_security.{name}", "not_applicable", None, None, None, e.paths(), why)
            for name in ("k_anonymity", "uniqueness")
        ]
    return found


def main(
    *,
    params: Path,
    schema: Path,
    lock: Path,
    train: Path,
    test: Path,
    model: Path,
    model_manifest: Path,
    evaluation: Path,
    verdicts: Path,
    figures: Path,
    files: Path,
) -> None:
    """Audit the privacy and security of `model`; write `verdicts`, `figures` and `files`."""
    chosen = read_params(params)
    conduct(
        CHECKS,
        partial(examine, bounds=chosen.audit.privacy_security),
        params=params,
        schema=schema,
        lock=lock,
        train=train,
        test=test,
        model=model,
        model_manifest=model_manifest,
        evaluation=evaluation,
        verdicts=verdicts,
        figures=figures,
        files=files,
    )
