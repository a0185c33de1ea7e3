import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core.errors import LoopwrightError
from stages.core.figures import save
from stages.core.params import BinaryTarget, Params
from stages.core.schema import Column, Schema
from stages.core.tables import write_table
from stages.explore import explore, main, pictures

ROOT = Path(__file__).parent.parent.parent
PICTURES = ["histograms", "scatter", "scatter_target", "pair", "correlation", "box", "missing"]
TARGET = BinaryTarget(column="y", positive="yes", meaning="it happened")

SCHEMA = """\
columns:
  id: {dtype: str, kind: identifier, title: Name of the row}
  a$b_c^{2}: {dtype: float64, kind: numeric, title: "a$b_c^{2}", unit: NT$}
  constant: {dtype: int64, kind: numeric, title: Constant}
  nothing: {dtype: float64, kind: numeric, title: All missing, nullable: true}
  silence: {dtype: str, kind: categorical, title: All missing text, nullable: true}
  when: {dtype: "datetime64[ns]", kind: datetime, title: First seen, format: "%Y-%m-%d", nullable: true}
  flag: {dtype: boolean, kind: categorical, title: Flag, nullable: true}
  city: {dtype: category, kind: categorical, title: City of the branch, nullable: true}
  free: {dtype: str, kind: categorical, title: Free text}
  grade: {dtype: category, kind: ordinal, title: Grade, labels: {low: bad, mid: fair, high: good}}
  count: {dtype: Int64, kind: ordinal, title: Count, unit: pieces, nullable: true}
  endless: {dtype: float64, kind: numeric, title: With infinity}
  tiny: {dtype: float64, kind: numeric, title: Tiny spread}
  huge: {dtype: float64, kind: numeric, title: Huge}
  near: {dtype: int64, kind: numeric, title: Nearly constant}
  one: {dtype: float64, kind: numeric, title: One value known, nullable: true}
  y: {dtype: str, kind: categorical, title: "Outcome with a title that is far too long for its place", labels: {"yes": "did it"}}
"""  # noqa: E501


