"""The tiny project, made once and copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.operate.project import make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "repo"
    make(folder)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """The project, run and committed; change it as you like."""
    return Path(shutil.copytree(made, tmp_path / "repo", symlinks=True))
