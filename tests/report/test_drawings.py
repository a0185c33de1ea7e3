"""Tables and small pictures, without a page around them."""

from math import hypot
from typing import Any

import pytest

from stages.report.drawings import CENTRE, RADIUS, bars, chart, loop
from stages.report.evidence import Curve
from stages.report.grid import cell, parsed, table


def test_bounds_join_their_value_and_shares_become_percent() -> None:
    rows = [
        {"Group": "a", "Rate": 0.5, "Rate, low": 0.25, "Rate, high": 0.75, "Rows": 1200},
        {"Group": "b", "Rate": None, "Rate, low": None, "Rate, high": None, "Rows": 3},
    ]
    made = table(rows)
    assert made.head == ("Group", "Rate", "Rows")
    assert made.numeric == (False, True, True)
    shown = [[cell.replace("\N{NO-BREAK SPACE}", " ") for cell in cells] for cells in made.rows]
    assert shown == [["a", "50.0 % [25.0, 75.0]", "1,200"], ["b", "\N{EN DASH}", "3"]]


def test_a_low_and_a_high_belong_to_the_column_before_them() -> None:
    made = table([{"Value": 0.5, "Low": 0.25, "High": 0.75}])
    assert (made.head, made.rows) == (("Value",), (("0.500 [0.250, 0.750]",),))
    alone = table([{"Low": 0.25, "High": 0.75}])
    assert alone.head == ("Low", "High")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"value": 0.5, "interval": [0.25, 0.75]}, "0.500 [0.250, 0.750]"),
        ({"value": 0.5, "interval": None}, "0.500"),
        ({"0": 14, "5": 280}, "0: 14; 5: 280"),
        (["a", 1200], "a, 1,200"),
        ([], "\N{EN DASH}"),
        ("roc_auc", "ROC AUC"),
        ("paid_share", "paid_share"),
    ],
)
def test_a_cell_of_any_kind_becomes_text(value: Any, shown: str) -> None:
    assert cell(value) == shown


def test_a_value_alone_stands_for_the_text_of_a_csv_file() -> None:
    assert [parsed(text) for text in ("12", "-0.5", "1e-3", "", "a1")] == [
        12,
        -0.5,
        0.001,
        None,
        "a1",
    ]


@pytest.mark.parametrize("size", [3, 8])
def test_the_loop_is_a_circle_from_the_top_clockwise(size: int) -> None:
    drawn = loop(size, None)
    assert len(drawn.nodes) == len(drawn.arcs) == size
    assert drawn.nodes[0].y == min(node.y for node in drawn.nodes)
    assert drawn.nodes[1].x > drawn.nodes[0].x
    away = [hypot(node.x - CENTRE[0], node.y - CENTRE[1]) for node in drawn.nodes]
    assert away == pytest.approx([RADIUS] * size, abs=0.1)


def test_bars_keep_their_order_on_the_scale() -> None:
    drawn = bars(0.76, "higher", [(0.78, (0.77, 0.79)), (0.75, None)])
    (low, value, high), (alone, same, _) = drawn.marks
    assert 0 < alone == same < drawn.bound < low < value < high < 100
    flat = bars(5.0, "lower", [])
    assert (0 < flat.bound < 100, flat.marks) == (True, ())


def test_a_chart_fills_its_box_from_the_first_to_the_last_point() -> None:
    drawn = chart(
        [Curve("train/a", ((1, 0.5), (11, 0.25))), Curve("validation/a", ((1, 0.5), (6, 0.375)))]
    )
    assert [line.path for line in drawn.lines] == [
        f"M0.0 0.0L{drawn.width:.1f} {drawn.height:.1f}",
        f"M0.0 0.0L{drawn.width / 2:.1f} {drawn.height / 2:.1f}",
    ]
    assert [label for _, label in drawn.x_ticks] == ["1", "6", "11"]
    assert drawn.lines[0].last == "0.250"


def test_a_cell_is_sorted_by_the_number_behind_it() -> None:
    rows = [
        {
            "Share": 0.12345,
            "Rows": 1200,
            "Text": "10 %",
            "Estimate": {"value": 1, "interval": None},
        },
        {"Share": None, "Rows": 7, "Text": None, "Estimate": {"value": -0.5, "interval": [-1, 0]}},
    ]
    made = table(rows)
    assert made.keys == (("0.12345", "1200", "", ""), ("", "", "", "-0.5"))
    assert made.numeric == (True, True, False, True)


def test_a_table_ends_somewhere() -> None:
    made = table([{"Row": place} for place in range(7)], most=5)
    assert (len(made), made.left_out, len(made.keys)) == (5, 2, 5)


def test_an_interval_belongs_to_the_number_before_it() -> None:
    rows = [
        {"feature": "a", "gain": 0.5, "interval": [0.25, 0.75], "used": True},
        {"feature": "b", "gain": None, "interval": None, "used": False},
    ]
    made = table(rows)
    assert made.head == ("Feature", "Gain", "Used")
    assert made.rows[0] == ("a", "0.500 [0.250, 0.750]", "yes")
    assert table([{"interval": [1, 2]}, {"name": "a", "interval": [1, 2]}]).head == (
        "Interval",
        "Name",
    )
    assert made.keys[0][1] == "0.5"
