"""Faults of a table, a model or a file that give persons away, or let others in."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from bench.audit_faults.fault import Fault, World
from bench.audit_faults.world import (
    MADE,
    SCHEMA,
    Floats,
    amount,
    audit,
    binary,
    chances,
    folder,
    multiclass,
    number,
    regression,
    tables,
    truth,
)
from stages.audit.evidence import Evidence, Findings, completed
from stages.audit.privacy_security import (
    anonymity,
    attributes,
    evasion,
    extraction,
    membership,
    model_file,
    packages,
    personal,
    shadows,
)
from stages.core.errors import LoopwrightError
from stages.core.models import as_bytes, load_model, save_model
from stages.core.params import AuditPrivacySecurity
from stages.core.schema import Schema
from stages.core.scoring import predicted
from stages.core.verdicts import Verdict

Part = Callable[[Evidence, AuditPrivacySecurity], Findings]

# Rows to fit on: a model of more of them has less to memorise, and takes longer.
FITTED = 800
READ = ("income", "late", "age")


def asked(part: Part, e: Evidence, **bounds: Any) -> list[Verdict]:
    """Return what a part of the pillar says, by the project's bounds but for `bounds`."""
    return part(e, audit().privacy_security.model_copy(update=bounds)).verdicts


def of(part: Part, make: Callable[[int], Evidence]) -> World:
    """Return what a part of the pillar says of the evidence of a seed."""
    return lambda seed: asked(part, make(seed))


# --- personal data --------------------------------------------------------------------------

# One of each kind that is looked for; none is a living person's.
PERSONAL = (
    "a.miller@mail.example",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "+49 30 12345678",
    "8.8.8.8",
    "536-22-8726",
    "86 095 742 719",
    "943 476 5919",
    "529.982.247-25",
    "12345678Z",
    "RSSMRA85T10A562S",
    "2 55 08 14 168 025 38",
)


def noted(seed: int, leak: str) -> Evidence:
    """A column of notes with what only looks like personal data, and in ten rows `leak`."""
    train, test = tables(seed)
    rng = np.random.default_rng((seed, 7))
    frames = []
    for rows, leaks in ((train, 7), (test, 3)):
        n = len(rows)
        notes = np.array(
            [
                f"{kind} {number}"
                for kind, number in zip(
                    rng.choice(["order", "paid EUR", "v", "on", "call back in"], n),
                    rng.choice(["2024-03-14", "1.2.3.4-rc", "10.0.0.7", "5 days", "41112222"], n),
                    strict=True,
                )
            ],
            dtype=object,
        )
        if leak:
            for place in rng.choice(n, leaks, replace=False):
                notes[place] = f"{notes[place]}; {leak}"
        frames.append(rows.assign(note=pd.array(notes, dtype="str")))
    columns = SCHEMA.model_dump(exclude_none=True)["columns"]
    columns["note"] = {"dtype": "str", "kind": "text", "title": "Note"}
    schema = Schema.model_validate({"columns": columns})
    return binary(seed, train=frames[0], test=frames[1], schema=schema)


def columns(seed: int, leaks: bool) -> list[Verdict]:
    """What is said about the columns of a table with notes."""
    e = noted(seed, PERSONAL[seed % len(PERSONAL)] if leaks else "")
    table = pd.concat([e.train, e.test], ignore_index=True)
    return [personal.columns_with_personal_data(table, e.schema, e.inputs, ())[0]]


def numbered(seed: int, inputs: Sequence[str]) -> list[Verdict]:
    """What is said about inputs of a table with account codes, no two alike."""
    e = binary(seed)
    table = pd.concat([e.train, e.test], ignore_index=True)
    rng = np.random.default_rng((seed, 7))
    codes = rng.permutation(len(table)) + 10_000
    table = table.assign(account=pd.array([f"A{code}" for code in codes], dtype="str"))
    return [personal.identifiers(table, e.schema, e.key, list(inputs), ())]


def encoded(seed: int, leaks: bool) -> list[Verdict]:
    """A model file with the values of a text column in it, one of them personal."""
    e = binary(seed)
    rng = np.random.default_rng((seed, 7))
    who = np.where(rng.random(len(e.train)) < 0.5, "Ulm", "Kiel").astype(object)
    if leaks:
        who[int(rng.integers(len(who)))] = PERSONAL[seed % len(PERSONAL)]
    steps = [("codes", OneHotEncoder()), ("estimator", LogisticRegression())]
    model = Pipeline(steps).fit(pd.DataFrame({"who": who}), e.train["y"])
    return [personal.outputs(e, as_bytes(model), ())]


# --- who is alone -------------------------------------------------------------------------


