import json
from dataclasses import replace

import pytest

from stages.core.verdicts import (
    SEVERITY,
    Status,
    Verdict,
    as_documents,
    at_least,
    at_most,
    from_document,
    worst,
)

VERDICT = Verdict("evaluate.roc_auc", "pass", 0.78, (0.77, 0.79), ">= 0.76", ("a.json",), "why")


def test_the_worst_of_a_group_is_its_status() -> None:
    assert worst(["pass", "fail", "warn"]) == "fail"
    assert worst(["pass", "insufficient", "warn"]) == "insufficient"
    assert worst(["not_applicable", "pass"]) == "pass"
    assert worst(["not_applicable"]) == "not_applicable"
    assert [worst(SEVERITY[n:]) for n in range(len(SEVERITY))] == list(SEVERITY)


def test_no_evidence_is_no_pass() -> None:
    assert worst([]) == "insufficient"


@pytest.mark.parametrize(
    ("value", "interval", "status"),
    [
        (0.78, (0.77, 0.79), "pass"),
        (0.78, (0.76, 0.79), "pass"),
        (0.78, (0.75, 0.79), "warn"),
        (0.76, (0.75, 0.79), "warn"),
        (0.75, (0.74, 0.79), "fail"),
        (float("nan"), (float("nan"), float("nan")), "fail"),
    ],
)
def test_a_bound_holds_for_the_whole_interval(
    value: float, interval: tuple[float, float], status: Status
) -> None:
    assert at_least(value, interval, 0.76) == status
    mirrored = (-interval[1], -interval[0])
    assert at_most(-value, mirrored, -0.76) == status


@pytest.mark.parametrize("verdict", [VERDICT, replace(VERDICT, interval=None, value=None)])
def test_a_verdict_comes_back_from_json(verdict: Verdict) -> None:
    document = json.loads(json.dumps(as_documents([verdict])))[0]
    assert from_document(document) == verdict


def test_a_document_with_another_field_is_no_verdict() -> None:
    document = as_documents([VERDICT])[0]
    with pytest.raises(TypeError, match="severity"):
        from_document({**document, "severity": 1})
    del document["why"]
    with pytest.raises(TypeError, match="why"):
        from_document(document)
