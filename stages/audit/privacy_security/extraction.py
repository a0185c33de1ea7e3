"""Extraction: how many questions does it take to copy the model?

The thief asks about rows like those of train, fits a model to the answers and is right
where the copy decides as the model does. Any model can be copied with questions enough; how
many is what a limit on requests is to be held against.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.audit.evidence import Check, Evidence, Findings, as_numbers, bounded, spread
from stages.core.figures import VERMILION, figure
from stages.core.params import AuditPrivacySecurity
from stages.core.statistics import UNDEFINED, Floats, bootstrap, estimate, ratio
from stages.core.verdicts import Verdict

CHECKS = (
    Check(
        "privacy_security.extraction",
        "Can the model be copied from its answers?",
        "of the test decisions that deciding alike for all gets wrong, the share that a copy "
        "gets right which was fitted to the answers to audit.privacy_security."
        "extraction_queries rows; runs at audit.level: deep",
        "audit.privacy_security.max_extraction",
        "Tramèr and others, USENIX Security 2016; beyond 0.9 agreement above chance counts as "
        "almost perfect: McHugh, Biochemia Medica 22 (2012)",
    ),
)

ROWS = 4000


def copied(asked: Floats, answers: Floats, others: Floats, random_state: int) -> Floats:
    """Return what a copy says of `others`, in the shape of `answers`.

    A linear model comes first and trees learn what it leaves: a straight line takes many steps.
    """
    linear = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), Ridge())
    columns = []
    for answer in answers.reshape(len(answers), -1).T:
        copy = HistGradientBoostingRegressor(
            max_iter=100,
            max_leaf_nodes=15,
            max_bins=64,
            min_samples_leaf=min(20, max(2, len(asked) // 20)),
            early_stopping=False,
            random_state=random_state,
        )
        line = linear.fit(asked, answer)
        copy.fit(asked, answer - line.predict(asked))
        columns.append(line.predict(others) + copy.predict(others))
    return np.stack(columns, axis=1).reshape(len(others), *answers.shape[1:])


def sizes(queries: int) -> list[int]:
    """Return numbers of questions up to `queries`, each about three times the one before."""
    return sorted({max(20, queries // 3**step) for step in range(4)} | {queries})


def fidelity(e: Evidence, queries: int) -> tuple[list[int], list[npt.NDArray[Any]], Any]:
    """Return the sizes, where each copy decides otherwise, and where the dummy does.

    Each array has shape (test rows that are looked at,).
    """
    train = e.train.drop(columns=e.target.column)
    asked = train.iloc[spread(len(train), queries)]
    places = spread(len(e.test), ROWS)
    others = e.rows.iloc[places]
    inputs = [name for name in e.inputs if name in train]
    # Coded together, so that a value has one code.
    codes = as_numbers(pd.concat([asked[inputs], others[inputs]], ignore_index=True)).to_numpy()
    # Some questions are the first of more: mixed, or they would be the first rows of train.
    order = np.random.default_rng([e.random_state, 11]).permutation(len(asked))
    questions, rest = codes[: len(asked)][order], codes[len(asked) :]
    answers, truly = e.ask(asked)[order], e.predicted[places]
    budgets = sizes(len(asked))
    wrong = []
    for size in budgets:
        copy = copied(questions[:size], answers[:size], rest, e.random_state)
        wrong.append(e.turned(truly, _possible(e, copy)))
    return budgets, wrong, _otherwise_alike(e, answers, truly)


def _otherwise_alike(e: Evidence, answers: Floats, truly: Floats) -> npt.NDArray[np.bool_]:
    """Return where the model decides otherwise than it does most often, (rows,).

    That is the best of deciding alike for all (Goodman and Kruskal, Journal of the American
    Statistical Association 49, 1954). Of a number it is the median of the answers.
    """
    if e.task == "regression":
        return e.turned(truly, np.full(truly.shape, np.median(answers)))
    kinds, counts = np.unique(e.decide(answers), return_counts=True)
    return np.asarray(e.decide(truly) != kinds[counts.argmax()])


def _possible(e: Evidence, copy: Floats) -> Floats:
    """Return answers as the task has them: probabilities from 0 to 1 that sum to 1."""
    if e.task == "regression":
        return copy
    copy = np.clip(copy, 1e-9, 1)
    return copy / copy.sum(axis=1, keepdims=True) if copy.ndim == 2 else copy


def draw_extraction(budgets: list[int], shares: list[float], bound: float) -> Figure:
    """Draw how much of the model is copied, by the number of questions."""
    fig, ax = figure(7.2, 3.4)
    ax.plot(budgets, [100 * share for share in shares], "o-", color=VERMILION, linewidth=2)
    ax.axhline(100 * bound, color="0.35", linestyle=":", label="the bound")
    ax.set(
        title="How many questions does it take to copy the model?",
        xlabel="questions asked (each step about three times the one before)",
        ylabel="decisions copied (%)",
        xscale="log",
        ylim=(min(0.0, 100 * min(shares)), 102),
    )
    ax.set_xticks(budgets, [f"{size:,}" for size in budgets])
    ax.minorticks_off()
    ax.legend(loc="lower right")
    return fig


def examine(e: Evidence, bounds: AuditPrivacySecurity) -> Findings:
    """Copy the model."""
    check = CHECKS[0].id
    if e.level != "deep":
        why = "runs at audit.level: deep"
        return Findings([Verdict(check, "not_applicable", None, None, None, e.paths(), why)])
    budgets, wrong, alike = fidelity(e, bounds.extraction_queries)

    def share(weights: Any, missed: Any) -> Floats:
        return 1 - ratio(weights @ missed.astype(np.float64), weights @ alike.astype(np.float64))

    once = np.ones((1, len(alike)))
    shares = [float(share(once, missed)[0]) for missed in wrong]
    measured = UNDEFINED
    why = "the model decides alike for all rows: there is nothing to copy"
    figures = {}
    if alike.any():
        places = spread(len(e.test), ROWS)
        groups = None if e.entities is None else e.entities.iloc[places]
        drawn = bootstrap(
            lambda w: share(w, wrong[-1]), len(alike), e.draws, e.random_state, groups
        )
        measured = estimate(shares[-1], drawn)
        agreed = 1 - float(wrong[-1].mean())
        why = (
            f"after {budgets[-1]:,} questions a copy decides as the model does in {agreed:.1%} "
            f"of the rows; deciding alike for all does in {1 - float(alike.mean()):.1%}"
        )
        figures = {"extraction": draw_extraction(budgets, shares, bounds.max_extraction)}
    shown = e.paths(*figures)
    return Findings(
        [bounded(check, measured, "at_most", bounds.max_extraction, shown, why)],
        {
            "Extraction": [
                {"Questions": size, "Same decision": 1 - float(missed.mean()), "Copied": copy}
                for size, missed, copy in zip(budgets, wrong, shares, strict=True)
            ]
            if figures
            else []
        },
        figures,
    )
