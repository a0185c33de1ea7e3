"""params.yaml and schema.yaml as JSON schemas, for an editor that completes and checks them.

They follow from the models that the stages read the files with, so that they cannot say
something else; what each key means comes from the tables in docs/. What a model checks
beyond types, names and bounds is left to the stages.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operate.meanings import Meanings, plain, read_meanings
from stages.core.documents import Section
from stages.core.files import write_text
from stages.core.params import Params
from stages.core.schema import Schema

FOLDER = Path(".loopwright")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
# By the name of the file that it is for.
MODELS: dict[str, type[Section]] = {"params": Params, "schema": Schema}


def json_schema(model: type[Section], title: str, meanings: Meanings) -> dict[str, Any]:
    """Return the JSON schema of a document, with a description of each key."""
    document = model.model_json_schema(by_alias=True)
    sections = document.get("$defs", {})
    told: dict[int, str] = {}  # by the node: one section may stand at several keys
    for key, section, node in _properties(document, sections, "", ()):
        node.pop("title", None)  # pydantic's, made of the name
        own = _sections_of(node, sections)
        meaning = meanings.tables.get(key) if own else meanings.of(key)
        if meaning is not None:
            told.setdefault(id(node), meaning)
        node["description"] = told.get(id(node)) or _docstring(*(own or [section]))
    for section in [document, *sections.values()]:
        section.pop("title", None)
        section["description"] = _docstring(section)
    return {"$schema": _DIALECT, "title": title, **document}


def _sections_of(node: dict[str, Any], sections: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the sections that a property may be; none for a value."""
    choices = node.get("anyOf") or node.get("oneOf") or [node]
    names = [str(part.get("$ref", "")).removeprefix("#/$defs/") for part in choices]
    return [sections[name] for name in names if name in sections]


def _docstring(*sections: dict[str, Any]) -> str:
    return " Or: ".join(plain(str(section.get("description", ""))) for section in sections)


def _properties(
    node: Any, sections: dict[str, Any], key: str, above: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the dotted key, the section and the node of each property below `node`."""
    if isinstance(node, list):
        for part in node:
            yield from _properties(part, sections, key, above)
        return
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).removeprefix("#/$defs/")
    if name in sections and name not in above:
        yield from _properties(sections[name], sections, key, (*above, name))
    for child, inner in node.get("properties", {}).items():
        whole = f"{key}.{child}" if key else child
        yield whole, node, inner
        yield from _properties(inner, sections, whole, above)
    for word in ("items", "anyOf", "oneOf", "additionalProperties", "prefixItems"):
        yield from _properties(node.get(word), sections, key, above)
    yield from _properties([*node.get("patternProperties", {}).values()], sections, key, above)


def documents(root: Path) -> dict[Path, str]:
    """Return the text of each JSON schema by its path below `root`."""
    meanings = read_meanings(root / "docs")
    return {
        FOLDER / f"{name}.schema.json": json.dumps(
            json_schema(model, f"{name}.yaml", meanings), indent=1, ensure_ascii=False
        )
        + "\n"
        for name, model in MODELS.items()
    }


def write(root: Path) -> Iterator[str]:
    """Write the JSON schemas; yield the path of each."""
    for path, text in documents(root).items():
        write_text(root / path, text)
        yield path.as_posix()
