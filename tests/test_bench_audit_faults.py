"""Every check of the audit is proved by a planted fault, and the page tells how it went."""

from importlib import import_module
from pathlib import Path

import pytest

from bench.audit_faults import page
from bench.audit_faults.__main__ import PAGE, PILLARS, faults
from bench.audit_faults.fault import Fault, answers, find
from stages.core.verdicts import Status, Verdict

AUDIT = [pillar for pillar in PILLARS if pillar != "gate"]
PLANTED = {pillar: faults(pillar) for pillar in PILLARS}


def checks(pillar: str) -> set[str]:
    return {check.id for check in import_module(f"stages.audit.{pillar}").CHECKS}


@pytest.mark.parametrize("pillar", AUDIT)
def test_every_check_has_a_fault(pillar: str) -> None:
    assert {fault.check for fault in PLANTED[pillar]} == checks(pillar)


@pytest.mark.parametrize("pillar", PILLARS)
def test_every_fault_has_a_row_on_the_page(pillar: str) -> None:
    begin, end = page.markers(pillar)
    table = PAGE.read_text().partition(begin)[2].partition(end)[0]
    for fault in PLANTED[pillar]:
        assert f"| `{fault.check}` | {fault.task} | {fault.plant} |" in table


@pytest.mark.parametrize("pillar", PILLARS)
def test_the_page_tells_of_few_false_alarms_and_of_none_missed(pillar: str) -> None:
    begin, end = page.markers(pillar)
    rows = PAGE.read_text().partition(begin)[2].partition(end)[0].splitlines()[3:]
    assert rows
    for row in rows:
        _, check, _, _, caught, _, alarms, _, _ = (cell.strip() for cell in row.split("|"))
        assert int(caught.partition(" of ")[0]) >= 18, check
        assert int(alarms.partition(" of ")[0]) <= 1, check


CHEAP = (
    "performance.test_size",
    "safety.noise",
    "safety.monotonic",
    "safety.row_by_row",
    "safety.missing_values",
    "accountability.owners",
    "accountability.model_bytes",
    "accountability.sealed_test",
)


@pytest.mark.parametrize("check", CHEAP)
def test_a_fault_is_found_and_a_sound_world_is_left_in_peace(check: str) -> None:
    planted = [fault for fault in PLANTED[check.partition(".")[0]] if fault.check == check]
    for fault in planted:
        found = find(fault, range(1))
        assert (found.caught.total(), found.alarms, found.silent) == (1, 0, 0)


# --- counting -----------------------------------------------------------------------------


def told(*statuses: Status, thing: str = "") -> list[Verdict]:
    return [
        Verdict(f"a.b:{thing}{place}", status, None, None, None, (), "")
        for place, status in enumerate(statuses)
    ]


def test_what_is_found_and_what_is_a_false_alarm() -> None:
    worlds: list[list[Verdict]] = [
        told("pass"),
        told("warn"),
        told("pass", "fail"),
        told("insufficient"),
        told("not_applicable", "pass"),
    ]
    fault = Fault("a.b", "one", lambda seed: worlds[seed], lambda seed: worlds[seed])
    found = find(fault, range(5))
    assert (found.seeds, dict(found.caught)) == (5, {"warn": 1, "fail": 1})
    assert (found.alarms, found.silent) == (2, 1)


def test_a_fault_in_one_thing_is_not_found_in_another() -> None:
    fault = Fault("a.b", "one", lambda _: told("pass", "fail"), lambda _: told("pass", "fail"), "0")
    found = find(fault, range(1))
    assert found.caught.total() == 0
    assert found.alarms == 1


def test_silence_is_an_alarm_only_where_it_is_what_finds() -> None:
    def quiet(seed: int) -> list[Verdict]:
        return told("insufficient")

    assert find(Fault("a.b", "one", quiet, quiet), range(1)).alarms == 0
    found = find(Fault("a.b", "one", quiet, quiet, by=("insufficient",)), range(1))
    assert (found.caught.total(), found.alarms, found.silent) == (1, 1, 0)


def test_a_check_that_says_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no verdict on a\.c"):
        answers("a.c", told("pass"))
    assert answers("a.b:1", told("pass", "fail"))[0].status == "fail"


# --- the page -----------------------------------------------------------------------------


def test_a_table_is_written_between_its_markers(tmp_path: Path) -> None:
    fault = Fault(
        "a.b", "one", lambda _: told("pass"), lambda seed: told("fail" if seed else "warn")
    )
    row = page.row(find(fault, range(3)))
    assert row == "| `a.b` | binary | one | 3 of 3 | fail 2, warn 1 | 0 of 3 |  |"
    begin, end = page.markers("gate")
    file = tmp_path / "page.md"
    file.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    page.write(file, "gate", row)
    assert file.read_text() == f"before\n{begin}\n{row}\n{end}\nafter\n"
    with pytest.raises(ValueError, match="no lines"):
        page.write(file, "safety", row)
