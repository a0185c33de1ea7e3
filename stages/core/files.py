"""Files that appear whole or not at all, and JSON with one spelling."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.errors import LoopwrightError


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` to write a file or a folder at.

    On a clean exit it is renamed to `path`, replacing what was there; on an
    exception it is removed and `path` is left as it was. The rename is atomic for
    a file. A folder that already exists is moved aside first, so that it is never
    seen half-written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir() and path.exists():
            aside = path.parent / f".{path.name}.{os.getpid()}.old"
            remove(aside)
            path.rename(aside)
            temporary.rename(path)
            remove(aside)
        else:
            temporary.replace(path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Remove the file or the folder at `path`, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, whole or not at all."""
    with published(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON. NaN and infinity are refused: they are not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        LoopwrightError: the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LoopwrightError(f"{path}: no such file; run `dvc repro` to make it") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise LoopwrightError(
            f"{path}: not JSON ({fault}); `dvc checkout {path}` restores what dvc.lock names"
        ) from None
