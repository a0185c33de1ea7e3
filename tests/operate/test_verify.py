import io
import socket
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from operate.cli import app
from operate.verify import Comparison, World, compare, show, verify, worlds
from stages.core.errors import LoopwrightError
from tests.operate.project import commit, init, run

# Each output but the first lets one part of the world leak into its bytes.
LEAKS = {
    "clean": "'the same everywhere'",
    "hash": "hash('text')",
    "clock": "time.time_ns()",
    "zone": "time.localtime(0).tm_hour",
    "threads": "os.environ.get('OMP_NUM_THREADS'), os.environ.get('OPENBLAS_NUM_THREADS')",
    "warm": "os.environ.get('LOOPWRIGHT_WARM')",
    "path": "os.getcwd()",
    "umask": "oct(os.umask(0))",
    "host": "socket.gethostname()",
    "locale": "os.environ.get('LC_ALL')",
}


def make(folder: Path, leaks: dict[str, str]) -> None:
    """Make a repository whose two stages write what `leaks` says, run and committed."""
    folder.mkdir(parents=True)
    init(folder)
    lines = [f"open('out/{name}', 'w').write(str(({code})))" for name, code in leaks.items()]
    script = "import os, socket, time\nos.makedirs('out', exist_ok=True)\n" + "\n".join(lines)
    (folder / "write.py").write_text(script + "\n")
    outs = "".join(f"    - out/{name}\n" for name in leaks)
    (folder / "dvc.yaml").write_text(
        "stages:\n"
        f"  write:\n    cmd: python write.py\n    deps: [write.py]\n    outs:\n{outs}"
        "  copy:\n    cmd: cp out/clean copied\n    deps: [out/clean]\n    outs: [copied]\n"
    )
    run(folder, "dvc", "repro", "--quiet")
    commit(folder, "made")


def test_every_part_of_the_world_is_varied_and_a_leak_of_each_is_caught(tmp_path: Path) -> None:
    make(tmp_path / "repo", LEAKS)
    pair = worlds()
    keep = tmp_path / "kept"
    results = {row.output: row.result for row in verify(tmp_path / "repo", pair, keep)}

    caught = {name for name in LEAKS if results[f"out/{name}"] == "clones differ"}
    missed = set(LEAKS) - caught
    assert missed <= {"clean", *(["host"] if not any(world.hostname for world in pair) else [])}
    assert results["out/clean"] == results["copied"] == "same"

    # the clones are there to look at, and the hostname was the clone's own
    kept = [keep / world.folder / "clone" for world in pair]
    assert (kept[0] / "out/hash").read_text() != (kept[1] / "out/hash").read_text()
    assert len(str(kept[0])) != len(str(kept[1]))
    assert socket.gethostname() != "elsewhere"


def test_without_a_leak_all_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the project is a folder of the repository, and is not committed whole."""
    make(tmp_path / "whole/part", {"clean": "1"})
    (tmp_path / "whole/part/.git").rename(tmp_path / "whole/.git")
    run(tmp_path / "whole/part", "dvc", "config", "core.no_scm", "false")
    run(tmp_path / "whole/part", "dvc", "init", "--subdir", "--force", "--quiet")
    commit(tmp_path / "whole", "moved")
    monkeypatch.chdir(tmp_path / "whole/part")

    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("all 2 outputs are the same bytes, and those of dvc.lock\n")


def test_a_lock_that_the_code_does_not_reach_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both clones agree; the committed dvc.lock is of other bytes."""
    make(tmp_path / "repo", {"clean": "1"})
    lock = tmp_path / "repo/dvc.lock"
    lock.write_text(lock.read_text().replace("c4ca4238a0b923820dcc509a6f75849b", "a" * 32))
    commit(tmp_path / "repo", "another dvc.lock")
    monkeypatch.chdir(tmp_path / "repo")

    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 1, result.output
    assert "out/clean  differs from dvc.lock" in result.stdout
    assert result.stdout.endswith("2 of 2 outputs are not the same bytes\n")


def test_a_pipeline_that_fails_is_an_error_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "repo", {"clean": "1"})
    (tmp_path / "repo/write.py").write_text("raise SystemExit('no such luck')\n")
    commit(tmp_path / "repo", "broken")
    monkeypatch.chdir(tmp_path / "repo")
    result = CliRunner().invoke(app, ["verify"])
    assert result.exit_code == 2
    assert "`dvc repro` failed in a clone" in result.stderr
    assert "no such luck" in result.stderr


def test_what_is_not_in_git_or_has_no_lock_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoopwrightError, match="git show: "):
        verify(tmp_path, worlds())
    run(tmp_path, "git", "init", "--quiet")
    with pytest.raises(LoopwrightError, match="git show: "):
        verify(tmp_path, worlds())


def test_clones_are_never_written_over_what_is_there(tmp_path: Path) -> None:
    make(tmp_path / "repo", {"clean": "1"})
    (tmp_path / "mine").mkdir()
    with pytest.raises(LoopwrightError, match="exists already"):
        verify(tmp_path / "repo", worlds(), tmp_path / "mine")


def test_compare_tells_each_case() -> None:
    committed = {"same": "1", "other": "1", "moved": "1", "gone": "1"}
    first = {"same": "1", "other": "2", "moved": "2", "new": "1"}
    second = {"same": "1", "other": "3", "moved": "2", "new": "1"}
    assert {row.output: row.result for row in compare(committed, [first, second])} == {
        "gone": "not written",
        "moved": "differs from dvc.lock",
        "new": "differs from dvc.lock",
        "other": "clones differ",
        "same": "same",
    }
    assert compare({}, [{"x": "1"}, {}])[0].result == "not written"


def test_two_worlds_share_nothing_that_they_set() -> None:
    first, second = worlds()
    assert first.environment.keys() == second.environment.keys()
    for name, value in first.environment.items():
        assert value != second.environment[name], name
    assert first.umask != second.umask
    assert len(first.folder) != len(second.folder)


@pytest.mark.parametrize(
    ("hostname", "told"), [("elsewhere", "hostname"), (None, "this machine does not let it change")]
)
def test_the_report_says_what_differed(hostname: str | None, told: str) -> None:
    console = Console(file=io.StringIO(), width=40)
    pair = [World("a", None, 0o22, {"TZ": "UTC"}), World("b", hostname, 0o77, {"TZ": "CET"})]
    show([Comparison("a/rather/long/path/of/an/output.csv", "1", ("1", "2"))], pair, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "a/rather/long/path/of/an/output.csv  clones differ\n" in text
    assert "TZ (UTC, CET)" in text
    assert told in text


def test_a_machine_without_namespaces_or_locales_still_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    first, second = worlds()
    assert first.hostname is second.hostname is None
    assert second.environment["LC_ALL"] == "C"
