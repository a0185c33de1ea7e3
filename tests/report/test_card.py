from collections.abc import Callable
from typing import Any

from tests.report.card import check_card
from tests.report.made import Built


def test_the_card_has_its_sections_and_evidence_for_each_claim(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    card = build(files).card
    check_card(card)
    assert card.count("\n") < 150
    for fact in (
        "- Version (sha256 of the model file): b47d280f (`data/train/model.json`)",
        "- Parameter learning_rate: 0.06 (`data/train/model.json`)",
        "- Not for: closing accounts (`data/define/charter.json`)",
        "- Of these, the model sees: none (`data/train/model.json`)",
        "| ROC AUC | ≥ 0.76 | 0.781 [0.766, 0.796] pass | 0.781 [0.766, 0.796] pass |",
        "| SEX | male | 2,298 | 35.3 % [33.4, 37.3] |",
        "- Fairness: pass (`data/audit/fairness/verdicts.json`)",
    ):
        assert fact in card.replace("\N{NO-BREAK SPACE}", " ").splitlines(), fact


def test_a_change_of_one_fact_changes_few_lines_of_the_card(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    before = build(files).card.splitlines()
    files["train/model.json"]["parameters"]["max_iter"] = 200
    after = build(files).card.splitlines()
    assert len(before) == len(after)
    changed = [one for one, other in zip(before, after, strict=True) if one != other]
    fact, sha256 = changed
    assert fact.startswith("- Parameter max_iter")
    assert sha256.startswith("| `data/train/model.json` |")


def test_what_is_not_known_is_said_openly(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    del files["define/charter.json"], files["train/model.json"]
    groups = files["audit/fairness/verdicts.json"]["tables"]["Groups"]
    groups.append({"Feature": "SEX", "Group": "unknown", "Rows": 3})
    card = build(files).card
    check_card(card)
    assert "- Decision: not recorded (`data/define/charter.json`)" in card
    assert "- Model: not recorded (`data/train/model.json`)" in card
    assert "| SEX | unknown | 3 | insufficient |" in card
