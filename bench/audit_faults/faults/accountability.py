"""Faults of a model that nobody answers for, or of papers about another one."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from bench.audit_faults.fault import Fault, World
from bench.audit_faults.world import audit, binary, folder, multiclass
from stages.audit.accountability import examine
from stages.audit.evidence import Evidence
from stages.core.params import AuditAccountability
from stages.core.verdicts import Verdict

BYTES = 10_000


def bound(e: Evidence, seed: int) -> Evidence:
    """Return the evidence with a model file, and papers that are about it."""
    model = np.random.default_rng((seed, 6)).bytes(BYTES)
    file = folder() / f"model-{e.task}-{seed}.skops"
    file.write_bytes(model)
    sha256 = hashlib.sha256(model).hexdigest()
    return replace(
        e,
        model_file=file,
        manifest={**e.manifest, "sha256": sha256},
        evaluation={**e.evaluation, "model_sha256": sha256},
    )


def examined(e: Evidence, bounds: AuditAccountability | None = None) -> list[Verdict]:
    """Return the pillar's verdicts."""
    return examine(e, audit().accountability if bounds is None else bounds).verdicts


@cache
def sound(seed: int) -> list[Verdict]:
    """Everything is written, and belongs together."""
    return examined(bound(binary(seed), seed))


@cache
def sound_classes(seed: int) -> list[Verdict]:
    """The same of three classes."""
    return examined(bound(multiclass(seed), seed))


def but(change: Callable[[Evidence, int], dict[str, Any]]) -> World:
    """Return the sound world with parts of its evidence replaced."""

    def world(seed: int) -> list[Verdict]:
        e = bound(binary(seed), seed)
        return examined(replace(e, **change(e, seed)))

    return world


# --- people and words ---------------------------------------------------------------------

ROLES = ("product", "model", "data", "risk", "on_call")


def vacant(e: Evidence, seed: int) -> dict[str, Any]:
    """One role, another one each seed, is still to be filled."""
    role = ROLES[seed % len(ROLES)]
    return {"owners": e.owners.model_copy(update={role: "TODO"})}


def unwritten(e: Evidence, seed: int) -> dict[str, Any]:
    """One part of the charter, another one each seed, is still to be written."""
    parts: tuple[dict[str, Any], ...] = (
        {"scope": e.scope.model_copy(update={"outside": ("TODO",)})},
        {"costs": e.costs.model_copy(update={"source": "TODO"})},
        {"criteria": (e.criteria[0].model_copy(update={"why": "TODO"}),)},
    )
    return parts[seed % len(parts)]


def open_risk(seed: int) -> list[Verdict]:
    """One risk, another one each seed, is neither due nor accepted, or nothing shows it."""
    bounds = audit().accountability
    place = seed % len(bounds.risks)
    lack: dict[str, Any] = {"due": None, "accepted": None} if seed % 2 else {"evidence": ()}
    risks = list(bounds.risks)
    risks[place] = risks[place].model_copy(update=lack)
    return examined(bound(binary(seed), seed), bounds.model_copy(update={"risks": tuple(risks)}))


# --- papers and bytes ---------------------------------------------------------------------


def one_bit(seed: int) -> list[Verdict]:
    """One bit of the model file, another one each seed, is turned."""
    e = bound(binary(seed), seed)
    model = bytearray(e.model_file.read_bytes())
    model[int(np.random.default_rng((seed, 7)).integers(BYTES))] ^= 1 << seed % 8
    e.model_file.write_bytes(model)
    return examined(e)


def too_large(seed: int) -> list[Verdict]:
    """The model file has a byte more than is allowed."""
    e = bound(binary(seed), seed)
    e.model_file.write_bytes(bytes(audit().accountability.max_model_size + 1))
    return examined(e)


def lost_rows(e: Evidence, seed: int) -> dict[str, Any]:
    """Some rows have left train since: 1 to 20, by the seed."""
    return {"train": e.train.iloc[seed + 1 :]}


def forbidden_input(e: Evidence, seed: int) -> dict[str, Any]:
    """The model reads the target, the key, or a column that nobody declared, by the seed."""
    wrong = ("y", "id", "score_of_a_vendor")[seed % 3]
    return {"manifest": {**e.manifest, "inputs": ["income", "late", wrong]}}


def seen_row(e: Evidence, seed: int) -> dict[str, Any]:
    """One row of test stands in train."""
    ids = e.test["id"].to_numpy().copy()
    ids[seed] = e.train["id"].iloc[seed]
    return {"test": e.test.assign(id=ids)}


def other_evaluation(e: Evidence, seed: int) -> dict[str, Any]:
    """The evaluation is of the model of another seed, or says not of which."""
    if seed % 2:
        return {"evaluation": {k: v for k, v in e.evaluation.items() if k != "model_sha256"}}
    other = bound(binary(seed + 1), seed + 1).evaluation
    return {"evaluation": other}


def never(e: Evidence, seed: int) -> dict[str, Any]:
    """The threshold is 1, or 0."""
    return {"threshold": float(seed % 2)}


def one_class(seed: int) -> list[Verdict]:
    """A model of classes for which every row is the same."""
    e = multiclass(seed, lambda frame: np.tile((0.2, 0.7, 0.1), (len(frame), 1)))
    return examined(bound(e, seed))


FAULTS = (
    Fault(
        "accountability.owners",
        "one of the roles, in turn, is left as TODO",
        sound,
        but(vacant),
        by=("fail",),
    ),
    Fault(
        "accountability.charter",
        "the scope, the source of the costs or the reason of a criterion, in turn, is left as TODO",
        sound,
        but(unwritten),
        by=("fail",),
    ),
    Fault(
        "accountability.risks",
        "a risk, in turn, is neither due nor accepted, or no check shows how it stands",
        sound,
        open_risk,
        by=("fail",),
    ),
    Fault(
        "accountability.model_bytes",
        "one bit of the model file is turned",
        sound,
        one_bit,
        by=("fail",),
    ),
    Fault(
        "accountability.model_size",
        "the model file has one byte too many",
        sound,
        too_large,
        by=("fail",),
    ),
    Fault(
        "accountability.training_rows",
        "1 to 20 rows have left train since the model was trained",
        sound,
        but(lost_rows),
        by=("fail",),
    ),
    Fault(
        "accountability.inputs",
        "the model reads the target, the key, or a column that nobody declared, in turn",
        sound,
        but(forbidden_input),
        by=("fail",),
    ),
    Fault(
        "accountability.sealed_test",
        "one row of test stands in train",
        sound,
        but(seen_row),
        by=("fail",),
    ),
    Fault(
        "accountability.evaluation",
        "the evaluation is of another model, or says not of which",
        sound,
        but(other_evaluation),
        by=("fail",),
    ),
    Fault(
        "accountability.threshold",
        "a threshold of 0 or of 1, in turn: all are treated alike",
        sound,
        but(never),
        by=("fail",),
    ),
    Fault(
        "accountability.threshold",
        "a model for which every row is of the same class",
        sound_classes,
        one_class,
        by=("fail",),
        task="multiclass",
    ),
)
