import ast
import importlib
import inspect
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.audit import evidence as shared
from stages.audit.evidence import (
    Check,
    Evidence,
    Findings,
    as_numbers,
    bounded,
    completed,
    conduct,
    counted,
    gather,
    listed,
    plain,
    spread,
)
from stages.core.errors import LoopwrightError
from stages.core.params import Params
from stages.core.stage import run
from stages.core.verdicts import Verdict

ROOT = Path(__file__).parents[2]
PILLARS = sorted(path.parent.name for path in (ROOT / "stages/audit").glob("*/__init__.py"))
MODULES = {pillar: importlib.import_module(f"stages.audit.{pillar}") for pillar in PILLARS}
CHECKS: list[Check] = [check for module in MODULES.values() for check in module.CHECKS]


def arguments(paths: dict[str, Path], out: Path) -> list[str]:
    paths = paths | {
        "verdicts": out / "verdicts.json",
        "figures": out / "figures",
        "files": out / "files",
    }
    return [
        word for name, path in paths.items() for word in (f"--{name.replace('_', '-')}", str(path))
    ]


# --- what is declared -----------------------------------------------------------------------


def test_every_pillar_of_the_params_is_a_module(chosen: Params) -> None:
    fields = type(chosen.audit).model_fields
    assert {name for name in fields if name not in ("level", "bootstrap", "random_state")} == set(
        PILLARS
    )


def test_the_number_of_checks_changes_on_purpose() -> None:
    assert {pillar: len(module.CHECKS) for pillar, module in MODULES.items()} == {
        "accountability": 10,
        "fairness": 11,
        "performance": 7,
        "privacy_security": 15,
        "safety": 18,
        "transparency": 7,
    }


def test_each_check_is_named_after_its_pillar_and_once() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    for pillar, module in MODULES.items():
        assert all(check.id.startswith(f"{pillar}.") for check in module.CHECKS)


def test_each_key_that_a_check_names_is_in_the_params(chosen: Params) -> None:
    named = re.findall(
        r"\b(?:audit|charter)\.[a-z_.]*[a-z]", " ".join(f"{c.threshold} {c.metric}" for c in CHECKS)
    )
    assert len(named) > 15
    for key in named:
        value: Any = chosen
        for part in key.split("."):
            value = getattr(value, part)


def test_all_pillars_take_the_same_paths_and_import_the_same_code() -> None:
    """They are one matrix in dvc.yaml, with one list of inputs."""
    signatures = {str(inspect.signature(module.main)) for module in MODULES.values()}
    assert len(signatures) == 1
    for module in [*MODULES.values(), shared]:
        assert module.__file__
    allowed = core_closure("stages.audit.evidence")
    for pillar in PILLARS:
        assert core_closure(f"stages.audit.{pillar}") == allowed


def core_closure(module: str) -> set[str]:
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        file = ROOT / f"{name.replace('.', '/')}.py"
        if not file.is_file():
            file = ROOT / name.replace(".", "/") / "__init__.py"
        if name in found or not file.is_file():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return {name for name in found if name.startswith("stages.core.")}


