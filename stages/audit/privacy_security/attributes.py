"""Attribute inference: does the model's answer tell what a person keeps to themselves?

What the other columns tell anyhow is no fault of the model. So two attackers guess each
sensitive feature: one knows the rest of the row and the outcome, the other sees the answer
as well. Only what the second knows better was given away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import HistGradientBoostingClassifier

from stages.audit.evidence import Check, Evidence, Findings, Ints, as_numbers, bounded, spread
from stages.core.figures import BLUE, VERMILION, figure
from stages.core.params import AuditPrivacySecurity
from stages.core.statistics import UNDEFINED, Estimate, Floats, bootstrap, estimate, weighted_mean
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.attribute_inference",
        "Does the model's answer tell more of a sensitive feature than the rest of the row does?",
        "balanced accuracy of guessing the feature from the other columns, the outcome and the "
        "answer, less that without the answer",
        "audit.privacy_security.max_attribute_gain",
        "Jayaraman and Evans, ACM CCS 2022; 0 is nothing given away; what the team accepts",
    ),
)

# Rows that are guessed: enough for an interval of a few points, and a matter of seconds.
ROWS = 3000
# Groups with fewer of them are guessed as one; a rate of fewer says little.
MIN_ROWS = 100
# A number with more values than this is guessed as its third of train.
MAX_GROUPS = 10
# The finest that an attacker looks at a number: 32 parts of it.
BINS = 32
FOLDS = 2


@dataclass(frozen=True)
class Attack:
    """How often a feature was guessed, each of its groups counting alike.

    Attributes:
        groups: how many groups there are to guess among.
        without: the balanced accuracy without the model's answer.
        answered: the same with it.
        gain: the difference on the same rows.
    """

    groups: int
    without: float
    answered: float
    gain: Estimate


def groups_of(column: "pd.Series[Any]", train: "pd.Series[Any]") -> Ints:
    """Return the group of each row, shape (rows,); -1 where its group is too small to guess.

    Groups are the values, a missing one included; of a number with many, its third of train.
    """
    codes, found = pd.factorize(column, sort=True, use_na_sentinel=False)
    if pd.api.types.is_numeric_dtype(column) and len(found) > MAX_GROUPS:
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        edges = np.nanquantile(train.to_numpy(dtype=np.float64, na_value=np.nan), [1 / 3, 2 / 3])
        codes = np.where(np.isnan(numbers), 3, np.searchsorted(edges, numbers, side="left"))
    sizes = np.bincount(codes)[codes]
    codes = np.where(sizes < MIN_ROWS, codes.max() + 1, codes)
    codes = np.where(np.bincount(codes)[codes] < MIN_ROWS, -1, codes)
    kept = np.unique(codes[codes >= 0])
    return np.where(codes < 0, -1, np.searchsorted(kept, codes)).astype(np.int64)


def suspicions(e: Evidence, rows: pd.DataFrame, answers: Floats, name: str, codes: Ints) -> Floats:
    """Return how far the answer to each group is from the one given, shape (rows, groups).

    An attacker may ask the model about the same row with each group in turn. A model that
    does not read the feature answers all alike, and is not asked.
    """
    if name not in e.inputs:
        return np.zeros((len(rows), 0))
    columns = []
    for group in range(codes.max() + 1):
        members = rows[name][codes == group].sort_values(kind="stable")
        value = members.iloc[(len(members) - 1) // 2]
        supposed = pd.Series([value] * len(rows), index=rows.index, dtype=rows[name].dtype)
        columns.append(e.moved(answers, e.ask(rows.assign(**{name: supposed}))))
    return np.stack(columns, axis=1)


def coarse(known: Floats) -> Floats:
    """Return each column as the bin of its quantiles, missing where it is, (rows, columns).

    Trees ask no more than `BINS` places each. Found once, they cost little; found anew for
    each fit, and by weights, they are most of its time.
    """
    inner = np.linspace(0, 1, BINS + 1)[1:-1]
    columns = []
    for column in known.T:
        seen = column[~np.isnan(column)]
        edges = np.unique(np.quantile(seen, inner)) if len(seen) else seen
        bins = np.searchsorted(edges, column, side="left").astype(np.float64)
        columns.append(np.where(np.isnan(column), np.nan, bins))
    return np.stack(columns, axis=1)


def guessed(known: Floats, codes: Ints, random_state: int) -> Ints:
    """Return the group that an attacker guesses for each row, from rows of the other half."""
    # Within each group the rows take turns, so that both halves hold all groups.
    turn = pd.Series(codes).groupby(codes).cumcount().to_numpy() % FOLDS
    found = np.empty(len(codes), dtype=np.int64)
    for fold in range(FOLDS):
        attacker = HistGradientBoostingClassifier(
            max_iter=40,
            max_leaf_nodes=8,
            max_bins=BINS,
            class_weight="balanced",
            early_stopping=False,
            random_state=random_state,
        )
        attacker.fit(known[turn != fold], codes[turn != fold])
        found[turn == fold] = attacker.predict(known[turn == fold])
    return found


def balanced_accuracy(right: Floats, codes: Ints, weights: Any) -> Floats:
    """Return the share guessed right, the mean over the groups, (d, k) from `right` (rows, k)."""
    groups = [codes == group for group in range(codes.max() + 1)]
    shares = [weighted_mean(right[group], weights[:, group]) for group in groups]
    return np.asarray(np.mean(shares, axis=0))


def attack(e: Evidence, name: str) -> Attack | None:
    """Guess the sensitive feature `name`; None where fewer than two groups can be guessed."""
    places = spread(len(e.test), ROWS)
    codes = groups_of(e.test[name].iloc[places], e.train[name])
    places, codes = places[codes >= 0], codes[codes >= 0]
    if not len(codes) or codes.max() < 1:
        return None
    rows, answers = e.rows.iloc[places], e.predicted[places]
    hidden = [column for column in (name, e.key, e.weight) if column in rows]
    others = as_numbers(rows.drop(columns=hidden)).to_numpy()
    outcome = as_numbers(e.test[[e.target.column]].iloc[places]).to_numpy()
    known = np.column_stack([others, outcome])
    seen = np.column_stack([known, answers, suspicions(e, rows, answers, name, codes)])
    right = np.stack(
        [guessed(coarse(what), codes, e.random_state) == codes for what in (known, seen)], axis=1
    ).astype(np.float64)
    without, answered = balanced_accuracy(right, codes, np.ones((1, len(codes))))[0]
    drawn = bootstrap(
        lambda weights: balanced_accuracy(right, codes, weights),
        len(codes),
        e.draws,
        e.random_state,
        None if e.entities is None else e.entities.iloc[places],
    )
    return Attack(
        int(codes.max()) + 1,
        float(without),
        float(answered),
        estimate(float(answered - without), drawn[:, 1] - drawn[:, 0]),
    )


def draw_attacks(titles: Sequence[str], attacks: Sequence[Attack]) -> Figure:
    """Draw how often each feature is guessed, without the answer and with it."""
    fig, ax = figure(7.2, 1.6 + 0.55 * len(attacks))
    for place, found in enumerate(attacks):
        ends = [100 * found.without, 100 * found.answered]
        ax.plot(ends, [place, place], color=VERMILION, linewidth=2)
        ax.plot(ends[0], place, "o", color=BLUE, markersize=8)
        ax.plot(ends[1], place, "D", color=VERMILION, markersize=6)
        ax.plot([100 / found.groups] * 2, [place - 0.3, place + 0.3], color="0.35", linestyle=":")
    for marker, colour, label in (
        ("o", BLUE, "from the rest of the row"),
        ("D", VERMILION, "with the model's answer"),
    ):
        ax.plot([], [], marker, color=colour, label=label)
    ax.plot([], [], color="0.35", linestyle=":", label="by chance")
    ax.set(
        title="Does the model's answer betray a sensitive feature?",
        xlabel="guessed right, each group counting alike (%)",
        yticks=range(len(titles)),
        yticklabels=titles,
        ylim=(len(titles) - 0.4, -0.6),
        xlim=(0, 100),
    )
    ax.grid(axis="y", visible=False)
    ax.legend(loc="best")
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Guess each sensitive feature, with the answer of the model and without."""
    check = CHECKS[0].id
    found = Findings()
    names = [name for name in dict.fromkeys(e.sensitive_features) if name in e.rows]
    if not names:
        why = "the charter names no sensitive feature"
        none = Verdict(check, "not_applicable", None, None, None, e.paths(), why)
        return Findings([none])
    shown: dict[str, Attack] = {}
    for name in names:
        attacked = attack(e, name)
        why = f"fewer than two groups of {e.title(name)} have {MIN_ROWS} rows"
        if attacked is not None:
            shown[name] = attacked
            why = (
                f"{e.title(name)} is guessed right in {attacked.without:.1%} of its "
                f"{attacked.groups} groups' rows without the model's answer and in "
                f"{attacked.answered:.1%} with it (by chance {1 / attacked.groups:.1%})"
            )
        found.verdicts.append(
            bounded(
                f"{check}:{name}",
                attacked.gain if attacked else UNDEFINED,
                "at_most",
                bounds.max_attribute_gain,
                e.paths("attributes") if attacked else e.paths(),
                why,
            )
        )
    found.tables["Attribute inference"] = [
        {
            "Feature": e.title(name),
            "Groups": attacked.groups,
            "Guessed without the answer": attacked.without,
            "Guessed with it": attacked.answered,
            "Gain": attacked.gain["value"],
        }
        for name, attacked in shown.items()
    ]
    if shown:
        titles = [e.title(name) for name in shown]
        found.figures["attributes"] = draw_attacks(titles, list(shown.values()))
    return found