def ugly_table(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    text = np.array(["Taipei", "with a\nnewline", "新北", "y$z$", "_under", "x" * 90])
    some = rng.random(rows)
    return pd.DataFrame(
        {
            "id": pd.Series([f"c{i}" for i in range(rows)], dtype="str"),
            "a$b_c^{2}": np.where(some < 0.2, np.nan, rng.lognormal(3, 2, rows)),
            "constant": 1,
            "nothing": np.nan,
            "silence": pd.Series([None] * rows, dtype="str"),
            "when": pd.Series(pd.date_range("2020", periods=rows)).mask(some < 0.01),
            "flag": pd.array(np.where(some < 0.1, None, some < 0.5), dtype="boolean"),
            "city": pd.Categorical(np.where(some < 0.05, None, rng.choice(text, rows))),
            "free": pd.Series([f"text {i}" for i in range(rows)], dtype="str"),
            "grade": pd.Categorical(rng.choice(["low", "mid", "high", "odd"], rows)),
            "count": pd.array(np.where(some < 0.3, None, rng.integers(0, 9, rows)), dtype="Int64"),
            "endless": np.where(some < 0.02, np.inf, some),
            "tiny": 1e9 + some * 1e-7,
            "huge": rng.normal(size=rows) * 1e305,
            "near": np.r_[np.zeros(rows - 1), 1].astype(np.int64),
            "one": np.r_[np.full(rows - 1, np.nan), 3.0],
            "y": pd.Series(np.where(rng.random(rows) < 0.1, "yes", "no"), dtype="str"),
        }
    )


@pytest.fixture
def ugly_schema(tmp_path: Path) -> Schema:
    from stages.core.schema import read_schema

    (tmp_path / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    return read_schema(tmp_path / "schema.yaml")


def draw_all(frame: pd.DataFrame, schema: Schema, chosen: Params, folder: Path) -> dict[str, str]:
    """Draw everything and return the titles; any warning is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, seen = explore(frame, schema, TARGET, None, chosen.explore)
        titles = {}
        for name, picture in pictures(frame, schema, seen):
            save(picture, folder / f"{name}.png")
            titles[name] = picture.get_suptitle()
    assert list(titles) == PICTURES
    return titles


# --- tables of all kinds --------------------------------------------------------------------


CUTS = {
    "whole": ugly_table(),
    "one row": ugly_table().iloc[:1],
    "two rows": ugly_table().iloc[:2],
    "one class": ugly_table().query("y == 'no'")[["a$b_c^{2}", "when", "flag", "y"]],
    "no feature": ugly_table()[["id", "y"]],
    "one feature": ugly_table()[["huge", "y"]],
    "only categories": ugly_table()[["city", "free", "y"]],
    "only missing": ugly_table()[["nothing", "silence", "y"]],
    "only constant": ugly_table()[["constant", "y"]],
}


@pytest.mark.parametrize("cut", CUTS)
def test_no_table_is_too_ugly(
    cut: str, ugly_schema: Schema, chosen: Params, tmp_path: Path
) -> None:
    frame = CUTS[cut]
    before = frame.copy(deep=True)
    titles = draw_all(frame, ugly_schema, chosen, tmp_path)
    pd.testing.assert_frame_equal(frame, before)
    assert all(titles.values())
    for name in PICTURES:
        with Image.open(tmp_path / f"{name}.png") as image:
            width, height = image.size
            assert 700 < width < 2000
            assert 80 < height < 3200
            # Nothing touches the edges: no text is cut.
            pixels = np.asarray(image.convert("L"))
        border = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel()])
        assert (border == 255).all(), name


def test_the_ugly_table_has_its_findings(ugly_schema: Schema, chosen: Params) -> None:
    found, _ = explore(ugly_table(), ugly_schema, TARGET, None, chosen.explore)
    ids = {finding.id for finding in found}
    assert ids >= {
        "missing:nothing",
        "missing:silence",
        "infinite:endless",
        "constant:constant",
        "constant:one",
        "near_constant:near",
        "high_cardinality:free",
        "skew:a$b_c^{2}",
        "imbalance:y",
    } - ({"imbalance:y"} if (ugly_table()["y"] == "yes").mean() >= 0.1 else set())
    assert not any(finding.startswith("leakage") for finding in ids)


def test_of_a_wide_table_the_most_telling_columns_are_drawn(chosen: Params, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 130))).rename(columns=lambda i: f"c{i}")
    frame["y"] = np.where(frame["c77"] + rng.normal(size=300) > 0, "yes", "no")
    column = Column(dtype="float64", kind="numeric", title="T")
    schema = Schema(columns=dict.fromkeys(frame.columns, column))
    bounds = chosen.explore.model_copy(update={"max_columns": 8})
    _, seen = explore(frame, schema, TARGET, None, bounds)
    assert len(seen.variables) == 8
    assert seen.hidden == 122
    assert seen.telling[0].name == "c77"
    for name, picture in pictures(frame, schema, seen):
        words = " ".join(text.get_text() for text in picture.texts).replace("\n", " ")
        if name in ("histograms", "correlation", "box"):
            assert "122 more columns are not drawn" in words
        elif name in ("scatter", "pair"):
            assert "Chosen among the 8 most telling of 130 columns" in words
        elif name == "scatter_target":
            assert "122 more are not drawn" in words


# --- the stage ------------------------------------------------------------------------------


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    params = params.replace("column: default payment next month", "column: y")
    params = params.replace("positive: 1\n", "positive: 'yes'\n").replace("key: ID", "key: id")
    (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
    (tmp_path / "schema.yaml").write_text(SCHEMA, encoding="utf-8")
    write_table(
        tmp_path / "train.parquet", ugly_table(200)[["id", "a$b_c^{2}", "flag", "city", "y"]]
    )
    return {
        "params": tmp_path / "params.yaml",
        "schema": tmp_path / "schema.yaml",
        "train": tmp_path / "train.parquet",
        "findings": tmp_path / "out" / "findings.json",
        "explore_figures": tmp_path / "out" / "figures",
    }


def digests(paths: dict[str, Path]) -> dict[str, str]:
    files = [paths["findings"], *sorted(paths["explore_figures"].iterdir())]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_stage_writes_its_findings_and_pictures(paths: dict[str, Path]) -> None:
    main(**paths)
    document = json.loads(paths["findings"].read_text(encoding="utf-8"))
    assert document["summary"] == {
        "rows": 200,
        "columns": 5,
        "features": 3,
        "features_drawn": 3,
        "features_not_drawn": 0,
        "positive_share": document["summary"]["positive_share"],
        "findings": len(document["findings"]),
    }
    assert document["summary"]["positive_share"] == round((ugly_table(200)["y"] == "yes").mean(), 6)
    assert [figure["file"] for figure in document["figures"]] == [f"{n}.png" for n in PICTURES]
    assert all(figure["title"] and "\n" not in figure["title"] for figure in document["figures"])
    assert {path.name for path in paths["explore_figures"].iterdir()} == {
        f"{name}.png" for name in PICTURES
    }
    finding = document["findings"][0]
    assert list(finding) == ["id", "kind", "columns", "value", "threshold", "why"]
    assert finding["id"] == f"{finding['kind']}:{'~'.join(finding['columns'])}"


def test_another_world_gives_the_same_bytes(paths: dict[str, Path], tmp_path: Path) -> None:
    """Another hash seed, time zone, locale, folder and matplotlibrc, and with house style out."""
    main(**paths)
    here = digests(paths)
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nlines.linewidth: 9\naxes.grid: False\n")
    there = paths | {
        "findings": tmp_path / "there" / "f.json",
        "explore_figures": tmp_path / "there" / "figures",
    }
    code = (
        "import sys; from stages.core.stage import run; import stages.explore as s; "
        "sys.exit(run(s.main, sys.argv[1:]))"
    )
    options = [word for key, path in there.items() for word in (f"--{key.replace('_', '-')}", path)]
    world = {
        "PYTHONHASHSEED": "42",
        "TZ": "Asia/Taipei",
        "LC_ALL": "C",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "PYTHONPATH": str(ROOT),
    }
    subprocess.run(
        [sys.executable, "-c", code, *options],
        env={**os.environ, **world},
        cwd=tmp_path,
        check=True,
    )
    found = digests(there)
    found["findings.json"] = found.pop("f.json")
    assert found == here


def test_an_empty_split_is_told_and_nothing_is_lost(paths: dict[str, Path]) -> None:
    paths["explore_figures"].mkdir(parents=True)
    (paths["explore_figures"] / "old.png").write_bytes(b"old")
    write_table(paths["train"], ugly_table(5).iloc[:0])
    with pytest.raises(LoopwrightError, match=r"train\.parquet: no rows"):
        main(**paths)
    assert [path.name for path in paths["explore_figures"].iterdir()] == ["old.png"]
    assert not paths["findings"].exists()


def test_a_target_that_is_not_there_is_told(paths: dict[str, Path]) -> None:
    write_table(paths["train"], ugly_table(5).drop(columns="y"))
    with pytest.raises(LoopwrightError, match="the table has no column 'y'"):
        main(**paths)
