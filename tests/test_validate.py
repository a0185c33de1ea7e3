import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import LoopwrightError
from stages.core.params import Params, Validate
from stages.core.schema import Schema
from stages.core.tables import read_table, write_table
from stages.core.verdicts import from_document
from stages.validate import check_schema, examine, list_cases, main

ROOT = Path(__file__).parent.parent
TARGET = "default payment next month"
IDS = [
    "validate.schema",
    "validate.missing_labels",
    "validate.duplicates",
    "validate.conflicting_labels",
    "validate.constant_columns",
    "validate.one_class_target",
    "validate.single_feature_leakage",
]


class Run:
    """One run of the stage in a folder of its own."""

    def __init__(self, folder: Path, frame: pd.DataFrame, params: Path) -> None:
        self.validated = folder / "validated.parquet"
        self.failure_cases = folder / "failure_cases.csv"
        self.quality = folder / "quality.json"
        self.error: str | None = None
        write_table(folder / "ingested.parquet", frame)
        try:
            main(
                params=params,
                schema=ROOT / "schema.yaml",
                ingested=folder / "ingested.parquet",
                validated=self.validated,
                failure_cases=self.failure_cases,
                quality=self.quality,
            )
        except LoopwrightError as fault:
            self.error = str(fault).replace(folder.as_posix() + "/", "")
        self.report = json.loads(self.quality.read_text())
        self.cases = pd.read_csv(self.failure_cases, dtype=str, keep_default_na=False)
        verdicts = [from_document(document) for document in self.report["verdicts"]]
        assert [verdict.id for verdict in verdicts] == IDS
        self.status = {verdict.id.split(".")[1]: verdict.status for verdict in verdicts}
        self.value = {verdict.id.split(".")[1]: verdict.value for verdict in verdicts}


