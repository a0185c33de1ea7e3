"""YAML documents read into strict models, all faults told at once."""

import json
import types
import typing
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from stages.core.credentials import ELSEWHERE, is_secret, masked_value
from stages.core.errors import LoopwrightError, did_you_mean


class Section(BaseModel):
    """A part of a document: frozen, strict, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


Document = TypeVar("Document", bound=Section)
Location = tuple[int | str, ...]


def read_document(path: Path, model: type[Document]) -> Document:
    """Read the YAML file at `path` into `model`, as DVC reads it (YAML 1.2, ruamel).

    Raises:
        LoopwrightError: the file is missing, is not YAML, or does not fit `model`;
            the message lists every fault with its line, its key, what was found,
            what is possible and, for a misspelt key, the closest one.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LoopwrightError(f"{path}: no such file") from None
    except UnicodeDecodeError as fault:
        raise LoopwrightError(f"{path}: not UTF-8 text ({fault})") from None
    try:
        data = YAML(typ="safe").load(text)
    except MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise LoopwrightError(f"{path}:{line}: not valid YAML: {fault.problem}") from None
    except (YAMLError, ValueError) as fault:  # a control character, a number of 5,000 digits
        raise LoopwrightError(f"{path}: not valid YAML: {str(fault).splitlines()[0]}") from None
    if not isinstance(data, dict):
        raise LoopwrightError(f"{path}: a mapping of sections was expected, found {_shown(data)}")
    try:
        as_json = json.dumps(data, default=str)
    except (TypeError, ValueError) as fault:  # a key that is a date or a list; an endless alias
        raise LoopwrightError(f"{path}: {fault}; quote a key that is to be text") from None
    try:
        return model.model_validate_json(as_json)
    except ValidationError as invalid:
        root = YAML().compose(text)  # it knows the lines
        faults = [_fault(path, model, data, root, error) for error in invalid.errors()]
    noun = "fault" if len(faults) == 1 else "faults"
    raise LoopwrightError("\n  ".join([f"{path} has {len(faults)} {noun}", *faults]))


def _fault(path: Path, model: type[Section], data: Any, root: Node, error: Any) -> str:
    """Return one line for one of pydantic's errors."""
    location = _in_document(data, error["loc"])
    key = ".".join(str(part) for part in location)
    where = f"{path}:{_line(root, location)}: {key}:"
    if error["type"] == "extra_forbidden":
        possible = _keys(model, data, location[:-1])
        hint = did_you_mean(str(location[-1]), possible)
        if is_secret(str(location[-1])):
            return f"{where} a credential has no place here: {ELSEWHERE}"
        return f"{where} unknown key{hint}; possible: {', '.join(possible)}"
    if error["type"] == "missing":
        if isinstance(error["loc"][-1], int):
            return f"{where} found {_shown(error['input'])}; one value more was expected"
        return f"{where} this key is missing"
    context = error.get("ctx", {})
    if error["type"] == "union_tag_invalid":
        possible = [name.strip("' ") for name in context["expected_tags"].split(", ")]
        hint = did_you_mean(context["tag"], possible)
        tag = context["discriminator"].strip("'")
        return f"{where} unknown {tag} '{context['tag']}'{hint}; possible: {', '.join(possible)}"
    message = error["msg"].removeprefix("Value error, ")
    hint = ""
    if error["type"] == "literal_error" and isinstance(error["input"], str):
        possible = [
            name.strip("' ") for name in context["expected"].replace(" or ", ", ").split(", ")
        ]
        hint = did_you_mean(error["input"], possible)
    return f"{where} found {_shown(error['input'])}; {message[0].lower()}{message[1:]}{hint}"


def _shown(value: Any) -> str:
    shown = json.dumps(masked_value(value), ensure_ascii=False, default=str)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _in_document(data: Any, loc: Location) -> Location:
    """Return `loc` without the union tags that pydantic adds to it."""
    kept: list[int | str] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(data, dict) and (part in data or last):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif not (last and isinstance(data, dict)):
            continue
        kept.append(part)
    return tuple(kept)


def _line(node: Node, location: Location) -> int:
    """Return the line (from 1) of the last part of `location` that the file holds."""
    line = int(node.start_mark.line) + 1
    for part in location:
        if isinstance(node, MappingNode):
            found = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if found is None:
                return line
            line, node = int(found[0].start_mark.line) + 1, found[1]
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = int(node.start_mark.line) + 1
    return line


def _keys(annotation: Any, data: Any, location: Location) -> list[str]:
    """Return the keys possible at `location`, for the choice that `data` makes there."""
    model = _model(annotation, data)
    if model is not None:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if not location:
            return list(fields)
        field = fields.get(str(location[0]))
        inner = field.annotation if field else None
    else:
        arguments = [part for part in typing.get_args(annotation) if part is not Ellipsis]
        inner = arguments[-1] if arguments else None
        if not location:
            return []
    part: Any = location[0]
    child = data[part] if isinstance(data, (dict, list)) else None
    return _keys(inner, child, location[1:])


def _model(annotation: Any, data: Any) -> type[Section] | None:
    """Return the section that `annotation` stands for; of a union, the one that fits `data`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _model(typing.get_args(annotation)[0], data)
    if origin in (typing.Union, types.UnionType):
        models = [m for m in (_model(a, data) for a in typing.get_args(annotation)) if m]
        return next((model for model in models if _agrees(model, data)), None)
    return None


def _agrees(model: type[Section], data: Any) -> bool:
    return isinstance(data, dict) and all(
        data.get(name) in typing.get_args(field.annotation)
        for name, field in model.model_fields.items()
        if typing.get_origin(field.annotation) is typing.Literal and name in data
    )
