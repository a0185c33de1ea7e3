"""Which entrant predicts how well, at what cost: run what has no line yet, then sum up.

`python -m bench.quality` writes each run as a line of JSON to `.quality/results.jsonl`. A
line that is there is not run again, so the bench can be stopped and started at will; with
`--repeat` a run that is there is run again, and its predictions must have the same bytes.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.quality.entrants import ENTRANTS
from bench.quality.runs import Entrant, run
from bench.quality.summary import summary
from bench.quality.tables import ROOT, Table, tables


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of `path`; none where it is not there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def found(lines: list[dict[str, Any]], table: Table, number: int, entrant: Entrant) -> Any:
    """Return the line of this very run, or None."""
    wanted = (table.name, number, entrant.name, entrant.fingerprint(table))
    keys = ("table", "split", "entrant", "fingerprint")
    return next((line for line in lines if tuple(line[key] for key in keys) == wanted), None)


def current(lines: list[dict[str, Any]], known: dict[str, Table]) -> list[dict[str, Any]]:
    """Return the lines of entrants as they are now."""
    return [
        line
        for line in lines
        if line["entrant"] in ENTRANTS
        and line["table"] in known
        and line["fingerprint"] == ENTRANTS[line["entrant"]].fingerprint(known[line["table"]])
    ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    add = options.add_argument
    add("--tables", nargs="+", metavar="NAME", help="the default is all")
    add("--splits", type=int, metavar="N", help="the first N; the default is the table's own")
    add("--entrants", nargs="+", metavar="NAME", choices=ENTRANTS, help=", ".join(ENTRANTS))
    add("--data", type=Path, default=ROOT.parent / "shared/data", help="where the tables are")
    add("--out", type=Path, default=ROOT / ".quality", help="where lines and predictions go")
    add("--repeat", action="store_true", help="run again, and compare the predictions' bytes")
    add("--summary", action="store_true", help="run nothing")
    return options


def main() -> int:
    """Run what is asked for and print the summary; return 1 where bytes differ, else 0."""
    options = parser()
    asked = options.parse_args()
    known = tables(asked.data)
    if unknown := set(asked.tables or ()) - set(known):
        options.error(f"no table {', '.join(sorted(unknown))}; possible: {', '.join(known)}")
    results = asked.out / "results.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    differ = 0
    for table in [] if asked.summary else [known[name] for name in asked.tables or known]:
        if not table.there():
            print(f"{table.name} is left out: no such table in {asked.data}", file=sys.stderr)
            continue
        for number in range(asked.splits or table.splits):
            for entrant in (ENTRANTS[name] for name in asked.entrants or table.entrants):
                before = found(read_lines(results), table, number, entrant)
                if (before is None) == asked.repeat:
                    continue
                where = f"{table.name}-{number}-{entrant.name}"
                line = run(entrant, table, number, asked.out / "predictions" / f"{where}.npy")
                if asked.repeat:
                    same = line["sha256"] == before["sha256"]
                    differ += not same
                    print(f"{where}: {'the same bytes' if same else 'OTHER bytes'}", flush=True)
                    continue
                print(json.dumps(line), flush=True)
                with results.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    print(summary(current(read_lines(results), known)))
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
