"""Hold each check of the audit against a fault that is planted, and against a sound world.

`python -m bench.audit_faults` prints a table a pillar: how often the fault was found, and how
often a world without it was accused. `--update` writes the tables into docs/planted_faults.md.
"""

import argparse
import sys
from importlib import import_module

from threadpoolctl import threadpool_limits

from bench.audit_faults import page
from bench.audit_faults.fault import Fault, Found, find
from bench.audit_faults.world import ROOT

PILLARS = (
    "performance",
    "safety",
    "fairness",
    "privacy_security",
    "transparency",
    "accountability",
    "gate",
)
PAGE = ROOT / "docs/planted_faults.md"
SEEDS = 20


def faults(pillar: str) -> tuple[Fault, ...]:
    """Return the faults of a pillar; only its own imports are paid."""
    known: tuple[Fault, ...] = import_module(f"bench.audit_faults.faults.{pillar}").FAULTS
    return known


def run(pillar: str, checks: list[str] | None, seeds: int) -> list[Found]:
    """Plant the faults of a pillar, or those of some checks, telling each as it is done."""
    found = []
    for fault in faults(pillar):
        if checks is None or fault.check in checks:
            found.append(find(fault, range(seeds)))
            print(page.row(found[-1]), file=sys.stderr, flush=True)
    return found


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    options = argparse.ArgumentParser(prog="python -m bench.audit_faults", description=__doc__)
    add = options.add_argument
    add("--seeds", type=int, default=SEEDS, metavar="N", help=f"the first N; default {SEEDS}")
    add("--pillars", nargs="+", choices=PILLARS, default=list(PILLARS), metavar="NAME")
    add("--checks", nargs="+", metavar="ID", help="such as safety.noise; the default is all")
    add("--update", action="store_true", help=f"write the tables into docs/{PAGE.name}")
    return options


def main() -> int:
    """Run what is asked for and print the tables."""
    options = parser()
    asked = options.parse_args()
    if asked.update and asked.checks:
        options.error("--update writes whole pillars: leave out --checks")
    if asked.checks:
        known = {fault.check for pillar in asked.pillars for fault in faults(pillar)}
        if unknown := set(asked.checks) - known:
            options.error(f"no fault is planted for {', '.join(sorted(unknown))}")
    everything: list[Found] = []
    for pillar in asked.pillars:
        with threadpool_limits(1):
            found = run(pillar, asked.checks, asked.seeds)
        if not found:
            continue
        everything += found
        table = page.markdown(found)
        print(f"\n{pillar}\n\n{table}", flush=True)
        if asked.update:
            page.write(PAGE, pillar, table)
    print(f"\n{page.summary(everything)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
