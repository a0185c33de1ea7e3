"""params.yaml and schema.yaml for a table: what was guessed stands beside each guess."""

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

from jinja2 import Environment, StrictUndefined
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from operate.inference import Guess
from operate.init.proposal import Note, Proposal
from stages.core.errors import LoopwrightError
from stages.core.params import BinaryTarget
from stages.core.schema import Column
from stages.core.sources.declared import Format

CHARTER = Path(__file__).parent / "charter.yaml.jinja"

# What anyone would expect of a first model, by task: better than telling nothing apart.
_CRITERIA = {
    "binary": {"metric": "roc_auc", "side": "at_least", "bound": 0.6},
    "multiclass": {"metric": "roc_auc_ovr", "side": "at_least", "bound": 0.6},
    "regression": {"metric": "r2", "side": "at_least", "bound": 0.1},
}
_SCORING = {
    "binary": "log_loss",
    "multiclass": "log_loss",
    "regression": "root_mean_squared_error",
}

# The first entry of the register of risks: it fails until a person has written it.
_RISKS = """\
- risk: "TODO: what could go wrong?"
  owner: risk
  likelihood: possible
  harm: moderate
  mitigation: "TODO: what is done about it?"
  evidence:
    - "performance.criterion:*"
  residual: medium
  accepted: null
  due: null
"""

_LINEAR: dict[str, dict[str, Any]] = {
    "classes": {
        "estimator": "logistic_regression",
        "C": 0.1,
        "l1_ratio": 0.0,
        "n_knots": 5,
        "max_iter": 1000,
    },
    "regression": {"estimator": "ridge", "alpha": 1.0, "n_knots": 5},
}

# It stops by itself, so that no table needs a number of iterations of its own.
_BOOSTING: dict[str, Any] = {
    "estimator": "hist_gradient_boosting",
    "learning_rate": 0.05,
    "max_iter": 1000,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "l2_regularization": 2.0,
    "max_features": 0.5,
    "early_stopping": {"rounds": 50, "fraction": 0.2},
}

# Ages, in years, as the fairness audit groups them; they hold whoever a table may hold.
_AGE_BANDS = (0, 18, 30, 40, 50, 60, 130)


def write_params(
    current: str, proposal: Proposal, form: Format, missing_values: tuple[str, ...], title: str
) -> str:
    """Return params.yaml for the table; what no table can tell stays as in `current`.

    Args:
        current: the text of params.yaml.
        proposal: what the table seems to be for.
        form: how the file is written.
        missing_values: the texts that mean missing.
        title: of the project.

    Raises:
        LoopwrightError: `current` is no params.yaml.
    """
    yaml = _yaml()
    document = yaml.load(current)
    if not isinstance(document, CommentedMap) or "charter" not in document:
        raise LoopwrightError("params.yaml: no section charter; take the one of the repository")
    task = proposal.target.task
    # indented before it is read, so that its comments stand where its keys do
    nested = "charter:\n" + indent(_charter(proposal, title), "  ")
    document["charter"] = yaml.load(nested)["charter"]
    source = form.model_dump(mode="json", exclude_none=True)
    if form.kind == "csv":
        source["quote"] = form.quote
    document["ingest"]["sources"] = [
        {"kind": "file", "format": _flow(source), "missing_values": _flow(list(missing_values))}
    ]
    # A first look stops at nothing that a person has not decided on.
    document["validate"]["missing_labels"] = "drop" if proposal.unlabelled else "fail"
    for check in ("duplicates", "conflicting_labels", "constant_columns"):
        document["validate"][check] = "warn"
    document["validate"]["one_class_target"] = "warn" if task == "multiclass" else "fail"
    document["validate"]["single_feature_leakage"]["policy"] = "warn"
    split = document["split"]
    split["strategy"] = "time" if proposal.time else "group" if proposal.group else "stratified"
    split["group"], split["time"] = proposal.group, proposal.time
    featurize = document["featurize"]
    left_out = list(dict.fromkeys([*proposal.sensitive, *proposal.suspects]))
    featurize["exclude"] = _flow(left_out)
    featurize["create"], featurize["answers"] = CommentedMap(), CommentedMap()
    train = document["train"]
    linear = _LINEAR["regression" if task == "regression" else "classes"]
    train["scoring"] = document["tune"]["scoring"] = _SCORING[task]
    train["candidates"] = {
        "dummy": _flow({"estimator": "dummy"}),
        "rule": _flow({"estimator": "rule"}),
        "linear": _flow(linear),
        "boosting": dict(_BOOSTING),
    }
    document["tune"]["start"], document["tune"]["candidate"] = dict(_BOOSTING), "boosting"
    train["ensemble"] = train["calibration"] = None
    audit = document["audit"]
    audit["fairness"]["age_bands"] = _flow(list(_AGE_BANDS))
    audit["privacy_security"]["quasi_identifiers"] = _flow(list(proposal.sensitive))
    audit["accountability"]["risks"] = yaml.load(_RISKS)
    document["gate"]["accept_insufficient"] = CommentedMap()
    # a blank line before each section, also where one went with what it stood in
    return re.sub(r"\n+(?=[a-z]\w*:)", "\n\n", _written(document))


