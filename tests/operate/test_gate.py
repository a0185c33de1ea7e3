import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from operate.cli import app
from operate.evidence import Binding
from operate.gate import Decision, as_document, decide, show
from operate.looks import Looks, looks_at_test
from operate.pipeline import Pipeline
from stages.core.errors import LoopwrightError
from tests.operate.project import commit, run, verdict, write


def faults(decision: Decision) -> str:
    return "\n".join(verdict.why for verdict in decision.blocking)


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dvc.lock agree with whatever a test writes, without a run of the pipeline."""
    files = frozenset({"given/rows.csv", "data/audit/safety", "data/audit/fairness"})
    monkeypatch.setattr("operate.gate.bind", lambda root: Binding(files, ()))


def give(project: Path, *verdicts: dict[str, object]) -> None:
    """Let the audit of safety come to `verdicts`."""
    write(project / "data/audit/safety/verdicts.json", *verdicts)


def accept(project: Path, text: str) -> None:
    params = project / "params.yaml"
    changed = params.read_text().replace("accept_insufficient: {}", f"accept_insufficient: {text}")
    assert changed != params.read_text()
    params.write_text(changed)


def test_an_untouched_project_ships(project: Path) -> None:
    decision = decide(project)
    assert decision.ships
    assert faults(decision) == ""
    assert [verdict.id for verdict in decision.verdicts] == [
        "evidence:dvc.lock",
        *("charter.check", "quality.check", "splits.check", "evaluation.check"),
        *("fairness.check", "safety.check", "report.check"),
    ]
    assert decision.looks.count == 1


def test_the_verdicts_of_the_summary_count_once(project: Path) -> None:
    ids = [verdict.id for verdict in decide(project).verdicts]
    assert ids.count("fairness.check") == 1


def same_size_and_time(file: Path) -> None:
    """Alter `file` in a way that a hash remembered by size and time of change misses."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"M")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


TAMPERED: list[tuple[str, Callable[[Path], object], list[str]]] = [
    (
        "altered output",
        lambda p: (p / "data/train/model.bin").write_text("model 666\n"),
        ["data/train/model.bin is not what train wrote", "dvc checkout data/train/model.bin"],
    ),
    (
        "altered output of the same size and time",
        lambda p: same_size_and_time(p / "data/train/model.bin"),
        ["data/train/model.bin is not what train wrote"],
    ),
    (
        "altered verdicts",
        lambda p: write(p / "data/audit/fairness/verdicts.json", verdict("fairness.check", "warn")),
        ["data/audit/fairness is not what audit@fairness wrote"],
    ),
    (
        "altered verdicts that the cache has lost",
        lambda p: (
            write(p / "data/audit/fairness/verdicts.json", verdict("fairness.check", "warn")),
            shutil.rmtree(p / ".dvc/cache"),
        ),
        ["data/audit/fairness is not what audit@fairness wrote"],
    ),
    (
        "verdict file missing",
        lambda p: (p / "data/verdicts/quality.json").unlink(),
        ["data/verdicts/quality.json is missing", "dvc repro"],
    ),
    (
        "pillar missing",
        lambda p: shutil.rmtree(p / "data/audit/safety"),
        ["data/audit/safety is missing", "data/audit/safety/verdicts.json is missing"],
    ),
    (
        "pillar added that never ran",
        lambda p: (p / "dvc.yaml").write_text(
            (p / "dvc.yaml").read_text().replace("[fairness, safety]", "[fairness, safety, other]")
        ),
        ["stage audit@other is not in dvc.lock", "data/audit/other/verdicts.json is missing"],
    ),
    (
        "stale param",
        lambda p: (p / "params.yaml").write_text(
            (p / "params.yaml").read_text().replace("scoring: log_loss", "scoring: roc_auc")
        ),
        ["params.yaml: train.scoring changed after train ran: run `dvc repro`"],
    ),
    (
        "edited code",
        lambda p: (p / "code.py").write_text("one = 2\n"),
        ["code.py changed after train ran"],
    ),
    (
        "edited input of several stages",
        lambda p: (p / "given/rows.csv").write_text("a,b\n3,4\n"),
        ["given/rows.csv changed after split ran", "given changed after judge ran"],
    ),
    (
        "input missing",
        lambda p: (p / "code.py").unlink(),
        ["code.py is missing, and train needs it"],
    ),
    (
        "other command",
        lambda p: (p / "dvc.yaml").write_text(
            (p / "dvc.yaml").read_text().replace("cp given/model", "cp -f given/model")
        ),
        ["dvc.yaml has a new command for train"],
    ),
    (
        "new output",
        lambda p: (
            (p / "data/new.txt").write_text("1"),
            (p / "dvc.yaml").write_text(
                (p / "dvc.yaml")
                .read_text()
                .replace('outs: ["${paths.test}"]', 'outs: ["${paths.test}", data/new.txt]')
            ),
        ),
        ["data/new.txt is not in dvc.lock: run `dvc repro`"],
    ),
    (
        "frozen stage with an edited input",
        lambda p: (
            (p / "code.py").write_text("one = 2\n"),
            (p / "dvc.yaml").write_text(
                (p / "dvc.yaml").read_text().replace("  train:\n", "  train:\n    frozen: true\n")
            ),
        ),
        ["stage train is frozen", "dvc unfreeze train"],
    ),
    (
        "no dvc.lock",
        lambda p: (p / "dvc.lock").unlink(),
        ["stage train is not in dvc.lock", "stage audit@safety is not in dvc.lock"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tamper", "told"), [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED]
)
def test_evidence_that_is_not_what_dvc_lock_names_holds_back(
    project: Path, tamper: Callable[[Path], object], told: list[str]
) -> None:
    tamper(project)
    decision = decide(project)
    assert not decision.ships
    for text in told:
        assert text in faults(decision)


def test_one_input_of_many_stages_is_one_fault(project: Path) -> None:
    dvc_yaml = project / "dvc.yaml"
    dvc_yaml.write_text(
        dvc_yaml.read_text().replace("deps: [given/rows.csv]", "deps: [given/rows.csv, code.py]")
    )
    run(project, "dvc", "repro", "--quiet")
    (project / "code.py").write_text("one = 2\n")
    (fault,) = decide(project).blocking
    assert fault.why == "code.py changed after split, train ran: run `dvc repro`"


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is missing or is not JSON"),
        ("[]", "holds no verdicts"),
        ('{"verdicts": []}', "holds no verdicts"),
        ('{"verdicts": [{"id": "x"}]}', "holds no verdicts"),
        (json.dumps({"verdicts": [verdict("x", "fine")]}), "holds no verdicts"),
    ],
)
def test_a_verdict_file_without_verdicts_holds_back(project: Path, text: str, told: str) -> None:
    (project / "data/verdicts/quality.json").write_text(text)
    decision = decide(project)
    assert [verdict.id for verdict in decision.blocking] == ["evidence:data/verdicts/quality.json"]
    assert told in faults(decision)


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize("status", ["pass", "warn", "not_applicable"])
def test_these_let_pass(project: Path, status: str) -> None:
    give(project, verdict("safety.check", status))
    assert decide(project).ships


