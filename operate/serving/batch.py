"""Answers to the rows of a file: the same as the server gives, row for row."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from operate.serving.answer import Answers, answer
from operate.serving.rows import from_file
from operate.serving.served import load
from stages.core.errors import LoopwrightError
from stages.core.files import write_text
from stages.core.tables import write_table


def predict(root: Path, file: Path, out: Path | None) -> None:
    """Answer each row of `file`, and write the answers to `out`, or print them as CSV.

    Raises:
        LoopwrightError: `out` is of no format that is written, the model may not answer, or
            the file is not what schema.yaml declares.
    """
    write = _writer(out)
    served = load(root)
    rows = from_file(file, served)
    for line in (*served.told(), *(f"note: {file}: {note}" for note in rows.notes)):
        print(line, file=sys.stderr)
    answers = answer(served, rows)
    write(answers)
    counts = {status: answers.status.count(status) for status in dict.fromkeys(answers.status)}
    listed = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    print(f"{len(answers.status):,} rows: {listed}", file=sys.stderr)


def _writer(out: Path | None) -> Callable[[Answers], Any]:
    """Return what writes answers to `out`."""
    if out is None:
        return lambda answers: print(_csv(answers), end="")
    writers: dict[str, Callable[[Answers], Any]] = {
        ".csv": lambda answers: write_text(out, _csv(answers)),
        ".jsonl": lambda answers: write_text(out, _json_lines(answers)),
        ".parquet": lambda answers: write_table(out, answers.table()),
    }
    if out.suffix not in writers:
        raise LoopwrightError(f"--out {out}: possible endings: {', '.join(writers)}")
    return writers[out.suffix]


def _csv(answers: Answers) -> str:
    # pandas writes a float by the fewest digits that give it back, to the last bit.
    text: str = answers.table().to_csv(index=False, lineterminator="\n")
    return text


def _json_lines(answers: Answers) -> str:
    lines = [json.dumps(d, ensure_ascii=False, allow_nan=False) for d in answers.documents()]
    return "\n".join(lines) + "\n"
