import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.tree import DecisionTreeClassifier

from stages import evaluate
from stages.core.criteria import strictest
from stages.core.diagnosis import Diagnosis
from stages.core.errors import LoopwrightError
from stages.core.estimators import RuleClassifier
from stages.core.files import write_json
from stages.core.learning_curve import Rows
from stages.core.metrics import METRICS
from stages.core.models import save_model
from stages.core.params import Criterion, Params, read_params
from stages.core.schema import Schema, read_schema
from stages.core.statistics import UNDEFINED, Estimate
from stages.core.tables import read_table, write_table
from stages.core.verdicts import Status, Verdict

ROOT = Path(__file__).parent.parent
FEATURES = ["level", "trend", "noise"]

SCHEMA = """\
columns:
  row: {dtype: int64, kind: identifier, title: Row}
  level: {dtype: float64, kind: numeric, title: Level}
  trend: {dtype: float64, kind: numeric, title: Trend}
  noise: {dtype: float64, kind: numeric, title: Noise}
  town: {dtype: str, kind: categorical, title: Town}
  late:
    dtype: int64
    kind: categorical
    title: Late
    labels: {0: $on_time$, 1: late}
"""

CRITERIA = [
    {"metric": "roc_auc", "at_least": 0.7, "why": "the ranking must be worth it"},
    {"metric": "value_over_rule", "at_least": 1000.0, "why": "it must pay"},
]


