"""The check of docs/own_check.md, as it is written there."""

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from stages.core.params import Params, RegressionTarget

from .conftest import Make, truth

PAGE = Path(__file__).parents[2] / "docs/own_check.md"


@pytest.fixture(scope="module")
def certainty() -> ModuleType:
    block = r"```python\n(# stages/audit/safety/certainty.py.*?)```"
    code = re.findall(block, PAGE.read_text(), re.DOTALL)
    module = ModuleType("certainty")
    exec(compile(code[0], str(PAGE), "exec"), module.__dict__)  # noqa: S102 - our own page
    return module


def test_the_check_of_the_page_catches_its_fault_and_is_silent_without(
    certainty: ModuleType, make: Make, chosen: Params
) -> None:
    (check,) = certainty.CHECKS
    (sound,) = certainty.examine(make(), chosen.audit.safety).verdicts
    assert (sound.id, sound.status) == (check.id, "pass")
    sure = make(lambda frame: np.round(truth(frame)))
    (caught,) = certainty.examine(sure, chosen.audit.safety).verdicts
    assert caught.status == "fail"
    assert caught.value == 1
    number = replace(make(), target=RegressionTarget(column="y", meaning="m"))
    (silent,) = certainty.examine(number, chosen.audit.safety).verdicts
    assert silent.status == "not_applicable"