def run(folder: Path, frame: pd.DataFrame, **policy: str) -> Run:
    """Run the stage with some policies of params.yaml changed."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for name, value in policy.items():
        assert f"\n  {name}: " in text
        start = text.index(f"\n  {name}: ") + 1
        line = text[start : text.index("\n", start)]
        text = text.replace(line, f"  {name}: {value}", 1)
    params = folder / "params.yaml"
    params.write_text(text, encoding="utf-8")
    return Run(folder, frame, params)


@pytest.fixture
def clean(sample: pd.DataFrame) -> pd.DataFrame:
    """Rows of the default table without any known fault."""
    documented = sample["EDUCATION"].isin([1, 2, 3, 4]) & sample["MARRIAGE"].isin([1, 2, 3])
    features = [name for name in sample.columns if name not in ("ID", TARGET)]
    single = ~sample.duplicated(features, keep=False)
    return sample[documented & single].reset_index(drop=True)


def test_a_clean_table_raises_no_alarm_and_goes_through(
    tmp_path: Path, clean: pd.DataFrame
) -> None:
    found = run(tmp_path, clean)
    assert found.error is None
    assert set(found.status.values()) == {"pass"}
    assert found.report["checks"] == []
    assert len(found.cases) == 0
    assert list(found.cases.columns) == [
        "check",
        "column",
        "row",
        "key",
        "value",
        "policy",
        "message",
    ]
    assert found.report["rows_in"] == found.report["rows_out"] == len(clean)
    pd.testing.assert_frame_equal(read_table(found.validated), clean)


def test_the_default_table_has_its_known_faults(tmp_path: Path, credit: pd.DataFrame) -> None:
    found = run(tmp_path, credit)
    assert found.error is None
    assert found.status == {
        "schema": "warn",
        "missing_labels": "pass",
        "duplicates": "warn",
        "conflicting_labels": "warn",
        "constant_columns": "pass",
        "one_class_target": "pass",
        "single_feature_leakage": "pass",
    }
    assert (found.value["schema"], found.value["duplicates"]) == (399, 35)
    assert found.value["conflicting_labels"] == 21
    checks = {entry["column"] or entry["check"]: entry for entry in found.report["checks"]}
    assert checks["EDUCATION"]["failures"] == 345
    assert checks["EDUCATION"]["values"] == {"0": 14, "5": 280, "6": 51}
    assert checks["MARRIAGE"]["values"] == {"0": 54}
    assert checks["duplicates"]["failures"] == 35
    assert checks[TARGET]["failures"] == 46
    assert len(found.cases) == 345 + 54 + 35 + 46
    assert found.report["rows_out"] == 30_000
    pd.testing.assert_frame_equal(read_table(found.validated), credit)


def test_a_fault_stops_the_stage_after_it_is_written_down(
    tmp_path: Path, clean: pd.DataFrame
) -> None:
    clean.loc[4, "AGE"] = 999
    clean.loc[[7, 8], "SEX"] = [3, 0]
    clean.loc[9, "ID"] = clean.loc[2, "ID"]
    found = run(tmp_path, clean)
    key = clean.loc[2, "ID"]
    assert found.error is not None
    assert found.error.splitlines() == [
        "ingested.parquet: 5 failures stop the pipeline (ID: 2, SEX: 2, AGE: 1)",
        f"  row 3 (key {key}), column 'ID': found {key}, the value stands more than once",
        f"  row 10 (key {key}), column 'ID': found {key}, the value stands more than once",
        f"  row 8 (key {clean.loc[7, 'ID']}), column 'SEX': found 3, outside isin([1, 2])",
        "  all of them: failure_cases.csv",
        "  correct the source, or the check in schema.yaml; the policies are in params.yaml under "
        "validate",
    ]
    assert not found.validated.exists()
    assert found.status["schema"] == "fail"
    assert found.cases[["column", "row", "value", "policy"]].to_numpy().tolist() == [
        ["ID", "3", str(key), "fail"],
        ["ID", "10", str(key), "fail"],
        ["SEX", "8", "3", "fail"],
        ["SEX", "9", "0", "fail"],
        ["AGE", "5", "999", "fail"],
    ]
    assert found.cases["key"].tolist()[4] == str(clean.loc[4, "ID"])


def test_one_failure_is_one_failure(tmp_path: Path, clean: pd.DataFrame) -> None:
    clean.loc[4, "AGE"] = 17
    error = run(tmp_path, clean).error
    assert error is not None
    assert error.startswith("ingested.parquet: 1 failure stops the pipeline (AGE: 1)\n  row 5 ")


def test_copies_warn_stop_or_go(tmp_path: Path, clean: pd.DataFrame) -> None:
    copies = clean.head(3).assign(ID=[90_001, 90_002, 90_003])
    frame = pd.concat([clean, copies], ignore_index=True)
    for policy, status, rows_out in (
        ("warn", "warn", len(frame)),
        ("drop", "warn", len(clean)),
        ("fail", "fail", len(frame)),
    ):
        folder = tmp_path / policy
        folder.mkdir()
        found = run(folder, frame, duplicates=policy)
        assert found.status["duplicates"] == status
        assert found.value["duplicates"] == 3
        assert found.report["rows_out"] == rows_out
        assert found.report["dropped"] == len(frame) - rows_out
        assert found.cases["key"].tolist() == ["90001", "90002", "90003"]
        assert (found.error is None) == found.validated.exists() == (policy != "fail")
    error = found.error
    assert error is not None
    assert "3 failures stop the pipeline (whole rows: 3)" in error
    assert f"row {len(clean) + 1:,} (key 90001): equals row 1 in all columns but ID" in error
    pd.testing.assert_frame_equal(read_table(tmp_path / "drop/validated.parquet"), clean)


def test_conflicting_rows_go_as_a_set(tmp_path: Path, clean: pd.DataFrame) -> None:
    twin = clean.loc[[5]].assign(ID=90_001, **{TARGET: 1 - clean.loc[5, TARGET]})
    found = run(tmp_path, pd.concat([clean, twin], ignore_index=True), conflicting_labels="drop")
    assert found.error is None
    assert found.report["dropped"] == 2
    expected = clean.drop(index=5).reset_index(drop=True)
    pd.testing.assert_frame_equal(read_table(found.validated), expected)


def test_what_an_earlier_check_drops_later_checks_do_not_see(
    chosen: Params, clean: pd.DataFrame, schema: Schema
) -> None:
    # The only rows with another limit and another label are dropped by the schema.
    age = schema.columns["AGE"]
    assert age.checks is not None
    dropping = age.model_copy(
        update={"checks": age.checks.model_copy(update={"on_failure": "drop"})}
    )
    lenient = schema.model_copy(update={"columns": {**schema.columns, "AGE": dropping}})
    frame = clean.head(40).assign(LIMIT_BAL=5, **{TARGET: 0})
    frame.loc[[10, 20], ["AGE", "LIMIT_BAL", TARGET]] = [[999, 6, 1], [998, 7, 1]]
    kept, outcomes = examine(
        frame, lenient, chosen.validate_, chosen.charter.target, chosen.charter.key
    )
    found = {outcome.check: outcome for outcome in outcomes}
    pd.testing.assert_frame_equal(kept, frame.drop(index=[10, 20]).reset_index(drop=True))
    assert found["schema"].status == "warn"
    assert "LIMIT_BAL" in found["constant_columns"].cases["column"].tolist()
    assert found["one_class_target"].status == "fail"
    assert found["single_feature_leakage"].status == "insufficient"
    cases = list_cases(outcomes, frame, "ID")
    assert cases.loc[cases["policy"] == "drop", "row"].tolist() == [11, 21]


def test_a_constant_column_stops_or_warns(tmp_path: Path, clean: pd.DataFrame) -> None:
    frame = clean.assign(PAY_6=0)
    found = run(tmp_path, frame)
    assert found.status["constant_columns"] == "fail"
    assert found.error is not None
    assert "column 'PAY_6': found 0, the same in every row" in found.error
    warned = run(tmp_path, frame, constant_columns="warn")
    assert warned.status["constant_columns"] == "warn"
    assert warned.error is None


def test_a_target_of_one_class_stops(tmp_path: Path, clean: pd.DataFrame) -> None:
    found = run(tmp_path, clean.assign(**{TARGET: 0}))
    assert found.status["one_class_target"] == "fail"
    assert found.status["single_feature_leakage"] == "insufficient"
    assert found.error is not None
    assert "no row has the positive value 1; found: 0" in found.error


def test_a_leak_stops_or_warns(tmp_path: Path, clean: pd.DataFrame) -> None:
    frame = clean.assign(PAY_AMT6=clean[TARGET] * 1000)
    found = run(tmp_path, frame)
    assert found.status["single_feature_leakage"] == "fail"
    assert found.value["single_feature_leakage"] == 1.0
    assert found.error is not None
    assert "column 'PAY_AMT6': found 1.0, its value alone has this ROC AUC" in found.error
    params = tmp_path / "params.yaml"
    text = params.read_text(encoding="utf-8")
    assert text.count("    policy: fail") == 1
    params.write_text(text.replace("    policy: fail", "    policy: warn"), encoding="utf-8")
    warned = Run(tmp_path, frame, params)
    assert warned.status["single_feature_leakage"] == "warn"
    assert warned.error is None


def test_a_table_of_another_shape_is_not_examined_further(
    tmp_path: Path, clean: pd.DataFrame
) -> None:
    found = run(tmp_path, clean.drop(columns=[TARGET, "ID"]).assign(AGE=1.5))
    assert found.status == {"schema": "fail"} | {
        check.split(".")[1]: "insufficient" for check in IDS[1:]
    }
    assert found.error is not None
    assert "column 'ID': found ID, the column is missing" in found.error
    assert "column 'AGE': found float64, outside dtype('int64')" in found.error
    assert not found.validated.exists()


def test_a_target_or_key_that_the_schema_lacks_is_named(
    chosen: Params, clean: pd.DataFrame, schema: Schema
) -> None:
    target = chosen.charter.target.model_copy(update={"column": "default"})
    with pytest.raises(LoopwrightError, match=r"charter\.target\.column: no column 'default'"):
        examine(clean, schema, chosen.validate_, target, "ID")
    with pytest.raises(LoopwrightError, match=r"charter\.key: no column 'IDD'"):
        examine(clean, schema, chosen.validate_, chosen.charter.target, "IDD")


def test_every_policy_of_params_has_its_verdict() -> None:
    assert [f"validate.{name}" for name in Validate.model_fields] == IDS[1:]


def test_a_table_without_a_key_lists_rows_alone(
    chosen: Params, clean: pd.DataFrame, schema: Schema
) -> None:
    frame = clean.assign(SEX=np.where(clean.index == 3, 9, clean["SEX"]))
    cases = list_cases([check_schema(frame, schema)], frame, None)
    assert cases[["row", "key", "value"]].to_numpy().tolist() == [[4, "", "9"]]


def test_the_same_table_gives_the_same_bytes(tmp_path: Path, sample: pd.DataFrame) -> None:
    outputs = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        found = run(folder, sample)
        quality = found.quality.read_text().replace(folder.as_posix(), "")
        outputs.append([found.validated.read_bytes(), found.failure_cases.read_bytes(), quality])
    assert outputs[0] == outputs[1]
