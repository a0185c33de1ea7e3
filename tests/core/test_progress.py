import io
import sys

import pytest

from stages.core.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_it_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(2) as step:
        step("one")
        step("two")
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_it_shows_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(2) as step:
        step("first thing")
        step("second thing")
    assert "second thing" in screen.getvalue()
    assert "50%" in screen.getvalue()
