import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from stages.audit.evidence import Evidence
from stages.audit.privacy_security import examine
from stages.audit.privacy_security.anonymity import anonymity_table, group_sizes, verdicts
from stages.audit.privacy_security.membership import answers, inference, tpr_at_fpr
from stages.audit.privacy_security.model_file import features_of, training_rows, unchanged
from stages.audit.privacy_security.packages import (
    bill_of_materials,
    dependencies,
    requirements,
)
from stages.audit.privacy_security.personal import (
    column_texts,
    columns_with_personal_data,
    identifiers,
    outputs,
)
from stages.core.errors import LoopwrightError
from stages.core.metrics import Predictions
from stages.core.models import save_model
from stages.core.params import AuditPrivacySecurity
from stages.core.personal_data import is_iban, is_payment_card, personal_data
from stages.core.schema import Schema

from .conftest import SCHEMA, Make, Scorer, truth

ROOT = Path(__file__).parents[2]
BOUNDS = AuditPrivacySecurity(
    quasi_identifiers=("sex", "age"),
    min_k=5,
    max_unique_share=0.05,
    max_membership_auc=0.6,
    max_membership_tpr=0.05,
    max_attribute_gain=0.05,
    shadow_models=8,
    extraction_queries=1500,
    max_extraction=0.9,
    evasion_queries=30,
    evasion_distance=0.1,
    max_evasion=0.1,
)


# --- what personal data looks like ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("anna.meier+bank@mail.example.org", "e-mail address"),
        ("please write to o'hara@example.co.uk.", "e-mail address"),
        ("GB82 WEST 1234 5698 7654 32", "IBAN"),
        ("DE89370400440532013000", "IBAN"),
        ("paid from nl91abna0417164300 today", "IBAN"),
        ("4111 1111 1111 1111", "payment card number"),
        ("card 4111-1111-1111-1111 12 items", "payment card number"),
        ("5555555555554444", "payment card number"),
        ("2223-0031-2200-3222", "payment card number"),
        ("378282246310005", "payment card number"),
        ("+49 (30) 123 456-78", "phone number"),
        ("+14155552671", "phone number"),
        ("(415) 555-2671", "phone number"),
        ("415-555-2671", "phone number"),
        ("8.8.8.8", "IP address"),
        ("2001:4860:4860::8888", "IP address"),
        ("078-05-1120", "US social security number"),
        ("86095742719", "German tax number"),
        ("tax 65 929 970 489.", "German tax number"),
        ("943 476 5919", "UK NHS number"),
        ("529.982.247-25", "Brazilian CPF"),
        ("12345678Z", "Spanish DNI"),
        ("dni 12345678-z", "Spanish DNI"),
        ("X1234567L", "Spanish DNI"),
        ("RSSMRA85T10A562S", "Italian codice fiscale"),
        ("2 55 08 14 168 025 38", "French social security number"),
        ("255081416802538", "French social security number"),
    ],
)
def test_personal_data_is_found(text: str, kind: str) -> None:
    assert personal_data([text]) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "university",
        "2005-10-03",
        "2005-10-03 12:30:45",
        "12:30:45",
        "03.10.2005",
        "-120000",
        "1,234,567.89",
        "0.4111111111111111",
        "1e-10",
        "user@localhost",
        "@name",
        "GB82 WEST 1234 5698 7654 33",  # a wrong check digit
        "DE8937040044053201300",  # too short for its country
        "QQ89370400440532013000",  # a country that there is not
        "4111 1111 1111 1112",  # a wrong check digit
        "0000000000000000",
        "9111111111111111",  # nobody issues cards that begin with 9
        "41111111111111111111111",  # longer than a card
        "192.168.0.1",
        "127.0.0.1",
        "999.1.1.1",
        "1.2.3",
        "1.2.3.4-rc1",
        "::",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "078-00-1120",
        "078-05-0000",
        "415-5552671",
        "86095742718",  # a wrong check digit
        "11111111111",
        "12345678900",  # no digit stands twice
        "943 476 5918",
        "000 000 0000",
        "529.982.247-26",
        "111.111.111-11",
        "12345678A",
        "X1234567T",
        "RSSMRA85T10A562A",
        "255081416802539",
        "550e8400-e29b-41d4-a716-446655440000",
        hashlib.sha256(b"model").hexdigest(),
        "sklearn.preprocessing._encoders.OneHotEncoder",
    ],
)
def test_what_only_looks_like_it_raises_no_alarm(text: str) -> None:
    assert personal_data([text]) == {}


