"""A stage made for the tests of its command line."""

from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from stages.core.errors import LoopwrightError
from stages.core.stage import run

SEEN: dict[str, object] = {}


def main(*, params: Path, failure_cases: Path) -> None:
    SEEN.update(
        params=params,
        failure_cases=failure_cases,
        threads={pool["num_threads"] for pool in threadpool_info()},
    )


def faulty(*, params: Path) -> None:
    raise LoopwrightError("params.yaml: something was wrong")


def broken(*, params: Path) -> None:
    raise ZeroDivisionError


def unreadable(*, params: Path) -> None:
    params.read_text()


def test_each_parameter_is_a_required_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main, ["--params", "a.yaml", "--failure-cases", "b.csv"]) == 0
    assert SEEN["params"] == Path("a.yaml")
    assert SEEN["failure_cases"] == Path("b.csv")
    with pytest.raises(SystemExit) as left:
        run(main, ["--params", "a.yaml"])
    assert left.value.code == 2
    assert "--failure-cases" in capsys.readouterr().err


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run(faulty, ["--params", "a", "--random-state", "1"])
    assert left.value.code == 2
    assert "--random-state" in capsys.readouterr().err


def test_a_stage_computes_on_one_thread() -> None:
    import sklearn.ensemble  # noqa: F401 - its pools are then there to be limited

    run(main, ["--params", "a", "--failure-cases", "b"])
    assert SEEN["threads"] == {1}


def test_a_fault_in_what_was_given_is_one_line_and_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(faulty, ["--params", "a"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "error: params.yaml: something was wrong\n"
    assert captured.out == ""


def test_an_unreadable_file_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(unreadable, ["--params", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}: Is a directory\n"


def test_a_fault_in_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(broken, ["--params", "a"])