def table(n: int, seed: int, chance: Callable[[pd.DataFrame], Any]) -> pd.DataFrame:
    """Rows whose chance of being late is `chance` of their columns."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=FEATURES)
    frame.insert(0, "row", np.arange(n) + 10_000 * seed)
    frame["town"] = rng.choice(["north", "south"], n)
    frame["late"] = (rng.random(n) < np.broadcast_to(chance(frame), n)).astype(np.int64)
    return frame


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def signal(frame: pd.DataFrame) -> Any:
    return sigmoid(1.5 * frame["level"] + 1.5 * frame["trend"] - 1)


def no_signal(frame: pd.DataFrame) -> Any:
    return 0.3


def by_rule(frame: pd.DataFrame) -> Any:
    return np.where(frame["level"] > 0.5, 0.7, 0.1)


def pipeline(estimator: Any) -> Pipeline:
    return make_pipeline(ColumnTransformer([("keep", "passthrough", FEATURES)]), estimator)


def edited(folder: Path, **changes: Any) -> Path:
    """Write params.yaml for the small table, with `changes` by dotted key."""
    yaml = YAML(typ="safe")
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["charter"].update(
        target={"column": "late", "positive": 1, "meaning": "paid late"},
        key="row",
        sensitive_features=["town"],
        success_criteria=CRITERIA,
    )
    params["charter"]["rule"] = {"expression": "level > 0.5", "meaning": "x", "role": "start"}
    params["charter"]["costs"].update(
        true_positive=10, false_positive=-5, true_negative=0, false_negative=-10
    )
    params["charter"]["return_on_investment"].update(
        decisions_per_year=10_000, build_cost=1000, run_cost_per_year=500, horizon_years=2
    )
    params["evaluate"].update(bootstrap=200, learning_curve=[0.5, 1.0])
    for key, value in changes.items():
        *above, last = key.split("__")
        section = params
        for name in above:
            section = section[name]
        section[last] = value
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "params.yaml"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(params, file)
    return path


@pytest.fixture(scope="session")
def small_schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    path = tmp_path_factory.mktemp("schema") / "schema.yaml"
    path.write_text(SCHEMA, encoding="utf-8")
    return read_schema(path)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Params:
    return read_params(edited(tmp_path_factory.mktemp("params")))


def rows_of(frame: pd.DataFrame, seed: Any, groups: Any = None) -> Rows:
    return Rows(frame.drop(columns="late"), frame["late"].to_numpy(), groups, seed)


@pytest.fixture
def judged(small: Params, small_schema: Schema) -> Callable[..., Any]:
    """Return a function that fits, measures and judges: Measurement, statuses, next step."""

    def run(
        chance: Callable[[pd.DataFrame], Any],
        model: Any,
        *,
        n: int = 1500,
        role: str = "start",
        held_out: pd.DataFrame | None = None,
        criteria: list[Criterion] | None = None,
        groups: Any = None,
        scoring: str = "log_loss",
    ) -> tuple[evaluate.Measurement, dict[str, Status], str]:
        train = table(n, 1, chance)
        validation = table(n, 2, chance) if held_out is None else held_out
        seen = rows_of(train, (0, 1))
        wanted = strictest(small.charter.success_criteria if criteria is None else criteria)
        m = evaluate.measure_model(
            pipeline(model).fit(seen.frame, seen.y),
            RuleClassifier("level > 0.5").fit(seen.frame, seen.y),
            seen,
            rows_of(validation, 0, groups),
            scoring=METRICS[scoring],
            costs=small.charter.costs,
            role=role,
            criteria=wanted,
            evaluate=small.evaluate,
            schema=small_schema,
            sliced=["town"],
            labels=("on time", "late"),
        )
        plan = small.charter.return_on_investment
        investment = evaluate.return_on_investment(m.gain_over("rule"), plan)
        verdicts = evaluate.verdicts_of(
            m, wanted, role, investment, 2.0, Path("e.json"), Path("figures")
        )
        status = {v.id.removeprefix("evaluate."): v.status for v in verdicts}
        step = evaluate.next_step(verdicts, m.diagnosis, m.more_rows, role)
        return m, status, step["step"]

    return run


# --- planted situations -----------------------------------------------------------------


def test_a_good_model_passes_everything_and_goes_on(judged: Callable[..., Any]) -> None:
    m, status, step = judged(signal, LogisticRegression())
    assert set(status.values()) == {"pass"}
    assert m.diagnosis.verdict == "good_fit"
    assert step == "audit"


def test_without_a_signal_nothing_beats_the_dummy(judged: Callable[..., Any]) -> None:
    m, status, step = judged(no_signal, LogisticRegression())
    assert status["roc_auc"] == "fail"
    assert status["beats_dummy"] in ("fail", "warn")
    assert status["beats_constant"] in ("fail", "warn")
    assert m.diagnosis.verdict == "high_bias"
    assert step == "define"


def test_a_tree_that_knows_the_rows_by_heart_is_high_variance(
    judged: Callable[..., Any],
) -> None:
    m, status, step = judged(signal, DecisionTreeClassifier(random_state=0))
    assert m.metrics["train"]["roc_auc"].value == 1
    assert status["overfitting"] == "fail"
    assert status["calibrated"] == "fail"
    assert status["beats_dummy"] == "fail"
    assert m.diagnosis.verdict == "high_variance"
    assert step == "train"


def test_a_bounded_tree_of_the_same_rows_does_not_overfit(judged: Callable[..., Any]) -> None:
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=40, random_state=0)
    m, status, _ = judged(signal, tree, n=4000)
    assert status["overfitting"] == "pass"
    assert m.diagnosis.verdict == "good_fit"


def test_a_model_that_knows_only_the_rule_does_not_beat_it(judged: Callable[..., Any]) -> None:
    stump = DecisionTreeClassifier(max_depth=1, random_state=0)
    m, status, step = judged(by_rule, stump)
    assert m.metrics["validation"]["value_over_rule"].value == pytest.approx(0, abs=50)
    assert status["beats_rule"] in ("fail", "warn")
    assert status["beats_dummy"] == "pass"
    assert m.diagnosis.verdict == "high_bias"
    assert step in ("define", "featurize")


def test_probabilities_that_are_too_high_are_seen_and_priced(
    judged: Callable[..., Any],
) -> None:
    def rare(frame: pd.DataFrame) -> Any:
        return sigmoid(frame["level"] + frame["trend"] - 3)

    _, honest, _ = judged(rare, LogisticRegression(), n=3000)
    assert honest["calibrated"] == "pass"
    assert honest["threshold"] == "pass"
    m, status, _ = judged(rare, LogisticRegression(class_weight="balanced"), n=3000)
    assert status["calibrated"] == "fail"
    assert status["threshold"] == "warn"
    assert m.searched["threshold"]["value"] > m.threshold
    assert status["roc_auc"] == honest["roc_auc"]


@pytest.mark.parametrize(
    ("value", "chance", "status"),
    [
        (0.01, 0.02, "pass"),
        (0.03, 0.02, "warn"),
        (0.06, 0.02, "fail"),
        # So few rows that chance alone hides an error that matters.
        (0.06, 0.08, "insufficient"),
        (0.09, 0.08, "fail"),
        (None, 0.02, "insufficient"),
    ],
)
def test_calibration_is_held_against_chance(
    value: float | None, chance: float, status: str
) -> None:
    error: Estimate = UNDEFINED if value is None else {"value": value, "interval": (0.0, 0.1)}
    found = evaluate.calibrated(error, np.full(100, chance), [Path("e")])
    assert (found.status, found.threshold) == (status, f"<= {chance:.6f}")


def test_an_ideal_is_not_to_be_beaten(judged: Callable[..., Any]) -> None:
    m, status, _ = judged(signal, LogisticRegression(), role="ideal")
    assert status["beats_rule"] == "not_applicable"
    assert m.diagnosis.verdict == "good_fit"


def test_one_class_in_validation_answers_nothing(judged: Callable[..., Any]) -> None:
    frame = table(400, 2, signal)
    for value in (0, 1):
        m, status, step = judged(signal, LogisticRegression(), held_out=frame.assign(late=value))
        assert set(status.values()) == {"insufficient"}
        assert evaluate.headline(m)["roc_auc"] is None
        assert evaluate.headline(m)["log_loss"] is not None
        assert step == "ingest"
        assert len(evaluate.draw(m, ("on time", "late"), "NT$")) == 7


def test_repeated_entities_widen_the_intervals(judged: Callable[..., Any]) -> None:
    frame = table(400, 2, signal)
    four = frame.loc[np.repeat(frame.index, 4)].reset_index(drop=True)
    widths = []
    for groups in (None, four["row"].to_numpy()):
        m, _, _ = judged(signal, LogisticRegression(), held_out=four, groups=groups)
        for estimate in (
            m.metrics["validation"]["roc_auc"].estimate(),
            m.gain_over("rule"),
            m.slices[0]["log_loss"],
        ):
            widths.append(np.diff(estimate["interval"])[0])
    assert np.array(widths[3:]) / np.array(widths[:3]) == pytest.approx(2, rel=0.3)


def test_subjects_are_what_they_say(judged: Callable[..., Any]) -> None:
    m, _, _ = judged(signal, LogisticRegression())
    dummy, rule = m.subjects["dummy"], m.subjects["rule"]
    assert len(set(dummy.y_prob)) == 1
    assert m.metrics["dummy"]["roc_auc"].value == 0.5
    assert len(set(rule.y_prob)) == 2
    assert np.array_equal(rule.y_pred, rule.rule_decisions)
    assert m.metrics["rule"]["value_over_rule"].value == 0
    assert m.threshold == pytest.approx(5 / 25)
    chosen = m.subjects["model"]
    assert np.array_equal(chosen.y_pred == 1, chosen.y_prob >= m.threshold)
    assert m.constant == "always"
    difference = m.metrics["validation"]["log_loss"] - m.metrics["rule"]["log_loss"]
    spread = difference.samples.std()
    # Paired: what makes a row hard for both cancels out.
    assert spread < 0.8 * np.hypot(
        m.metrics["validation"]["log_loss"].samples.std(),
        m.metrics["rule"]["log_loss"].samples.std(),
    )


def test_missed_criteria_are_those_on_scores(judged: Callable[..., Any]) -> None:
    wanted = [
        Criterion(metric="roc_auc", at_least=0.99, why="x"),
        Criterion(metric="log_loss", at_most=0.9, why="x"),
        Criterion(metric="value_over_rule", at_least=1e9, why="x"),
    ]
    m, status, step = judged(signal, LogisticRegression(), criteria=wanted)
    missed = evaluate.missed_criteria(wanted, m.metrics["train"], m.metrics["validation"])
    assert missed == {"roc_auc": True}
    assert (status["roc_auc"], status["value_over_rule"]) == ("fail", "fail")
    assert (m.diagnosis.verdict, step) == ("high_bias", "featurize")


# --- where to go ------------------------------------------------------------------------


def diagnosis(verdict: str) -> Diagnosis:
    return Diagnosis(
        verdict=verdict,
        why="because",
        metric="log_loss",
        baseline=UNDEFINED,
        train=UNDEFINED,
        validation=UNDEFINED,
        gap=UNDEFINED,
        gain=UNDEFINED,
        lost_share=UNDEFINED,
    )


FALLS: Estimate = {"value": 0.02, "interval": (0.01, 0.03)}
FLAT: Estimate = {"value": 0.0, "interval": (-0.01, 0.01)}


@pytest.mark.parametrize(
    ("picture", "changed", "more_rows", "role", "step", "word"),
    [
        ("good_fit", {}, FLAT, "start", "audit", "what the charter asks"),
        ("good_fit", {"roc_auc": "warn"}, FLAT, "start", "audit", "not settled: roc_auc"),
        ("insufficient", {}, FLAT, "start", "ingest", "collect more"),
        ("high_variance", {"beats_dummy": "fail"}, FLAT, "start", "train", "simpler"),
        ("high_bias", {"beats_dummy": "warn"}, FLAT, "start", "define", "know the target at all"),
        ("high_variance", {"overfitting": "fail"}, FLAT, "start", "train", "simpler"),
        ("high_variance", {"overfitting": "fail"}, FALLS, "start", "ingest", "collect more"),
        ("high_variance", {"overfitting": "fail"}, UNDEFINED, "start", "train", "simpler"),
        ("high_bias", {"beats_rule": "fail"}, FLAT, "start", "define", "keep the rule"),
        ("high_bias", {"roc_auc": "fail"}, FLAT, "start", "featurize", "create features"),
        ("high_bias", {"roc_auc": "fail"}, FLAT, "ideal", "featurize", "create features"),
        ("good_fit", {"calibrated": "fail"}, FLAT, "start", "train", "calibrate"),
        ("good_fit", {"value_over_rule": "fail"}, FLAT, "start", "define", "value_over_rule"),
    ],
)
def test_next_step(
    picture: str,
    changed: dict[str, Status],
    more_rows: Estimate,
    role: str,
    step: str,
    word: str,
) -> None:
    names = ("roc_auc", "value_over_rule", "beats_dummy", "beats_rule", "calibrated", "overfitting")
    status: dict[str, Status] = dict.fromkeys(names, "pass") | changed
    verdicts = [
        Verdict(f"evaluate.{name}", found, 0.0, None, None, (), "")
        for name, found in status.items()
    ]
    found = evaluate.next_step(verdicts, diagnosis(picture), more_rows, role)
    assert found["step"] == step
    assert word in found["why"]


def test_a_model_that_costs_nothing_has_no_return(small: Params) -> None:
    free = small.charter.return_on_investment.model_copy(
        update={"build_cost": 0.0, "run_cost_per_year": 0.0}
    )
    investment = evaluate.return_on_investment({"value": 1.0, "interval": (0.5, 2.0)}, free)
    assert evaluate.pays_back(investment, 2, [Path("e")]).status == "not_applicable"


def test_labels_come_from_the_schema(small: Params, small_schema: Schema) -> None:
    target = small.charter.target
    assert evaluate.labels_of(small_schema, target) == ("$on_time$", "late")
    columns = dict(small_schema.columns)
    columns["late"] = columns["late"].model_copy(update={"labels": None})
    bare = small_schema.model_copy(update={"columns": columns})
    assert evaluate.labels_of(bare, target) == ("not 1", "1")
    assert evaluate.slice_columns(small_schema, ["level"], target) == ["level", "town"]


# --- files ------------------------------------------------------------------------------

OUTPUTS = {
    "metrics": "metrics.json",
    "evaluation": "evaluation.json",
    "predictions": "predictions.parquet",
    "roc": "roc.csv",
    "precision_recall": "precision_recall.csv",
    "confusion": "confusion.csv",
    "calibration": "calibration.csv",
    "learning_curve": "learning_curve.csv",
    "evaluate_figures": "figures",
}
FIGURES = {
    "calibration",
    "confusion",
    "learning_curve",
    "precision_recall",
    "roc",
    "scores",
    "threshold",
}


def prepared(folder: Path, train: pd.DataFrame | None = None, **changes: Any) -> dict[str, Path]:
    """Write all inputs of the stage into `folder` and return its arguments."""
    paths = {
        "params": edited(folder, **changes),
        "schema": folder / "schema.yaml",
        "train": folder / "train.parquet",
        "validation": folder / "validation.parquet",
        "model": folder / "model.skops",
        "model_manifest": folder / "model.json",
        **{key: folder / "evaluate" / name for key, name in OUTPUTS.items()},
    }
    paths["schema"].write_text(SCHEMA, encoding="utf-8")
    rows = table(800, 1, signal) if train is None else train
    write_table(paths["train"], rows)
    write_table(paths["validation"], table(600, 2, signal))
    fitted = pipeline(LogisticRegression()).fit(rows[FEATURES], rows["late"])
    sha256 = save_model(paths["model"], fitted)
    write_json(paths["model_manifest"], {"sha256": sha256, "scoring": "log_loss"})
    return paths


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    paths = prepared(tmp_path_factory.mktemp("written"))
    evaluate.main(**paths)
    return paths


def test_documents_hold_what_others_read(written: dict[str, Path]) -> None:
    headline = json.loads(written["metrics"].read_text())
    assert set(headline) == {*evaluate.HEADLINE, "threshold", "gap"}
    assert all(isinstance(value, float) for value in headline.values())
    found = json.loads(written["evaluation"].read_text())
    assert found["threshold"] == headline["threshold"] == 0.2
    assert set(found["metrics"]) == {"dummy", "rule", "train", "validation"}
    for measured in found["metrics"].values():
        assert set(measured) == set(METRICS)
    assert found["metrics"]["validation"]["roc_auc"]["value"] == headline["roc_auc"]
    low, high = found["metrics"]["validation"]["roc_auc"]["interval"]
    assert low < headline["roc_auc"] < high
    assert [verdict["id"] for verdict in found["verdicts"]] == [
        "evaluate.roc_auc",
        "evaluate.value_over_rule",
        "evaluate.beats_dummy",
        "evaluate.beats_constant",
        "evaluate.beats_rule",
        "evaluate.calibrated",
        "evaluate.threshold",
        "evaluate.overfitting",
        "evaluate.return_on_investment",
    ]
    assert found["next_step"]["step"] == "audit"
    assert found["rows"] == {
        "validation": 600,
        "positives": int(table(600, 2, signal)["late"].sum()),
    }
    assert {row["column"] for row in found["slices"]} == {"town"}


def test_evidence_is_there(written: dict[str, Path]) -> None:
    found = json.loads(written["evaluation"].read_text())
    for verdict in found["verdicts"]:
        assert verdict["evidence"]
        for path in verdict["evidence"]:
            assert Path(path).is_file(), path


def test_curves_have_the_columns_that_plots_want(written: dict[str, Path]) -> None:
    columns = {
        "roc": ["fpr", "tpr"],
        "precision_recall": ["recall", "precision"],
        "confusion": ["actual", "predicted"],
        "calibration": ["prob_pred", "prob_true", "low", "high", "count"],
        "learning_curve": [
            *("rows", "train", "train_low", "train_high"),
            *("validation", "validation_low", "validation_high"),
        ],
    }
    for key, expected in columns.items():
        text = written[key].read_bytes()
        assert b"\r" not in text
        assert list(pd.read_csv(written[key]).columns) == expected
    assert len(pd.read_csv(written["confusion"])) == 600
    assert set(pd.read_csv(written["confusion"])["actual"]) == {"$on_time$", "late"}
    assert pd.read_csv(written["learning_curve"])["rows"].tolist() == [400, 800]


def test_predictions_bind_each_row_to_its_truth(written: dict[str, Path]) -> None:
    rows = read_table(written["predictions"])
    source = read_table(written["validation"])
    assert list(rows.columns) == ["key", "y_true", "y_prob", "y_pred", "rule"]
    assert rows["y_true"].tolist() == (source["late"] == 1).astype(int).tolist()
    found = json.loads(written["evaluation"].read_text())
    assert rows["y_pred"].equals((rows["y_prob"] >= found["threshold"]).astype("int64"))
    value = roc_auc_score(rows["y_true"], rows["y_prob"])
    assert found["metrics"]["validation"]["roc_auc"]["value"] == pytest.approx(value, abs=1e-6)


def test_every_figure_is_drawn(written: dict[str, Path]) -> None:
    found = {path.stem for path in written["evaluate_figures"].iterdir()}
    assert found == FIGURES
    for path in written["evaluate_figures"].iterdir():
        with Image.open(path) as picture:
            assert picture.width > 700
            assert len(picture.getcolors(maxcolors=10**6) or ()) > 20


def test_same_bytes_at_another_place_and_no_input_changed(
    written: dict[str, Path], tmp_path: Path
) -> None:
    paths = prepared(tmp_path / "other place")
    before = digests(tmp_path)
    evaluate.main(**paths)
    after = digests(tmp_path)
    assert {name: after[name] for name in before} == before
    own, other = (digests(p["metrics"].parent) for p in (written, paths))
    # The evidence names files: the one thing that differs by place.
    del own["evaluation.json"], other["evaluation.json"]
    assert own == other
    texts = [
        p["evaluation"].read_text().replace(str(p["metrics"].parent), "") for p in (written, paths)
    ]
    assert texts[0] == texts[1]


def test_an_unknown_metric_in_a_criterion_is_one_clear_error(tmp_path: Path) -> None:
    criteria = [{"metric": "roc_acu", "at_least": 0.7, "why": "x"}]
    paths = prepared(tmp_path, charter__success_criteria=criteria)
    with pytest.raises(LoopwrightError, match="did you mean 'roc_auc'"):
        evaluate.main(**paths)
    assert not paths["metrics"].exists()


def test_faults_in_what_was_given_are_one_clear_error_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    paths = prepared(tmp_path)
    write_json(paths["evaluation"], {"old": True})
    frame = table(800, 1, signal)
    faults: list[tuple[str, Callable[[], object], Callable[[], object], str]] = [
        (
            "no rows",
            lambda: write_table(paths["validation"], frame.head(0)),
            lambda: write_table(paths["validation"], frame),
            r"validation\.parquet: no rows; .*split\.fractions",
        ),
        (
            "one class to learn from",
            lambda: write_table(paths["train"], frame.assign(late=0)),
            lambda: write_table(paths["train"], frame),
            r"train\.parquet: no row is positive",
        ),
        (
            "no such column",
            lambda: write_table(paths["validation"], frame.drop(columns="late")),
            lambda: write_table(paths["validation"], frame),
            "no column 'late'",
        ),
        (
            "another model",
            lambda: paths["model"].write_bytes(b"other"),
            lambda: None,
            "not the file that was saved",
        ),
        (
            "no scoring",
            lambda: (
                prepared(tmp_path)
                and write_json(
                    paths["model_manifest"],
                    {"sha256": hashlib.sha256(paths["model"].read_bytes()).hexdigest()},
                )
            ),
            lambda: None,
            r"model\.json: scoring: no metric 'None'",
        ),
        (
            "nothing to decide",
            lambda: prepared(tmp_path, charter__costs__false_positive=0),
            lambda: None,
            r"charter\.costs: true_negative",
        ),
    ]
    for _, spoil, mend, message in faults:
        spoil()
        with pytest.raises(LoopwrightError, match=message):
            evaluate.main(**paths)
        assert json.loads(paths["evaluation"].read_text()) == {"old": True}
        mend()


def test_entities_are_those_of_the_split(tmp_path: Path) -> None:
    frame = table(400, 1, signal).assign(row=np.repeat(np.arange(100), 4))
    path = tmp_path / "rows.parquet"
    write_table(path, frame)
    target = read_params(edited(tmp_path)).charter.target
    assert evaluate.rows_of(path, target, None, 0).groups is None
    groups = evaluate.rows_of(path, target, "row", 0).groups
    assert groups is not None and len(np.unique(groups)) == 100
    write_table(path, frame.assign(row=np.arange(400)))
    single = evaluate.rows_of(path, target, "row", 0)
    assert single.groups is None
    assert "late" not in single.frame
    assert len(replace(single, y=single.y[:3])) == 3
