"""What the report calls things: states, steps, pillars, figures, tables, checks."""

import re
from collections.abc import Sequence
from typing import Literal

from stages.core.metrics import METRICS
from stages.core.verdicts import SEVERITY, Status, Verdict, worst
from stages.report.evidence import count

# A step of which nothing is there has the state `not_run`; its checks fail all the same.
State = Status | Literal["not_run"]
STATES: tuple[State, ...] = (SEVERITY[0], "not_run", *SEVERITY[1:])

STATE_WORDS: dict[State, str] = {
    "fail": "Fail",
    "not_run": "Not run",
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

# What a step is called on a page of its own name.
HEADINGS = {"data": "Collect"}

# Each pillar of the audit: its name, a question to which yes is the good answer, and why
# it is asked.
PILLAR_WORDS = {
    "performance": (
        "Performance",
        "Is the model as good as promised?",
        "The charter promised numbers before there was a model. Here they are measured on rows "
        "that no earlier step has seen: neither the model nor the people who built it could "
        "have learned them by heart.",
    ),
    "safety": (
        "Safety",
        "Does the model stay sound where the input is rare, noisy, missing or out of range?",
        "A model that is right on the average can be wrong for a few, or break on a bad input. "
        "Parts of the table are looked at one by one, and inputs are disturbed on purpose.",
    ),
    "fairness": (
        "Fairness",
        "Are groups of people treated alike, and served equally well?",
        "For each group: how often the model acts on its people, and how often it is right and "
        "wrong about them. A difference is not yet an injustice, but somebody has to answer "
        "for it.",
    ),
    "privacy_security": (
        "Privacy and security",
        "Are the people in the data hidden, and is the model's file safe to load?",
        "Rare traits single people out; a model that remembers its rows betrays who was among "
        "them; and a file of a model can carry code.",
    ),
    "transparency": (
        "Transparency",
        "Can it be said why the model decides as it does, and does the explanation hold?",
        "Who is decided about may ask why. The inputs that move the model are named, and the "
        "explanation is itself held against what the model does.",
    ),
    "accountability": (
        "Accountability",
        "Is it on record what was built from what, who answers for it, and can it be made again?",
        "When something goes wrong, somebody must be able to go back along the chain from the "
        "decision to the people and the bytes behind it.",
    ),
}

# Each figure, by the stage or pillar that draws it, in the order of the page.
FIGURE_WORDS = {
    "explore/target": "The target itself",
    "explore/ranking": "How much of the target each column explains alone",
    "explore/missing": "Missing values by column",
    "explore/histograms": "The distribution of every column, in the colours of the target",
    "explore/box": "The spread of every quantity",
    "explore/target_means": "The mean of the target along each column",
    "explore/scatter_target": "The target along each column",
    "explore/box_target": "The spread of the target in the parts of each column",
    "explore/scatter": "Columns against each other",
    "explore/pair": "The columns that tell most of the target, pair by pair",
    "explore/correlation": "Correlations between columns, and with the target",
    "featurize/evidence": "What each created feature adds to the columns that it is made of",
    "featurize/selection": "What selection kept and left out",
    "tune/search": "What the search tried, and what it found",
    "train/leaderboard": "The candidates against the winner",
    "evaluate/roc": "How well the model ranks, on validation",
    "evaluate/roc_by_class": "How well the model ranks each class against the others",
    "evaluate/precision_recall": "How many flags are right, and how many cases are found",
    "evaluate/calibration": "Whether a probability is the share that comes true",
    "evaluate/scores": "The probabilities that each outcome was given",
    "evaluate/threshold": "What decisions bring, by threshold",
    "evaluate/confusion": "Decisions against outcomes",
    "evaluate/predicted": "Predictions against what happened",
    "evaluate/residuals": "How far predictions lie from what happened",
    "evaluate/residual_distribution": "How large errors are, and to which side",
    "evaluate/by_prediction": "Whether small and large predictions come true in the mean",
    "evaluate/confused_pairs": "Which classes are taken for which others",
    "evaluate/slices": "The parts of validation about which the model is most wrong",
    "evaluate/residual_structure": "Where errors still follow a column",
    "evaluate/recalibration": "Whether recalibrated probabilities would come true better",
    "evaluate/learning_curve": "Whether more rows would help",
    "evaluate/validation_curve": "Whether a simpler or a richer model would help",
    "performance/criteria": "The charter's promises on validation and test",
    "performance/calibration": "Whether a probability is the share that comes true, on test",
    "safety/harm": "What wrong and right decisions cost, by who decides",
    "safety/change": "How many decisions turn, and what is lost, by the size of a change",
    "safety/responses": "Whether the answer follows a column as the charter promises",
    "safety/slices": "The parts of the table about which the model is most wrong",
    "safety/coverage": "For whom the prediction sets hold the truth less often than promised",
    "safety/abstention": "What it brings to leave the least sure rows to a person",
    "safety/disturbed": "How many decisions turn when an input is wrong",
    "fairness/selection_rate": "How often each group is acted on",
    "fairness/error_rates": "How often the decision is right and wrong for each group",
    "fairness/group_calibration": "Whether the probability is right for each group",
    "fairness/mean_error": "Whether the predicted number is right for each group",
    "fairness/mitigation": "What less difference between groups would cost",
    "privacy_security/anonymity": "How many people share their traits with how many others",
    "privacy_security/attributes": "Whether the answer betrays a sensitive feature",
    "privacy_security/evasion": "How soon small changes turn a decision",
    "privacy_security/extraction": "How many questions it takes to copy the model",
    "privacy_security/membership": "Whether the model betrays who was in its training data",
    "privacy_security/shadows": "Whether shadow models tell who was in the training data",
    "transparency/importance": "What the model looks at",
    "transparency/shapley_values": "What each input adds to the answers",
    "transparency/partial_dependence": "How the prediction moves with each input",
    "transparency/counterfactuals": "What would have turned the decision",
    "transparency/centred_curves": "Whether an input acts alike for all rows",
    "transparency/reasons": "Why single decisions came out as they did",
    "accountability/lineage": "The chain from the people to the decision",
}

# What stages call their tables, where the name alone says too little: the title, and how
# to read it.
TABLE_WORDS = {
    "ingest/sources": ("The sources one by one", ""),
    "ingest/notes": ("What a reader of the table should know", ""),
    "evaluate/slices": (
        "Slices",
        "Parts of validation. Many intervals stand side by side here: one in twenty misses by "
        "chance.",
    ),
    "evaluate/thresholds": (
        "Thresholds",
        "The one that follows from the costs decides; the best one on validation is shown "
        "beside it and has seen these very rows.",
    ),
    "evaluate/rows": ("Rows of validation", ""),
    "evaluate/findings": ("What the errors have in common", ""),
    "evaluate/residual_structure": ("Where errors still follow a column", ""),
    "evaluate/recalibration": ("Would recalibration help?", ""),
    "evaluate/baseline": ("The baseline that the charter names", ""),
    "evaluate/more_rows": ("What more rows would bring", ""),
    "evaluate/probes": (
        "The model made simpler and richer",
        "One parameter is moved at a time, to see which way the error falls.",
    ),
    "evaluate/training_curve": ("How the error moved while the model was fitted", ""),
    "evaluate/lone_columns": (
        "How much single columns explain",
        "A column that explains nearly all by itself is often known only after the decision.",
    ),
    "evaluate/drift": ("How far validation lies from train, by column", ""),
    "evaluate/skill": ("Share of the error that the model takes away", ""),
    "explore/summary": (
        "What was looked at",
        "What is no count of rows or columns is of the target.",
    ),
    "explore/associations": (
        "How strongly each column goes with the target",
        "Explained: the share of the target that a column alone takes away, by what the other "
        "half of the rows says of its bins or categories; of a number, of its ranks. Mutual "
        "information is in nats. In brackets: 95 % intervals.",
    ),
    "featurize/created_together": ("All created features together", ""),
    "fairness/Groups": (
        "Groups",
        "Each group of people, and how the model decides about it. In brackets: 95 % intervals.",
    ),
    "fairness/Intersections": (
        "Groups within groups",
        "People who share two traits. Small groups have wide intervals, or none.",
    ),
    "fairness/Disparities": (
        "Differences between groups",
        "The largest difference or the smallest ratio between any two groups that have enough "
        "rows.",
    ),
    "fairness/Numbers by group": (
        "Predicted numbers by group",
        "Errors are prediction less truth, in standard deviations of the target.",
    ),
    "fairness/Mitigation": (
        "What could be done about it",
        "Measured, and not done: the model and its threshold are as they were.",
    ),
    "fairness/Set by group": (
        "What would be set for each group",
        "Fitted on validation and measured on test: a probability from which to act; of classes "
        "what deciding for one counts as bringing more; of a number what is taken off.",
    ),
}


# Names of the code that are names of people or of measures.
_SPELT = {"cramers_v": "Cramér's V", "spearman": "Spearman's correlation"}


def in_words(name: str) -> str:
    """Return a name of the code for a reader: ``log_loss`` becomes ``Log loss``."""
    if name in _SPELT:
        return _SPELT[name]
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def caption(key: str) -> str:
    """Return what the figure `key` shows: ``evaluate/roc``."""
    return FIGURE_WORDS.get(key, in_words(key.rpartition("/")[2]))


def table_words(key: str) -> tuple[str, str]:
    """Return the title of the table `key`, ``fairness/Groups``, and how to read it."""
    name = key.partition("/")[2]
    return TABLE_WORDS.get(
        key, ("More that was measured" if name == "facts" else in_words(name), "")
    )


def pillar_words(pillar: str) -> tuple[str, str, str]:
    """Return the name of a pillar, its question, and why it is asked."""
    return PILLAR_WORDS.get(pillar, (in_words(pillar), "", ""))


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


# What is to be done about the whole, by its worst status.
ADVICE: dict[Status, tuple[str, str]] = {
    "fail": (
        "Repair what fails",
        "Each failed check names its cause. Repair that, or change the bound by a pull request "
        "that says why.",
    ),
    "insufficient": (
        "Answer what the data cannot",
        "Collect more data, or accept each open question by name and with a reason.",
    ),
    "warn": (
        "Read the warnings, then decide",
        "None stands in the way by itself. Whoever approves has read them.",
    ),
    "pass": ("Approve, or go round once more", "No check stands open. The approval is a person's."),
    "not_applicable": ("Ask something", "No check applies: nothing was held against a bound."),
}


_OPEN_ANSWERS: dict[Status, str] = {
    "fail": "No",
    "insufficient": "It cannot be told",
    "warn": "Yes, with care",
}
_COUNTED: dict[Status, str] = {
    "fail": "fail",
    "insufficient": "cannot be answered by the data",
    "warn": "warn",
    "pass": "pass",
}


def answer_of_pillar(verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """Return the answer to a pillar's question: the word, and the sentence behind it."""
    found, total = count(verdicts), len(verdicts)
    word = _OPEN_ANSWERS.get(worst(verdict.status for verdict in verdicts))
    if word is None:
        return "Yes", f"None of {total} checks warns or fails."
    held = [f"{found[status]} {said}" for status, said in _COUNTED.items() if found[status]]
    return word, f"Of {total} checks {', '.join(held)}."
