"""Which model answers, and when none does."""

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from operate.approval import Bytes, GateResult, Kind, Record, file_name
from operate.serving.served import load
from stages.core.errors import LoopwrightError
from tests.operate.serving.project import PATHS, write_project

TODAY = date(2027, 1, 1)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path, monkeypatch, "binary", "hist_gradient_boosting")
    lock(tmp_path)
    return tmp_path


def lock(root: Path, **md5: str) -> None:
    """Write a dvc.lock that names the files as they are, but for those in `md5`."""
    lines = ["schema: '2.0'", "stages:", "  all:", "    cmd: true", "    outs:"]
    for name in ("train", "model", "model_manifest", "evaluation"):
        content = (root / PATHS[name]).read_bytes()
        found = md5.get(name, hashlib.md5(content, usedforsecurity=False).hexdigest())
        lines += [f"    - path: {PATHS[name]}", "      hash: md5", f"      md5: {found}"]
    (root / "dvc.lock").write_text("\n".join(lines) + "\n")


def decide(root: Path, *kinds: Kind, expires: date | None = None, model: str = "") -> None:
    """Write a record for each kind, about the bytes that are here."""
    before = None
    (root / "decisions").mkdir(exist_ok=True)
    for number, kind in enumerate(kinds, 1):
        record = Record(
            number=number,
            kind=kind,
            by="R. Reviewer",
            why="as discussed",
            at=datetime(2026, 12, 1, tzinfo=UTC),
            expires=expires,
            bytes=Bytes(
                model=model or sha256(root / PATHS["model"]), dvc_lock=sha256(root / "dvc.lock")
            ),
            commit="0" * 40,
            gate=GateResult(ships=kind == "approve", blocking=()),
            before=before,
        )
        file = root / "decisions" / file_name(record)
        file.write_text(record.model_dump_json(indent=2) + "\n")
        before = sha256(file)


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_without_a_decision_it_is_said_that_nobody_approved(root: Path) -> None:
    found = load(root, TODAY)
    assert not found.approved
    model, state = found.told()
    assert model == f"model: sha256 {sha256(root / PATHS['model'])}"
    assert state == "not approved: no person has decided about it: `loopwright approve`"


@pytest.mark.parametrize("kind", ["approve", "override"])
def test_an_approval_is_told(root: Path, kind: Kind) -> None:
    decide(root, kind)
    found = load(root, TODAY)
    assert found.approved
    assert found.told()[1].startswith("approved: ")
    assert "R. Reviewer" in found.decided


def test_an_approval_that_has_expired_is_none(root: Path) -> None:
    decide(root, "approve", expires=date(2026, 12, 31))
    found = load(root, TODAY)
    assert not found.approved
    assert "has expired" in found.told()[1]


def test_a_rejected_model_answers_nobody(root: Path) -> None:
    decide(root, "approve", "reject")
    with pytest.raises(LoopwrightError, match="answers nobody: it was rejected by R"):
        load(root, TODAY)
    # nor by another dvc.lock: it is the same model
    (root / "dvc.lock").write_text((root / "dvc.lock").read_text() + "# another\n")
    with pytest.raises(LoopwrightError, match="answers nobody"):
        load(root, TODAY)


def test_a_rejection_is_lifted_by_a_later_decision_or_its_end(root: Path) -> None:
    decide(root, "reject", "override")
    assert load(root, TODAY).approved
    decide(root, "reject", expires=date(2026, 12, 31))
    (root / "decisions/0002-2026-12-01-override.json").unlink()
    assert not load(root, TODAY).approved


def test_a_rejection_of_another_model_is_not_about_this_one(root: Path) -> None:
    decide(root, "reject", model="f" * 64)
    assert not load(root, TODAY).approved


def test_records_that_were_tampered_with_stop_it(root: Path) -> None:
    decide(root, "reject", "approve")
    (root / "decisions/0001-2026-12-01-reject.json").unlink()
    with pytest.raises(LoopwrightError, match="tampered with"):
        load(root, TODAY)


def test_another_model_file_is_refused_before_it_is_read(root: Path) -> None:
    (root / "dvc.lock").unlink()
    (root / PATHS["model"]).write_bytes(b"another")
    with pytest.raises(LoopwrightError, match="sha256"):
        load(root, TODAY)


@pytest.mark.parametrize("name", ["train", "model", "model_manifest", "evaluation"])
def test_a_file_of_another_run_is_refused(root: Path, name: str) -> None:
    lock(root, **{name: "0" * 32})
    with pytest.raises(LoopwrightError, match=f"{PATHS[name]}: not the file that dvc.lock names"):
        load(root, TODAY)


@pytest.mark.parametrize("threshold", [None, "0.4", 1.5])
def test_without_a_threshold_nothing_is_decided(root: Path, threshold: Any) -> None:
    (root / PATHS["evaluation"]).write_text(json.dumps({"threshold": threshold}))
    lock(root)
    with pytest.raises(LoopwrightError, match="no threshold"):
        load(root, TODAY)


def test_an_input_that_schema_yaml_does_not_know_is_told(root: Path) -> None:
    manifest = json.loads((root / PATHS["model_manifest"]).read_text())
    (root / PATHS["model_manifest"]).write_text(json.dumps({**manifest, "inputs": ["aa"]}))
    lock(root)
    with pytest.raises(LoopwrightError, match="no column 'aa' in schema"):
        load(root, TODAY)
