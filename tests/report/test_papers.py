"""The data sheet, the crosswalk and the register of risks, in the report."""

import hashlib
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from stages.core.params import Params
from stages.report.clauses import FRAMEWORKS
from stages.report.crosswalk import PERSON, THERE, as_markdown
from stages.report.evidence import PILLARS
from stages.report.risks import fitting
from tests.report.card import check_card, check_markdown, check_sheet
from tests.report.made import HOSTILE, Built, risk, verdict

Files = dict[str, Any]
Build = Callable[..., Built]


# --- the data sheet ------------------------------------------------------------------------------


def test_each_claim_of_the_sheet_has_its_file_and_sha256(files: Files, build: Build) -> None:
    built = build(files)
    check_sheet(built.sheet)
    lines = built.sheet.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    for fact in (
        "- Its sha256: ab (`data/ingest/manifest.json`)",
        "- After the checks of quality: 29,990 rows; 10 dropped (`data/validate/quality.json`)",
        "- Part train: 18,000 rows, 22.1 % positive (`data/split/splits.json`)",
        "- Not for: closing accounts (`data/define/charter.json`)",
        "- Finding `skew:LIMIT_BAL`: a few values lie far above the rest"
        " (`data/explore/findings.json`)",
        "| `AGE` | int64 | 0 | 56 |",
    ):
        assert fact in lines, fact
    assert "<td><code>AGE</code></td>" in built.pages["data_sheet"]


def test_what_no_artefact_can_tell_needs_a_person(files: Files, build: Build) -> None:
    charter = files["define/charter.json"]["charter"]
    charter["data_sheet"] = dict.fromkeys(charter["data_sheet"])
    sheet = build(files).sheet
    check_sheet(sheet)
    for key in charter["data_sheet"]:
        told = f"needs a person: charter.data\\_sheet.{key}".replace("collected_", "collected\\_")
        assert told.replace("\\", "") in sheet.replace("\\", "")
    charter["data_sheet"]["licence"] = HOSTILE
    sheet = build(files).sheet
    check_sheet(sheet)
    assert sheet.count("needs a person") == 5


@pytest.mark.parametrize(
    "gone",
    [
        "define/charter.json",
        "ingest/manifest.json",
        "validate/quality.json",
        "split/splits.json",
        "explore/findings.json",
        "featurize/features.json",
        "train/model.json",
        "audit/privacy_security/verdicts.json",
        "audit/accountability/files/risks.json",
    ],
)
def test_no_field_is_empty_whatever_is_missing(files: Files, build: Build, gone: str) -> None:
    del files[gone]
    built = build(files)
    check_sheet(built.sheet)
    check_card(built.card)
    check_markdown(as_markdown(built.crosswalk))
    if gone != "audit/accountability/files/risks.json":
        assert f"| `data/{gone}` | missing |" in built.sheet


# --- the crosswalk -------------------------------------------------------------------------------


def declared() -> set[str]:
    """The ids of all checks that the pillars declare."""
    found = set()
    for pillar in PILLARS:
        found |= {check.id for check in import_module(f"stages.audit.{pillar}").CHECKS}
    return found


def test_each_clause_is_answered_or_needs_a_person() -> None:
    for framework in FRAMEWORKS:
        numbers = [clause.number for clause in framework.clauses]
        assert len(set(numbers)) == len(numbers)
        for clause in framework.clauses:
            assert clause.asks
            assert clause.checks or clause.files or clause.person
    assert {clause.number[0] for clause in FRAMEWORKS[0].clauses} == set("123456789")
    functions = {clause.number.partition(" ")[0] for clause in FRAMEWORKS[1].clauses}
    assert functions == {"GOVERN", "MAP", "MEASURE", "MANAGE"}


def test_the_checks_of_the_pillars_that_a_clause_names_are_declared(chosen: Params) -> None:
    ids = [verdict(name) for name in declared()]
    known = [type("V", (), {"id": each["id"]})() for each in ids]
    named = [c for framework in FRAMEWORKS for clause in framework.clauses for c in clause.checks]
    named += [name for each in chosen.audit.accountability.risks for name in each.evidence]
    for pattern in named:
        head = pattern.partition(":")[0]
        if head.partition(".")[0] in PILLARS:
            assert fitting(head, known), pattern


def test_a_line_of_the_crosswalk_names_the_bytes(files: Files, build: Build) -> None:
    built = build(files)
    lines = {
        line["clause"]: line
        for framework in built.crosswalk["frameworks"]
        for line in framework["clauses"]
    }
    for line in lines.values():
        for one in line["evidence"]:
            path = Path(one["file"])
            assert one["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    fair = lines["MEASURE 2.11"]
    assert (fair["status"], fair["missing"]) == ("pass", [])
    (one,) = fair["evidence"]
    assert one["file"] == "data/audit/fairness/verdicts.json"
    assert one["checks"] == {"fairness.check:SEX": "pass"}
    assert lines["8"]["status"] == PERSON and lines["8"]["needs_a_person"]
    assert lines["6"]["status"] == THERE
    assert "not legal advice" in built.pages["crosswalk"]
    check_markdown(as_markdown(built.crosswalk))


def test_missing_evidence_of_a_clause_is_a_fail(files: Files, build: Build) -> None:
    del files["audit/fairness/verdicts.json"]
    (line,) = [
        line
        for framework in build(files).crosswalk["frameworks"]
        for line in framework["clauses"]
        if line["clause"] == "MEASURE 2.11"
    ]
    assert line["status"] == "fail"
    assert line["missing"] == ["no verdict fairness.*"]


# --- the risks -----------------------------------------------------------------------------------


def risks(files: Files, build: Build, *register: dict[str, Any]) -> tuple[dict[str, Any], str]:
    files["audit/accountability/files/risks.json"] = {"risks": list(register)}
    built = build(files)
    check_card(built.card)
    return built.verdicts["report.risks"], built.card


def test_a_risk_whose_evidence_passes_is_held(files: Files, build: Build) -> None:
    found, card = risks(files, build, risk())
    assert (found["status"], found["value"]) == ("pass", 0)
    assert "- Risk: one group is called more often than another: held; likely, moderate" in card


@pytest.mark.parametrize("pattern", ["fairness.chek", "fairness.check.more", "airness.*"])
def test_a_risk_whose_evidence_is_missing_is_open(files: Files, build: Build, pattern: str) -> None:
    found, card = risks(files, build, risk(evidence=["fairness.check", pattern]))
    assert (found["status"], found["value"]) == ("fail", 1)
    assert pattern in found["why"]
    assert "than another: open" in card


@pytest.mark.parametrize(
    ("status", "told", "state"),
    [("fail", "warn", "open"), ("insufficient", "warn", "open"), ("warn", "pass", "watched")],
)
def test_a_risk_stands_as_its_evidence_does(
    files: Files, build: Build, status: str, told: str, state: str
) -> None:
    files["audit/fairness/verdicts.json"]["verdicts"] = [verdict("fairness.check:SEX", status)]
    found, card = risks(files, build, risk())
    assert found["status"] == told
    assert f"than another: {state}" in card


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"risks": [{"risk": "no more"}]})])
def test_a_register_that_cannot_be_read_is_a_fail(files: Files, build: Build, text: str) -> None:
    files["audit/accountability/files/risks.json"] = text
    built = build(files)
    assert built.verdicts["report.risks"]["status"] == "fail"
    check_card(built.card)
