"""Small artefacts, as the stages write them, and the report that is built of them."""

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from stages import report
from stages.core.verdicts import Verdict, as_documents
from stages.report.evidence import PILLARS

HOSTILE = "<script>alert(1)</script> | `x` *y* {{ 7 * 7 }}"


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


def risk(**facts: Any) -> dict[str, Any]:
    """Return a risk of the register, as the pillar writes it."""
    fields = {
        "risk": "one group is called more often than another",
        "owner": "risk",
        "likelihood": "likely",
        "harm": "moderate",
        "mitigation": "sex stays out of the model",
        "evidence": ["fairness.check"],
        "residual": "medium",
        "accepted": None,
        "due": "2030-01-31",
    }
    return fields | facts


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
            "target": {
                "train": {"positive_share": 0.2212},
                "validation": {"positive_share": 0.2211},
                "test": {"positive_share": 0.2211},
            },
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
        "tune/trials.csv": "trial,log_loss,learning_rate\n0,0.43,0.1\n1,0.44,0.2\n",
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
        "featurize/figures/evidence.png": png(),
        "tune/figures/search.png": png(),
        "train/figures/leaderboard.png": png(),
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
    files["audit/accountability/files/risks.json"] = {"risks": [risk()]}
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
    "featurize_figures": "featurize/figures",
    "best_params": "tune/best_params.json",
    "trials": "tune/trials.csv",
    "tune_figures": "tune/figures",
    "model_manifest": "train/model.json",
    "leaderboard": "train/leaderboard.csv",
    "train_figures": "train/figures",
    "live": "train/live",
    "evaluation": "evaluate/evaluation.json",
    "evaluate_figures": "evaluate/figures",
    "audit": "audit",
    "model_card": "report/model_card.md",
    "data_sheet": "report/data_sheet.md",
    "crosswalk": "report/crosswalk.json",
    "report": "report/site",
    "summary": "report/summary.json",
}
ARGUMENTS = {name: Path("data") / path for name, path in PATHS.items()}
READ = [
    name
    for name, path in PATHS.items()
    if name not in ("audit", "live") and not path.startswith("report/")
]


class Built:
    """A report that was built from `files`, in the current folder, after `spoil` had its way."""

    def __init__(self, files: dict[str, Any], spoil: Callable[[], object] = list) -> None:
        shutil.rmtree("data", ignore_errors=True)
        for name, content in files.items():
            path = Path("data") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                path.write_text(text, encoding="utf-8")
        spoil()
        self.build()

    def build(self) -> None:
        report.main(**ARGUMENTS)
        self.__dict__.pop("pages", None)
        self.card = ARGUMENTS["model_card"].read_text(encoding="utf-8")
        self.sheet = ARGUMENTS["data_sheet"].read_text(encoding="utf-8")
        self.crosswalk = json.loads(ARGUMENTS["crosswalk"].read_text(encoding="utf-8"))
        self.summary = json.loads(ARGUMENTS["summary"].read_text(encoding="utf-8"))
        self.verdicts = {v["id"]: v for v in self.summary["verdicts"]}

    @property
    def folder(self) -> Path:
        return ARGUMENTS["report"].absolute()

    @cached_property
    def pages(self) -> dict[str, str]:
        """The HTML of each page: ``{"audit-fairness": ...}``."""
        return {path.stem: path.read_text("utf-8") for path in sorted(self.folder.glob("*.html"))}

    @property
    def html(self) -> str:
        return "".join(self.pages.values())

    def section(self, page: str, name: str) -> str:
        """Return the HTML of one section of a page."""
        return (
            self.pages[page].split(f'<section class="step" id="{name}"')[1].split("</section>")[0]
        )

    def content(self) -> dict[str, bytes]:
        """Return every file of the site."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}
