"""What each key of params.yaml and schema.yaml means, in the words of docs/.

The tables of the pages are the one place where that is written. A table whose first column
is headed "Key of `section`" says it best; else it is the first line that names the key.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"Keys? of `([\w.]+)`")
_SPAN = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"(?<!\\)\|")
_KEY = re.compile(r"[A-Za-z_][\w.*]*")


@dataclass(frozen=True)
class Meanings:
    """The words of the pages.

    Attributes:
        tables: the meaning of each whole key that a table of keys has; `.*` is left out.
        lines: page and line of whatever names something in code.
    """

    tables: Mapping[str, str]
    lines: tuple[tuple[str, str], ...]

    def of(self, key: str) -> str | None:
        """Return what `key` means, such as ``train.candidates.C``; None where no page says it."""
        if key in self.tables:
            return self.tables[key]
        topics = set(key.split("."))
        about = [line for page, line in self.lines if topics & set(re.split(r"[-/]", page))]
        parts = key.split(".")
        wanted = [".".join(parts[i:]) for i in range(1, len(parts))]
        for name, lines in [(key, [line for _, line in self.lines]), *((w, about) for w in wanted)]:
            told = next((text for line in lines if (text := _told(line, name))), None)
            if told:
                return told
        return None


def read_meanings(docs: Path) -> Meanings:
    """Read the pages in the folder `docs`."""
    tables: dict[str, str] = {}
    lines: list[tuple[str, str]] = []
    for page in sorted(docs.rglob("*.md")):
        name = page.relative_to(docs).with_suffix("").as_posix()
        for section, line in _rows(page.read_text(encoding="utf-8")):
            first, *rest = cells(line)
            if section is None or not rest:
                lines.append((name, line))
                continue
            for span in _SPAN.findall(first):
                if _KEY.fullmatch(span):
                    whole = f"{section}.{span}" if section else span
                    tables.setdefault(whole.replace(".*", ""), plain(rest[0]))
            lines.append((name, line))
    return Meanings(tables, tuple(lines))


def _rows(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the lines that name something in code, in a table of keys with its section."""
    section: str | None = None
    inside = False
    for line in text.splitlines():
        is_row = line.startswith("|")
        if is_row and not inside:
            head = _HEAD.match(cells(line)[0])
            section = head[1] if head else None
            section = "" if section in ("params.yaml", "schema.yaml") else section  # the whole
        inside = is_row
        if "`" in line:
            yield (section if is_row else None), line


def cells(line: str) -> list[str]:
    """Return the cells of a row of a table in Markdown; another line is one cell."""
    if not line.startswith("|"):
        return [line]
    return [cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip()[1:-1])]


def _told(line: str, name: str) -> str | None:
    """Return what `line` says of the key `name`, None where it does not say it."""
    found = cells(line)
    for place, cell in enumerate(found):
        after = re.search(rf"`{re.escape(name)}`: ([^;|]+)", cell)
        if after:
            return plain(after[1])
        spans = [span.replace(".*.", ".").removesuffix(".*") for span in _SPAN.findall(cell)]
        if name in spans and not re.sub(r"`[^`]+`|,|\band\b", "", cell).strip():
            others = [text for other, text in enumerate(found) if other not in (0, place)]
            return plain("; ".join(text for text in others if text)) or None
    return None


def plain(text: str) -> str:
    """Return Markdown as plain text."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
    return re.sub(r"\s+", " ", text.replace("`", "").replace("**", "")).strip()
