import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from markdown_it import MarkdownIt
from pydantic import Field, TypeAdapter
from ruamel.yaml import YAML

from stages import define
from stages.core.errors import LoopwrightError
from stages.core.params import BinaryCharter, Charter, MulticlassCharter, Params, RegressionCharter
from stages.core.schema import Schema
from stages.core.verdicts import Verdict

ROOT = Path(__file__).parent.parent
EVIDENCE = ("params.yaml", "schema.yaml")


@pytest.fixture
def edited(chosen: Params) -> Callable[..., Charter]:
    """Return the charter with some of its keys, by dotted path, given other values."""

    def edit(changes: dict[str, Any]) -> Charter:
        document = chosen.charter.model_dump(mode="json")
        for path, value in changes.items():
            *above, last = path.split(".")
            part = document
            for name in above:
                part = part[name]
            assert last in part, f"the test edits what is not there: {path}"
            part[last] = value
        charter: TypeAdapter[Charter] = TypeAdapter(Annotated[Charter, Field(discriminator="task")])
        return charter.validate_json(json.dumps(document))

    return edit


@pytest.fixture
def verdict(
    edited: Callable[..., Charter], schema: Schema
) -> Callable[[str, dict[str, Any]], Verdict]:
    def of(name: str, changes: dict[str, Any]) -> Verdict:
        found = {v.id: v for v in define.check(edited(changes), schema, EVIDENCE)}
        return found[f"define.{name}"]

    return of


def test_the_charter_of_this_repository_passes_every_check(chosen: Params, schema: Schema) -> None:
    verdicts = define.check(chosen.charter, schema, EVIDENCE)
    assert {v.status for v in verdicts} == {"pass"}
    assert len({v.id for v in verdicts}) == len(define.CHECKS)


# --- is it complete? --------------------------------------------------------------------


PLACEHOLDERS = """TODO | to do: TODO ask Ann | tbd | T.B.D. | ? | ??? | ... | - | n/a | None
    | <your problem> | [owner] | {name} | lorem ipsum dolor | cost TBD next week |"""


@pytest.mark.parametrize("text", PLACEHOLDERS.split("|"))
def test_a_placeholder_is_no_text(text: str, verdict: Callable[..., Verdict]) -> None:
    found = verdict("texts", {"problem": text, "costs.source": text})
    assert (found.status, found.value) == ("fail", 2)
    assert found.why == "still to be written: charter.problem, charter.costs.source"


@pytest.mark.parametrize(
    "text", ["€", "NT$", "late [see the annex]", "todos are a list", "nil by 2"]
)
def test_a_short_or_odd_text_is_a_text(text: str, verdict: Callable[..., Verdict]) -> None:
    assert verdict("texts", {"costs.currency": text}).status == "pass"


def test_every_criterion_says_why(verdict: Callable[..., Verdict]) -> None:
    criteria = [{"metric": "roc_auc", "at_least": 0.7, "at_most": None, "why": "?"}]
    assert "charter.success_criteria.0.why" in verdict("texts", {"success_criteria": criteria}).why


def test_a_role_without_an_owner_fails(verdict: Callable[..., Verdict]) -> None:
    found = verdict("owners", {"owners.risk": "TBD", "owners.on_call": ""})
    assert (found.status, found.value) == ("fail", 2)
    assert "risk, on_call" in found.why


def test_the_models_owner_does_not_judge_its_risk(verdict: Callable[..., Verdict]) -> None:
    assert verdict("owners", {"owners.risk": "Lead data scientist "}).status == "warn"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scope.outside": []}, "outside"),
        ({"scope.inside": ["?"]}, "inside"),
        ({"scope.inside": ["Calls"], "scope.outside": ["calls", "b"]}, "both inside and outside"),
    ],
)
def test_a_scope_has_two_sides(
    changes: dict[str, Any], why: str, verdict: Callable[..., Verdict]
) -> None:
    found = verdict("scope", changes)
    assert found.status == "fail"
    assert why in found.why


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"feasibility.pattern": "none known"}, "fail"),
        ({"feasibility.data": "TBD"}, "fail"),
        ({"feasibility.data": "€"}, "fail"),
        ({"feasibility.alternative_tried": "Nothing yet"}, "warn"),
        ({"feasibility.error_tolerance": "No error can be borne"}, "warn"),
        ({"feasibility.pattern": "notable swings before each outcome"}, "pass"),
    ],
)
def test_a_question_answered_with_no_is_no_machine_learning_problem(
    changes: dict[str, Any], status: str, verdict: Callable[..., Verdict]
) -> None:
    assert verdict("ml_problem", changes).status == status


