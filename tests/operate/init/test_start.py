"""From a file to params.yaml and schema.yaml that the pipeline reads."""

import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from operate.cli import app
from operate.init.command import start
from operate.init.wishes import Wishes, columns_of, wishes
from operate.pipeline import read_pipeline
from stages import define, validate
from stages.core.errors import LoopwrightError
from stages.core.params import Params, read_params
from stages.core.schema import Schema, read_schema
from stages.core.sources.reading import read_sources

ROOT = Path(__file__).parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The parts of a fresh clone that a project starts from, committed."""
    root = tmp_path / "clone"
    (root / "data/source").mkdir(parents=True)
    for file in ("params.yaml", "schema.yaml", "dvc.yaml", "data/source/credit_default.csv.gz"):
        shutil.copyfile(ROOT / file, root / file)
    for command in (
        ["init", "-q"],
        ["config", "user.email", "a@example.org"],
        ["config", "user.name", "a"],
        ["add", "-A"],
        ["commit", "-qm", "start"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def table(rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "client_id": [f"c{i:05d}" for i in range(rows)],
            "visits": rng.integers(0, 60, rows),
            "spend": rng.lognormal(3, 1, rows).round(2),
            "sex": rng.choice(["m", "f"], rows),
            "city": rng.choice(["Ulm", "Bonn", "Kiel"], rows),
        }
    )
    frame["churn"] = np.where(frame["visits"] + rng.normal(0, 15, rows) < 30, "yes", "no")
    frame["level"] = pd.cut(frame["visits"], [-1, 20, 40, 60], labels=["low", "mid", "high"])
    frame["next_spend"] = (frame["spend"] * 1.1 + rng.normal(0, 9, rows)).round(2)
    return frame


def saved(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "clients.csv"
    frame.to_csv(path, index=False)
    return path


def project(root: Path) -> tuple[Params, Schema]:
    return read_params(root / "params.yaml"), read_schema(root / "schema.yaml")


@pytest.mark.parametrize(
    ("target", "task"),
    [("churn", "binary"), ("level", "multiclass"), ("next_spend", "regression")],
)
def test_the_target_alone_is_enough(clone: Path, tmp_path: Path, target: str, task: str) -> None:
    others = {"churn", "level", "next_spend"} - {target}
    source = saved(tmp_path, table().drop(columns=list(others)))
    started = start(clone, source, Wishes(target), overwrite=False)
    params, schema = project(clone)
    assert params.charter.task == task
    assert params.charter.key == "client_id"
    assert params.charter.sensitive_features == ("sex",)
    assert "sex" in params.featurize.exclude
    assert read_pipeline(clone).path("source") == "data/source/clients.csv"
    artifacts = YAML(typ="safe").load((clone / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    assert list(artifacts) == ["clients"]
    assert artifacts["clients"]["labels"] == ["tabular", task]
    read = read_sources(params.ingest, clone / "data/source/clients.csv", schema)
    assert len(read.frame) == 400
    # The charter stands: what is open is a verdict, not an error.
    found = define.check(params.charter, schema, ("params.yaml",))
    status = {verdict.id: verdict.status for verdict in found}
    assert status["define.texts"] == status["define.owners"] == "fail"
    assert status["define.target"] == status["define.costs"] == "pass"
    assert status["define.rule"] == "pass"
    assert {note.key for note in started.notes} >= {"charter.task", "charter.key"}


def test_a_column_that_knows_the_answer_is_named_with_its_evidence(
    clone: Path, tmp_path: Path
) -> None:
    frame = table().drop(columns=["level", "next_spend"])
    frame["closed_on"] = np.where(frame["churn"] == "yes", 1, 0) + 10
    started = start(clone, saved(tmp_path, frame), Wishes("churn"), overwrite=False)
    params, _ = project(clone)
    assert "closed_on" in params.featurize.exclude
    (note,) = [note for note in started.notes if note.guess == "closed_on"]
    assert "ROC AUC 1.000" in note.why
    assert not note.sure


def test_a_strong_input_of_a_number_is_named_and_left_in(clone: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"weight": rng.lognormal(3, 1, 500), "other": rng.random(500)})
    frame["price"] = frame["weight"] * rng.lognormal(0, 0.2, 500)
    frame["log_price"] = np.log(frame["price"])
    started = start(clone, saved(tmp_path, frame), Wishes("price"), overwrite=False)
    params, _ = project(clone)
    assert params.featurize.exclude == ("log_price",)
    (note,) = [note for note in started.notes if note.key == "schema.yaml weight"]
    assert "left in" in note.why
    assert "look: its value alone ranks the target" in (clone / "schema.yaml").read_text()


@pytest.mark.parametrize("target", ["churn", "visits", "next_spend"])
def test_rows_without_a_label_are_dropped_and_told(
    clone: Path, tmp_path: Path, target: str
) -> None:
    frame = table().drop(columns=["level"]).astype({target: object})
    frame.loc[[3, 9], target] = None
    started = start(clone, saved(tmp_path, frame), Wishes(target), overwrite=False)
    params, schema = project(clone)
    assert params.validate_.missing_labels == "drop"
    (note,) = [note for note in started.notes if note.key == "validate.missing_labels"]
    assert note.why.startswith("2 rows have no label")
    read = read_sources(params.ingest, clone / "data/source/clients.csv", schema).frame
    quality, charter = params.validate_, params.charter
    kept, outcomes = validate.examine(read, schema, quality, charter.target, charter.key)
    assert len(kept) == 398
    assert [outcome.check for outcome in outcomes if outcome.status == "fail"] == []


def test_few_rows_of_a_number_make_no_class(clone: Path, tmp_path: Path) -> None:
    frame = table().drop(columns=["churn", "level", "next_spend"])
    frame["arrests"] = [*[0] * 200, *[1] * 150, *[2] * 49, 7]
    start(clone, saved(tmp_path, frame), Wishes("arrests"), overwrite=False)
    assert project(clone)[0].charter.task == "regression"


def test_who_people_are_is_told_by_whole_names(clone: Path, tmp_path: Path) -> None:
    people = {"black": 1, "Male": 0, "hispanic": 1, "white_rating": 3, "customer_age": 5}
    frame = table().assign(**people).rename(columns={"spend": "paid"})
    frame[["customer_age", "paid"]] = np.arange(400).reshape(-1, 2).repeat(2, axis=0)
    start(clone, saved(tmp_path, frame), Wishes("churn"), overwrite=False)
    params, _ = project(clone)
    named = {"sex", "black", "Male", "hispanic", "customer_age"}
    assert set(params.charter.sensitive_features) == named
    # what a customer is, or was paid, is not who the customer is
    assert params.split.group is None


ODD = [
    "10:00 AM", "- a", "a: b", "#1", "null", "true", "1", "{x}", "[y", "it's", 'say "x"', "é",
    "e\u0301", "\u202eabc", "\U0001f600", "line\nbreak", "=1+1", "@id", "`tick`", "%d", "*s", "&t",
    "__proto__", "<script>", "عمر", "a\\b", "|", ">", "?", "!", "~", "02:00", "0x1F", "1_000",
]  # fmt: skip


def test_odd_names_and_labels_are_written_as_they_are(clone: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = [text for text in ODD if text not in ("null", "?")][:28]
    frame = pd.DataFrame({name: rng.choice(labels, 400) for name in ODD})
    frame["y"] = rng.choice(ODD[:2], 400)
    for target in ("y", "- a"):
        data = frame.drop(columns=list(ODD[6:])) if target == "y" else frame
        data = data.assign(**{target: frame["y"]})
        start(clone, saved(tmp_path, data), Wishes(target), overwrite=True)
        params, schema = project(clone)
        assert list(schema.columns) == list(data)
        assert schema.columns["a: b"].checks is not None
        assert set(schema.columns["a: b"].checks.isin or ()) == set(data["a: b"])
        read = read_sources(params.ingest, clone / "data/source/clients.csv", schema).frame
        assert (read["a: b"] == data["a: b"]).all()
        subprocess.run(["git", "commit", "-qam", target], cwd=clone, check=True)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([f"k{place}" for place in range(60)], "another value in every row"),
        ([""] * 60, "no value"),
        (["x"] * 60, "one value only"),
    ],
)
def test_a_target_that_repeats_nothing_or_all_is_refused(
    clone: Path, tmp_path: Path, values: list[str], fault: str
) -> None:
    source = saved(tmp_path, pd.DataFrame({"y": values, "x": range(60)}))
    with pytest.raises(LoopwrightError, match=f"'y' has {fault}.*possible: x"):
        start(clone, source, Wishes("y"), overwrite=False)


def test_a_key_that_params_lacks_is_told_by_the_name_of_the_file(
    clone: Path, tmp_path: Path
) -> None:
    params = clone / "params.yaml"
    text = params.read_text().replace("  scatter_points:", "  scattered:")
    params.write_text(text)
    subprocess.run(["git", "commit", "-qam", "misspelt"], cwd=clone, check=True)
    source = saved(tmp_path, table().drop(columns=["level", "next_spend"]))
    with pytest.raises(LoopwrightError, match=r"(?s)/params\.yaml has .*scatter") as told:
        start(clone, source, Wishes("churn"), overwrite=False)
    assert ".trial" not in str(told.value)
    assert params.read_text() == text


def test_a_name_that_stands_twice_in_a_workbook_is_refused(clone: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame([[1, 2, "a"], [3, 4, "b"]], columns=["x", "x", "y"])
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    with pytest.raises(LoopwrightError, match=r"t\.xlsx: column 'x' stands twice"):
        start(clone, tmp_path / "t.xlsx", Wishes("y"), overwrite=False)


def test_the_parts_of_a_sum_are_suspected(clone: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": rng.integers(0, 99, 500), "b": rng.integers(0, 9, 500), "t": rng.random(500)}
    )
    frame["total"] = frame["a"] + frame["b"]
    start(clone, saved(tmp_path, frame), Wishes("total"), overwrite=False)
    params, _ = project(clone)
    assert set(params.featurize.exclude) == {"a", "b"}


def test_a_person_decides_before_the_table_does(clone: Path, tmp_path: Path) -> None:
    source = saved(tmp_path, table().drop(columns=["level", "next_spend"]))
    start(clone, source, Wishes("churn", positive="no", title="Who stays?"), overwrite=False)
    params, _ = project(clone)
    assert params.charter.task == "binary"
    assert params.charter.target.positive == "no"
    assert params.charter.title == "Who stays?"


def test_rows_in_the_order_of_a_date_are_cut_in_time(clone: Path, tmp_path: Path) -> None:
    frame = table().drop(columns=["level", "next_spend"])
    frame.insert(0, "day", pd.date_range("2024-01-01", periods=400).strftime("%Y-%m-%d"))
    start(clone, saved(tmp_path, frame), Wishes("churn"), overwrite=False)
    params, _ = project(clone)
    assert (params.split.strategy, params.split.time) == ("time", "day")


def test_rows_of_one_entity_stay_together(clone: Path, tmp_path: Path) -> None:
    frame = table().drop(columns=["level", "next_spend", "client_id"])
    frame.insert(0, "customer_id", np.arange(400) // 4 + 1000)
    start(clone, saved(tmp_path, frame), Wishes("churn"), overwrite=False)
    params, _ = project(clone)
    assert (params.split.strategy, params.split.group) == ("group", "customer_id")


def test_nothing_is_lost_that_git_does_not_have(clone: Path, tmp_path: Path) -> None:
    source = saved(tmp_path, table().drop(columns=["level", "next_spend"]))
    edited = (clone / "params.yaml").read_text() + "# mine\n"
    (clone / "params.yaml").write_text(edited)
    with pytest.raises(LoopwrightError, match=r"params.yaml: changed and not committed"):
        start(clone, source, Wishes("churn"), overwrite=True)
    assert (clone / "params.yaml").read_text() == edited


def test_a_project_is_replaced_only_when_asked(clone: Path, tmp_path: Path) -> None:
    source = saved(tmp_path, table().drop(columns=["level", "next_spend"]))
    start(clone, source, Wishes("churn"), overwrite=False)
    subprocess.run(["git", "commit", "-qam", "mine"], cwd=clone, check=True)
    with pytest.raises(LoopwrightError, match="--overwrite replaces them"):
        start(clone, source, Wishes("churn"), overwrite=False)
    start(clone, source, Wishes("churn"), overwrite=True)
    assert project(clone)[0].charter.task == "binary"


@pytest.mark.parametrize(
    ("wish", "fault"),
    [
        (Wishes("churned"), "did you mean 'churn'"),
        (Wishes("same"), "has one value only"),
        (Wishes("churn", positive="maybe"), "has no value 'maybe'; possible: no, yes"),
        (Wishes("city", task="regression"), "--task regression: column 'city' holds"),
        (Wishes("city", task="binary"), "name the positive one by --positive"),
    ],
)
def test_a_wish_that_the_table_cannot_grant_is_refused(
    clone: Path, tmp_path: Path, wish: Wishes, fault: str
) -> None:
    source = saved(tmp_path, table().assign(same="x"))
    before = (clone / "params.yaml").read_text()
    with pytest.raises(LoopwrightError, match=fault):
        start(clone, source, wish, overwrite=False)
    assert (clone / "params.yaml").read_text() == before
    assert not (clone / "data/source/clients.csv").exists()


def test_without_a_terminal_the_target_must_be_named(tmp_path: Path) -> None:
    source = saved(tmp_path, table())
    assert columns_of(source)[:2] == ("client_id", "visits")
    with pytest.raises(LoopwrightError, match=r"--target: name the column.*possible: client_id"):
        wishes(source, None, None, None, None, ask=False)
    with pytest.raises(LoopwrightError, match="did you mean 'binary'"):
        wishes(source, "churn", "binery", None, None, ask=False)


def test_the_command_says_what_was_guessed(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = saved(tmp_path, table().drop(columns=["level", "next_spend"]))
    monkeypatch.chdir(clone)
    done = CliRunner().invoke(app, ["init", str(source), "--target", "churn"])
    assert done.exit_code == 0, done.output
    assert "What was guessed" in done.output
    assert "written: params.yaml, schema.yaml, dvc.yaml" in done.output


def test_comments_stand_where_their_keys_do(clone: Path, tmp_path: Path) -> None:
    start(clone, saved(tmp_path, table()), Wishes("churn"), overwrite=False)
    lines = (clone / "params.yaml").read_text().splitlines()
    for line, following in itertools.pairwise(lines):
        if line.lstrip()[:1] == "#" and following.lstrip()[:1] not in ("#", ""):
            assert len(line) - len(line.lstrip()) == len(following) - len(following.lstrip())
        if following[:1].isalpha():
            assert line == ""