@pytest.mark.usefixtures("bound")
def test_a_fail_holds_back_and_cannot_be_accepted(project: Path) -> None:
    give(project, verdict("safety.check", "fail"))
    accept(project, '{"*": because}')
    decision = decide(project)
    assert [verdict.id for verdict in decision.blocking] == ["safety.check"]
    assert decision.unused == ("*",)


@pytest.mark.usefixtures("bound")
def test_insufficient_holds_back_until_a_person_accepts_it(project: Path) -> None:
    give(
        project,
        verdict("safety.slices"),
        verdict("safety.group=7", "insufficient"),
    )
    assert [verdict.id for verdict in decide(project).blocking] == ["safety.group=7"]

    accept(project, '{"safety.group=*": 14 rows, "fairness.*": gone}')
    decision = decide(project)
    assert decision.ships
    assert decision.accepted == {"safety.group=7": "14 rows"}
    assert decision.unused == ("fairness.*",)


@pytest.mark.usefixtures("bound")
def test_a_pattern_is_the_whole_id(project: Path) -> None:
    give(project, verdict("safety.check.more", "insufficient"))
    accept(project, '{"safety.check": 14 rows, "safetyXcheck.more": a dot is a dot}')
    assert not decide(project).ships


@pytest.mark.usefixtures("bound")
def test_evidence_that_a_verdict_names_must_be_there_and_be_bound(project: Path) -> None:
    (project / "loose.txt").write_text("nobody tracks this\n")
    give(
        project,
        verdict("safety.gone", "pass", "data/audit/safety/gone.png"),
        verdict("safety.loose", "pass", "loose.txt"),
        verdict("safety.none", "pass") | {"evidence": []},
        verdict("safety.folder", "pass", "data/audit"),
        verdict("safety.inside", "pass", "data/audit/safety/verdicts.json"),
    )
    assert faults(decide(project)).splitlines() == [
        "safety.gone names data/audit/safety/gone.png, which is missing: run `dvc repro`",
        "safety.loose names loose.txt, which no stage writes or reads: edit its stage",
        "safety.none names no evidence: edit its stage",
    ]


