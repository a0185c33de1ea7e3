"""What most tests start from: the repository's own params, schema and table."""

import os
import subprocess
import sys
from pathlib import Path

# As stages run: on one thread. It counts from before numpy is loaded.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import pandas as pd
import pytest

from stages.core.params import Params, read_params
from stages.core.schema import Schema, read_schema

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def chosen() -> Params:
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session")
def schema() -> Schema:
    return read_schema(ROOT / "schema.yaml")


@pytest.fixture(scope="session")
def credit() -> pd.DataFrame:
    """The default table; do not change it."""
    return pd.read_csv(ROOT / "data/source/credit_default.csv.gz")


@pytest.fixture
def sample(credit: pd.DataFrame) -> pd.DataFrame:
    return credit.sample(2000, random_state=0).reset_index(drop=True)


@pytest.fixture(scope="session")
def outputs() -> Path:
    """The repository with every output of its pipeline, which runs first where one is missing."""
    from tests.contracts import House  # DVC, for the tests that need it

    outs = [out.path for stage in House(ROOT).stages for out in stage.outs]
    if not all((ROOT / out).exists() for out in outs):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        subprocess.run(["dvc", "repro"], cwd=ROOT, env=os.environ | {"PATH": path}, check=True)
    return ROOT
