"""Fitted models on disk: the same bytes for the same model, and loaded only if they are ours.

A model file is what skops writes (a zip of one schema.json and the arrays), rewritten in
one canonical form. skops itself names the arrays by their address in memory, keeps these
addresses in the schema, and stores the time of day.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from stages.core.baselines import RuleClassifier, RuleRegressor
from stages.core.boosters import (
    CatBoostClassifier,
    CatBoostRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
)
from stages.core.calibration import MAPS, CalibratedClassifier
from stages.core.ensemble import WeightedClassifier, WeightedRegressor
from stages.core.errors import LoopwrightError
from stages.core.files import published, read_json
from stages.core.linear import RowwiseElasticNet, RowwiseLogisticRegression, RowwiseRidge
from stages.core.monotonic import MonotonicClassifier, MonotonicRegressor
from stages.core.newton import NewtonLogisticRegression
from stages.core.splines import NaturalSplines
from stages.core.transformers import TRANSFORMERS

# Our own types that a model may hold. They are imported, not only named, so that whoever
# loads a model is seen to depend on the code that it runs.
OWN = (
    *MAPS,
    CalibratedClassifier,
    CatBoostClassifier,
    CatBoostRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
    MonotonicClassifier,
    MonotonicRegressor,
    NaturalSplines,
    NewtonLogisticRegression,
    RowwiseElasticNet,
    RowwiseLogisticRegression,
    RowwiseRidge,
    RuleClassifier,
    RuleRegressor,
    WeightedClassifier,
    WeightedRegressor,
    *TRANSFORMERS,
)

# All that a model may hold beside scikit-learn's estimators and numpy's arrays, which
# skops trusts by itself. Tree and TreePredictor are not trusted by skops because
# scikit-learn does not check the indices in their nodes: the sha256 stands in for that, as
# it does for what LightGBM and CatBoost read in their own formats.
TRUSTED = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    *(f"{own.__module__}.{own.__qualname__}" for own in OWN),
)

SCHEMA = "schema.json"
# The earliest that a zip can hold.
NO_DATE = (1980, 1, 1, 0, 0, 0)


def save_model(path: Path, model: Any) -> str:
    """Write the fitted `model`, whole or not at all, and return the file's sha256.

    Equal models give equal bytes, in any process on any machine.

    Raises:
        LoopwrightError: the model holds a type that `load_model` would refuse.
    """
    data = as_bytes(model)
    _construct(data, path)
    with published(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def as_bytes(model: Any) -> bytes:
    """Return the file that `save_model` writes of `model`."""
    from skops.io import dumps

    return canonical(dumps(model))


def load_model(path: Path, sha256: str) -> Any:
    """Read the model at `path`, after a check that its bytes are those of `sha256`.

    Raises:
        LoopwrightError: the file is missing, has other bytes, is broken, or holds a type
            that is not trusted. Nothing is parsed before the bytes are checked, and no
            object is built before all types are.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise LoopwrightError(f"{path}: no such file; run `dvc repro` to make it") from None
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise LoopwrightError(
            f"{path}: not the file that was saved: its sha256 is {found[:12]}..., expected "
            f"{sha256[:12]}...; `dvc checkout {path}` restores what dvc.lock names"
        )
    return _construct(data, path)


def recorded_sha256(manifest: Path) -> str:
    """Return the sha256 of a model from the JSON document that was written with it.

    Raises:
        LoopwrightError: the document is missing, or holds none.
    """
    document = read_json(manifest)
    sha256 = document.get("sha256") if isinstance(document, dict) else None
    if not isinstance(sha256, str):
        raise LoopwrightError(
            f"{manifest}: no sha256 of the model; `dvc checkout {manifest}` restores the file"
        )
    return sha256


def _construct(data: bytes, path: Path) -> Any:
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return loads(data, trusted=TRUSTED)
    except UntrustedTypesFoundException as fault:
        raise LoopwrightError(
            f"{path}: {str(fault).splitlines()[0]} Types that a model may hold are listed in "
            "stages/core/models.py; add one there only after a review of its code"
        ) from None
    except Exception as fault:  # whatever the parser meets in a broken file
        raise LoopwrightError(
            f"{path}: not a model ({fault}); `dvc repro --force` on its stage makes it again"
        ) from None


def canonical(data: bytes) -> bytes:
    """Return the skops file `data` in its one canonical form.

    - Ids are left out: they say which objects were one object in memory, which differs
      between equal models (a text may be interned or not). Each is built by itself.
    - Sets and the attributes of objects are sorted: their order has no meaning. That of
      dictionaries and lists has, and stays.
    - The bytes between the fields of a record hold what memory held by chance; they are 0.
    - Arrays are numbered by first appearance and stored once where they are equal, without
      compression, which differs between releases of zlib.
    """
    with ZipFile(io.BytesIO(data)) as source:
        members = {name: _settled(source.read(name)) for name in source.namelist()}
    arrays: dict[bytes, str] = {}
    schema = _ordered(json.loads(members[SCHEMA]))
    _number(schema, members, arrays)
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as file:
        file.writestr(_member(SCHEMA), json.dumps(schema, separators=(",", ":")))
        for content, name in arrays.items():
            file.writestr(_member(name), content)
    return target.getvalue()


def _settled(content: bytes) -> bytes:
    """Return an array of records with zeros between their fields; anything else as it is."""
    # How numpy writes such a gap into the header of the array.
    if not content.startswith(b"\x93NUMPY") or b"('', '|V" not in content[:1000]:
        return content
    found = np.load(io.BytesIO(content), allow_pickle=False)
    clean = np.zeros(found.shape, found.dtype)
    for field in found.dtype.names:
        clean[field] = found[field]
    target = io.BytesIO()
    np.save(target, clean, allow_pickle=False)
    return target.getvalue()


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, NO_DATE)
    member.create_system = 3  # Unix; by default the system that runs
    return member


def _ordered(state: Any) -> Any:
    """Return skops' `state` without ids, with sets and attributes in one order."""
    if isinstance(state, list):
        return [_ordered(part) for part in state]
    if not isinstance(state, dict):
        return state
    kept = {key: _ordered(value) for key, value in state.items() if not _is_id(key, value)}
    loader: Any = kept.get("__loader__")
    content: Any = kept.get("content")
    if loader == "SetNode":
        kept["content"] = sorted(content, key=json.dumps)
    elif loader == "ObjectNode" and content is not None and content["__loader__"] == "DictNode":
        # All names of attributes are text, so the list of their types stays as it is.
        content["content"] = dict(sorted(content["content"].items()))
    return kept


def _is_id(key: str, value: Any) -> bool:
    """Tell skops' own ``__id__`` from an entry of that name in a saved dictionary."""
    return key == "__id__" and isinstance(value, int)


def _number(state: Any, members: dict[str, bytes], arrays: dict[bytes, str]) -> None:
    """Name the arrays of `state` by first appearance, in place, and collect them."""
    if isinstance(state, list):
        for part in state:
            _number(part, members, arrays)
    elif isinstance(state, dict):
        for key, value in state.items():
            if key == "file" and isinstance(value, str):
                content = members[value]
                suffix = Path(value).suffix
                state[key] = arrays.setdefault(content, f"{len(arrays)}{suffix}")
            else:
                _number(value, members, arrays)
