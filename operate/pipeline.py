"""What dvc.yaml declares: where each file lies and which pillars audit the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.errors import LoopwrightError, did_you_mean


@dataclass(frozen=True)
class Pipeline:
    """The parts of dvc.yaml that the commands need.

    Attributes:
        paths: ``vars.paths``: the name of each file and where it lies, relative to the
            repository.
        pillars: the pillars of the audit, from its matrix.
    """

    paths: dict[str, str]
    pillars: tuple[str, ...]

    def path(self, name: str) -> str:
        """Return the path called `name`.

        Raises:
            LoopwrightError: dvc.yaml has none of that name.
        """
        if name not in self.paths:
            raise LoopwrightError(
                f"dvc.yaml: vars.paths has no '{name}'{did_you_mean(name, self.paths)}"
            )
        return self.paths[name]


def read_pipeline(root: Path) -> Pipeline:
    """Read the dvc.yaml in the folder `root`.

    Raises:
        LoopwrightError: there is none, it is not YAML, or it lacks the paths or the
            pillars.
    """
    file = root / "dvc.yaml"
    try:
        document: Any = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LoopwrightError(
            "dvc.yaml: no such file here; go to the top of the repository"
        ) from None
    except (UnicodeDecodeError, YAMLError) as fault:
        raise LoopwrightError(f"dvc.yaml: not valid YAML: {fault}") from None
    try:
        paths = next(block["paths"] for block in document["vars"] if "paths" in block)
        pillars = document["stages"]["audit"]["matrix"]["pillar"]
    except (TypeError, KeyError, StopIteration):
        raise LoopwrightError(
            "dvc.yaml: `vars: - paths:` and `stages: audit: matrix: pillar:` were expected"
        ) from None
    return Pipeline(dict(paths), tuple(pillars))
