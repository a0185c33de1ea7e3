"""Tables on disk: Parquet, the same bytes each time."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import LoopwrightError
from stages.core.files import published


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
        # One file, without a search for others; one thread: small tables gain nothing from more.
        with pq.ParquetFile(path) as file:
            frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
    except FileNotFoundError:
        raise LoopwrightError(f"{path}: no such file; run `dvc repro` to make it") from None
    except pa.ArrowInvalid as fault:
        raise LoopwrightError(
            f"{path}: not a Parquet file ({fault}); `dvc checkout {path}` restores it"
        ) from None
    return frame
