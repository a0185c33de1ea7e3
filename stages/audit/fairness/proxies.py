"""Can the model's inputs tell the group, though the group is left out?"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from stages.audit.evidence import Evidence, as_numbers, bounded, plain
from stages.core.fairness import Grouping
from stages.core.metrics import METRICS, Predictions, measure_all, roc_auc
from stages.core.params import AuditFairness
from stages.core.statistics import Floats
from stages.core.verdicts import Verdict

# The small model that looks for proxies.
PROXY_TREES, PROXY_DEPTH, PROXY_LEAF, PROXY_FOLDS = 40, 8, 20, 3


def proxy(
    grouping: Grouping, e: Evidence, bounds: AuditFairness, evidence: tuple[str, ...]
) -> Verdict:
    """Ask whether the model's other inputs can tell the groups of a sensitive feature."""
    check = f"fairness.proxy:{grouping.name}"
    others = [name for name in e.inputs if name in e.rows and name != grouping.name]
    large = np.flatnonzero(grouping.sizes >= max(bounds.min_group_size, PROXY_FOLDS))
    if grouping.name in e.inputs or not others:
        why = f"the model reads {grouping.name} itself; see the attribute flip"
        if not others:
            why = f"the model has no inputs that could tell {grouping.name}"
        return Verdict(check, "not_applicable", None, None, None, evidence, why)
    threshold = f"<= {plain(bounds.max_proxy_roc_auc)}"
    if len(large) < 2:
        why = f"fewer than two groups of {grouping.name} are large enough to be told apart"
        return Verdict(check, "insufficient", None, None, threshold, evidence, why)
    inside = np.isin(grouping.codes, large)
    numbers = as_numbers(e.rows.loc[inside, others])
    told = tell_apart(numbers, grouping.codes[inside], e.random_state)
    # Of two groups, each is told as well as the other.
    places = range(len(large) if len(large) > 2 else 1)
    ranked = [_told(grouping.codes[inside] == large[place], told[:, place]) for place in places]
    best = int(np.argmax([roc_auc(p, np.ones((1, len(p))))[0] for p in ranked]))
    measured = measure_all(
        ranked[best],
        e.draws,
        e.random_state,
        None if e.entities is None else e.entities[inside],
        [METRICS["roc_auc"]],
    )
    label = grouping.labels[large[best]]
    why = (
        f"how well {len(others)} inputs of the model tell {label} from the "
        f"other groups of {grouping.name} (0.5: not at all, 1: always)"
    )
    return bounded(
        check,
        measured["roc_auc"].estimate(),
        "at_most",
        bounds.max_proxy_roc_auc,
        evidence,
        why,
    )


def _told(is_group: npt.NDArray[np.bool_], probability: Floats) -> Predictions:
    members = is_group.astype(np.int64)
    return Predictions(members, probability, members)


def tell_apart(inputs: pd.DataFrame, codes: npt.NDArray[np.intp], random_state: int) -> Floats:
    """Return the out-of-fold probability of each group, (n, groups), groups by code."""
    trees = ExtraTreesClassifier(
        n_estimators=PROXY_TREES,
        max_depth=PROXY_DEPTH,
        min_samples_leaf=PROXY_LEAF,
        random_state=random_state,
    )
    folds = StratifiedKFold(PROXY_FOLDS, shuffle=True, random_state=random_state)
    told: Floats = cross_val_predict(
        trees, inputs.to_numpy(), codes, cv=folds, method="predict_proba"
    )
    return np.clip(told, 0, 1)
