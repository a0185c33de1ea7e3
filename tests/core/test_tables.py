from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.tables import read_table, write_table


@pytest.fixture
def frame() -> pd.DataFrame:
    size = pd.CategoricalDtype(["small", "never", "large"], ordered=True)
    return pd.DataFrame(
        {
            "int64": np.array([2**63 - 1, -(2**63), 0]),
            "Int64": pd.array([2**53 + 1, None, 0], dtype="Int64"),
            "float64": [0.1, np.nan, -0.0],
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "str": pd.array(["007", None, "é"], dtype="str"),
            "category": pd.Categorical(["large", None, "small"], dtype=size),
            "datetime64[ns]": pd.to_datetime(["2011-01-01", None, "2262-04-11"]).as_unit("ns"),
        }
    )


def test_a_table_comes_back_with_its_types(tmp_path: Path, frame: pd.DataFrame) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, frame)
    back = read_table(path)
    pd.testing.assert_frame_equal(back, frame)
    assert [str(dtype) for dtype in back.dtypes] == list(frame.columns)


def test_the_index_and_the_past_of_a_table_leave_no_trace(
    tmp_path: Path, frame: pd.DataFrame
) -> None:
    write_table(tmp_path / "a", frame.iloc[1:].reset_index(drop=True))
    write_table(tmp_path / "b", frame.iloc[1:])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_bad_table_gets_one_error(tmp_path: Path, frame: pd.DataFrame) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(LoopwrightError, match="no such file; run `dvc repro`"):
        read_table(path)
    write_table(path, frame)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LoopwrightError, match="not a Parquet file"):
        read_table(path)
    path.write_bytes(b"")
    with pytest.raises(LoopwrightError, match="not a Parquet file"):
        read_table(path)
