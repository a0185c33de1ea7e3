"""What most tests start from: the repository's own params, schema and table."""

from pathlib import Path

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