# --- does it make sense? ----------------------------------------------------------------


def test_impossible_charters_are_refused_with_all_faults_at_once(
    edited: Callable[..., Charter], schema: Schema
) -> None:
    charter = edited({"key": "IDD", "sensitive_features": ["SEX", "AGES"], "target.positive": 7})
    with pytest.raises(LoopwrightError) as refused:
        define.check(charter, schema, EVIDENCE)
    message = str(refused.value)
    assert "charter.key: no column 'IDD' in schema.yaml; did you mean 'ID'?" in message
    assert "charter.sensitive_features.1: no column 'AGES'" in message
    assert "schema.yaml does not allow 7; possible: 0, 1" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target.column": "defaults"}, "charter.target.column: no column 'defaults'"),
        ({"target.positive": "1"}, "'1' is no value of a column of dtype int64"),
        ({"target.positive": True}, "True is no value of a column of dtype int64"),
        ({"target.column": "AGE", "target.positive": 7}, "allows 18 to 110, not 7"),
        ({"target.column": "ID", "sensitive_features": []}, "charter.key: 'ID' is the target"),
        ({"sensitive_features": ["ID"]}, "'ID' is the target or the key"),
        ({"rule.expression": "PAY_0 >"}, "charter.rule.expression"),
        ({"rule.expression": "PAY_9 > 1"}, "no column 'PAY_9' in schema.yaml; did you mean"),
        ({"rule.expression": "`default payment next month` == 1"}, "reads the target"),
        ({"rule.expression": "PAY_0 == 'late'"}, "charter.rule.expression"),
    ],
)
def test_what_cannot_be_is_an_error(
    changes: dict[str, Any], message: str, edited: Callable[..., Charter], schema: Schema
) -> None:
    with pytest.raises(LoopwrightError) as refused:
        define.check(edited(changes), schema, EVIDENCE)
    assert message in str(refused.value)


def with_target(schema: Schema, **changes: Any) -> Schema:
    """Return `schema` with other facts about the target's column."""
    name = "default payment next month"
    document = schema.model_dump(mode="json")
    document["columns"][name] = {"title": "t", "kind": "categorical", "dtype": "int64"} | changes
    return Schema.model_validate_json(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "positive", "status"),
    [
        ({"checks": {"isin": [0, 1]}}, 1, "pass"),
        ({"dtype": "boolean"}, True, "pass"),
        ({"dtype": "str", "checks": {"isin": ["Yes", "No"]}}, "Yes", "pass"),
        ({"checks": {"isin": [0, 1, 2]}}, 1, "warn"),
        ({}, 1, "warn"),
        ({"kind": "numeric"}, 1, "warn"),
    ],
)
def test_a_target_of_two_listed_values_passes(
    changes: dict[str, Any],
    positive: Any,
    status: str,
    edited: Callable[..., Charter],
    schema: Schema,
) -> None:
    charter = edited({"target.positive": positive})
    assert define.check_target(charter, with_target(schema, **changes), EVIDENCE).status == status


def test_a_target_of_one_value_is_refused(edited: Callable[..., Charter], schema: Schema) -> None:
    one = with_target(schema, checks={"isin": [1]})
    with pytest.raises(LoopwrightError, match="nothing to predict"):
        define.check_target(edited({}), one, EVIDENCE)


def test_a_key_identifies_rows(verdict: Callable[..., Verdict]) -> None:
    assert verdict("key", {"key": None}).status == "warn"
    assert verdict("key", {"key": "LIMIT_BAL"}).status == "fail"


def test_without_sensitive_features_there_is_no_fairness_to_audit(
    verdict: Callable[..., Verdict],
) -> None:
    assert verdict("sensitive_features", {"sensitive_features": []}).status == "warn"


