import hashlib

import pandas as pd
import pytest

from stages.audit.transparency.sources import rows_sha256, source_table
from stages.core.models import save_model

from .conftest import Make


def test_the_sources_are_named_by_their_content(make: Make) -> None:
    e = make()
    assert source_table(e)[0]["sha256"] == "no such file"
    save_model(e.model_file, {"a": 1})
    rows = {row["From"]: row for row in source_table(e)}
    model = hashlib.sha256(e.model_file.read_bytes()).hexdigest()
    assert rows["the model file"]["sha256"] == model
    assert rows["the model that train recorded"]["sha256"] == "a" * 64
    assert rows["the rows that it learned from"]["What"] == "3000 rows of train"
    assert rows["the environment"]["sha256"] == hashlib.sha256(e.lock.encode()).hexdigest()


@pytest.mark.parametrize("column", ["a", "b", "c"])
def test_one_other_value_or_name_or_order_is_another_hash(column: str) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]})
    same = frame.set_axis([7, 8])
    assert rows_sha256(frame) == rows_sha256(same)
    others = (
        frame.assign(**{column: frame[column].to_numpy()[::-1]}),
        frame.rename(columns={column: "d"}),
        frame[:1],
    )
    assert len({rows_sha256(frame), *map(rows_sha256, others)}) == 4