def equals(seed: int, quasi_identifiers: tuple[str, ...]) -> list[Verdict]:
    """How many persons share what outsiders may know of them."""
    return asked(anonymity.examine, binary(seed), quasi_identifiers=quasi_identifiers)


# --- attacks on the model -----------------------------------------------------------------


class Reading(BaseEstimator):
    """A model of three columns, which can be fitted anew."""

    def __init__(self, model: Any) -> None:
        """Wrap `model`."""
        self.model = model

    def fit(self, X: pd.DataFrame, y: Any) -> "Reading":
        """Fit on the columns that are read."""
        self.model_ = self.model.fit(X[list(READ)], y)
        if hasattr(self.model_, "classes_"):
            self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> Any:
        """Return the probability of each class, (rows, classes)."""
        return self.model_.predict_proba(X[list(READ)])

    def predict(self, X: pd.DataFrame) -> Any:
        """Return the number of each row, (rows,)."""
        return self.model_.predict(X[list(READ)])


def plain() -> Any:
    """A model of a few numbers: it cannot remember a row."""
    return make_pipeline(StandardScaler(), LogisticRegression())


def fitted(seed: int, task: str, model: Any, rows: int = FITTED, **changes: Any) -> Evidence:
    """Fit `model` on the first rows of train, and show it with as many of test."""
    known = MADE[task](seed)
    train, test = known.train.iloc[:rows], known.test.iloc[:rows]
    chosen = Reading(model).fit(train, train["y"])
    given = {
        "train": train,
        "test": test,
        "model": chosen,
        "predicted": predicted(chosen, test, known.task),
        "rule_decisions": known.rule_decisions[:rows],
        "manifest": {"inputs": list(READ)},
    }
    return replace(known, **(given | changes))


def deep(e: Evidence) -> Evidence:
    """Ask also what needs models to be fitted anew."""
    return replace(e, level="deep")


def by_heart() -> Any:
    """A tree without bounds knows its rows by heart."""
    return DecisionTreeClassifier(random_state=0)


def own_neighbour() -> Any:
    """Neighbours by distance: of a row that it knows it says what happened, surely."""
    return make_pipeline(StandardScaler(), KNeighborsClassifier(100, weights="distance"))


def nearly_by_heart() -> Any:
    """A tree with two rows a leaf."""
    return DecisionTreeClassifier(min_samples_leaf=2, random_state=0)


def found_at_random(seed: int) -> Evidence:
    """A model that learned labels drawn by lot: all that it knows is its rows."""
    e = fitted(seed, "binary", plain())
    rng = np.random.default_rng((seed, 7))
    train = e.train.assign(y=rng.integers(0, 2, len(e.train)))
    boosted = HistGradientBoostingClassifier(max_iter=150, min_samples_leaf=5, random_state=0)
    model = Reading(boosted).fit(train, train["y"])
    return replace(e, train=train, model=model, predicted=predicted(model, e.test, "binary"))


def by_sex(frame: pd.DataFrame) -> Floats:
    """The truth, 0.1 more for men and 0.1 less for women: the answer tells the sex."""
    men = (frame["sex"] == 1).to_numpy()
    return np.asarray(np.clip(truth(frame) + np.where(men, 0.1, -0.1), 0.01, 0.99))


def classes_by_sex(frame: pd.DataFrame) -> Floats:
    """Men are taken for one month later than they are."""
    return chances(frame.assign(late=number(frame, "late") + (frame["sex"] == 1)))


def amount_by_sex(frame: pd.DataFrame) -> Floats:
    """The number, and a standard deviation more for men."""
    return amount(frame) + 150 * (frame["sex"] == 1).to_numpy()


def without_pattern(frame: pd.DataFrame) -> Floats:
    """Follows no pattern: a number made from the digits of the income."""
    return np.asarray(np.modf(np.abs(np.sin(number(frame, "income") * 1e4)) * 1e3)[0])


def one_question(frame: pd.DataFrame) -> Floats:
    """Late or not."""
    return np.where(number(frame, "late") >= 2, 0.9, 0.1)


def cliffs(frame: pd.DataFrame) -> Floats:
    """Who earns a little less than a round 200 is acted on: a small rise escapes."""
    return np.where(number(frame, "income") % 200 < 100, 0.9, 0.1)


def steep(frame: pd.DataFrame) -> Floats:
    """The number, and 300 for who earns a little less than a round 200."""
    return amount(frame) + 300 * (number(frame, "income") % 200 < 100)


# --- files --------------------------------------------------------------------------------


