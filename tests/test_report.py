import copy
import json
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from inspect import signature
from itertools import pairwise
from math import hypot
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from stages import report
from stages.core.params import Params
from stages.core.stage import run
from stages.core.verdicts import SEVERITY, Verdict, as_documents, from_document
from stages.report import page
from stages.report.drawings import CENTRE, RADIUS, bars, chart, loop
from stages.report.evidence import PILLARS, Curve
from stages.report.grid import cell, parsed, table

HOSTILE = "<script>alert(1)</script> | `x` *y* {{ 7 * 7 }}"
SECTIONS = ["define", "data", "explore", "features", "train", "evaluate", "audit", "decide"]
VOID = {"meta", "link", "img", "br", "hr", "input"}

# --- small artefacts, as the stages write them ------------------------------------------


def verdict(name: str, status: str = "pass", **facts: Any) -> dict[str, Any]:
    fields = {
        "value": 0.781,
        "interval": (0.766, 0.796),
        "threshold": ">= 0.76",
        "evidence": ("data/some/file.json",),
        "why": f"why {name} is so",
    }
    made = Verdict(id=name, status=status, **(fields | facts))  # type: ignore[arg-type]
    return dict(json.loads(json.dumps(as_documents([made])[0])))


def estimate(value: float | None) -> dict[str, Any]:
    interval = None if value is None else [value - 0.01, value + 0.01]
    return {"value": value, "interval": interval}