def test_a_rule_by_key_fails_and_one_by_sex_warns(verdict: Callable[..., Verdict]) -> None:
    assert verdict("rule", {"rule.expression": "ID > 5 or PAY_0 > 1"}).status == "fail"
    assert verdict("rule", {"rule.expression": "PAY_0 > 1 and SEX == 1"}).status == "warn"


# --- money ------------------------------------------------------------------------------


def outcomes(tp: float, fp: float, tn: float, fn: float) -> dict[str, float]:
    names = ("true_positive", "false_positive", "true_negative", "false_negative")
    return {f"costs.{name}": v for name, v in zip(names, (tp, fp, tn, fn), strict=True)}


@pytest.mark.parametrize(
    ("costs", "status", "value"),
    [
        # By hand: acting at p brings p*TP + (1-p)*FP, not acting p*FN + (1-p)*TN.
        (outcomes(10, -10, 0, 0), "pass", 0.5),
        (outcomes(-8500, -3000, 0, -20000), "pass", 0.206897),
        (outcomes(0, -1, 0, -999), "warn", 0.001),
        (outcomes(1, -999, 0, 0), "warn", 0.999),
        (outcomes(-5, -3, 0, -5), "fail", None),
        (outcomes(-6, -3, 0, -5), "fail", None),
        (outcomes(5, 3, 0, -5), "fail", None),
    ],
)
def test_costs_give_the_threshold_or_say_that_nothing_is_to_decide(
    costs: dict[str, float], status: str, value: float | None, verdict: Callable[..., Verdict]
) -> None:
    found = verdict("costs", costs)
    assert (found.status, found.value) == (status, value)


PLAN = {
    "return_on_investment.decisions_per_year": 100_000,
    "return_on_investment.build_cost": 900_000,
    "return_on_investment.run_cost_per_year": 200_000,
    "return_on_investment.horizon_years": 3.0,
}  # 500,000 a year over 100 thousands of decisions: 5,000 each


def value_criterion(at_least: float) -> dict[str, Any]:
    one = {"metric": "value_over_rule", "at_least": at_least, "at_most": None, "why": "it pays"}
    return {"success_criteria": [one]}


def test_the_gain_that_pays_the_costs(edited: Callable[..., Charter]) -> None:
    assert define.gain_needed(edited(PLAN).return_on_investment) == 5000


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (value_criterion(5000), "pass"),
        (value_criterion(4999), "fail"),
        (value_criterion(11_500_001), "fail"),  # more than 1,000 x (20,000 - 8,500)
        ({"success_criteria": []}, "warn"),
        ({"rule.role": "ideal"}, "not_applicable"),
        (PLAN | {"return_on_investment.run_cost_per_year": 2e9}, "fail"),
    ],
)
def test_the_value_criterion_covers_the_investment(
    changes: dict[str, Any], status: str, verdict: Callable[..., Verdict]
) -> None:
    found = verdict("return_on_investment", PLAN | changes)
    assert found.status == status
    if "return_on_investment.run_cost_per_year" not in changes:
        assert found.threshold == ">= 5000"


# --- success criteria -------------------------------------------------------------------


def criterion(metric: str, **bound: float) -> dict[str, Any]:
    unset = {"at_least": None, "at_most": None}
    return {"success_criteria": [{"metric": metric, "why": "so it is", **unset, **bound}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (criterion("roc_auk", at_least=0.7), "no metric 'roc_auk'; did you mean 'roc_auc'?"),
        (criterion("roc_auc", at_most=0.7), "write at_least in place of at_most"),
        (criterion("log_loss", at_least=0.7), "write at_most in place of at_least"),
        (criterion("roc_auc", at_least=76), "between 0 and 1, so that 76 is no bound"),
        (criterion("log_loss", at_most=-0.1), "between 0 and inf"),
    ],
)
def test_a_criterion_that_cannot_be_is_an_error(
    changes: dict[str, Any], message: str, edited: Callable[..., Charter], schema: Schema
) -> None:
    with pytest.raises(LoopwrightError) as refused:
        define.check(edited(changes), schema, EVIDENCE)
    assert f"charter.success_criteria.0.{'metric' if 'auk' in message else 'at_'}" in str(
        refused.value
    )
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"success_criteria": []}, "fail"),
        (criterion("roc_auc", at_least=0.0), "warn"),
        (criterion("brier_score", at_most=1.0), "warn"),
        (
            {
                "success_criteria": criterion("f1", at_least=0.4)["success_criteria"]
                + criterion("f1", at_least=0.5)["success_criteria"]
            },
            "warn",
        ),
        (criterion("f1", at_least=0.4), "pass"),
    ],
)
def test_a_criterion_can_be_met_and_missed(
    changes: dict[str, Any], status: str, verdict: Callable[..., Verdict]
) -> None:
    assert verdict("success_criteria", changes).status == status