class TestLooks:
    def looks(self, project: Path) -> Looks:
        return looks_at_test(project, "data/train/model.bin", "data/split/test.csv")

    def replace(self, project: Path, path: str, md5: str, stages: str = "audit@") -> None:
        """Let the stages that are called so have read other bytes at `path`."""
        lines = (project / "dvc.lock").read_text().splitlines(keepends=True)
        stage = ""
        for number, line in enumerate(lines):
            if line.startswith("  ") and line[2] != " ":
                stage = line.strip()
            if stage.startswith(stages) and line == f"    - path: {path}\n":
                lines[number + 2] = f"      md5: {md5}\n"
        (project / "dvc.lock").write_text("".join(lines))

    def test_each_audited_model_is_one_look(self, project: Path) -> None:
        assert self.looks(project) == Looks(1)
        self.replace(project, "data/train/model.bin", "a1")
        assert self.looks(project) == Looks(2)  # the workspace counts before the commit
        commit(project, "second")
        assert self.looks(project) == Looks(2)

    def test_the_same_model_again_is_none(self, project: Path) -> None:
        first = (project / "dvc.lock").read_text()
        self.replace(project, "data/train/model.bin", "a1")
        commit(project, "second")
        (project / "dvc.lock").write_text(first)
        commit(project, "back")
        self.replace(project, "pillars/summary.json", "a2", "report")
        commit(project, "another report")
        assert self.looks(project) == Looks(2)

    def test_a_trained_model_that_no_audit_saw_is_none(self, project: Path) -> None:
        self.replace(project, "data/train/model.bin", "a1", "train")
        self.replace(project, "data/train/model.bin", "a1", "judge")
        assert self.looks(project) == Looks(1)

    def test_another_test_split_is_one(self, project: Path) -> None:
        self.replace(project, "data/split/test.csv", "a1")
        assert self.looks(project) == Looks(2)

    def test_one_pillar_that_ran_is_enough(self, project: Path) -> None:
        self.replace(project, "data/train/model.bin", "a1", "audit@safety")
        assert self.looks(project) == Looks(2)

    def test_other_branches_count_even_when_a_merge_drops_them(self, project: Path) -> None:
        first = (project / "dvc.lock").read_text()
        run(project, "git", "checkout", "--quiet", "-b", "idea")
        self.replace(project, "data/train/model.bin", "a1")
        commit(project, "an idea")
        (project / "dvc.lock").write_text(first)
        commit(project, "not a good one")
        run(project, "git", "checkout", "--quiet", "main")
        assert self.looks(project) == Looks(2)
        run(project, "git", "merge", "--quiet", "--no-ff", "-m", "merge", "idea")
        run(project, "git", "branch", "--quiet", "--delete", "idea")
        assert self.looks(project) == Looks(2)

    def test_a_deleted_lock_in_the_history_does_no_harm(self, project: Path) -> None:
        lock = (project / "dvc.lock").read_text()
        (project / "dvc.lock").unlink()
        commit(project, "oops")
        assert self.looks(project) == Looks(1)
        (project / "dvc.lock").write_text(lock)
        commit(project, "back")
        assert self.looks(project) == Looks(1)

    def test_a_shallow_clone_says_at_least(self, project: Path, tmp_path: Path) -> None:
        self.replace(project, "data/train/model.bin", "a1")
        commit(project, "second")
        run(tmp_path, "git", "clone", "--quiet", "--depth", "1", project.as_uri(), "shallow")
        assert str(self.looks(tmp_path / "shallow")) == "at least 1 (shallow clone)"

    def test_a_project_in_a_folder_of_a_repository(self, project: Path, tmp_path: Path) -> None:
        whole = tmp_path / "whole"
        whole.mkdir()
        shutil.move(project, whole / "part")
        shutil.move(whole / "part/.git", whole)
        self.replace(whole / "part", "data/train/model.bin", "a1")
        commit(whole, "moved")
        self.replace(whole / "part", "data/train/model.bin", "a2")
        assert self.looks(whole / "part") == Looks(2)  # that of another path is not its own

    def test_without_git_it_is_unknown(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
        shutil.rmtree(project / ".git")
        assert str(self.looks(project)) == "unknown (no git history)"
        monkeypatch.setenv("PATH", "")
        assert self.looks(project) == Looks(None)

    def test_hundreds_of_commits_take_no_time(self, project: Path) -> None:
        """A fixed number of git processes read them all: 250 commits, each its own model."""
        stream = []
        for number in range(250):
            self.replace(project, "data/train/model.bin", f"{number:032x}")
            text = (project / "dvc.lock").read_text()
            stream.append(
                f"commit refs/heads/many\ncommitter T <t@example.org> {number} +0000\ndata 1\nx\n"
                f"M 644 inline dvc.lock\ndata {len(text)}\n{text}\n"
            )
        subprocess.run(
            ["git", "fast-import", "--quiet"],
            cwd=project,
            input="".join(stream),
            text=True,
            check=True,
        )
        start = time.perf_counter()
        assert self.looks(project) == Looks(251)
        assert time.perf_counter() - start < 2


def shown(decision: Decision, *, terminal: bool) -> str:
    console = Console(width=100, force_terminal=terminal, color_system=None)
    with console.capture() as captured:
        show(decision, console)
    return captured.get()


@pytest.mark.usefixtures("bound")
def test_the_table_is_readable_on_a_terminal_and_in_a_log(project: Path) -> None:
    give(
        project,
        verdict("safety.noise", "fail") | {"why": "a long sentence " * 10 + "[bold]end[/bold]"},
        verdict("safety.slices", "insufficient"),
        verdict("safety.order", "warn"),
    )
    accept(project, '{"fairness.*": gone}')
    decision = decide(project)
    log = shown(decision, terminal=False)
    (line,) = [line for line in log.splitlines() if line.startswith("fail ")]
    assert "safety.noise" in line and "0.500 [0.400, 0.600]" in line and "≥ 0.3" in line
    assert line.endswith("[bold]end[/bold]")  # never wrapped, never read as markup
    assert "1 fail, 1 insufficient, 1 warn, 7 pass, 0 not applicable" in log
    assert "looks at the test split: 1" in log
    assert "to keep in mind: 1 warn" in log
    assert "held back by safety.noise: a long sentence" in log
    assert "held back by safety.slices: the data cannot answer it" in log
    assert "'fairness.*' fits no insufficient verdict" in log
    assert log.endswith("it may not ship\n")

    terminal = shown(decision, terminal=True)
    assert "safety.noise" in terminal and "it may not ship" in terminal


@pytest.mark.usefixtures("bound")
def test_what_is_accepted_is_said_aloud(project: Path) -> None:
    give(project, verdict("safety.check", "insufficient"))
    accept(project, '{"safety.check": 14 rows}')
    log = shown(decide(project), terminal=False)
    assert "insufficient but accepted: safety.check: 14 rows" in log
    assert "to keep in mind" not in log
    assert log.endswith("it may ship\n")


@pytest.mark.usefixtures("bound")
def test_a_long_list_of_faults_is_cut(project: Path) -> None:
    give(project, *(verdict(f"safety.{n}", "fail") for n in range(12)))
    log = shown(decide(project), terminal=False)
    assert log.count("held back by safety.") == 10
    assert "held back by 2 more, above" in log


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize(("status", "code"), [("pass", 0), ("fail", 1)])
def test_the_command_exits_with_the_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    give(project, verdict("safety.check", status))
    monkeypatch.chdir(project)
    plain = CliRunner().invoke(app, ["gate"])
    assert plain.exit_code == code
    assert plain.stdout.endswith("it may ship\n" if code == 0 else "it may not ship\n")

    machine = CliRunner().invoke(app, ["gate", "--json"])
    assert machine.exit_code == code
    document = json.loads(machine.stdout)
    assert document == json.loads(json.dumps(as_document(decide(project))))
    assert document["ships"] is (code == 0)
    assert document["blocking"] == ([] if code == 0 else ["safety.check"])
    assert document["looks_at_test"] == {"count": 1, "complete": True}


BAD: list[tuple[str, Callable[[Path], object], str]] = [
    ("no dvc.yaml", lambda p: (p / "dvc.yaml").unlink(), "go to the top of the repository"),
    ("not YAML", lambda p: (p / "dvc.yaml").write_text("a: ["), "dvc.yaml: not valid YAML"),
    ("no vars", lambda p: (p / "dvc.yaml").write_text("stages: {}\n"), "`vars: - paths:`"),
    (
        "not for DVC",
        lambda p: (p / "dvc.yaml").write_text((p / "dvc.yaml").read_text() + "  x: {outs: 1}\n"),
        "DVC cannot read the repository",
    ),
    ("no DVC", lambda p: shutil.rmtree(p / ".dvc"), "DVC cannot read the repository"),
    (
        "bad params",
        lambda p: (p / "params.yaml").write_text("charter: 1\n"),
        "params.yaml has",
    ),
]


@pytest.mark.parametrize(("spoil", "told"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_input_is_one_clear_error(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], object],
    told: str,
) -> None:
    spoil(project)
    monkeypatch.chdir(project)
    with pytest.raises(LoopwrightError, match=r".") as fault:
        decide(project)
    assert told in str(fault.value)
    result = CliRunner().invoke(app, ["gate"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.output


def test_a_path_that_dvc_yaml_lacks_is_named() -> None:
    with pytest.raises(LoopwrightError, match="no 'quality'; did you mean 'qualiti'"):
        Pipeline({"qualiti": "x"}, ()).path("quality")


def test_the_gate_leaves_the_project_as_it_was(project: Path) -> None:
    before = run(project, "git", "status", "--porcelain", "--ignored")
    decide(project)
    assert run(project, "git", "status", "--porcelain", "--ignored") == before
    assert run(project, "dvc", "status", "--json").strip() == "{}"
