"""The pages: whole, closed to the network, driven by what the artefacts hold."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from stages.core.params import ClassCost, ClassCosts, NumberCosts
from stages.core.verdicts import SEVERITY
from stages.report import rows, words
from stages.report.artefacts import Features, Splits
from stages.report.evidence import PILLARS
from stages.report.pictures import place
from stages.report.site import TEMPLATES
from stages.report.words import STATES
from tests.report.card import check_card
from tests.report.html import check_site
from tests.report.made import HOSTILE, Built, artefacts, estimate, png, verdict

PAGES = [
    *("index", "problem", "data", "features", "model", "audit"),
    *(f"audit-{pillar.replace('_', '-')}" for pillar in PILLARS),
    *("decision", "card", "data_sheet", "crosswalk", "history"),
]


def test_the_site_is_whole_closed_to_the_network_and_accessible(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    pages = check_site(built.folder)
    assert set(pages) == {f"{name}.html" for name in PAGES}
    images = [attrs for page in pages.values() for attrs in page.all("img")]
    assert len(images) == 12
    (box,) = [attrs for attrs in images if "box" in str(attrs["src"])]
    assert (box["width"], box["src"]) == (str(1152 * 96 // 160), "figures/explore/box.png")
    assert "Three quantities have outliers" in str(box["alt"])
    assert built.content()["figures/explore/box.png"] == files["explore/figures/box.png"]


def test_every_step_and_every_check_has_one_place(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    pages = check_site(built.folder)
    for id_ in built.verdicts:
        assert built.html.count(f"<code>{id_}</code>") >= 1, id_
    anchors = [id_ for page in pages.values() for id_ in page.ids if id_.startswith("check-")]
    assert len(anchors) == len(set(anchors)) == len(built.verdicts)
    loop = re.search(r'<nav class="loop".*?</nav>', built.pages["index"], re.DOTALL)
    assert loop
    assert re.findall(r'<a href="([^"]+)" aria-label="(\w+)', loop[0]) == [
        ("problem.html#define", "Define"),
        ("data.html#data", "Data"),
        ("data.html#explore", "Explore"),
        ("features.html#features", "Features"),
        ("model.html#train", "Train"),
        ("model.html#evaluate", "Evaluate"),
        ("audit.html#audit", "Audit"),
        ("decision.html#decide", "Decide"),
    ]


def test_each_page_leads_to_the_next_and_says_where_one_is(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    built = build(files)
    order = []
    name: str | None = "index"
    while name:
        order.append(name)
        assert built.pages[name].count(f'href="{name}.html" aria-current="page"') == 2
        found = re.search(r'rel="next" href="(.*?)\.html"', built.pages[name])
        name = found[1] if found else None
    assert order == PAGES


def test_a_state_is_a_word_and_a_shape_beside_a_colour(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["validate/quality.json"]["verdicts"] = [verdict(f"validate.{s}", s) for s in SEVERITY]
    files = {name: found for name, found in files.items() if "audit/safety" not in name}
    html = build(files).html
    for state in STATES:
        badge = re.search(rf'<span class="badge badge-{state}">(.*?)</span>', html)
        assert badge, state
        assert f'href="#icon-{state}"' in badge[1]
        assert badge[1].endswith(words.STATE_WORDS[state])
    icons = (TEMPLATES / "icons.svg").read_text(encoding="utf-8")
    shapes = re.findall(r'<symbol id="icon-\w+".*?>(.*)</symbol>', icons)
    assert len(set(shapes)) == len(shapes) == len(STATES)


def test_the_states_are_those_of_verdicts_and_one_more() -> None:
    assert [state for state in STATES if state != "not_run"] == list(SEVERITY)


def test_numbers_are_written_for_people(files: dict[str, Any], build: Callable[..., Built]) -> None:
    pages = check_site(build(files).folder)
    text = "".join(page.text for page in pages.values()).replace("\N{NO-BREAK SPACE}", " ")
    for shown in ("30,000", "22.1 %", "20.7 %", "≥ 100,000", "[283,731, 454,756]", "18,000 rows"):
        assert shown in text
    minus = "\N{MINUS SIGN}"
    assert f"{minus}3,301,833" in text
    assert "35.3 % [33.4, 37.3]" in text


def test_names_from_the_data_stay_text(files: dict[str, Any], build: Callable[..., Built]) -> None:
    charter = files["define/charter.json"]["charter"]
    charter["title"] = charter["problem"] = charter["scope"]["inside"][0] = HOSTILE
    charter["costs"]["currency"] = charter["owners"]["model"] = HOSTILE
    files["ingest/manifest.json"]["columns"] = {HOSTILE: {HOSTILE: HOSTILE}}
    files["ingest/manifest.json"]["source"]["path"] = HOSTILE
    files["ingest/manifest.json"]["notes"] = [HOSTILE]
    files["validate/quality.json"]["checks"] = [{HOSTILE: HOSTILE}]
    files["validate/quality.json"]["verdicts"] = [
        verdict(f"validate.{HOSTILE}", "fail", why=HOSTILE, evidence=(HOSTILE,), threshold=HOSTILE)
    ]
    found = files["explore/findings.json"]["findings"]
    found[0] |= {"id": HOSTILE, "kind": HOSTILE, "columns": [HOSTILE], "why": HOSTILE}
    files["explore/findings.json"]["figures"] = [{"file": "box.png", "title": f'"{HOSTILE}'}]
    features = files["featurize/features.json"]
    features["created"] = {HOSTILE: features["created"]["utilisation"] | {"hypothesis": HOSTILE}}
    features["dropped"], features["features"] = {HOSTILE: HOSTILE}, [HOSTILE]
    features["answers"] = {"*": HOSTILE}
    model = files["train/model.json"]
    model |= {"candidate": HOSTILE, "inputs": [HOSTILE], "parameters": {HOSTILE: HOSTILE}}
    files["tune/trials.csv"] = f'trial,"{HOSTILE}"\n0,"{HOSTILE}"\n'
    files["evaluate/evaluation.json"] |= {HOSTILE: [{HOSTILE: HOSTILE}]}
    files["evaluate/evaluation.json"]["next_step"] = {"step": HOSTILE, "why": HOSTILE}
    files["audit/fairness/verdicts.json"]["tables"] = {HOSTILE: [{HOSTILE: HOSTILE}]}
    files["audit/fairness/figures/<b>|x %41#?.png"] = png()
    files["audit/<i>'\"/verdicts.json"] = {
        "pillar": "<i>'\"",
        "verdicts": [verdict("i.check", why=HOSTILE)],
        "tables": {},
    }
    built = build(files)
    scripts = re.findall(r"<script[^>]*>", built.html.lower())
    assert set(scripts) == {'<script src="site.js">'}
    assert len(scripts) == len(built.pages)
    assert "<script" not in re.sub(r"`[^`]*`", "", built.card).lower()
    assert built.html.count("&lt;script&gt;") > 40
    pages = check_site(built.folder)
    assert not [page for page in pages.values() if "{{" not in page.text and "49" in page.text]
    check_card(built.card)
    assert "audit-i.html" in pages


@pytest.mark.parametrize("name", ["Über", "..", "safety", "a/b"])
def test_a_pillar_of_any_name_has_a_page_of_its_own(
    name: str, files: dict[str, Any], build: Callable[..., Built]
) -> None:
    if "/" in name or name == "..":
        name = f"x{name.replace('/', ' ')}"
    more = {"pillar": name.upper(), "verdicts": [verdict("x.y")], "tables": {}}
    built = build(files | {f"audit/{name.upper()}/verdicts.json": more})
    assert "x.y" in built.verdicts
    assert len(check_site(built.folder)) == len(PAGES) + 1


def test_a_pillar_asks_answers_shows_and_counts(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["audit/safety/verdicts.json"]["verdicts"] = [
        verdict("safety.fine"),
        verdict("safety.close", "warn"),
        verdict("safety.broken", "fail", why="it breaks on an empty cell"),
    ]
    html = build(files).pages["audit-safety"]
    found = [
        html.index(part)
        for part in (
            "Does the model stay sound",
            "No</p>",
            "Of 4 checks 1 fail, 1 warn, 2 pass.",
            "What stands open",
            "it breaks on an empty cell",
            "In pictures",
            "<img",
            "In numbers",
            "<h3>Groups</h3>",
            "What passed",
            "safety.fine",
        )
    ]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [
        (["pass"], "Yes"),
        (["pass", "warn"], "Yes, with care"),
        (["warn", "insufficient"], "It cannot be told"),
        (["insufficient", "fail"], "No"),
        ([], "It cannot be told"),
    ],
)
def test_the_answer_of_a_pillar_follows_its_worst_verdict(
    statuses: list[str], answer: str, files: dict[str, Any]
) -> None:
    from stages.core.verdicts import from_document

    made = [from_document(verdict(f"a.{place}", s)) for place, s in enumerate(statuses)]
    assert words.answer_of_pillar(made)[0] == answer


def test_many_passed_checks_are_folded_and_open_points_are_not(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["audit/safety/verdicts.json"]["tables"] = {
        "Long": [{"Row": place} for place in range(5010)],
        "Short": [{"Row": place} for place in range(3)],
    }
    files["audit/safety/verdicts.json"]["verdicts"] = [
        verdict(f"safety.{place}") for place in range(9)
    ] + [verdict("safety.open", "fail")]
    html = build(files).pages["audit-safety"].split("<main")[1]
    folded = "".join(re.findall(r"<details.*?</details>", html, re.DOTALL))
    outside = re.sub(r"<details.*?</details>", "", html, flags=re.DOTALL)
    assert "Long, 5,010 rows" in folded
    assert "10 more rows are in the file" in folded
    assert "<h3>Short</h3>" in outside
    assert "10 checks passed" in folded
    assert "safety.3" in folded
    assert "safety.open" in outside


# --- what the report does not know yet --------------------------------------------------


def test_an_unknown_figure_is_shown_with_the_caption_that_its_name_gives(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["evaluate/figures/error_tree.png"] = png(300, 200)
    files["evaluate/evaluation.json"]["figures"] = [
        {"file": "error_tree.png", "title": "Most errors are young"},
        {"file": None},
        "error_tree.png",
    ]
    html = build(files).section("model", "evaluate")
    assert "<figcaption>Error tree <code>data/evaluate/figures/error_tree.png" in html
    assert 'alt="Error tree. Most errors are young.' in html
    assert html.index("roc.png") < html.index("error_tree.png")


def test_unknown_tables_and_measures_of_a_stage_are_shown(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    files["evaluate/evaluation.json"] |= {
        "findings": ["young"],
        "lost": [{"column": "AGE", "lift": 2.5}, {"column": "SEX", "lift": None}],
        "by_class": {"a": {"recall": 0.5}, "b": {"recall": None, "rows": 7}},
        "some_facts": {"median_error": 3.5, "worst": None},
        "more_rows": estimate(0.25),
        "odd": [1, "two", None],
        "none": None,
        "empty": [],
        "model_sha256": "abc",
    }
    built = build(files)
    html = built.section("model", "evaluate")
    for shown in (
        "What the errors have in common",
        "Lost",
        "By class",
        "Some facts",
        "Median error",
    ):
        assert shown in html
    assert "What more rows would bring" in html
    assert "Odd" not in html
    check_site(built.folder)


def test_verdicts_of_every_stage_count_wherever_they_stand(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    for name in ("featurize/features.json", "tune/best_params.json", "train/model.json"):
        files[name]["verdicts"] = [verdict(f"{name.partition('/')[0]}.check", "warn")]
    built = build(files)
    assert {"featurize.check", "tune.check", "train.check"} < set(built.verdicts)
    assert "featurize.check" in built.pages["features"]
    assert "tune.check" in built.section("model", "train")


def test_splits_of_classes_and_numbers_show_their_target() -> None:
    told = {"strategy": "random", "rows": {"train": 3, "test": 2}, "verdicts": [verdict("split.a")]}
    classes = {"train": {"classes": {"a": 2, "b": 1}}, "test": {"classes": {"a": 1, "b": 1}}}
    made = rows.of_splits(Splits.model_validate(told | {"target": classes}))
    assert made[0] == {"Split": "Train", "Rows": 3, "Target classes": {"a": 2, "b": 1}}
    share = {"train": {"positive_share": 0.5}, "test": {"positive_share": 0.25}}
    binary = Splits.model_validate(told | {"target": share})
    assert rows.of_splits(binary)[1] == {"Split": "Test", "Rows": 2, "Target positive share": 0.25}


def test_costs_of_each_task_have_their_table() -> None:
    classes = ClassCosts(
        currency="EUR",
        right=1.0,
        wrong=-5.0,
        exceptions=(ClassCost(actual="a", decided="b", value=-50.0),),
        source="",
    )
    assert [row["Case"] for row in rows.of_costs(classes)] == [
        "Deciding for the true class",
        "Deciding for another class",
        "Deciding for b where a is true",
    ]
    numbers = NumberCosts(currency="EUR", per_unit_over=-1.0, per_unit_under=-2.0, source="")
    assert [row["Brings"] for row in rows.of_costs(numbers)] == [
        "EUR\N{NO-BREAK SPACE}\N{MINUS SIGN}1",
        "EUR\N{NO-BREAK SPACE}\N{MINUS SIGN}2",
    ]


def test_the_evidence_of_a_created_feature_is_shown_as_it_comes() -> None:
    features = artefacts({})["featurize/features.json"]
    features["created"]["utilisation"] |= {"gain": estimate(0.01), "decision": "keep", "rows": 9}
    (made,) = rows.of_created(Features.model_validate(features))
    assert made["Gain"] == estimate(0.01)
    assert made["ROC AUC"] == 0.554
    assert made["Best source"] == {"LIMIT_BAL": 0.617}
    assert "Rows" not in made


def test_a_model_without_a_threshold_speaks_of_none(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    del files["evaluate/evaluation.json"]["threshold"]
    del files["split/splits.json"]["target"]
    built = build(files)
    assert "Acts from" not in built.pages["index"]
    assert "predicted probability" not in built.pages["model"]
    assert "- Decision threshold: none: every decision" in built.card
    check_card(built.card)
    check_site(built.folder)


def test_figures_lie_where_their_stage_and_name_say(
    files: dict[str, Any], build: Callable[..., Built]
) -> None:
    content = build(files).content()
    figures = {name for name in content if name.startswith("figures/")}
    assert {"figures/safety/one.png", "figures/evaluate/roc.png"} < figures
    assert len(figures) == 12
    assert place  # the same function names the link


def test_nothing_of_an_older_site_stays(files: dict[str, Any], build: Callable[..., Built]) -> None:
    built = build(files)
    (built.folder / "old.html").write_text("old")
    built.build()
    assert "old.html" not in built.content()
    assert not list(built.folder.parent.glob(".*"))


# --- colours ----------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_text_stands_out_from_its_ground_by_light_in_the_dark_and_on_paper() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    style = (TEMPLATES / "site.css").read_text(encoding="utf-8")
    screen, paper = style.split("@media print")
    both = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", screen)
    grounds = [
        {name: light for name, light, _ in both},
        {name: dark for name, _, dark in both},
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", paper)),
    ]
    pairs = [(text, ground) for text in ("ink", "soft", "accent") for ground in ("ground", "card")]
    pairs += [(status, f"{status}-ground") for status in SEVERITY]
    pairs += [(status, ground) for status in SEVERITY for ground in ("ground", "card")]
    pairs += [("ink", "warn-ground"), ("soft", "warn-ground"), ("ink", "not_applicable-ground")]
    for colour in grounds:
        for text, ground in pairs:
            assert contrast(colour[text], colour[ground]) >= 4.5, f"{text} on {ground}"
