"""The sources of your own, one line each: see docs/ingest.md."""

from stages.core.sources.reader import Reader

# By the name that `reader` gives in params.yaml.
READERS: dict[str, Reader] = {}
