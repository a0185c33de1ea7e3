"""What the report calls things: steps, pillars, figures, statuses, checks."""

import re
from collections.abc import Sequence

from stages.core.metrics import METRICS
from stages.core.verdicts import Status, Verdict
from stages.report.artefacts import Figure
from stages.report.evidence import count

STATUS_WORDS: dict[Status, str] = {
    "fail": "Fail",
    "insufficient": "Insufficient",
    "warn": "Warning",
    "pass": "Pass",
    "not_applicable": "Not applicable",
}

# Each step of the loop: its name, and the question that it answers.
STEP_WORDS = {
    "define": ("Define", "Is it a problem for machine learning, and when is it solved?"),
    "data": ("Data", "What was collected, is it sound, and which rows serve for what?"),
    "explore": ("Explore", "What stands out in the training rows, and what is done about it?"),
    "features": ("Features", "What does the model see, and why should it help?"),
    "train": ("Train", "Which models were tried, and which one won?"),
    "evaluate": ("Evaluate", "Is it good enough on rows that it did not learn from?"),
    "audit": ("Audit", "What do rows say that nobody has seen, asked from six sides?"),
    "decide": ("Decide", "May it ship, and what is left for a person to decide?"),
}

# Each pillar of the audit: its name, and the question that it asks.
PILLAR_WORDS = {
    "performance": ("Performance", "Is the model as good as promised?"),
    "safety": (
        "Safety",
        "What happens where the input is rare, noisy, missing or out of range, and who is "
        "served worst?",
    ),
    "fairness": ("Fairness", "Are groups of people treated alike, and served equally well?"),
    "privacy_security": (
        "Privacy and security",
        "Can a person be picked out or told to have been in the data, and are the model's "
        "bytes safe to load?",
    ),
    "transparency": (
        "Transparency",
        "Can it be said why the model decides as it does, and does the explanation hold?",
    ),
    "accountability": (
        "Accountability",
        "Is it on record what was built from what, who answers for it, and can it be made again?",
    ),
}

# Each figure, by the stage or pillar that draws it, in the order of the page.
FIGURE_WORDS = {
    "explore/missing": "Missing values by column",
    "explore/histograms": "The distribution of every column, by outcome",
    "explore/box": "The spread of every column, by outcome",
    "explore/scatter_target": "Each column against the outcome",
    "explore/scatter": "Columns against each other",
    "explore/pair": "The columns that part the outcomes best, pair by pair",
    "explore/correlation": "Correlations between columns",
    "evaluate/roc": "How well the model ranks, on validation",
    "evaluate/precision_recall": "How many flags are right, and how many cases are found",
    "evaluate/calibration": "Whether a probability is the share that comes true",
    "evaluate/scores": "The probabilities that each outcome was given",
    "evaluate/threshold": "What decisions bring, by threshold",
    "evaluate/confusion": "Decisions against outcomes",
    "evaluate/learning_curve": "Whether more rows would help",
    "performance/criteria": "The charter's promises on validation and test",
    "performance/calibration": "Whether a probability is the share that comes true, on test",
    "safety/harm": "What wrong and right decisions cost, by who decides",
    "safety/slices": "The parts of the table about which the model is most wrong",
    "safety/disturbed": "How many decisions turn when an input is wrong",
    "fairness/selection_rate": "How often each group is acted on",
    "fairness/error_rates": "How often the decision is right and wrong for each group",
    "privacy_security/anonymity": "How many people share their traits with how many others",
    "privacy_security/membership": "Whether the model betrays who was in its training data",
    "transparency/importance": "What the model looks at",
    "transparency/partial_dependence": "How the probability moves with each input",
    "transparency/reasons": "Why single decisions came out as they did",
    "accountability/lineage": "The chain from the people to the decision",
}


def in_words(name: str) -> str:
    """Return a name of the code for a reader: ``log_loss`` becomes ``Log loss``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def caption(figure: Figure) -> str:
    """Return what a figure shows."""
    return FIGURE_WORDS.get(figure.key, in_words(figure.key.rpartition("/")[2]))


def metric_words(name: str, currency: str = "") -> str:
    """Return the title of a metric, with `currency` as the unit of an amount of money."""
    if name not in METRICS:
        return in_words(name)
    in_money = currency and METRICS[name].needs in ("value", "rule")
    return f"{METRICS[name].title}, {currency}" if in_money else METRICS[name].title


def check_words(name: str) -> str:
    """Return what the verdict called `name` is about: ``fairness.gap:SEX`` is ``Gap: SEX``."""
    base, _, thing = (name.partition(".")[2] or name).partition(":")
    if re.fullmatch(r"[a-z_]+", thing):
        thing = metric_words(thing)
    return f"{metric_words(base)}: {thing}" if thing else metric_words(base)


def answer(verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return whether the model may ship: the word, and the sentence behind it."""
    found, total = count(verdicts), len(verdicts)
    if found["fail"]:
        return "No", f"{found['fail']} of {total} checks fail."
    if found["insufficient"] or not total:
        unknown = f"The data cannot answer {found['insufficient']} of {total} checks"
        return "Not yet", f"{unknown}; a person may accept that by name."
    if found["warn"]:
        return "Yes, with care", f"{found['warn']} of {total} checks warn; none fails."
    return "Yes", f"None of {total} checks warns or fails."