# --- what is written --------------------------------------------------------------------


def run(folder: Path, params: Path = ROOT / "params.yaml") -> tuple[Any, str]:
    charter, page = folder / "charter.json", folder / "charter.md"
    define.main(params=params, schema=ROOT / "schema.yaml", charter=charter, charter_page=page)
    return json.loads(charter.read_text()), page.read_text()


def test_the_charter_is_written_whole_and_the_same_twice(tmp_path: Path, chosen: Params) -> None:
    document, page = run(tmp_path)
    assert list(document) == ["charter", "verdicts"]
    assert BinaryCharter.model_validate_json(json.dumps(document["charter"])) == chosen.charter
    assert run(tmp_path) == (document, page)


def test_the_page_holds_what_a_manager_asks_for(tmp_path: Path) -> None:
    _, page = run(tmp_path)
    for answer in ("20.7 %", "NT$ 6,944", "≥ 100,000", "PAY_0 >= 2", "model risk officer"):
        assert answer in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "None" not in page
    assert "| define.ml_problem | pass |" in page


def params_with(folder: Path, changes: Callable[[Any], None]) -> Path:
    document = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    changes(document["charter"])
    path = folder / "params.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(document, file)
    return path


def test_text_of_the_charter_stays_text_on_the_page(tmp_path: Path) -> None:
    def hostile(charter: Any) -> None:
        charter["title"] = "<script>alert(1)</script>"
        charter["owners"]["data"] = "a | b\n\n# c"

    _, page = run(tmp_path, params_with(tmp_path, hostile))
    assert "<script" not in page
    headings = [t for t in MarkdownIt("commonmark").parse(page) if t.type == "heading_open"]
    assert len(headings) == 9
    assert "| data | a \\| b # c |" in page


def test_a_charter_that_decides_nothing_is_still_written_down(tmp_path: Path) -> None:
    def senseless(charter: Any) -> None:
        charter["costs"]["true_positive"] = -20000
        charter["success_criteria"] = []

    document, page = run(tmp_path, params_with(tmp_path, senseless))
    statuses = {v["id"]: v["status"] for v in document["verdicts"]}
    assert statuses["define.costs"] == statuses["define.success_criteria"] == "fail"
    assert "no decision is needed" in page
    assert "nothing says when the model is good enough" in page


def test_an_impossible_charter_leaves_what_was_there(tmp_path: Path) -> None:
    run(tmp_path)
    before = (tmp_path / "charter.json").read_bytes()
    bad = params_with(tmp_path, lambda charter: charter.update(key="nowhere"))
    with pytest.raises(LoopwrightError, match=r"charter\.key"):
        run(tmp_path, bad)
    assert (tmp_path / "charter.json").read_bytes() == before


# --- other tasks ------------------------------------------------------------------------


CLASSES = Schema.model_validate(
    {
        "columns": {
            "plan": {
                "dtype": "str",
                "kind": "categorical",
                "title": "Plan",
                "checks": {"isin": ("basic", "gold", "none")},
            },
            "spend": {"dtype": "float64", "kind": "numeric", "title": "Spend", "unit": "EUR"},
        }
    }
)


