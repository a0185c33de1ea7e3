"""The presets: which parts of params.yaml make an entrant of the project's own."""

from pathlib import Path

PRESETS = Path(__file__).resolve().parent / "presets"


def preset_files(name: str, table: str, task: str) -> list[Path]:
    """Return the files of preset `name`, in the order in which they are merged.

    The features of any table, the recipe for the task, then what is known of `table`: its
    features, and its own recipe.
    """
    recipe = f"{name}_regression" if task == "regression" else name
    parts = ("featurize", recipe, table, f"{table}_{name}")
    return [path for path in (PRESETS / f"{part}.yaml" for part in parts) if path.exists()]