def stored(seed: int, estimator: Any, changed: bytes = b"") -> list[Verdict]:
    """What is said about the file of a model that was fitted on scaled inputs."""
    e = fitted(seed, "binary", plain(), rows=300)
    read = ColumnTransformer([("read", "passthrough", list(READ))])
    model = Pipeline([("read", read), ("scale", StandardScaler()), ("estimator", estimator)])
    model.fit(e.train, e.train["y"])
    path = folder() / f"stored-{seed}.skops"
    sha256 = save_model(path, model)
    path.write_bytes(path.read_bytes() + changed)
    known = replace(e, model=model, model_file=path, manifest={"sha256": sha256, "inputs": READ})
    return asked(model_file.examine, known)


def loaded(seed: int, unsafe: bool) -> list[Verdict]:
    """What is said where the bytes are the manifest's, and what they hold is not trusted.

    By turns a pickle that would run code, a type that is not on the list, a broken file.
    """
    path = folder() / f"loaded-{seed}.skops"
    e = fitted(seed, "binary", plain(), rows=300)
    read = ColumnTransformer([("read", "passthrough", list(READ))])
    model = make_pipeline(read, LogisticRegression(max_iter=500)).fit(e.train, e.train["y"])
    data = as_bytes(model)
    if unsafe:
        data = (
            pickle.dumps(Bomb(path.with_suffix(".ran"))),
            as_bytes(Reading(model).fit(e.train, e.train["y"])),
            data[: len(data) // 2],
        )[seed % 3]
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        known = load_model(path, sha256)
    except LoopwrightError as fault:
        # As `conduct` does where the model cannot be used.
        return completed(model_file.CHECKS, [], str(fault))
    finally:
        if path.with_suffix(".ran").exists():
            raise RuntimeError("the file was run")
    return asked(
        model_file.examine,
        replace(e, model=known, model_file=path, manifest={"sha256": sha256, "inputs": READ}),
    )


class Bomb:
    """Unpickled, it makes a file: code has run."""

    def __init__(self, trace: Path) -> None:
        """Leave a trace at `trace`."""
        self.trace = trace

    def __reduce__(self) -> Any:
        """Return what an unpickler would call."""
        return Path.touch, (self.trace,)


def locked(seed: int, loose: bool) -> list[Verdict]:
    """A lock of ten packages, of which one is not fixed: by turns its version or its hash."""
    rng = np.random.default_rng((seed, 7))
    lines = [
        f"package-{place}=={rng.integers(9)}.{rng.integers(9)} \\\n    --hash=sha256:{place:064x}"
        for place in range(10)
    ]
    if loose:
        broken = (
            "package-x>=1.0 --hash=sha256:" + "0" * 64,
            "package-x==1.0",
            "package-x",
            "package-x==1.* --hash=sha256:" + "0" * 64,
            "package-x==1.0 --hash=md5:" + "0" * 32,
            "package-x @ https://example.org/package-x.tar.gz",
        )
        lines.insert(int(rng.integers(11)), broken[seed % len(broken)])
    e = binary(seed, lock="\n".join(lines) + "\n")
    return asked(packages.examine, e)


ATTRIBUTES = of(attributes.examine, binary)
LOSS = of(membership.examine, lambda seed: fitted(seed, "binary", plain(), rows=3000))
SHADOWS = of(shadows.examine, lambda seed: deep(fitted(seed, "binary", plain())))

FAULTS: tuple[Fault, ...] = (
    Fault(
        "privacy_security.personal_data",
        "ten notes of 9,000 hold personal data, one of twelve kinds by turns",
        partial(columns, leaks=False),
        partial(columns, leaks=True),
    ),
    Fault(
        "privacy_security.identifiers",
        "the model reads an account number, and no two rows have the same",
        partial(numbered, inputs=["income", "late", "town"]),
        partial(numbered, inputs=["income", "late", "account"]),
    ),
    Fault(
        "privacy_security.identifiers",
        "the model reads the key of the table",
        partial(numbered, inputs=["income", "late", "town"]),
        partial(numbered, inputs=["income", "late", "id"]),
    ),
    Fault(
        "privacy_security.outputs",
        "one row of train had personal data in a text column, and the encoder keeps it",
        partial(encoded, leaks=False),
        partial(encoded, leaks=True),
    ),
    Fault(
        "privacy_security.k_anonymity",
        "outsiders know the income to the cent beside sex and town",
        partial(equals, quasi_identifiers=("sex", "age", "town")),
        partial(equals, quasi_identifiers=("sex", "town", "income")),
    ),
    Fault(
        "privacy_security.uniqueness",
        "outsiders know the income to the cent beside sex and town",
        partial(equals, quasi_identifiers=("sex", "age", "town")),
        partial(equals, quasi_identifiers=("sex", "town", "income")),
    ),
    Fault(
        "privacy_security.membership_auc",
        "a tree without bounds, which knows its rows by heart",
        LOSS,
        of(membership.examine, lambda seed: fitted(seed, "binary", by_heart())),
    ),
    Fault(
        "privacy_security.membership_auc",
        "a tree without bounds, which knows its rows by heart",
        of(membership.examine, lambda seed: fitted(seed, "multiclass", plain())),
        of(membership.examine, lambda seed: fitted(seed, "multiclass", by_heart())),
        task="multiclass",
    ),
    Fault(
        "privacy_security.membership_auc",
        "a tree without bounds, which knows its rows by heart",
        of(membership.examine, lambda seed: fitted(seed, "regression", LinearRegression())),
        of(
            membership.examine,
            lambda seed: fitted(seed, "regression", DecisionTreeRegressor(random_state=0)),
        ),
        task="regression",
    ),
    Fault(
        "privacy_security.membership_tpr",
        "a hundred neighbours weighted by distance: a row that is known is its own nearest",
        LOSS,
        of(membership.examine, lambda seed: fitted(seed, "binary", own_neighbour())),
    ),
    Fault(
        "privacy_security.shadow_auc",
        "a tree with two rows a leaf",
        SHADOWS,
        of(shadows.examine, lambda seed: deep(fitted(seed, "binary", nearly_by_heart()))),
    ),
    Fault(
        "privacy_security.shadow_auc",
        "a tree without bounds, which knows its rows by heart",
        of(shadows.examine, lambda seed: deep(fitted(seed, "regression", LinearRegression()))),
        of(
            shadows.examine,
            lambda seed: deep(fitted(seed, "regression", DecisionTreeRegressor(random_state=0))),
        ),
        task="regression",
    ),
    Fault(
        "privacy_security.shadow_tpr",
        "labels drawn by lot, and a model that learned them",
        SHADOWS,
        of(shadows.examine, lambda seed: deep(found_at_random(seed))),
    ),
    Fault(
        "privacy_security.attribute_inference",
        "the answer is 0.1 higher for men and 0.1 lower for women",
        ATTRIBUTES,
        of(attributes.examine, lambda seed: binary(seed, by_sex, sensitive_features=("sex",))),
        of="sex",
    ),
    Fault(
        "privacy_security.attribute_inference",
        "men are taken for one month later than they are",
        of(attributes.examine, lambda seed: multiclass(seed, sensitive_features=("sex",))),
        of(
            attributes.examine,
            lambda seed: multiclass(seed, classes_by_sex, sensitive_features=("sex",)),
        ),
        of="sex",
        task="multiclass",
    ),
    Fault(
        "privacy_security.attribute_inference",
        "a standard deviation more for men",
        of(attributes.examine, lambda seed: regression(seed, sensitive_features=("sex",))),
        of(
            attributes.examine,
            lambda seed: regression(seed, amount_by_sex, sensitive_features=("sex",)),
        ),
        of="sex",
        task="regression",
    ),
    Fault(
        "privacy_security.extraction",
        "a model of one question",
        of(extraction.examine, lambda seed: deep(binary(seed, without_pattern, threshold=0.5))),
        of(extraction.examine, lambda seed: deep(binary(seed, one_question))),
    ),
    Fault(
        "privacy_security.evasion",
        "a decision that turns with every hundred euros of income",
        of(evasion.examine, lambda seed: binary(seed, one_question)),
        of(evasion.examine, lambda seed: binary(seed, cliffs)),
    ),
    Fault(
        "privacy_security.evasion",
        "a number that jumps with every hundred euros of income",
        of(evasion.examine, regression),
        of(evasion.examine, lambda seed: regression(seed, steep)),
        task="regression",
    ),
    Fault(
        "privacy_security.model_file",
        "a byte was added after the model was trained",
        lambda seed: stored(seed, LogisticRegression()),
        lambda seed: stored(seed, LogisticRegression(), b"!"),
    ),
    Fault(
        "privacy_security.model_file",
        "a pickle that would run code, a type that is not on the list, or half a file: by turns",
        partial(loaded, unsafe=False),
        partial(loaded, unsafe=True),
    ),
    Fault(
        "privacy_security.training_rows",
        "a model of nearest neighbours, which keeps all rows",
        lambda seed: stored(seed, HistGradientBoostingClassifier(max_iter=5, random_state=0)),
        lambda seed: stored(seed, KNeighborsClassifier(algorithm="brute")),
    ),
    Fault(
        "privacy_security.training_rows",
        "support vectors, which are rows of train",
        lambda seed: stored(seed, LogisticRegression()),
        lambda seed: stored(seed, SVC(C=0.1)),
    ),
    Fault(
        "privacy_security.dependencies",
        "one of eleven packages without an exact version or a sha256, in six ways by turns",
        partial(locked, loose=False),
        partial(locked, loose=True),
    ),
)