def of_task(chosen: Params, task: str, **changes: Any) -> Charter:
    document = chosen.charter.model_dump(mode="json") | {
        "task": task,
        "key": None,
        "sensitive_features": [],
        "mutable": {},
        "success_criteria": [],
    }
    if task == "multiclass":
        document["target"] = {"column": "plan", "meaning": "what the client buys"}
        document["costs"] = {
            "currency": "EUR",
            "right": 1.0,
            "wrong": -2.0,
            "exceptions": [{"actual": "gold", "decided": "none", "value": -9.0}],
            "source": "the sales lead's estimate",
        }
        document["rule"] |= {"expression": "'gold' if spend > 100 else 'basic'"}
    else:
        document["target"] = {"column": "spend", "meaning": "what the client will spend"}
        document["costs"] = {
            "currency": "EUR",
            "per_unit_over": -1.0,
            "per_unit_under": -3.0,
            "source": "the sales lead's estimate",
        }
        document["rule"] |= {"expression": "100 if plan == 'gold' else 20"}
    adapter: TypeAdapter[Charter] = TypeAdapter(Annotated[Charter, Field(discriminator="task")])
    return adapter.validate_json(json.dumps(document | changes))


def statuses(charter: Charter) -> dict[str, Verdict]:
    return {v.id.removeprefix("define."): v for v in define.check(charter, CLASSES, EVIDENCE)}


def test_classes_and_numbers_have_a_charter_too(chosen: Params) -> None:
    for task, kind, shown in (
        ("multiclass", MulticlassCharter, "| gold | none |"),
        ("regression", RegressionCharter, "| too low |"),
    ):
        charter = of_task(chosen, task)
        assert isinstance(charter, kind)
        found = statuses(charter)
        for name in ("target", "rule", "costs"):
            assert found[name].status == "pass", found[name]
        page = define.page(charter, CLASSES, list(found.values()))
        assert shown in page
        assert "acting pays" not in page
    assert isinstance(chosen.charter, BinaryCharter)


@pytest.mark.parametrize(
    ("task", "changes", "fault"),
    [
        ("regression", {"target": {"column": "plan", "meaning": "m"}}, "predicts a number"),
        (
            "multiclass",
            {"rule": {"expression": "spend > 3", "meaning": "m", "role": "start"}},
            "a class was expected",
        ),
        (
            "regression",
            {"rule": {"expression": "'a'", "meaning": "m", "role": "start"}},
            "a number was expected",
        ),
        (
            "multiclass",
            {
                "costs": {
                    "currency": "EUR",
                    "right": 1.0,
                    "wrong": 0.0,
                    "exceptions": [{"actual": "gold", "decided": "golden", "value": 0.0}],
                    "source": "s",
                }
            },
            r"exceptions.0.decided: no class 'golden'; did you mean 'gold'",
        ),
        (
            "regression",
            {"success_criteria": [{"metric": "roc_auc", "at_least": 0.7, "why": "w"}]},
            "'roc_auc' is for binary tasks",
        ),
    ],
)
def test_what_does_not_fit_the_task_is_refused(
    chosen: Params, task: str, changes: dict[str, Any], fault: str
) -> None:
    with pytest.raises(LoopwrightError, match=fault):
        statuses(of_task(chosen, task, **changes))


def test_costs_that_decide_nothing_fail(chosen: Params) -> None:
    flat = {
        "currency": "EUR",
        "right": 0.0,
        "wrong": 0.0,
        "exceptions": [],
        "source": "the sales lead's estimate",
    }
    assert statuses(of_task(chosen, "multiclass", costs=flat))["costs"].status == "fail"
    free = {
        "currency": "EUR",
        "per_unit_over": 0.0,
        "per_unit_under": 0.0,
        "source": "the sales lead's estimate",
    }
    assert statuses(of_task(chosen, "regression", costs=free))["costs"].status == "fail"
    # A regression may gain any amount; a decision among classes may not.
    assert define.gain_possible(of_task(chosen, "regression").costs) == float("inf")
    assert define.gain_possible(of_task(chosen, "multiclass").costs) == 10_000


# --- the baseline -----------------------------------------------------------------------


