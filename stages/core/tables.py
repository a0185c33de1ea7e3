"""Tables on disk (Parquet, the same bytes each time) and the target in them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import LoopwrightError
from stages.core.files import published
from stages.core.params import Target


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write `frame` without its index, whole or not at all."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with published(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote, with the types that it had.

    Raises:
        LoopwrightError: the file is missing or is not Parquet.
    """
    try:
        # One thread: small tables gain nothing from more.
        frame: pd.DataFrame = pq.read_table(path, use_threads=False).to_pandas(use_threads=False)
    except FileNotFoundError:
        raise LoopwrightError(f"{path}: no such file; run `dvc repro` to make it") from None
    except pa.ArrowInvalid as fault:
        raise LoopwrightError(
            f"{path}: not a Parquet file ({fault}); `dvc checkout {path}` restores it"
        ) from None
    return frame


def positives(frame: pd.DataFrame, target: Target) -> npt.NDArray[np.int64]:
    """Return 1 where the target has its positive value and 0 elsewhere, shape (rows,).

    Raises:
        LoopwrightError: the target's column is not in `frame`, or a label is missing: it
            would be taken for a negative one.
    """
    if target.column not in frame.columns:
        raise LoopwrightError(f"charter.target.column: the table has no column '{target.column}'")
    missing = int(frame[target.column].isna().sum())
    if missing:
        raise LoopwrightError(
            f"charter.target.column: '{target.column}' is missing in {missing:,} rows"
        )
    return np.asarray(frame[target.column] == target.positive, dtype=np.int64)
