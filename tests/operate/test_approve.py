"""People decide about bytes: the record is bound, dated, added to, and never changed."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from operate.approval import Wish, read_ledger
from operate.approve import record
from operate.cli import app
from operate.gate import decide
from stages.core.errors import LoopwrightError
from tests.operate.project import commit, run, verdict, write

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)


def approve(project: Path, kind: str = "approve", expires: date | None = None) -> str:
    wish = Wish(kind, "risk", "it holds", expires)  # type: ignore[arg-type]
    return record(project, wish, NOW)


def fail(project: Path) -> None:
    """Let the audit of safety fail, by a run that is committed."""
    write(project / "pillars/safety.json", verdict("safety.check", "fail"))
    run(project, "dvc", "repro", "--quiet")
    commit(project, "worse")


def test_a_decision_is_bound_to_the_bytes(project: Path) -> None:
    assert decide(project).decided == "no person has decided about it: `loopwright approve`"
    told = approve(project)
    assert "approved by model risk officer (risk) on 2030-01-02: it holds" in told
    file = project / "decisions/0001-2030-01-02-approve.json"
    written = json.loads(file.read_text())
    assert written["commit"] == run(project, "git", "rev-parse", "HEAD").strip()
    assert written["gate"] == {"ships": True, "blocking": []}
    assert written["before"] is None
    decision = decide(project, TODAY)
    assert decision.ships
    assert decision.decided.startswith("approved by model risk officer")
    commit(project, "approved")
    assert decide(project, TODAY).decided == decision.decided

    (project / "given/model.bin").write_text("model 2\n")
    run(project, "dvc", "repro", "--quiet")
    assert decide(project, TODAY).decided.startswith("no decision is about these bytes")


def test_a_decision_expires_after_its_last_day(project: Path) -> None:
    approve(project, expires=TODAY)
    assert decide(project, TODAY).decided.startswith("approved")
    assert decide(project, TOMORROW).decided.startswith(
        "the decision about these bytes has expired: approved by"
    )


def test_an_approval_against_the_gate_is_refused_but_can_be_overridden(project: Path) -> None:
    with pytest.raises(LoopwrightError, match="nothing to override"):
        approve(project, "override")
    fail(project)
    with pytest.raises(LoopwrightError, match=r"holds it back \(safety.check\).*override"):
        approve(project)
    assert not (project / "decisions").exists()
    assert "in spite of the gate" in approve(project, "override")
    decision = decide(project, TODAY)
    assert not decision.ships  # the evidence is what it is; what a person decided is told
    assert "in spite of the gate" in decision.decided


def test_a_rejection_holds_back_until_a_later_approval(project: Path) -> None:
    approve(project, "reject")
    decision = decide(project, TODAY)
    assert [found.id for found in decision.blocking] == ["gate.rejected"]
    approve(project)
    assert decide(project, TODAY).ships


def test_an_expired_rejection_holds_nothing_back(project: Path) -> None:
    approve(project, "reject", TODAY)
    assert decide(project, TOMORROW).ships


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish("approve", " ", "because"), "needs --by"),
        (Wish("approve", "risk", ""), "needs --by"),
        (Wish("approve", "risk", "so", TODAY - timedelta(days=1)), "that day is past"),
    ],
)
def test_a_decision_of_nobody_or_for_no_reason_is_none(
    project: Path, wish: Wish, told: str
) -> None:
    with pytest.raises(LoopwrightError, match=told):
        record(project, wish, NOW)
    assert not (project / "decisions").exists()


def test_what_is_not_committed_cannot_be_decided_about(project: Path) -> None:
    (project / "README").write_text("new\n")
    approve(project)  # what git does not track is no part of it
    (project / "pillars/safety.json").write_text(
        (project / "pillars/safety.json").read_text() + "\n"
    )
    run(project, "dvc", "repro", "--quiet")
    with pytest.raises(LoopwrightError, match="not committed"):
        approve(project)


def three(project: Path) -> list[Path]:
    for kind in ("approve", "reject", "approve"):
        approve(project, kind)
    commit(project, "decided")
    assert read_ledger(project).faults == ()
    return sorted((project / "decisions").glob("*"))


def test_records_follow_each_other(project: Path) -> None:
    three(project)
    assert [each.number for each in read_ledger(project).records] == [1, 2, 3]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("how", ["edited", "removed"])
@pytest.mark.parametrize("committed", [False, True])
def test_a_record_that_was_tampered_with_is_found(
    project: Path, place: int, how: str, committed: bool
) -> None:
    file = three(project)[place]
    if how == "edited":
        file.write_text(file.read_text().replace("it holds", "it never did"))
    else:
        file.unlink()
    if committed:
        commit(project, "nothing to see here")
    decision = decide(project, TODAY)
    assert not decision.ships
    assert any(found.id.startswith("gate.records:") for found in decision.blocking)
    assert any(file.name in found.why for found in decision.blocking)
    with pytest.raises(LoopwrightError, match="tampered with"):
        approve(project)


def test_a_file_that_is_no_record_is_found(project: Path) -> None:
    (project / "decisions").mkdir()
    (project / "decisions/0001-2030-01-02-approve.json").write_text("{}")
    assert [found.why for found in decide(project).blocking] == [
        "decisions/0001-2030-01-02-approve.json is no record of a decision"
    ]


def test_an_overdue_risk_is_told_by_the_gate(project: Path) -> None:
    assert decide(project, date(2999, 12, 31)).counts["warn"] == 0
    decision = decide(project, date(3000, 1, 2))
    late = [found for found in decision.verdicts if found.id.startswith("gate.risk_due:")]
    assert late and {found.status for found in late} == {"warn"}
    assert late[0].value == 2 and "due on 2999-12-31" in late[0].why
    assert decision.ships


def test_the_commands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    runner = CliRunner()
    done = runner.invoke(app, ["approve", "--by", "Ann", "--why", "ok", "--expires", "2999-01-01"])
    assert done.exit_code == 0, done.output
    assert "approved by Ann" in done.output and "git add decisions/0001-" in done.output
    assert runner.invoke(app, ["reject", "--by", "Ann", "--why", "no"]).exit_code == 0
    assert runner.invoke(app, ["override", "--by", "Ann", "--why", "no"]).exit_code == 2
    assert runner.invoke(app, ["approve", "--by", "A", "--why", "b", "--expires", "x"]).exit_code
    gate = runner.invoke(app, ["gate", "--json"])
    assert gate.exit_code == 1
    assert json.loads(gate.output)["decided"].startswith("rejected by Ann")
