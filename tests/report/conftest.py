from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stages.core.params import Params
from tests.report.made import Built, artefacts


@pytest.fixture
def files(chosen: Params) -> dict[str, Any]:
    return artefacts(chosen.charter.model_dump(mode="json"))


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Built]:
    monkeypatch.chdir(tmp_path)
    return Built
