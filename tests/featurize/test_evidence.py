"""The intervals of gains hold for all features at once, and the decisions follow from them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stages.core.params import Evidence
from stages.featurize.evidence import gains, together, unmeasured
from stages.featurize.measure import Measured, Rows


def asked(**more: Any) -> Evidence:
    given = {
        "folds": 3,
        "bootstrap": 1000,
        "max_rows": 20_000,
        "min_gain": 0.001,
        "max_skill": 0.8,
        "apply": False,
        "random_state": 0,
    }
    return Evidence(**{**given, **more})


def measured(falls: Any) -> tuple[Measured, Rows, list[str]]:
    """Losses of 1 without, of which `falls` (rows, features) go with each feature."""
    n, k = falls.shape
    without = np.ones(n)
    losses = Measured(np.arange(n), without, without[:, None] - falls, without - falls[:, 0], {})
    return losses, Rows(pd.DataFrame({"x": np.zeros(n)}), np.zeros(n)), [f"f{i}" for i in range(k)]


def test_the_decision_follows_from_the_interval() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, (4000, 4))
    falls = (noise - noise.mean(axis=0)) * [0.1, 0.001, 0.3, 0.1] + [0.02, 0.0, 0.0, -0.02]
    losses, rows, names = measured(falls)
    found = gains(losses, names, rows, asked())
    decisions = [found[name].decision for name in names]
    assert decisions == ["keep", "drop", "insufficient", "drop"]
    assert found["f0"].gain == pytest.approx(0.02)
    low, high = found["f0"].interval or (0, 0)
    assert low < 0.02 < high
    # Small but real is still too small to count.
    little = gains(*_args(measured(falls[:, :1] / 1000), asked(min_gain=0.01)))
    assert little["f0"].decision == "drop"
    assert unmeasured("off").decision == "insufficient"
    assert gains(losses, [], rows, asked()) == {}


def _args(found: Any, evidence: Evidence) -> tuple[Any, ...]:
    losses, rows, names = found
    return losses, names, rows, evidence


def test_the_intervals_are_those_of_one_feature_widened_for_all() -> None:
    rng = np.random.default_rng(0)
    falls = rng.normal(0, 1, (2000, 20))
    one, many = measured(falls[:, :1]), measured(falls)

    def width(found: Any) -> float:
        low, high = gains(*_args(found, asked()))["f0"].interval or (0.0, 0.0)
        return high - low

    error = falls[:, 0].std() / np.sqrt(2000)
    assert width(one) / (2 * error) == pytest.approx(1.96, rel=0.06)
    # 1 - 0.05 / 20 of a normal distribution, for 20 features that are independent.
    assert width(many) / (2 * error) == pytest.approx(3.02, rel=0.06)


def test_noise_is_rarely_kept_however_many_features_are_tried() -> None:
    """100 tables of 15 useless features: without the correction half of them would keep one."""
    corrected = alone = 0
    for seed in range(100):
        falls = np.random.default_rng(seed).normal(0, 1, (150, 15))
        found = gains(*_args(measured(falls), asked(bootstrap=200)))
        corrected += any(gain.decision == "keep" for gain in found.values())
        z = falls.mean(axis=0) / (falls.std(axis=0) / np.sqrt(150))
        alone += bool((z > 1.96).any())
    assert alone > 20
    assert corrected <= 10


def test_entities_are_drawn_whole_and_weights_count() -> None:
    rng = np.random.default_rng(0)
    falls = np.repeat(rng.normal(0.1, 1, (200, 1)), 10, axis=0)
    losses, rows, names = measured(falls)
    grouped = Rows(rows.frame, rows.y, None, np.repeat(np.arange(200), 10))

    def width(part: Rows) -> float:
        low, high = gains(losses, names, part, asked())["f0"].interval or (0.0, 0.0)
        return high - low

    assert width(grouped) / width(rows) == pytest.approx(np.sqrt(10), rel=0.1)
    weight = np.where(np.arange(2000) < 1000, 1.0, 0.0)
    half = gains(losses, names, Rows(rows.frame, rows.y, weight), asked())
    assert half["f0"].gain == pytest.approx(falls[:1000].mean(), abs=1e-6)
    gain, (low, high) = together(losses, rows, asked())
    assert gain == pytest.approx(falls.mean())
    assert low < gain < high