def test_check_digits_are_checked() -> None:
    good = "DE89370400440532013000"
    broken = [good[:i] + str((int(good[i]) + 1) % 10) + good[i + 1 :] for i in range(2, len(good))]
    assert is_iban(good)
    assert not any(map(is_iban, broken))
    card = "4111111111111111"
    wrong = [card[:i] + str((int(card[i]) + 1) % 10) + card[i + 1 :] for i in range(1, len(card))]
    assert is_payment_card(card)
    assert not any(map(is_payment_card, wrong))


def test_long_numbers_that_pass_by_chance_are_no_cards() -> None:
    numbers = np.random.default_rng(0).integers(4 * 10**15, 5 * 10**15, 500).astype(str)
    assert 20 < sum(map(is_payment_card, numbers)) < 100
    assert personal_data(numbers) == {}


def test_codes_that_pass_by_chance_are_no_national_numbers() -> None:
    rng = np.random.default_rng(0)
    eleven = rng.integers(10**10, 10**11, 2000).astype(str)
    fifteen = rng.integers(10**14, 3 * 10**14, 2000).astype(str)
    letters = rng.choice(list("ABCDEFGHJK"), 2000)
    codes = [f"{n:08d}{x}" for n, x in zip(rng.integers(0, 10**8, 2000), letters, strict=True)]
    groups = [f"{text[:3]} {text[3:6]} {text[6:10]}" for text in eleven]
    for texts in (eleven, fifteen, codes, groups):
        assert personal_data(texts) == {}


def test_the_default_table_holds_none(credit: pd.DataFrame) -> None:
    assert all(not personal_data(column_texts(credit[name])) for name in credit)


# --- columns ------------------------------------------------------------------------------------


def with_mail(kind: str) -> tuple[pd.DataFrame, Schema]:
    frame = pd.DataFrame({"late": [1, 2, 1], "mail": ["a@b.example", "c@d.example", None]})
    columns = {
        "late": {"dtype": "int64", "kind": "ordinal", "title": "Late"},
        "mail": {"dtype": "str", "kind": kind, "title": "Contact"},
    }
    return frame, Schema.model_validate({"columns": columns})


@pytest.mark.parametrize(
    ("kind", "inputs", "status"),
    [
        ("categorical", ["late"], "fail"),
        ("identifier", ["late", "mail"], "fail"),
        ("identifier", ["late"], "warn"),
    ],
)
def test_an_address_must_be_declared_and_stay_out_of_the_model(
    kind: str, inputs: list[str], status: str
) -> None:
    verdict, table = columns_with_personal_data(*with_mail(kind), inputs, ())
    assert verdict.status == status
    assert "mail (e-mail address)" in verdict.why
    assert [(row["Column"], row["Distinct values"]) for row in table] == [("mail", 2)]
    assert "a@b" not in str((verdict, table))


def test_cards_in_a_column_of_numbers_are_found() -> None:
    cards = [4111111111111111, 5555555555554444, 378282246310005, 10]
    schema = Schema.model_validate(
        {"columns": {"n": {"dtype": "int64", "kind": "numeric", "title": "Number"}}}
    )
    for dtype in ("int64", "Int64", "float64"):
        frame = pd.DataFrame({"n": pd.Series(cards, dtype=dtype)})
        assert columns_with_personal_data(frame, schema, ["n"], ())[0].status == "fail"
    frame = pd.DataFrame({"n": [120_000, -5, 10**11, 10**10]})
    assert columns_with_personal_data(frame, schema, ["n"], ())[0].status == "pass"


def test_dates_and_answers_are_no_text() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2005-10-03"]), "yes": [True]})
    assert [column_texts(frame[name]) for name in frame] == [[], []]


