"""The project's own transformers, by the name that params.yaml calls them.

A transformer is a scikit-learn estimator that takes a frame of its columns and gives an
array of shape (rows,) or (rows, columns); docs/featurize.md shows how to write one. What
is named here is also trusted when a model is loaded: see stages/core/models.py.
"""

from typing import Any

OWN_TRANSFORMERS: dict[str, type[Any]] = {}
