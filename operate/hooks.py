"""What does not belong in git: tables, models and notebooks; personal data and secrets."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from operate.index import Index
from stages.core.errors import LoopwrightError
from stages.core.personal_data import EMAIL, IBAN, PAYMENT_CARD, beginnings


@dataclass(frozen=True)
class Finding:
    """A place in git and what is wrong there; never the personal value itself."""

    where: str
    what: str

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{self.where}: {self.what}"


# --- files ----------------------------------------------------------------------------------

DATA = "data/"
SOURCE = "data/source/"
MODELS = {
    *(".skops", ".pkl", ".pickle", ".joblib", ".dill", ".onnx", ".pt", ".pth", ".keras"),
    *(".safetensors", ".npy", ".npz", ".ubj", ".cbm"),
}
TABLES = {
    *(".parquet", ".feather", ".arrow", ".orc", ".avro", ".xls", ".xlsx", ".h5", ".hdf5"),
    *(".sqlite", ".duckdb", ".db"),
}
TEXT_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson"}
PACKED = {".gz", ".zip", ".bz2", ".xz", ".zst"}
TEXT_TABLE_BYTES = 64 * 1024  # what a reviewer can still read as a diff
LARGE_BYTES = 1024 * 1024
BESIDE_DATA = {".dvc", ".gitignore", ".gitkeep"}  # DVC's pointers, and git's own files


def check_tracked(index: Index, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield those of `paths` that git should not keep, and why.

    Raises:
        LoopwrightError: dvc.yaml is in the index and is not YAML.
    """
    declared = kept_by_git(index.text("dvc.yaml") or "{}")
    for path, size in index.sizes(paths).items():
        if any(pattern.fullmatch(path) for pattern in declared):
            continue
        what = _misplaced(path, size)
        if what:
            yield Finding(path, what)


def _misplaced(path: str, size: int) -> str | None:
    """Return why the file at `path` does not belong in git, or None."""
    name = PurePosixPath(path.lower())
    packed = name.suffix in PACKED
    suffix = PurePosixPath(name.stem).suffix if packed else name.suffix
    if suffix == ".ipynb":
        return "a notebook hides state and outputs: keep its code in a module"
    if suffix in MODELS:
        return "a model or an array: let a stage write it, and DVC keeps it"
    if size > LARGE_BYTES and suffix != ".lock":
        return f"{size:,} bytes, over 1 MiB: let DVC keep it"
    if path.startswith(SOURCE):
        return None
    if path.startswith(DATA) and name.suffix not in BESIDE_DATA and name.name not in BESIDE_DATA:
        return f"DVC keeps what is in {DATA}, except {SOURCE} and outputs with `cache: false`"
    if suffix in TABLES or (packed and suffix in TEXT_TABLES):
        return f"a table that no diff shows: it belongs in {SOURCE}, or to DVC"
    if suffix in TEXT_TABLES and size > TEXT_TABLE_BYTES:
        return f"a table of {size:,} bytes, over {TEXT_TABLE_BYTES:,}: let DVC keep it"
    return None


def kept_by_git(dvc_yaml: str) -> list[re.Pattern[str]]:
    """Return what the outputs with ``cache: false`` in the text of dvc.yaml look like.

    Raises:
        LoopwrightError: the text is not YAML.
    """
    document = load_pipeline("dvc.yaml", dvc_yaml)
    paths = {
        f"${{paths.{name}}}": str(path)
        for block in document.get("vars") or []
        if isinstance(block, dict)
        for name, path in (block.get("paths") or {}).items()
    }
    return [
        _as_pattern(out, paths)
        for stage in (document.get("stages") or {}).values()
        for body in [stage.get("do", stage)]
        for kind in ("outs", "metrics", "plots")
        for entry in body.get(kind) or []
        if isinstance(entry, dict)
        for out, options in entry.items()
        if isinstance(options, dict) and options.get("cache") is False
    ]


def _as_pattern(out: str, paths: dict[str, str]) -> re.Pattern[str]:
    """Return a pattern of the path `out`, in which an unknown variable is any one name."""
    for name, path in paths.items():
        out = out.replace(name, path)
    parts = re.split(r"\$\{[^}]*\}", out)
    return re.compile("[^/]+".join(map(re.escape, parts)) + "(/.*)?")