def people(**source: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {"column": None, "error": None}
    return {"baseline": {"kind": "human", "role": "ideal", **blank, **source}}


STUDY = {"metric": "log_loss", "value": 0.4, "low": 0.35, "high": 0.45, "source": "a study"}


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "held against the rule's"),
        ({"baseline": {"kind": "dummy"}}, "one answer for all"),
        (people(column="LIMIT_BAL"), "column 'LIMIT_BAL'"),
        (people(error=STUDY), "known from a study: a study"),
    ],
)
def test_a_baseline_that_can_be_measured_passes(
    verdict: Callable[..., Verdict], changes: dict[str, Any], word: str
) -> None:
    found = verdict("baseline", changes)
    assert found.status == "pass"
    assert word in found.why


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (people(column="LIMIT_BLA"), "did you mean 'LIMIT_BAL'"),
        (people(column="ID"), "is the target or the key"),
        (people(error=STUDY | {"metric": "r2"}), "is for regression tasks"),
        (people(error=STUDY | {"metric": "precision"}), "no score of predictions"),
        (people(error=STUDY | {"value": -0.1, "low": -0.2}), "lies between 0 and inf"),
    ],
)
def test_a_baseline_that_cannot_be_is_an_error(
    verdict: Callable[..., Verdict], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(LoopwrightError, match=message):
        verdict("baseline", changes)


@pytest.mark.parametrize(
    ("criterion", "fine"),
    [
        ({"metric": "roc_auc", "at_least": 0.7, "possible": 0.9, "why": "x"}, True),
        ({"metric": "roc_auc", "at_least": 0.7, "possible": 0.6, "why": "x"}, False),
        ({"metric": "log_loss", "at_most": 0.5, "possible": 0.3, "why": "x"}, True),
        ({"metric": "log_loss", "at_most": 0.5, "possible": 0.6, "why": "x"}, False),
    ],
)
def test_what_is_possible_lies_beyond_the_bound(
    verdict: Callable[..., Verdict], criterion: dict[str, Any], fine: bool
) -> None:
    changes = {"success_criteria": [criterion]}
    if fine:
        assert verdict("success_criteria", changes).status == "pass"
        return
    with pytest.raises(LoopwrightError, match="too good to be true"):
        verdict("success_criteria", changes)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"invariant": ["SEKS"]}, "SEKS"),
        ({"invariant": ["ID"]}, "charter.invariant: 'ID' is the target or the key"),
        ({"monotonic": {"default payment next month": "increasing"}}, "charter.monotonic"),
        ({"monotonic": {"AGE": "increasing"}, "invariant": ["AGE"]}, "also stands in"),
    ],
)
def test_what_is_promised_of_the_answer_can_be(
    changes: dict[str, Any], found: str, verdict: Callable[..., Verdict]
) -> None:
    with pytest.raises(LoopwrightError, match=found):
        verdict("promised_responses", changes)


def test_a_promise_of_a_response_is_counted(verdict: Callable[..., Verdict]) -> None:
    told = verdict("promised_responses", {"monotonic": {"AGE": "increasing"}, "invariant": ["SEX"]})
    assert (told.status, told.value) == ("pass", 2)
    assert verdict("promised_responses", {}).value == 0


def test_what_a_person_can_change_are_numbers_about_them(verdict: Callable[..., Verdict]) -> None:
    assert verdict("mutable", {}).value == 3
    nothing = verdict("mutable", {"mutable": {}})
    assert (nothing.status, nothing.value) == ("pass", 0)
    assert verdict("mutable", {"mutable": {"AGE": "decrease"}}).status == "fail"


@pytest.mark.parametrize(
    ("name", "message"),
    [("PAY_00", "did you mean 'PAY_0'"), ("ID", "not an input")],
)
def test_what_cannot_be_changed_is_an_error(
    verdict: Callable[..., Verdict], name: str, message: str
) -> None:
    with pytest.raises(LoopwrightError, match=message):
        verdict("mutable", {"mutable": {name: "any"}})


def test_a_text_does_not_increase(edited: Callable[..., Charter], schema: Schema) -> None:
    told = schema.columns["LIMIT_BAL"].model_copy(update={"dtype": "str", "kind": "categorical"})
    other = schema.model_copy(update={"columns": {**schema.columns, "LIMIT_BAL": told}})
    with pytest.raises(LoopwrightError, match="only a number can increase"):
        define.check(edited({"mutable": {"LIMIT_BAL": "increase"}}), other, EVIDENCE)