def test_an_input_that_names_a_row_is_found(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame = world[0].assign(
        code=[f"c{i}" for i in range(3000)],
        number=np.random.default_rng(0).permutation(3000),
        measured=np.random.default_rng(0).random(3000),
    )
    for name, told in (("id", "declared"), ("code", "no value"), ("number", "no value")):
        verdict = identifiers(frame, SCHEMA, "id", ["late", name], ())
        assert verdict.status == "fail"
        assert f"{name} ({told}" in verdict.why
    sound = identifiers(frame, SCHEMA, "id", ["late", "income", "town", "measured"], ())
    assert sound.status == "pass"


# --- what is written --------------------------------------------------------------------------


def encoder(values: list[str], path: Path) -> bytes:
    frame = pd.DataFrame({"who": values * 5})
    model = Pipeline([("codes", OneHotEncoder()), ("estimator", LogisticRegression())])
    save_model(path, model.fit(frame, [0, 1] * (len(frame) // 2)))
    return path.read_bytes()


def test_an_address_that_the_model_learned_is_found(make: Make, tmp_path: Path) -> None:
    e = make()
    sound = encoder(["Ulm", "Kiel"], tmp_path / "a.skops")
    assert outputs(e, sound, ()).status == "pass"
    leaking = encoder(["a@b.example", "Kiel"], tmp_path / "b.skops")
    verdict = outputs(e, leaking, ())
    assert (verdict.status, verdict.value) == ("fail", 1)
    assert "the model file (e-mail address)" in verdict.why
    evaluated = make(evaluation={"slices": [{"value": "+49 30 1234567"}], "score": 0.4111111})
    assert "its evaluation (phone number)" in outputs(evaluated, sound, ()).why


# --- anonymity ----------------------------------------------------------------------------------


def test_groups_are_counted_as_by_hand(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    frame = world[0]
    expected = Counter(zip(frame["sex"], frame["age"], strict=True))
    assert sorted(group_sizes(frame, ["sex", "age"])) == sorted(expected.values())


def test_a_missing_value_is_known_to_be_missing() -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan, np.nan], "b": ["x", None, None]})
    assert sorted(group_sizes(frame, ["a", "b"])) == [1, 2]


def test_a_quasi_identifier_that_is_no_column_is_an_error(
    world: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    with pytest.raises(LoopwrightError, match=r"quasi_identifiers.*'agee'.*did you mean 'age'"):
        group_sizes(world[0], ["sex", "agee"])


@pytest.mark.parametrize(
    ("sizes", "k_anonymity", "uniqueness"),
    [
        ([5, 95], "pass", "pass"),
        ([4, 96], "warn", "pass"),
        ([4, 4, 92], "fail", "pass"),
        ([1] * 6 + [94], "fail", "fail"),
    ],
)
def test_small_groups_warn_and_many_fail(
    sizes: list[int], k_anonymity: str, uniqueness: str
) -> None:
    found = verdicts(np.array(sizes), BOUNDS, ())
    assert [verdict.status for verdict in found] == [k_anonymity, uniqueness]
    assert found[0].value == min(sizes)
    assert found[1].value == sizes.count(1) / 100


def test_the_table_counts_every_row_once() -> None:
    sizes = np.array([1, 1, 2, 4, 5, 9, 10, 99, 100, 250])
    table = anonymity_table(sizes, 5)
    assert [row["Group of"] for row in table] == [
        "1",
        "2 to 4",
        "5 to 9",
        "10 to 99",
        "100 or more",
    ]
    assert [row["Rows"] for row in table] == [2, 6, 14, 109, 350]


# --- membership ---------------------------------------------------------------------------------


def memorising(e: Evidence) -> Scorer:
    """A tree without bounds: it knows its rows by heart."""
    columns = ["income", "late", "age"]
    tree = DecisionTreeClassifier(random_state=0).fit(e.train[columns], e.train["y"])
    return Scorer(lambda frame: tree.predict_proba(frame[columns])[:, 1])


def test_a_model_that_memorises_gives_its_rows_away(make: Make) -> None:
    for model, expected in ((Scorer(truth), "pass"), (memorising(make()), "fail")):
        auc, tpr = inference(answers(make(model=model)), 200, 0, BOUNDS, ())
        assert auc.status == expected
        if expected == "pass":
            assert tpr.status == "pass"
            assert auc.value == pytest.approx(0.5, abs=0.03)
            assert tpr.value == pytest.approx(0.01, abs=0.01)


def test_the_attack_is_on_the_loss_of_each_row(make: Make) -> None:
    e = make()
    attack = answers(e).attack
    (verdict, _) = inference(answers(e), 100, 0, BOUNDS, ())
    assert len(attack) == 2 * len(e.test)
    assert verdict.value == pytest.approx(roc_auc_score(attack.y_true, attack.y_prob))
    given = np.where(e.y_true == 1, e.predicted, 1 - e.predicted)
    assert attack.y_prob[len(e.test) :] == pytest.approx(given)


@pytest.mark.parametrize("decimals", [2, 12])
def test_the_share_found_at_one_false_alarm_in_a_hundred(decimals: int) -> None:
    rng = np.random.default_rng(1)
    member = rng.integers(0, 2, 1000)
    p = Predictions(member, rng.beta(2 + member, 2).round(decimals), member)
    weights = np.vstack([np.ones(1000, dtype=np.int64), rng.integers(0, 3, 1000)])
    for row, value in zip(weights, tpr_at_fpr(p, weights), strict=True):
        fpr, tpr, _ = roc_curve(member, p.y_prob, sample_weight=row, drop_intermediate=False)
        assert value == pytest.approx(tpr[fpr <= 0.01].max())


# --- the model file and the environment -----------------------------------------------------------


def test_other_bytes_are_told() -> None:
    data = b"model"
    sha256 = hashlib.sha256(data).hexdigest()
    assert unchanged(data, sha256, Path("model.skops"), ()).status == "pass"
    assert unchanged(data + b"!", sha256, Path("model.skops"), ()).status == "fail"


COLUMNS = ["age", "income", "late"]
Build = Callable[[], Any]


@pytest.mark.parametrize(
    ("build", "status"),
    [
        (lambda: LogisticRegression(max_iter=500), "pass"),
        (lambda: HistGradientBoostingClassifier(max_iter=2), "pass"),
        (lambda: KNeighborsClassifier(algorithm="brute"), "fail"),  # keeps all rows
        (lambda: SVC(C=0.1), "fail"),  # keeps some rows, as support vectors
    ],
    ids=["linear", "tree", "neighbours", "support vectors"],
)
@pytest.mark.parametrize("scaled", [False, True])
def test_a_model_that_keeps_rows_is_found(
    build: Build,
    status: str,
    scaled: bool,
    world: tuple[pd.DataFrame, pd.DataFrame],
    tmp_path: Path,
) -> None:
    train = world[0].head(300)
    steps = [("scale", StandardScaler())] if scaled else []
    model = Pipeline([*steps, ("estimator", build())]).fit(train[COLUMNS], train["y"])
    save_model(tmp_path / "model.skops", model)
    verdict = training_rows(
        (tmp_path / "model.skops").read_bytes(),
        train[COLUMNS],
        features_of(model, train[COLUMNS]),
        (),
    )
    assert verdict.status == status, verdict.why
    if isinstance(model[-1], SVC):
        assert f"{len(model[-1].support_)} rows of train" in verdict.why


PIN = "numpy==2.4.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"


@pytest.mark.parametrize(
    ("lock", "status"),
    [
        (PIN, "pass"),
        ("# made by uv\n--index-url https://index.example/simple\n\n" + PIN, "pass"),
        (PIN.replace("numpy", "uvicorn[standard]"), "pass"),
        (PIN.replace(" \\", " ; python_version < '3.12' \\"), "pass"),
        ("", "fail"),
        ("# nothing\n", "fail"),
        (PIN + "pandas==3.0.0\n", "fail"),
        (PIN.replace("==", ">="), "fail"),
        (PIN.replace("sha256", "md5"), "fail"),
        (PIN.replace("0" * 64, "0" * 63), "fail"),
        (PIN + "-e .\n", "fail"),
        (PIN + "https://host.example/a.whl\n", "fail"),
    ],
)
def test_every_package_is_fixed_to_its_bytes(lock: str, status: str) -> None:
    assert dependencies(requirements(lock), ()).status == status


def test_the_lock_of_this_repository_is_fixed() -> None:
    verdict = dependencies(requirements((ROOT / "requirements.lock").read_text()), ())
    assert verdict.status == "pass"
    assert "pandas" in dependencies(requirements("pandas==3\n" + PIN), ()).why


def test_the_list_of_packages_is_a_cyclonedx_document() -> None:
    """What the schema of CycloneDX 1.6 requires, and the forms that it prescribes."""
    wanted = requirements((ROOT / "requirements.lock").read_text())
    manifest = {"sha256": "a" * 64, "candidate": "boosting"}
    text = bill_of_materials(wanted, manifest)
    document = json.loads(text)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == (
        "CycloneDX",
        "1.6",
        1,
    )
    uuid = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(uuid, document["serialNumber"])
    parts = [document["metadata"]["component"], *document["components"]]
    assert {part["type"] for part in parts} == {"machine-learning-model", "library"}
    references = [part["bom-ref"] for part in parts]
    assert len(set(references)) == len(references) == len(wanted) + 1
    for part in parts:
        assert part["name"] and part["version"] and part["hashes"]
        assert part.get("scope", "required") in ("required", "optional", "excluded")
        assert all(re.fullmatch(r"[0-9a-f]{64}", found["content"]) for found in part["hashes"])
    assert "pkg:pypi/scikit-learn@" in text and "timestamp" not in text
    (depends,) = document["dependencies"]
    assert [depends["ref"], *depends["dependsOn"]] == references
    assert text == bill_of_materials(wanted, manifest)
    other = json.loads(bill_of_materials(wanted, {"sha256": "b" * 64}))
    assert other["serialNumber"] != document["serialNumber"]


def test_names_and_versions_are_spelt_as_a_purl_wants_them() -> None:
    lock = PIN.replace("numpy==2.4.0", "Zope.Some_Name==1!2.0+cpu ; os_name == 'nt'")
    (part,) = json.loads(bill_of_materials(requirements(lock), {}))["components"]
    assert part["purl"] == "pkg:pypi/zope-some-name@1%212.0%2Bcpu"
    assert (part["version"], part["scope"]) == ("1!2.0+cpu", "optional")


# --- all together -------------------------------------------------------------------------------


def fitted(make: Make, tmp_path: Path, **changes: Any) -> Evidence:
    e = make()
    columns = ["income", "late"]
    model = LogisticRegression().fit(e.train[columns], e.train["y"])
    path = tmp_path / "model.skops"
    sha256 = save_model(path, model)
    scorer = Scorer(lambda frame: model.predict_proba(frame[columns])[:, 1])
    return make(
        model=scorer, model_file=path, manifest={"sha256": sha256, "inputs": columns}, **changes
    )


def test_a_sound_model_raises_no_alarm(make: Make, tmp_path: Path) -> None:
    answer = examine(fitted(make, tmp_path), BOUNDS)
    waiting = {v.id for v in answer.verdicts if v.status == "not_applicable"}
    assert {v.partition(".")[2] for v in waiting} == {"shadow_auc", "shadow_tpr", "extraction"}
    judged = {v.status for v in answer.verdicts if v.id not in waiting}
    assert judged <= {"pass", "warn"}
    assert set(answer.figures) == {"membership", "anonymity", "attributes", "evasion"}
    assert set(answer.files) == {"packages.cdx.json"}


def test_without_quasi_identifiers_nobody_is_counted(make: Make, tmp_path: Path) -> None:
    bounds = BOUNDS.model_copy(update={"quasi_identifiers": ()})
    answer = examine(fitted(make, tmp_path), bounds)
    status = {verdict.id.partition(".")[2]: verdict.status for verdict in answer.verdicts}
    assert status["k_anonymity"] == status["uniqueness"] == "not_applicable"
    assert "anonymity" not in answer.figures
