"""Is an answer one, or does something stand in for it?"""

import re

# What people leave where an answer should stand.
_PLACEHOLDERS = frozenset({"", "na", "none", "nobody", "tba", "tbc", "tbd", "todo", "xxx"})


def is_written(text: str) -> bool:
    """Return whether `text` says something: it has letters, and is no placeholder."""
    letters = re.sub(r"[\W\d_]", "", text).casefold()
    return letters not in _PLACEHOLDERS and not re.match(r"\s*(TODO|TBD|FIXME)\b", text)
