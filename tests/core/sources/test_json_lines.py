import gzip

import pytest

from tests.core.sources.project import Project

JSON = {"format": {"kind": "json_lines"}, "path": "a.jsonl"}


def test_objects_are_rows(project: Project) -> None:
    text = (
        '{"id": "007", "age": 30, "rate": 0.5}\n\n'
        '{"age": 40.0, "id": "b\\u2028\\n"}\r\n'
        '{"id": "", "age": 9007199254740993, "rate": null}\n'
    )
    rows = [["007", 30, 0.5], ["b\u2028\n", 40, None], [None, 9007199254740993, None]]
    for data in (text.encode(), text.encode("utf-8-sig"), gzip.compress(text.encode())):
        project.write("a.jsonl", data)
        assert project.rows(JSON) == rows


def test_values_of_another_type_are_named_with_their_line(project: Project) -> None:
    project.write(
        "a.jsonl",
        '{"id": 7, "age": "30", "rate": 1e400}\n\n{"id": {"a": 1}, "age": true, "rate": [1]}\n',
    )
    assert project.fault(JSON).splitlines() == [
        "FOLDER/a.jsonl: 5 values are not what schema.yaml declares",
        "  line 1: column 'id': found 7 (int); text (str) was expected",
        "  line 1: column 'rate': found inf (float); a finite number (float64) was expected",
        "  line 3: column 'id': found {'a': 1}; text (str) was expected",
        "  line 3: column 'age': found True (bool); a whole number (int64) was expected",
        "  line 3: column 'rate': found [1]; a finite number (float64) was expected",
        "  correct the source, or the dtype in schema.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        ("{}\n", "objects without any key"),
        ('{"id": "a"}\n{"id": \n', "line 2: not a JSON object on one line (Expecting value"),
        ('{"id": "a"} {"id": "b"}\n', "line 1: not a JSON object on one line (Extra data"),
        ('[{"id": "a"}]\n', "line 1: a JSON object was expected, found list"),
        ('{"id": "a", "age": 1, "id": "b"}\n', "line 1: key 'id' stands twice"),
        ("[" * 100_000 + "\n", "line 1: not a JSON object"),
        ('{"id": "a", "age": 1, "rate": 1, "x": 1}\n', 'column "x" is not in schema.yaml'),
        ('{"id": "\\ud800", "age": 1, "rate": 1}\n', "column 'id': found "),
        ('{"id": "a", "age": ' + "9" * 5000 + ', "rate": 1}\n', "line 1: not a JSON object"),
    ],
)
def test_what_is_no_such_file_gets_one_error(project: Project, text: str, expected: str) -> None:
    project.write("a.jsonl", text)
    assert expected in project.fault(JSON)
