import numpy as np
import pytest

from stages.core.many_tests import holm


def test_holm_agrees_with_its_definition() -> None:
    # Holm (1979): the smallest p times m, the next times m - 1, never falling
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert len(holm([])) == 0


def test_holm_keeps_the_order_of_the_tests() -> None:
    # for three tests with the smallest in the middle, by hand
    assert holm(np.array([0.5, 0.001, 0.02])) == pytest.approx([0.5, 0.003, 0.04])