def test_the_page_lists_every_check_as_it_is_declared() -> None:
    rows = {}
    for line in (ROOT / "docs/audit.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"\|? ?`[a-z_]+\.[a-z_]+`", cells[0]) and len(cells) == 5:
            rows[cells[0].strip("`| ")] = [cell.replace("`", "") for cell in cells[1:]]
    assert rows == {c.id: [c.question, c.metric, c.threshold, c.source] for c in CHECKS}


# --- verdicts -------------------------------------------------------------------------------

CHECK = Check("pillar.check", "?", "", "", "")
OTHER = Check("pillar.other", "?", "", "", "")


def verdict(name: str) -> Verdict:
    return Verdict(name, "pass", 1, None, None, (), "")


def test_a_check_without_an_answer_fails() -> None:
    found = completed(
        [CHECK, OTHER], [verdict("pillar.other:b"), verdict("pillar.other:a")], "gone"
    )
    assert [v.id for v in found] == ["pillar.check", "pillar.other:b", "pillar.other:a"]
    assert [v.status for v in found] == ["fail", "pass", "pass"]
    assert found[0].why == "no evidence: gone"


@pytest.mark.parametrize("ids", [["pillar.unknown"], ["pillar.check", "pillar.check"]])
def test_an_answer_to_no_question_is_a_bug(ids: list[str]) -> None:
    with pytest.raises(ValueError, match=ids[0]):
        completed([CHECK], [verdict(name) for name in ids], "")


@pytest.mark.parametrize(
    ("value", "interval", "side", "status"),
    [
        (0.8, (0.75, 0.85), "at_least", "pass"),
        (0.8, (0.65, 0.85), "at_least", "warn"),
        (0.6, (0.55, 0.85), "at_least", "fail"),
        (0.6, (0.55, 0.65), "at_most", "pass"),
        (0.6, (0.55, 0.75), "at_most", "warn"),
        (0.8, (0.55, 0.85), "at_most", "fail"),
        (None, None, "at_most", "insufficient"),
    ],
)
def test_a_value_is_held_against_its_bound(
    value: float | None, interval: tuple[float, float] | None, side: Any, status: str
) -> None:
    found = bounded("a.b", {"value": value, "interval": interval}, side, 0.7, (), "because")
    assert (found.status, found.value, found.interval) == (status, value, interval)
    assert found.threshold == (">= 0.7" if side == "at_least" else "<= 0.7")
    assert ("undefined" in found.why) == (value is None)


def test_counting_asks_for_none() -> None:
    assert counted("a.b", 0, (), "").status == "pass"
    assert counted("a.b", 2, (), "").status == "fail"


def test_numbers_and_lists_are_short() -> None:
    assert [plain(x) for x in (0.02, 100000.0, 0.0, -1.5)] == ["0.02", "100000", "0", "-1.5"]
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdef"), 3) == "a, b, c and 3 more"


# --- frames ---------------------------------------------------------------------------------


def test_every_column_becomes_numbers() -> None:
    frame = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "yes": pd.array([True, None, False], dtype="boolean"),
            "text": pd.array(["b", None, "a"], dtype="str"),
            "kind": pd.Categorical(["z", "y", None]),
        },
        index=[5, 6, 7],
    )
    found = as_numbers(frame)
    assert found.index.tolist() == [5, 6, 7]
    np.testing.assert_array_equal(
        found.to_numpy(), [[1, 1, 1, 1], [np.nan, np.nan, np.nan, 0], [3, 0, 0, np.nan]]
    )


def test_rows_are_spread_evenly_and_none_twice() -> None:
    assert spread(10, 4).tolist() == [0, 3, 6, 9]
    assert spread(3, 10).tolist() == [0, 1, 2]


# --- a pillar from files to files -----------------------------------------------------------


