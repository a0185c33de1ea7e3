import json
import math
from pathlib import Path

import pytest

from stages.core.errors import LoopwrightError
from stages.core.files import published, read_json, remove, write_json, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with published(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), published(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    for name in ("first", "second"):
        with published(path) as temporary:
            temporary.mkdir()
            (temporary / name).write_text(name)
    assert names(path) == ["second"]
    assert names(tmp_path) == ["figures"]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(RuntimeError), published(path) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert names(path) == ["old"]
    assert names(tmp_path) == ["figures"]


def test_what_a_killed_run_left_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "figures"
    with published(path) as temporary:
        temporary.mkdir()
    with published(path) as again:
        assert again == temporary
        again.mkdir()
        (again / "new").touch()
        (tmp_path / ".other.1.tmp").touch()
    assert names(path) == ["new"]


def test_remove_takes_files_folders_and_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(folder)
    remove(link)
    assert folder.is_dir()
    remove(folder)
    remove(folder)
    assert names(tmp_path) == []


def test_json_has_one_spelling_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    value = {"b": [1, 0.5, None], "a": "é"}
    write_json(path, value)
    assert read_json(path) == value
    assert path.read_bytes() == json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_json_has_no_nan(tmp_path: Path, number: float) -> None:
    path = tmp_path / "a.json"
    write_json(path, 1)
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"x": number})
    assert read_json(path) == 1


def test_a_bad_json_file_gets_one_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(LoopwrightError, match=r"a\.json: no such file"):
        read_json(path)
    path.write_text("{")
    with pytest.raises(LoopwrightError, match="not JSON"):
        read_json(path)
    path.write_bytes(b"\xff")
    with pytest.raises(LoopwrightError, match="not JSON"):
        read_json(path)


def test_text_has_unix_line_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "x\ny\n")
    assert (tmp_path / "a").read_bytes() == b"x\ny\n"
