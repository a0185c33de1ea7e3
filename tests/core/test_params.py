from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.core.errors import LoopwrightError
from stages.core.params import Params, read_params

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def fault(tmp_path: Path, old: str, new: str) -> str:
    assert TEXT.count(old) >= 1
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LoopwrightError) as raised:
        read_params(path)
    return str(raised.value)


def test_every_value_of_the_file_is_in_the_model_and_the_reverse(chosen: Params) -> None:
    document = YAML(typ="safe").load(TEXT)
    # Written out again, by the names in the file and without the defaults.
    assert chosen.model_dump(mode="json", by_alias=True, exclude_unset=True) == document


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  strategy: stratified", "  strategy: group", "needs the column in split.group"),
        ("  strategy: stratified", "  strategy: time", "needs the column in split.time"),
        ("  strategy: stratified", "  strategy: stratifed", "did you mean 'stratified'?"),
        ("{train: 0.6,", "{train: 0.7,", "to sum to 1, not 1.1"),
        ("{train: 0.6, validation: 0.2", "{train: 0.8, validation: 0", "greater than 0"),
        ("at_least: 0.76,", "at_most: 0.9, at_least: 0.76,", "exactly one of"),
        ("  duplicates: warn", "  duplicates: ignore", "validate.duplicates"),
        ("  duplicates: warn", "  duplicate: warn", "did you mean 'duplicates'?"),
        ("    roc_auc: 0.95", "    roc_auc: 0.5", "greater than 0.5"),
        ("kind: ratio", "kind: rato", "did you mean 'ratio'?"),
        (
            "columns: [BILL_AMT1, LIMIT_BAL]",
            "columns: [BILL_AMT1]",
            "2 columns were expected, not 1",
        ),
        (
            "columns: [PAY_AMT1, PAY_AMT2, PAY_AMT3, PAY_AMT4, PAY_AMT5, PAY_AMT6]",
            "columns: [A]",
            "2 columns or more were expected, not 1",
        ),
        ("      above: 0\n", "", "featurize.create.months_late.above: this key is missing"),
        ("kind: sum", "kind: total", "unknown kind 'total'"),
        ("folds: 3\n    bootstrap", "folds: 1\n    bootstrap", "folds: 0 (off), or 2 and more"),
        ("low: 0.02, high: 0.2", "low: 0.2, high: 0.02", "low was expected below high"),
        ("low: 0.02, high: 0.2", "low: 0.0, high: 0.2", "starts above 0"),
        ("learning_rate: 0.04", "learning_rat: 0.04", "did you mean 'learning_rate'?"),
        ("estimator: dummy", "estimator: os.system", "unknown estimator 'os.system'"),
        ("  random_state: 0", "  random_state: -1", "greater than or equal to 0"),
        ("  random_state: 0", "  random_state: 1e-3", "valid integer"),
        ("  random_state: 0", "  random_state: true", "valid integer"),
        ('separator: ","', 'separator: ";;"', "ingest.sources.0.format.separator"),
        ('separator: ","', "separator: '\"'", "ingest.sources.0.format.separator"),
        ('separator: ","', 'separator: "\\n"', "ingest.sources.0.format.separator"),
        ('separator: ","', 'separator: "é"', "ingest.sources.0.format.separator"),
        ('  missing_values: [""]', "  missing_values: NA", "ingest.sources.0.missing_values"),
        ("kind: csv", "kind: cvs", "unknown kind 'cvs'; did you mean 'csv'?"),
        ("- kind: file", "- kind: http\n      url: ftp://a/b", "ingest.sources.0.url"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in fault(tmp_path, old, new)


@pytest.mark.parametrize("section", list(YAML(typ="safe").load(TEXT)))
def test_there_are_no_hidden_defaults(tmp_path: Path, section: str) -> None:
    document = YAML(typ="safe").load(TEXT)
    del document[section]
    path = tmp_path / "params.yaml"
    with path.open("w") as file:
        YAML().dump(document, file)
    with pytest.raises(LoopwrightError, match=f"{section}: this key is missing"):
        read_params(path)