def png(width: int = 864, height: int = 640) -> bytes:
    """Return a white PNG, by the format's definition."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff" * ((width + 7) // 8)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def artefacts(charter: dict[str, Any]) -> dict[str, Any]:
    """Return what the stages write, by file: JSON as objects, the rest as text or bytes."""
    metrics = {"roc_auc": estimate(0.781), "value_over_rule": estimate(368000.0)}
    files: dict[str, Any] = {
        "define/charter.json": {"charter": charter, "verdicts": [verdict("define.costs")]},
        "ingest/manifest.json": {
            "source": {"path": "data/source/a.csv", "bytes": 979771, "sha256": "ab", "rows": 30000},
            "columns": {
                "AGE": {"dtype": "int64", "missing": 0, "distinct": 56, "min": 21, "max": 79}
            },
        },
        "validate/quality.json": {
            "rows_in": 30000,
            "rows_out": 29990,
            "checks": [{"check": "isin", "column": "EDUCATION", "failures": 345}],
            "verdicts": [verdict("validate.schema", "warn")],
        },
        "split/splits.json": {
            "strategy": "stratified",
            "rows": {"train": 18000, "validation": 6000, "test": 6000},
            "positive_share": {"train": 0.2212, "validation": 0.2211, "test": 0.2211},
            "verdicts": [verdict("split.disjoint")],
        },
        "explore/findings.json": {
            "findings": [
                {
                    "id": "skew:LIMIT_BAL",
                    "kind": "skew",
                    "columns": ["LIMIT_BAL"],
                    "value": 2.5,
                    "threshold": 2.0,
                    "why": "a few values lie far above the rest",
                }
            ],
            "figures": [{"file": "box.png", "title": "Three quantities have outliers"}],
        },
        "explore/figures/box.png": png(1152, 700),
        "explore/figures/pair.png": png(),
        "featurize/features.json": {
            "inputs": ["LIMIT_BAL", "PAY_0"],
            "created": {
                "utilisation": {
                    "kind": "ratio",
                    "columns": ["BILL_AMT1", "LIMIT_BAL"],
                    "hypothesis": "who has used up the limit has no reserve",
                    "roc_auc": 0.554,
                    "best_source": {"column": "LIMIT_BAL", "roc_auc": 0.617},
                }
            },
            "features": ["LIMIT_BAL", "PAY_0", "utilisation"],
            "dropped": {"BILL_AMT2": "correlates 0.99 with BILL_AMT1"},
            "answers": {"skew:*": "amounts are moved to quantiles"},
        },
        "tune/best_params.json": {"status": "off", "candidate": "boosting", "parameters": {}},
        "train/model.json": {
            "sha256": "b47d280f",
            "candidate": "boosting",
            "estimator": "hist_gradient_boosting",
            "inputs": ["LIMIT_BAL", "PAY_0"],
            "features": ["LIMIT_BAL", "PAY_0", "utilisation"],
            "rows": 18000,
            "scoring": "log_loss",
            "parameters": {"learning_rate": 0.06, "max_iter": 150},
            "finding": None,
        },
        "train/leaderboard.csv": "candidate,estimator,features,validation_log_loss,train_log_loss,"
        "winner\nrule,rule,1,0.465,0.466,False\nboosting,hist_gradient_boosting,3,0.428,0.407,True\n",
        "train/live/plots/metrics/train/log_loss.tsv": "step\tlog_loss\n1\t0.5\n2\t0.45\n3\t0.41\n",
        "train/live/plots/metrics/validation/log_loss.tsv": "step\tlog_loss\n1\t0.5\n3\t0.43\n",
        "evaluate/evaluation.json": {
            "threshold": 0.206897,
            "metrics": {"rule": metrics, "train": metrics, "validation": metrics},
            "value": {
                "never": estimate(-4423333.0),
                "model": estimate(-3301833.0),
                "over_rule": estimate(368000.0),
                "return_on_investment": {"net_per_year": estimate(1.3e8), "return": estimate(51.9)},
            },
            "diagnosis": {"verdict": "good_fit", "why": "most of it holds", "gap": estimate(0.02)},
            "slices": [{"column": "SEX", "value": "male", "rows": 2300, "positive_share": 0.24}],
            "verdicts": [
                verdict("evaluate.roc_auc"),
                verdict("evaluate.expected_calibration_error", value=0.01, interval=(0.0, 0.02)),
                verdict("evaluate.value_over_rule", value=368000.0, interval=(283731.0, 454756.0)),
            ],
            "next_step": {"step": "audit", "why": "the model does what the charter asks"},
        },
        "evaluate/figures/roc.png": png(),
    }
    for pillar in PILLARS:
        files[f"audit/{pillar}/verdicts.json"] = {
            "pillar": pillar,
            "verdicts": [verdict(f"{pillar}.check:SEX")],
            "tables": {
                "Groups": [
                    {
                        "Feature": "SEX",
                        "Group": "male",
                        "Rows": 2298,
                        "Selection rate": 0.353,
                        "Selection rate, low": 0.334,
                        "Selection rate, high": 0.373,
                    }
                ]
            },
        }
        files[f"audit/{pillar}/figures/one.png"] = png(200, 100)
    performance = files["audit/performance/verdicts.json"]
    performance["verdicts"] += [
        verdict("performance.criterion:roc_auc"),
        verdict("performance.criterion:expected_calibration_error"),
        verdict("performance.criterion:value_over_rule"),
    ]
    performance["tables"] = {"Metrics": [{"Metric": "ROC AUC", "Test": 0.778}]}
    return files


PATHS = {
    "charter": "define/charter.json",
    "manifest": "ingest/manifest.json",
    "quality": "validate/quality.json",
    "splits": "split/splits.json",
    "findings": "explore/findings.json",
    "explore_figures": "explore/figures",
    "feature_list": "featurize/features.json",
    "best_params": "tune/best_params.json",
    "model_manifest": "train/model.json",
    "leaderboard": "train/leaderboard.csv",
    "live": "train/live",
    "evaluation": "evaluate/evaluation.json",
    "evaluate_figures": "evaluate/figures",
    "audit": "audit",
    "model_card": "report/model_card.md",
    "report": "report/index.html",
    "summary": "report/summary.json",
}
ARGUMENTS = {name: Path("data") / path for name, path in PATHS.items()}
READ = [name for name in PATHS if name not in ("audit", "live", "model_card", "report", "summary")]


class Built:
    """A report that was built from `files`, in the current folder."""

    def __init__(self, files: dict[str, Any]) -> None:
        shutil.rmtree("data", ignore_errors=True)
        for name, content in files.items():
            path = Path("data") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                path.write_text(text, encoding="utf-8")
        self.build()

    def build(self) -> None:
        report.main(**ARGUMENTS)
        self.html = ARGUMENTS["report"].read_text(encoding="utf-8")
        self.card = ARGUMENTS["model_card"].read_text(encoding="utf-8")
        self.summary = json.loads(ARGUMENTS["summary"].read_text(encoding="utf-8"))
        self.verdicts = {v["id"]: v for v in self.summary["verdicts"]}

    def section(self, name: str) -> str:
        """Return the HTML of one step."""
        rest = self.html.split(f'<section class="step" id="{name}"')[1]
        return rest.split('<section class="step"')[0]


@pytest.fixture
def files(chosen: Params) -> dict[str, Any]:
    return artefacts(chosen.charter.model_dump(mode="json"))


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Built]:
    monkeypatch.chdir(tmp_path)
    return Built


# --- what is written --------------------------------------------------------------------


def test_the_summary_holds_every_verdict_in_the_order_of_the_process(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    written = [v for d in files.values() if isinstance(d, dict) for v in d.get("verdicts", [])]
    found = [v for v in built.summary["verdicts"] if not v["id"].startswith("report.")]
    key = {id_: place for place, id_ in enumerate(built.verdicts)}
    assert sorted(written, key=lambda v: key[v["id"]]) == found
    stages = list(dict.fromkeys(v["id"].partition(".")[0] for v in found))
    assert stages == ["define", "validate", "split", "evaluate", *PILLARS]
    assert list(built.summary) == ["status", "counts", "verdicts"]
    assert list(built.summary["counts"]) == list(SEVERITY)
    assert sum(built.summary["counts"].values()) == len(built.summary["verdicts"])
    assert built.summary["status"] == "warn"
    assert all(from_document(v) for v in built.summary["verdicts"])


def test_the_reports_own_verdicts_pass_when_all_is_there(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    own = {k: v for k, v in build(files).verdicts.items() if k.startswith("report.")}
    read = ["define", "data", "explore", "features", "train", "evaluate", *PILLARS]
    expected = {f"report.evidence:{name}" for name in read}
    assert set(own) == expected | {"report.findings_answered", "report.criteria_judged"}
    assert {v["status"] for v in own.values()} == {"pass"}
    assert all(
        v["evidence"] and Path(path).exists() for v in own.values() for path in v["evidence"]
    )


def test_the_same_artefacts_give_the_same_bytes_without_dates_or_places(
    files: dict[str, Any], build: Callable[..., Built], tmp_path: Path
) -> None:
    built = build(files)
    before = (built.html, built.card, built.summary)
    built.build()
    assert before == (built.html, built.card, built.summary)
    for text in (built.html, built.card, json.dumps(built.summary)):
        assert str(tmp_path) not in text
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


def test_the_stage_is_called_with_paths_alone(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    build(files)
    assert list(signature(report.main).parameters) == list(ARGUMENTS)
    argv = [t for name, p in ARGUMENTS.items() for t in (f"--{name.replace('_', '-')}", str(p))]
    assert run(report.main, argv) == 0


@pytest.mark.parametrize(
    ("statuses", "word"),
    [
        (["pass"], "Yes"),
        (["pass", "not_applicable"], "Yes"),
        (["pass", "warn"], "Yes, with care"),
        (["warn", "insufficient"], "Not yet"),
        (["insufficient", "fail", "pass"], "No"),
    ],
)
def test_the_answer_follows_the_worst_verdict_and_stands_first_and_last(
    statuses: list[str], word: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["validate/quality.json"]["verdicts"] = [
        verdict(f"validate.{place}", status) for place, status in enumerate(statuses)
    ]
    built = build(files)
    words = re.findall(r'class="answer-word">.*?</svg> (.*?)</p>', built.html)
    assert words == [word, word]
    assert f"**{word}.**" in built.card


# --- evidence that is not there ---------------------------------------------------------

DAMAGE: dict[str, Callable[[Path], None]] = {
    "missing": lambda path: shutil.rmtree(path) if path.is_dir() else path.unlink(),
    "empty": lambda path: _replace(path, b""),
    "not text": lambda path: _replace(path, b"\xff\xfe\x00\x01"),
    "another thing": lambda path: _replace(path, b"[1, 2]"),
}


def _replace(path: Path, content: bytes) -> None:
    if path.is_dir():
        for file in path.iterdir():
            file.write_bytes(content)
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", READ)
def test_missing_evidence_is_a_fail_that_the_page_shows(
    name: str, damage: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    DAMAGE[damage](ARGUMENTS[name])
    built.build()
    failed = {k: v for k, v in built.verdicts.items() if v["status"] == "fail"}
    own = [v for k, v in failed.items() if k.startswith("report.evidence:")]
    assert len(own) == 1
    assert ARGUMENTS[name].as_posix() in own[0]["why"]
    assert built.summary["status"] == "fail"
    assert escape(own[0]["why"], quote=True).replace("&#x27;", "&#39;") in built.html
    assert f"**FAIL** `{own[0]['id']}`" in built.card
    assert not re.search(
        r"\bNone\b(?! of| are| stands)|Undefined", Text(built.html).text + built.card
    )
    check_html(built.html)


@pytest.mark.parametrize("pillar", PILLARS)
def test_a_missing_pillar_fails_and_keeps_its_place(
    pillar: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build({name: f for name, f in files.items() if not name.startswith(f"audit/{pillar}/")})
    found = built.verdicts[f"report.evidence:{pillar}"]
    assert found["status"] == "fail"
    assert f"data/audit/{pillar}/verdicts.json" in found["why"]
    assert built.section("audit").count('class="pillar"') == 6
    assert "What this pillar found cannot be shown" in built.section("audit")


def test_a_pillar_under_anothers_name_is_no_evidence(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["audit/fairness/verdicts.json"]["pillar"] = "safety"
    built = build(files)
    assert built.verdicts["report.evidence:fairness"]["status"] == "fail"
    assert "fairness.check:SEX" not in built.verdicts


def test_a_seventh_pillar_is_not_left_out(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    extra = {"pillar": "green_energy", "verdicts": [verdict("green_energy.use")], "tables": {}}
    built = build(files | {"audit/green_energy/verdicts.json": extra})
    assert "green_energy.use" in built.verdicts
    assert "Green energy" in built.section("audit")


def test_nothing_at_all_still_gives_a_report(build: Callable[..., Built]) -> None:
    built = build({})
    own = {v["id"]: v["status"] for v in built.summary["verdicts"]}
    assert set(own.values()) == {"fail"}
    assert len(own) == 14
    assert "A model without a charter" in built.html
    check_html(built.html)
    check_card(built.card)


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [{"id": "define.costs"}],
        [verdict("define.costs") | {"status": "fine"}],
        [verdict("define.costs", value=float("nan"))],
        [verdict("define.costs", interval=(0.0, float("inf")))],
    ],
)
def test_verdicts_that_are_none_are_missing_evidence(
    bad: list[dict[str, Any]], files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["define/charter.json"]["verdicts"] = bad
    built = build(files)
    found = built.verdicts["report.evidence:define"]
    assert found["status"] == "fail"
    assert "data/define/charter.json: verdicts" in found["why"]
    assert "define.costs" not in built.verdicts


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*path, key)
        if isinstance(part, (dict, list)):
            yield from leaves(part, (*path, key))


def test_no_single_strange_value_stops_the_report(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    strange = [None, "text", -1, 1e300, [], {}, [[1]], {"a": None}, True]
    built = build(files)
    tried = 0
    for name, document in files.items():
        if not isinstance(document, dict) or ("audit" in name and "fairness" not in name):
            continue  # one pillar stands for all
        for place, path in enumerate(leaves(document)):
            if name.startswith("define") and path[0] == "charter" and place % 7:
                continue  # the charter's own model is strict; a few stand for all
            changed = copy.deepcopy(document)
            part = changed
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = strange[(place + tried) % len(strange)]
            (Path("data") / name).write_text(json.dumps(changed), encoding="utf-8")
            built.build()
            tried += 1
        (Path("data") / name).write_text(json.dumps(document), encoding="utf-8")
    assert tried > 150


def test_a_folder_without_figures_is_missing_evidence(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    del files["evaluate/figures/roc.png"]
    built = build(files | {"evaluate/figures/note.txt": "no picture"})
    found = built.verdicts["report.evidence:evaluate"]
    assert found["status"] == "fail"
    assert "data/evaluate/figures: no figures in it" in found["why"]


@pytest.mark.parametrize("cut", [slice(0, 60), slice(1, None), slice(0, 0)])
def test_a_broken_picture_is_missing_evidence_and_the_others_are_shown(
    cut: slice, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files | {"evaluate/figures/broken.png": png()[cut]})
    found = built.verdicts["report.evidence:evaluate"]
    assert "data/evaluate/figures/broken.png: not a whole PNG" in found["why"]
    assert built.section("evaluate").count("<img") == 1


@pytest.mark.parametrize(
    "table",
    [
        "name,winner\na,True\n",
        "candidate,winner\na\n",
        "candidate,winner\na,True,more\n",
        'candidate\n"unclosed\n',
    ],
)
def test_a_leaderboard_that_is_no_table_is_missing_evidence(
    table: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files | {"train/leaderboard.csv": table})
    assert "leaderboard.csv: not a table" in built.verdicts["report.evidence:train"]["why"]


def test_an_empty_leaderboard_is_said_to_be_empty(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files | {"train/leaderboard.csv": "candidate,winner\n"})
    assert "The leaderboard is empty" in built.html


def test_a_training_curve_of_words_is_missing_evidence(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    name = "train/live/plots/metrics/train/log_loss.tsv"
    built = build(files | {name: "step\tlog_loss\n1\tlow\n"})
    assert built.verdicts["report.evidence:train"]["status"] == "fail"
    built = build(files | {name: "step\tlog_loss\n1\tnan\n2\tinf\n"})
    assert built.verdicts["report.evidence:train"]["status"] == "pass"
    check_html(built.html)


# --- findings, criteria, the next step ---------------------------------------------------


def finding(name: str) -> dict[str, Any]:
    kind, _, column = name.partition(":")
    facts = {"columns": [column], "value": 1.0, "threshold": 0.5, "why": "it stands out"}
    return {"id": name, "kind": kind} | facts


@pytest.mark.parametrize(
    ("names", "answers", "status", "value"),
    [
        ([], {}, "pass", 0),
        (["skew:A", "skew:B"], {"skew:*": "moved"}, "pass", 0),
        (["skew:A[0]"], {"skew:A[0]": "an answer to this one, brackets and all"}, "pass", 0),
        (["skew:A", "skew:B"], {"skew:A": "moved"}, "warn", 1),
        (["skew:A", "leakage:B"], {"skew:*": "moved"}, "fail", 1),
        (["leakage:B"], {"leakage:*": "known before the decision"}, "pass", 0),
        (["Skew:A"], {"skew:*": "moved"}, "warn", 1),
    ],
)
def test_each_finding_asks_for_an_answer(
    names: list[str],
    answers: dict[str, str],
    status: str,
    value: int,
    files: dict[str, Any],
    build: Callable[..., Built],
) -> None:
    files["explore/findings.json"]["findings"] = [finding(name) for name in names]
    files["featurize/features.json"]["answers"] = answers
    built = build(files)
    found = built.verdicts["report.findings_answered"]
    assert (found["status"], found["value"]) == (status, value)
    assert ("without an answer:</b>" in built.section("explore")) == (value > 0)
    for answer in answers.values():
        assert (answer in built.section("explore")) == (len(names) > value)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("evaluate/evaluation.json", "evaluate.roc_auc"),
        ("audit/performance/verdicts.json", "performance.criterion:roc_auc"),
    ],
)
def test_a_promise_that_nobody_measured_fails(
    file: str, name: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files[file]["verdicts"] = [v for v in files[file]["verdicts"] if v["id"] != name]
    built = build(files)
    found = built.verdicts["report.criteria_judged"]
    rows = "validation" if "evaluate" in name else "test"
    assert (found["status"], found["value"]) == ("fail", 1)
    assert f"roc_auc on {rows}" in found["why"]
    assert "not measured" in built.html
    assert "not measured: fail" in built.card


def test_of_a_promise_with_two_bounds_the_worse_verdict_counts(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    verdicts = files["audit/performance/verdicts.json"]["verdicts"]
    verdicts[1]["id"] = "performance.criterion:roc_auc at least"
    verdicts.append(verdict("performance.criterion:roc_auc at most", "fail", value=0.9))
    built = build(files)
    assert built.verdicts["report.criteria_judged"]["status"] == "pass"
    assert re.search(r"\| ROC AUC \| ≥ 0\.76 \| .* pass \| 0\.900 .* fail \|", built.card)


@pytest.mark.parametrize(
    ("step", "title"), [("featurize", "Features"), ("ingest", "Data"), ("define", "Define")]
)
def test_the_way_back_is_drawn_on_the_loop(
    step: str, title: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    forward = build(files).html
    files["evaluate/evaluation.json"]["next_step"]["step"] = step
    back = build(files).html
    assert 'class="back"' in back
    assert 'class="back"' not in forward
    assert f">{title}</text>\n</svg>" in back


def test_a_step_that_nobody_knows_is_shown_without_a_link(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["evaluate/evaluation.json"]["next_step"]["step"] = "rest_a_while"
    built = build(files)
    assert '<p class="next-word">Rest a while</p>' in built.html
    check_html(built.html)


# --- the page ---------------------------------------------------------------------------


class Text(HTMLParser):
    """The tags of a page and the text that a reader sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice: {tag} {attrs}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def check_html(html: str) -> Text:
    """Check what every page must keep; return it read."""
    read = Text(html)
    assert not read.open, f"never closed: {read.open}"
    # nothing runs, and nothing is asked of the network
    assert not read.all("script", "iframe", "object", "embed", "base", "form")
    for tag, attrs in read.tags:
        for name, value in attrs.items():
            assert not name.startswith("on"), f"{tag} {name}"
            if name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
                assert (value or "").startswith(("#", "data:")), f"{tag} {name}={value}"
            assert "url(" not in (value or "").replace("url(#", ""), f"{tag} {name}={value}"
    style = html.split("<style>")[1].split("</style>")[0]
    assert not re.search(r"@import|url\(|https?:|//", style)
    # ids are unique, and what points into the page arrives
    ids = [str(attrs["id"]) for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not [name for name in ids if re.search(r"\s", name)]
    for tag, attrs in read.tags:
        if tag in ("a", "use"):
            assert str(attrs["href"])[1:] in ids, attrs["href"]
        for name in ("aria-labelledby", "aria-describedby"):
            assert str(attrs.get(name, ids[0])) in ids
    # a reader without eyes
    assert read.all("html")[0]["lang"] == "en"
    assert [len(read.all(tag)) for tag in ("main", "h1", "title")] == [1, 1, 1]
    assert read.all("a")[0]["href"] == "#main"
    assert all(attrs.get("alt") for attrs in read.all("img"))
    assert all(attrs.get("aria-label") for attrs in read.all("nav"))
    names = [attrs["aria-label"] for attrs in read.all("nav")]
    assert len(names) == len(set(names))
    levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    assert all(attrs.get("scope") in ("col", "row") for attrs in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table"))
    for attrs in read.all("svg"):
        seen = attrs.get("role") == "img" and attrs.get("aria-label")
        assert seen or attrs.get("aria-hidden") == "true" or "viewbox" in attrs or "x" in attrs
    return read


def test_the_page_is_whole_closed_to_the_network_and_accessible(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    read = check_html(built.html)
    assert "default-src 'none'" in str(read.all("meta"))
    ids = [attrs.get("id") for attrs in read.all("section")]
    assert [name for name in ids if name in SECTIONS] == SECTIONS
    assert len(read.all("img")) == 9
    assert all(attrs["loading"] == "lazy" for attrs in read.all("img"))
    assert read.all("img")[0]["width"] == "1152"
    assert "Three quantities have outliers" in str(read.all("img")[0]["alt"])


def test_a_status_is_a_word_and_a_shape_beside_a_colour(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["validate/quality.json"]["verdicts"] = [verdict(f"validate.{s}", s) for s in SEVERITY]
    html = build(files).html
    for status, word in page.words.STATUS_WORDS.items():
        badge = re.search(rf'<span class="badge badge-{status}">(.*?)</span>', html)
        assert badge, status
        assert f'href="#icon-{status}"' in badge[1]
        assert badge[1].endswith(word)
    shapes = re.findall(r'<symbol id="icon-\w+".*?>(.*)</symbol>', html)
    assert len(set(shapes)) == len(shapes) == len(SEVERITY)


def test_numbers_are_written_for_people(files: dict[str, Any], build: Callable[..., Built]) -> None:
    text = Text(build(files).html).text.replace("\N{NO-BREAK SPACE}", " ")
    for shown in ("30,000", "22.1 %", "20.7 %", "≥ 100,000", "[283,731, 454,756]", "18,000 rows"):
        assert shown in text
    minus = "\N{MINUS SIGN}"
    assert f"{minus}3,301,833" in text
    assert "35.3 % [33.4, 37.3]" in text


def test_names_from_the_data_stay_text(files: dict[str, Any], build: Callable[..., Built]) -> None:
    charter = files["define/charter.json"]["charter"]
    charter["title"] = charter["problem"] = charter["scope"]["inside"][0] = HOSTILE
    charter["costs"]["currency"] = charter["owners"]["model"] = HOSTILE
    files["ingest/manifest.json"]["columns"] = {HOSTILE: {HOSTILE: HOSTILE}}
    files["ingest/manifest.json"]["source"]["path"] = HOSTILE
    files["validate/quality.json"]["checks"] = [{HOSTILE: HOSTILE}]
    files["validate/quality.json"]["verdicts"] = [
        verdict(f"validate.{HOSTILE}", "fail", why=HOSTILE, evidence=(HOSTILE,), threshold=HOSTILE)
    ]
    found = files["explore/findings.json"]["findings"]
    found[0] |= {"id": HOSTILE, "kind": HOSTILE, "columns": [HOSTILE], "why": HOSTILE}
    features = files["featurize/features.json"]
    features["created"] = {HOSTILE: features["created"]["utilisation"] | {"hypothesis": HOSTILE}}
    features["dropped"], features["features"] = {HOSTILE: HOSTILE}, [HOSTILE]
    features["answers"] = {"*": HOSTILE}
    model = files["train/model.json"]
    model |= {"candidate": HOSTILE, "inputs": [HOSTILE], "parameters": {HOSTILE: HOSTILE}}
    files["audit/fairness/verdicts.json"]["tables"] = {HOSTILE: [{HOSTILE: HOSTILE}]}
    files["audit/fairness/figures/<b>|x.png"] = png()
    built = build(files)
    assert "<script" not in built.html.lower()
    assert "<script" not in re.sub(r"`[^`]*`", "", built.card).lower()
    assert built.html.count("&lt;script&gt;") > 20
    assert "49" not in Text(built.html).text
    check_html(built.html)
    check_card(built.card)


def test_long_tables_and_many_passed_checks_are_folded_and_open_points_are_not(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["audit/safety/verdicts.json"]["tables"] = {
        "Long": [{"Row": place} for place in range(300)],
        "Short": [{"Row": place} for place in range(3)],
    }
    files["audit/safety/verdicts.json"]["verdicts"] = [
        verdict(f"safety.{place}") for place in range(9)
    ] + [verdict("safety.open", "fail")]
    html = build(files).section("audit").split('class="pillar"')[2]
    folded = "".join(re.findall(r"<details>.*?</details>", html, re.DOTALL))
    outside = re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL)
    assert "Long, 300 rows" in folded
    assert "100 more rows are in the file" in folded
    assert "<h4>Short</h4>" in outside
    assert "10 checks passed" in folded
    assert "safety.3" in folded
    assert "safety.open" in outside


def test_figures_that_would_make_the_page_too_large_are_named_instead(
    files: dict[str, Any], build: Callable[..., Built], monkeypatch: pytest.MonkeyPatch
) -> None:
    decisive = [f for name, f in files.items() if name.endswith("png") and "explore" not in name]
    monkeypatch.setattr(page, "FIGURE_BUDGET", sum(-(-len(f) // 3) * 4 for f in decisive))
    built = build(files)
    html = built.section("explore")
    assert "<img" not in html
    assert html.count("Left out, so that the page stays small") == 2
    assert "data/explore/figures/pair.png" in html
    assert "<img" in built.section("evaluate")
    assert "<img" in built.section("audit")


def test_the_budget_keeps_the_page_below_six_megabytes() -> None:
    assert page.FIGURE_BUDGET < 5_600_000


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_text_stands_out_from_its_ground_by_light_in_the_dark_and_on_paper() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    style = (page.TEMPLATES / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        pairs = [
            (text, ground) for text in ("ink", "soft", "accent") for ground in ("ground", "card")
        ]
        pairs += [(status, f"{status}-ground") for status in SEVERITY]
        pairs += [(status, ground) for status in SEVERITY for ground in ("ground", "card")]
        pairs += [("ink", "warn-ground"), ("soft", "warn-ground"), ("ink", "not_applicable-ground")]
        for text, ground in pairs:
            assert contrast(colour[text], colour[ground]) >= 4.5, f"{text} on {ground}"


# --- tables and drawings ----------------------------------------------------------------


def test_bounds_join_their_value_and_shares_become_percent() -> None:
    rows = [
        {"Group": "a", "Rate": 0.5, "Rate, low": 0.25, "Rate, high": 0.75, "Rows": 1200},
        {"Group": "b", "Rate": None, "Rate, low": None, "Rate, high": None, "Rows": 3},
    ]
    made = table(rows)
    assert made.head == ("Group", "Rate", "Rows")
    assert made.numeric == (False, True, True)
    shown = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells] for cells in made.rows]
    assert shown == [["a", "50.0 % [25.0, 75.0]", "1,200"], ["b", "\N{EN DASH}", "3"]]


def test_a_low_and_a_high_belong_to_the_column_before_them() -> None:
    made = table([{"Value": 0.5, "Low": 0.25, "High": 0.75}])
    assert (made.head, made.rows) == (("Value",), (("0.500 [0.250, 0.750]",),))
    alone = table([{"Low": 0.25, "High": 0.75}])
    assert alone.head == ("Low", "High")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"value": 0.5, "interval": [0.25, 0.75]}, "0.500 [0.250, 0.750]"),
        ({"value": 0.5, "interval": None}, "0.500"),
        ({"0": 14, "5": 280}, "0: 14; 5: 280"),
        (["a", 1200], "a, 1,200"),
        ([], "\N{EN DASH}"),
        ("roc_auc", "ROC AUC"),
        ("paid_share", "paid_share"),
    ],
)
def test_a_cell_of_any_kind_becomes_text(value: Any, shown: str) -> None:
    assert cell(value) == shown


def test_a_value_alone_stands_for_the_text_of_a_csv_file() -> None:
    assert [parsed(text) for text in ("12", "-0.5", "1e-3", "", "a1")] == [
        12,
        -0.5,
        0.001,
        None,
        "a1",
    ]


@pytest.mark.parametrize("size", [3, 8])
def test_the_loop_is_a_circle_from_the_top_clockwise(size: int) -> None:
    drawn = loop(size, None)
    assert len(drawn.nodes) == len(drawn.arcs) == size
    assert drawn.nodes[0].y == min(node.y for node in drawn.nodes)
    assert drawn.nodes[1].x > drawn.nodes[0].x
    away = [hypot(node.x - CENTRE[0], node.y - CENTRE[1]) for node in drawn.nodes]
    assert away == pytest.approx([RADIUS] * size, abs=0.1)


def test_bars_keep_their_order_on_the_scale() -> None:
    drawn = bars(0.76, "higher", [(0.78, (0.77, 0.79)), (0.75, None)])
    (low, value, high), (alone, same, _) = drawn.marks
    assert 0 < alone == same < drawn.bound < low < value < high < 100
    flat = bars(5.0, "lower", [])
    assert (0 < flat.bound < 100, flat.marks) == (True, ())


def test_a_chart_fills_its_box_from_the_first_to_the_last_point() -> None:
    drawn = chart(
        [Curve("train/a", ((1, 0.5), (11, 0.25))), Curve("validation/a", ((1, 0.5), (6, 0.375)))]
    )
    assert [line.path for line in drawn.lines] == [
        f"M0.0 0.0L{drawn.width:.1f} {drawn.height:.1f}",
        f"M0.0 0.0L{drawn.width / 2:.1f} {drawn.height / 2:.1f}",
    ]
    assert [label for _, label in drawn.x_ticks] == ["1", "6", "11"]
    assert drawn.lines[0].last == "0.250"


# --- the model card ---------------------------------------------------------------------

CARD = """Model details; Intended use; Factors; Metrics; Evaluation data; Training data;
Quantitative analyses; Ethical considerations; Caveats and recommendations"""


def check_card(card: str) -> None:
    """Check what every card must keep: the sections, evidence everywhere, no empty field."""
    headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert headings == [name.strip() for name in CARD.split(";")]
    for line in card.splitlines():
        if line.startswith("- "):
            assert line.endswith(")"), f"a claim without its evidence: {line}"
            assert ": (" not in line, f"an empty field: {line}"
        if line.startswith("|") and "---" not in line:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert all(cells) or cells[0] == "Status", f"an empty cell: {line}"
    assert not re.search(r"\bNone\b(?! are)|Undefined|\n\n\n", card)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(card)
    assert not [token for token in tokens if token.type == "html_block"]
    inline = [child for token in tokens for child in token.children or []]
    assert not [child for child in inline if child.type in ("html_inline", "link_open", "image")]


def test_the_card_has_its_sections_and_evidence_for_each_claim(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    card = build(files).card
    check_card(card)
    assert card.count("\n") < 150
    for fact in (
        "- Version (sha256 of the model file): b47d280f (`data/train/model.json`)",
        "- Parameter learning_rate: 0.06 (`data/train/model.json`)",
        "- Not for: closing accounts (`data/define/charter.json`)",
        "- Of these, the model sees: none (`data/train/model.json`)",
        "| ROC AUC | ≥ 0.76 | 0.781 [0.766, 0.796] pass | 0.781 [0.766, 0.796] pass |",
        "| SEX | male | 2,298 | 35.3 % [33.4, 37.3] |",
        "- Fairness: pass (`data/audit/fairness/verdicts.json`)",
    ):
        assert fact in card.replace("\N{NO-BREAK SPACE}", " ").splitlines(), fact


def test_a_change_of_one_fact_changes_few_lines_of_the_card(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    before = build(files).card.splitlines()
    files["train/model.json"]["parameters"]["max_iter"] = 200
    after = build(files).card.splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_what_is_not_known_is_said_openly(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    del files["define/charter.json"], files["train/model.json"]
    groups = files["audit/fairness/verdicts.json"]["tables"]["Groups"]
    groups.append({"Feature": "SEX", "Group": "unknown", "Rows": 3})
    card = build(files).card
    check_card(card)
    assert "- Decision: not recorded (`data/define/charter.json`)" in card
    assert "- Model: not recorded (`data/train/model.json`)" in card
    assert "| SEX | unknown | 3 | insufficient |" in card


# --- in a browser -----------------------------------------------------------------------


def test_nothing_is_wider_than_a_phone(
    files: dict[str, Any], build: Callable[..., Built], tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on PATH to lay the page out")
    html = build(files).html.replace("http-equiv", "data-was")
    frames = "".join(
        f'<iframe width="{width}" height="900" srcdoc="{escape(html)}"></iframe>'
        for width in (320, 390, 1280)
    )
    script = """<script>onload = () => document.title = [...document.querySelectorAll("iframe")]
        .map(f => f.contentDocument.documentElement)
        .map(page => page.scrollWidth - page.clientWidth).join(" ")</script>"""
    (tmp_path / "frames.html").write_text(frames + script, encoding="utf-8")
    flags = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update --disable-sync --dump-dom"""
    shown = subprocess.run(
        [
            chromium,
            *flags.split(),
            f"--user-data-dir={tmp_path / 'profile'}",
            (tmp_path / "frames.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "<title>0 0 0</title>" in shown.stdout