def load_pipeline(name: str, text: str) -> Any:
    """Return what `text`, that of dvc.yaml or dvc.lock, declares.

    Raises:
        LoopwrightError: it is not YAML, or its stages are no mappings.
    """
    document = load_yaml(name, text)
    stages = document.get("stages") or {}
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise LoopwrightError(f"{name}: stages: a mapping of mappings was expected")
    return document


def load_yaml(name: str, text: str) -> Any:
    """Return the mapping in `text`, read as DVC reads YAML.

    Raises:
        LoopwrightError: it is not YAML, or no mapping.
    """
    try:
        document = YAML(typ="safe").load(text)
    except YAMLError as fault:
        raise LoopwrightError(f"{name}: not valid YAML: {fault}") from None
    if not isinstance(document, dict):
        raise LoopwrightError(f"{name}: a mapping was expected")
    return document


# --- what stands in them --------------------------------------------------------------------

ALLOW = "not-personal-data"  # on a line: a person has looked at it

# Nobody's: RFC 2606 and RFC 6761 set these names aside, and example.co.uk is used alike.
_RESERVED = re.compile(r"(?:.*\.)?(?:example(?:\.[a-z.]+)?|test|invalid|localhost)")
_NOREPLY = re.compile(r"(?:no-?reply|do-?not-?reply|git)(?:\+.*)?", re.IGNORECASE)

# Numbers that payment networks publish for tests, and the IBANs that the registry shows.
_EXAMPLES = """
    378282246310005 371449635398431 5555555555554444 5105105105105100 2223003122003222
    4111111111111111 4012888888881881 4242424242424242 4222222222222 6011111111111117
    6011000990139424 30569309025904 38520000023237 3530111333300000 3566002020360505
    AT611904300234573201 BE68539007547034 CH9300762011623852957 DE89370400440532013000
    DK5000400440116243 ES9121000418450200051332 FI2112345600000785
    FR1420041010050500013M02606 GB29NWBK60161331926819 GB82WEST12345698765432
    IE29AIBK93115212345678 IT60X0542811101000000123456 LU280019400644750000
    NL91ABNA0417164300 NO9386011117947 PL61109010140000071219812874
    PT50000201231234567890154 SE4550000000058398257466
"""
EXAMPLES = set(_EXAMPLES.split())

SECRETS = {
    "AWS access key": re.compile(r"(?<![A-Z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Z0-9])"),
    "GitHub token": re.compile(r"(?<!\w)(?:gh[pousr]_\w{36,}|github_pat_\w{22,})"),
    "GitLab token": re.compile(r"(?<!\w)gl(?:pat|ptt|dt|rt|cbt)-[\w-]{20,}"),
    "Google API key": re.compile(r"(?<!\w)AIza[\w-]{35}(?![\w-])"),
    "Slack token": re.compile(r"(?<!\w)xox[abeprs]-[\w-]{10,}"),
    "Stripe key": re.compile(r"(?<!\w)[rs]k_live_\w{16,}"),
    "private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
}


def check_private(index: Index, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield each line of the text files among `paths` that holds personal data or a secret."""
    for path, content in index.read(paths).items():
        if b"\0" in content[:8192]:  # git's own test of a binary file
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            for what in private(line):
                yield Finding(f"{path}:{number}", what)


def private(line: str) -> Iterator[str]:
    """Yield the kinds of personal data and of secrets in `line`."""
    if ALLOW in line:
        return
    if "@" in line and any(map(_is_persons, EMAIL.form.findall(line))):
        yield EMAIL.name
    for pattern in (IBAN, PAYMENT_CARD):
        if any(
            pattern.holds(text) and not _is_example(text) for text in pattern.form.findall(line)
        ):
            yield pattern.name
    for name, form in SECRETS.items():
        if any("EXAMPLE" not in text for text in form.findall(line)):
            yield name


def _is_persons(address: str) -> bool:
    """Return whether the e-mail `address` may be a person's."""
    name, _, domain = address.lower().rpartition("@")
    hidden = domain.startswith("users.noreply.")
    return not (hidden or _RESERVED.fullmatch(domain) or _NOREPLY.fullmatch(name))


def _is_example(text: str) -> bool:
    return any(beginning in EXAMPLES for beginning in beginnings(text))