@pytest.fixture(scope="module")
def written(given: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each pillar writes."""
    folder = tmp_path_factory.mktemp("written")
    for pillar in PILLARS:
        assert run(MODULES[pillar].main, arguments(given, folder / pillar)) == 0
    return {pillar: folder / pillar for pillar in PILLARS}


@pytest.mark.parametrize("pillar", PILLARS)
def test_a_pillar_answers_every_check_and_shows_it(pillar: str, written: dict[str, Path]) -> None:
    out = written[pillar]
    document = json.loads((out / "verdicts.json").read_text())
    assert document["pillar"] == pillar
    answered = [v["id"].partition(":")[0] for v in document["verdicts"]]
    assert list(dict.fromkeys(answered)) == [check.id for check in MODULES[pillar].CHECKS]
    assert not any("no evidence" in v["why"] for v in document["verdicts"])
    for v in document["verdicts"]:
        assert v["why"]
        assert v["evidence"], v["id"]
        assert all(Path(path).is_file() for path in v["evidence"]), v["id"]
    assert all(isinstance(rows, list) for rows in document["tables"].values())
    pictures = list((out / "figures").iterdir())
    assert pictures
    assert all(Image.open(path).width > 600 for path in pictures)


@pytest.mark.parametrize("pillar", PILLARS)
def test_numbers_have_six_decimals(pillar: str, written: dict[str, Path]) -> None:
    text = (written[pillar] / "verdicts.json").read_text()
    assert not re.search(r"[ \[]-?\d+\.\d{7}", text)
    assert "-0.0," not in text


@pytest.mark.parametrize("pillar", ["fairness", "transparency"])
def test_the_same_bytes_every_time(
    pillar: str, written: dict[str, Path], given: dict[str, Path], tmp_path: Path
) -> None:
    assert run(MODULES[pillar].main, arguments(given, tmp_path)) == 0
    first, second = written[pillar], tmp_path
    for path in sorted((first / "figures").iterdir()):
        assert path.read_bytes() == (second / "figures" / path.name).read_bytes()
    texts = [
        (folder / "verdicts.json").read_text().replace(folder.as_posix(), "")
        for folder in (first, second)
    ]
    assert texts[0] == texts[1]


def altered_byte(paths: dict[str, Path]) -> None:
    data = bytearray(paths["model"].read_bytes())
    data[len(data) // 2] ^= 1
    paths["model"].write_bytes(data)


def edited(path: str, key: str, value: Any) -> Callable[[dict[str, Path]], None]:
    def edit(paths: dict[str, Path]) -> None:
        document = json.loads(paths[path].read_text())
        document[key] = value
        paths[path].write_text(json.dumps(document))

    return edit


def other_columns(paths: dict[str, Path]) -> None:
    frame = pd.read_parquet(paths["test"]).drop(columns="LIMIT_BAL")
    frame.to_parquet(paths["test"])


FAULTS = [
    (altered_byte, "sha256"),
    (edited("model_manifest", "sha256", "0" * 64), "sha256"),
    (edited("model_manifest", "sha256", None), "no sha256"),
    (edited("evaluation", "threshold", None), "no threshold"),
    (edited("evaluation", "threshold", 1.5), "no threshold"),
    (other_columns, "does not predict"),
]


@pytest.mark.parametrize(
    ("pillar", "fault", "told"),
    # The code is shared: one fault for all pillars, all faults for one.
    [
        *((pillar, *FAULTS[0]) for pillar in PILLARS),
        *(("accountability", *fault) for fault in FAULTS[1:]),
    ],
)
def test_a_model_that_cannot_be_used_fails_every_check_and_stops_nothing(
    pillar: str,
    fault: Callable[[dict[str, Path]], None],
    told: str,
    given: dict[str, Path],
    tmp_path: Path,
) -> None:
    paths = dict(given)
    for name in ("model", "model_manifest", "evaluation", "test"):
        paths[name] = Path(shutil.copy(given[name], tmp_path / given[name].name))
    fault(paths)
    out = tmp_path / "out"
    assert run(MODULES[pillar].main, arguments(paths, out)) == 0
    verdicts = json.loads((out / "verdicts.json").read_text())["verdicts"]
    assert [v["id"] for v in verdicts] == [check.id for check in MODULES[pillar].CHECKS]
    assert {v["status"] for v in verdicts} == {"fail"}
    assert all(told in v["why"] for v in verdicts)
    assert list((out / "figures").iterdir()) == []


@pytest.mark.parametrize("missing", ["train", "validation", "test", "model_manifest", "evaluation"])
def test_a_missing_input_is_one_error_and_loses_nothing(
    missing: str,
    given: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/old.png").write_text("old")
    (tmp_path / "verdicts.json").write_text("old")
    paths = given | {missing: tmp_path / "absent"}
    out = run(MODULES["performance"].main, arguments(paths, tmp_path))
    if missing == "model_manifest":
        # It is the model's own paper: without it, the model cannot be used.
        assert out == 0
        return
    assert out == 2
    assert str(tmp_path / "absent") in capsys.readouterr().err
    assert (tmp_path / "verdicts.json").read_text() == "old"
    assert (tmp_path / "figures/old.png").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "verdicts.json"]


def test_a_test_split_without_rows_is_an_error(
    given: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_parquet(given["test"]).head(0).to_parquet(tmp_path / "empty.parquet")
    paths = given | {"test": tmp_path / "empty.parquet"}
    assert run(MODULES["safety"].main, arguments(paths, tmp_path)) == 2
    assert "the test split has no rows" in capsys.readouterr().err


def collected(given: dict[str, Path], tmp_path: Path) -> Evidence:
    return gather(
        **given,
        verdicts=tmp_path / "verdicts.json",
        figures=tmp_path / "figures",
        files=tmp_path / "files",
    )


def test_what_is_gathered_belongs_together(given: dict[str, Path], tmp_path: Path) -> None:
    e = collected(given, tmp_path)
    assert e.entities is None
    assert e.target.column not in e.rows
    assert e.rule_decisions.tolist() == (e.test["PAY_0"] >= 2).astype(int).tolist()
    np.testing.assert_array_equal(e.predictions.y_pred, e.predicted >= 0.2)
    assert e.paths("a") == ((tmp_path / "figures/a.png").as_posix(), e.verdicts.as_posix())
    assert (e.title("AGE"), e.title("unknown")) == ("Age", "unknown")


def test_rows_of_one_entity_are_drawn_together(given: dict[str, Path], tmp_path: Path) -> None:
    frame = pd.read_parquet(given["test"])
    frame["ID"] = np.arange(len(frame)) // 4
    frame.to_parquet(tmp_path / "test.parquet")
    e = collected(given | {"test": tmp_path / "test.parquet"}, tmp_path)
    assert e.entities is not None
    assert e.entities.nunique() == -(-len(frame) // 4)


def test_a_model_that_gives_no_probabilities_cannot_be_used(
    given: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "predicted", lambda model, frame, task: np.full(len(frame), np.nan))
    conduct(
        [CHECK],
        lambda e: Findings(),
        **given,
        verdicts=tmp_path / "verdicts.json",
        figures=tmp_path / "figures",
        files=tmp_path / "files",
    )
    (answer,) = json.loads((tmp_path / "verdicts.json").read_text())["verdicts"]
    assert "no finite numbers" in answer["why"]


def test_what_is_no_number_is_written_as_none(given: dict[str, Path], tmp_path: Path) -> None:
    def examine(e: Evidence) -> Findings:
        answer = replace(verdict("pillar.check"), value=float("nan"), interval=(-0.0, 1 / 3))
        return Findings([answer], {"Rows": [{"a": np.int64(3), "b": np.float64("inf")}]})

    conduct(
        [CHECK],
        examine,
        **given,
        verdicts=tmp_path / "verdicts.json",
        figures=tmp_path / "figures",
        files=tmp_path / "files",
    )
    document = json.loads((tmp_path / "verdicts.json").read_text())
    assert document["verdicts"][0]["value"] is None
    assert document["verdicts"][0]["interval"] == [0.0, 0.333333]
    assert document["tables"] == {"Rows": [{"a": 3, "b": None}]}


def test_a_person_in_a_table_is_withheld(given: dict[str, Path], tmp_path: Path) -> None:
    rows = [{"Group": "ann@bank.example", "Rows": 3}, {"Group": "18 to 29, high school", "Rows": 4}]
    conduct(
        [CHECK],
        lambda e: Findings([verdict("pillar.check")], {"Groups": rows}),
        **given,
        verdicts=tmp_path / "verdicts.json",
        figures=tmp_path / "figures",
        files=tmp_path / "files",
    )
    written = json.loads((tmp_path / "verdicts.json").read_text())["tables"]["Groups"]
    assert [row["Group"] for row in written] == [
        "withheld: e-mail address",
        "18 to 29, high school",
    ]


def test_files_are_written_beside_the_table_of_what_was_asked(
    given: dict[str, Path], tmp_path: Path
) -> None:
    conduct(
        [CHECK],
        lambda e: Findings([verdict("pillar.check")], files={"list.txt": "ä\n"}),
        **given,
        verdicts=tmp_path / "verdicts.json",
        figures=tmp_path / "figures",
        files=tmp_path / "files",
    )
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == [
        "checks.csv",
        "list.txt",
    ]
    assert (tmp_path / "files/list.txt").read_bytes() == "ä\n".encode()
    asked = pd.read_csv(tmp_path / "files/checks.csv")
    assert asked[["id", "question"]].to_numpy().tolist() == [["pillar.check", CHECK.question]]


@pytest.mark.parametrize(("column", "told"), [("PAY_00", "did you mean 'PAY_0'"), ("X", "no col")])
def test_what_can_be_changed_is_a_column(
    column: str, told: str, given: dict[str, Path], tmp_path: Path
) -> None:
    text = given["params"].read_text()
    edited = tmp_path / "params.yaml"
    edited.write_text(text.replace("mutable: {PAY_0:", f"mutable: {{{column}:"))
    with pytest.raises(LoopwrightError, match=told):
        collected(given | {"params": edited}, tmp_path)
