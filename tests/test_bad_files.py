"""Every bad file has its answer: see tests/bad_files.py."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.core.errors import LoopwrightError
from stages.core.tables import read_table
from stages.ingest import main as ingest
from stages.split import main as split
from stages.validate import main as validate
from tests.bad_files import BAD_FILES, SCHEMA, BadFile, expected

ROOT = Path(__file__).parent.parent
PARAMS = (ROOT / "params.yaml").read_text()
FORMAT = {"kind": "csv", "separator": ",", "quote": '"', "decimal": ".", "encoding": "utf-8"}
STAGES = ("ingest", "validate", "split")


def declare(folder: Path, file: BadFile) -> None:
    """Write the file, its schema.yaml and its params.yaml."""
    data = file.data.encode() if isinstance(file.data, str) else file.data
    (folder / "table.csv").write_bytes(data)
    columns: dict[str, Any] = {name: {"title": name, **line} for name, line in SCHEMA.items()}
    for name, line in file.schema.items():
        columns[name] = {"title": name, **columns.get(name, {}), **line}
    (folder / "schema.yaml").write_text(json.dumps({"columns": columns}))
    params = YAML(typ="safe").load(PARAMS)
    source = {
        "kind": "file",
        "format": {**FORMAT, **file.format},
        "missing_values": [""],
        **file.source,
    }
    params["ingest"] = {"sources": [source]}
    positive = ">50K" if "50K" in str(file.data) else 1
    params["charter"]["target"] |= {"column": "label", "positive": positive}
    params["charter"]["key"] = "id"
    params["validate"] |= file.policy
    (folder / "params.yaml").write_text(json.dumps(params))


def run() -> tuple[str | None, str]:
    """Run the stages; return the one that stops, and its message."""
    paths = {name: Path(name) for name in ("table", "validated", "train", "validation", "test")}
    params = Path("params.yaml")
    try:
        stage = "ingest"
        ingest(
            params=params,
            schema=Path("schema.yaml"),
            source=Path("table.csv"),
            ingested=paths["table"],
            manifest=Path("manifest.json"),
        )
        stage = "validate"
        validate(
            params=params,
            schema=Path("schema.yaml"),
            ingested=paths["table"],
            validated=paths["validated"],
            failure_cases=Path("failure_cases.csv"),
            quality=Path("quality.json"),
        )
        stage = "split"
        split(
            params=params,
            validated=paths["validated"],
            train=paths["train"],
            validation=paths["validation"],
            test=paths["test"],
            splits=Path("splits.json"),
        )
    except LoopwrightError as fault:
        return stage, str(fault)
    return None, ""


def in_order(message: str, parts: tuple[str, ...]) -> None:
    place = 0
    for part in parts:
        assert part in message[place:], f"{part!r} is not in {message[place:]!r}"
        place = message.index(part, place) + len(part)


@pytest.mark.parametrize("file", BAD_FILES, ids=lambda file: file.name)
def test_a_bad_file_has_its_answer(
    file: BadFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    declare(tmp_path, file)
    stopped, message = run()
    assert stopped == (file.answer if file.answer in STAGES else None), message
    if stopped:
        in_order(message, file.says)
        assert len(message) < 2000
        made = {"ingest": [], "validate": ["table"], "split": ["table", "validated"]}[stopped]
        assert [name for name in ("table", "validated", "train") if Path(name).exists()] == made
        return
    table = read_table(Path("table"))
    if file.answer in ("same", "note") and not file.holds:
        pd.testing.assert_frame_equal(table, expected(), check_exact=True)
    for (row, column), value in file.holds.items():
        found = table[column].iloc[row]
        assert pd.isna(found) if value is None else found == value
    notes = json.loads(Path("manifest.json").read_text())["notes"]
    if file.answer == "note":
        in_order("\n".join(notes), file.says)
        in_order(capsys.readouterr().err, file.says)
    else:
        assert notes == []
    verdicts = json.loads(Path("quality.json").read_text())["verdicts"]
    if file.answer == "warn":
        warned = [v["why"] for v in verdicts if v["status"] == "warn"]
        in_order("\n".join(warned), file.says)
    else:
        assert {v["status"] for v in verdicts} == {"pass"}


def test_names_are_told_apart() -> None:
    names = [file.name for file in BAD_FILES]
    assert len(set(names)) == len(names)