def _charter(proposal: Proposal, title: str) -> str:
    target, share = proposal.target, proposal.share
    why = {note.key.rpartition(".")[2]: note.why for note in proposal.notes}
    environment = Environment(  # noqa: S701 - YAML, whose values are quoted as JSON
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["yaml"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(CHARTER.read_text(encoding="utf-8"))
    return template.render(
        title=title,
        task=target.task,
        target=target,
        why={"task": why["task"], "positive": why.get("positive", "")},
        key=proposal.key,
        sensitive=list(proposal.sensitive),
        rule=proposal.rule,
        missed=_missed(share) if isinstance(target, BinaryTarget) else None,
        criterion=_CRITERIA[target.task],
    )


def _missed(share: float | None) -> float:
    """Return what a missed positive costs, so that acting pays from their share on."""
    return -round((1 - share) / share, 2) if share and share < 1 else -1.0


def write_schema(
    columns: Mapping[str, Column], guesses: Mapping[str, Guess], notes: tuple[Note, ...]
) -> str:
    """Return schema.yaml: each column, with what it rests on and what to look at above it."""
    doubted: dict[str, list[str]] = {}
    for note in notes:
        if note.key.startswith("schema.yaml "):
            doubted.setdefault(note.key.removeprefix("schema.yaml "), []).append(note.why)
    document = CommentedMap()
    for name, column in columns.items():
        described = column.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        written = {"dtype": column.dtype, "kind": column.kind, "title": column.title} | described
        document[_scalar(name)] = _flow(written)
        doubts = [*guesses[name].doubts, *doubted.get(name, [])]
        if doubts:
            text = "\n".join(f"look: {doubt}" for doubt in doubts)
            document.yaml_set_comment_before_after_key(name, before=text, indent=2)
    head = (
        "# The table: what each column seems to be, guessed from the table by `loopwright init`.\n"
        "# A column that is not listed here is a fault. Review it like code; docs/schema.md.\n"
    )
    return head + _written(CommentedMap({"version": 1, "columns": document}))


def _flow(value: Any) -> Any:
    """Return `value` so that it is written on one line."""
    if isinstance(value, Mapping):
        written = CommentedMap({_scalar(key): _flow(inner) for key, inner in value.items()})
        written.fa.set_flow_style()
        return written
    if isinstance(value, (list, tuple)):
        listed = CommentedSeq(map(_flow, value))
        listed.fa.set_flow_style()
        return listed
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Return `value`; a text with any sign that YAML could read otherwise in quotation marks."""
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z_][\w ./%()-]*", value, re.ASCII):
        return DoubleQuotedScalarString(value)
    return value


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    # ruamel leaves a null empty, which reads like something forgotten.
    yaml.representer.add_representer(
        type(None), lambda written, _: written.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _written(document: CommentedMap) -> str:
    text = io.StringIO()
    _yaml().dump(document, text)
    return text.getvalue()
