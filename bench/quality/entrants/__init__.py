"""Who takes part: one script each, run in a process and an environment of its own."""

import sys
from functools import partial
from pathlib import Path

from bench.quality.environments import AUTOGLUON, python_of
from bench.quality.recipes import preset_files
from bench.quality.runs import Entrant
from bench.quality.tables import ROOT

CACHE = ROOT / ".quality/environments"


def _own() -> Path:
    return Path(sys.executable)


def _loopwright(preset: str) -> Entrant:
    return Entrant(
        f"loopwright_{preset}",
        "with_loopwright.py",
        _own,
        {"preset": preset},
        lambda table: preset_files(preset, table.name, table.task),
    )


_autogluon = partial(
    Entrant, script="with_autogluon.py", python=partial(python_of, "autogluon", AUTOGLUON, CACHE)
)

ENTRANTS = {
    entrant.name: entrant
    for entrant in (
        _loopwright("quick"),
        _loopwright("best"),
        Entrant("default_boosting", "with_default_boosting.py", _own),
        _autogluon(name="autogluon_medium", options={"presets": "medium_quality"}),
        _autogluon(
            name="autogluon_boosters",
            options={
                "presets": "medium_quality",
                "included_model_types": ["GBM", "CAT", "XGB"],
            },
        ),
    )
}
