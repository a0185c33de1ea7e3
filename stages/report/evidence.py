"""All that the stages left, in the order of the process, and what the report itself finds in it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isfinite
from pathlib import Path

from stages.core.verdicts import SEVERITY, Status, Verdict, worst
from stages.report.artefacts import (
    Charter,
    Evaluation,
    Features,
    Figure,
    Finding,
    Findings,
    Manifest,
    Model,
    Pillar,
    Quality,
    Reader,
    Register,
    Row,
    Search,
    Splits,
)
from stages.report.risks import risks_evidenced

STEPS = ("define", "data", "explore", "features", "train", "evaluate", "audit", "decide")
PILLARS = (
    "performance",
    "safety",
    "fairness",
    "privacy_security",
    "transparency",
    "accountability",
)

# The folders of figures, by their names in dvc.yaml: the step of the loop that shows each.
FIGURES = {
    "explore_figures": "explore",
    "featurize_figures": "features",
    "tune_figures": "train",
    "train_figures": "train",
    "evaluate_figures": "evaluate",
}


@dataclass(frozen=True)
class Curve:
    """A score by training iteration: (iteration, score), in that order."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Audit:
    """One pillar: what it wrote, None where it cannot be read, and its verdicts."""

    pillar: str
    document: Pillar | None
    figures: tuple[Figure, ...]
    verdicts: tuple[Verdict, ...]
    not_run: bool


@dataclass(frozen=True)
class Evidence:
    """What the stages left; None where it is missing or cannot be read.

    Attributes:
        figures: by step of the loop.
        verdicts: by step of the loop: those of its stages, and whether its files were read.
        not_run: the steps that left nothing at all.
        paths: where each artefact is, relative to the repository, by its name in dvc.yaml.
    """

    charter: Charter | None
    manifest: Manifest | None
    quality: Quality | None
    splits: Splits | None
    findings: Findings | None
    features: Features | None
    search: Search | None
    trials: list[Row] | None
    model: Model | None
    leaderboard: list[Row] | None
    curves: tuple[Curve, ...]
    evaluation: Evaluation | None
    audits: tuple[Audit, ...]
    register: Register | None
    figures: dict[str, tuple[Figure, ...]]
    verdicts: dict[str, tuple[Verdict, ...]]
    not_run: frozenset[str]
    paths: dict[str, str]

    @property
    def all_verdicts(self) -> tuple[Verdict, ...]:
        """Every verdict, in the order of the process."""
        return tuple(verdict for step in self.verdicts.values() for verdict in step)


def gather(paths: dict[str, Path]) -> Evidence:
    """Read the artefacts at `paths`, by their names in dvc.yaml; nothing missing stops it."""
    reader = {step: Reader(step) for step in STEPS}
    charter = reader["define"].document(paths["charter"], Charter)
    manifest = reader["data"].document(paths["manifest"], Manifest)
    quality = reader["data"].document(paths["quality"], Quality)
    splits = reader["data"].document(paths["splits"], Splits)
    findings = reader["explore"].document(paths["findings"], Findings)
    features = reader["features"].document(paths["feature_list"], Features)
    search = reader["train"].document(paths["best_params"], Search)
    trials = reader["train"].table(paths["trials"], ["trial"])
    model = reader["train"].document(paths["model_manifest"], Model)
    leaderboard = reader["train"].table(paths["leaderboard"], ["candidate"])
    curves = read_curves(reader["train"], paths["live"])
    evaluation = reader["evaluate"].document(paths["evaluation"], Evaluation)
    audits = read_audits(paths["audit"])
    figures: dict[str, tuple[Figure, ...]] = dict.fromkeys(STEPS, ())
    for name, step in FIGURES.items():
        figures[step] += tuple(reader[step].figures(paths[name]))

    told: dict[str, list[Verdict]] = {
        step: [verdict for document in documents if document for verdict in document.verdicts]
        for step, documents in (
            ("define", [charter]),
            ("data", [manifest, quality, splits]),
            ("explore", [findings]),
            ("features", [features]),
            ("train", [search, model]),
            ("evaluate", [evaluation]),
        )
    }
    told["explore"].append(findings_answered(findings, features, paths))
    told["audit"] = [verdict for audit in audits for verdict in audit.verdicts]
    verdicts = {
        step: (*told.get(step, []), *([reader[step].verdict()] if reader[step].files else []))
        for step in STEPS
    }
    register, place = read_register(paths["audit"])
    every = [verdict for step in verdicts.values() for verdict in step]
    verdicts["decide"] = (
        criteria_judged(charter, verdicts, paths),
        risks_evidenced(register.risks if register else None, every, place),
    )
    return Evidence(
        charter=charter,
        manifest=manifest,
        quality=quality,
        splits=splits,
        findings=findings,
        features=features,
        search=search,
        trials=trials,
        model=model,
        leaderboard=leaderboard,
        curves=curves,
        evaluation=evaluation,
        audits=audits,
        register=register,
        figures=figures,
        verdicts=verdicts,
        not_run=frozenset(_not_run(reader, audits)),
        paths={name: path.as_posix() for name, path in paths.items()},
    )


def read_audits(folder: Path) -> tuple[Audit, ...]:
    """Read every pillar under `folder`: the six that must be there, and any other that is."""
    more = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    others = sorted(name for name in more if name not in PILLARS and not name.startswith("."))
    return tuple(_read_audit(folder / pillar) for pillar in (*PILLARS, *others))


def _read_audit(folder: Path) -> Audit:
    reader = Reader(folder.name)
    document = reader.document(folder / "verdicts.json", Pillar)
    figures = reader.figures(folder / "figures")
    if document and document.pillar != folder.name:
        reader.faults.append(f"{folder.as_posix()}: holds the pillar '{document.pillar}'")
        document = None
    verdicts = (*(document.verdicts if document else []), reader.verdict())
    return Audit(folder.name, document, tuple(figures), verdicts, reader.not_run)


def read_register(audit: Path) -> tuple[Register | None, str]:
    """Read the register of risks; return it, None where it cannot be read, and where it is."""
    file = audit / "accountability" / "files" / "risks.json"
    return Reader("risks").document(file, Register), file.as_posix()


def _not_run(reader: dict[str, Reader], audits: tuple[Audit, ...]) -> Iterator[str]:
    """Yield the steps of which nothing is there."""
    yield from (step for step in STEPS if reader[step].not_run)
    if all(audit.not_run for audit in audits):
        yield "audit"


def read_curves(reader: Reader, folder: Path) -> tuple[Curve, ...]:
    """Read the scores by iteration that dvclive wrote under `folder`; a model may have none."""
    curves = []
    for path in sorted(folder.glob("plots/metrics/**/*.tsv")):
        rows = reader.table(path, ["step"], delimiter="\t") or []
        try:
            read = [(float(row["step"]), float(list(row.values())[-1])) for row in rows]
        except ValueError as fault:
            reader.faults.append(f"{path.as_posix()}: {fault}")
            continue
        name = path.relative_to(folder / "plots" / "metrics").with_suffix("").as_posix()
        points = [point for point in read if all(map(isfinite, point))]
        if len(points) > 1:
            curves.append(Curve(name, tuple(sorted(points))))
    return tuple(curves)


def answer_to(finding: Finding, answers: dict[str, str]) -> str | None:
    """Return the first of `answers` whose pattern fits the finding's id, or None."""
    for pattern, answer in answers.items():
        if finding.id == pattern or fnmatchcase(finding.id, pattern):
            return answer
    return None


def findings_answered(
    findings: Findings | None, features: Features | None, paths: dict[str, Path]
) -> Verdict:
    """Ask for an answer to each finding; a suspected leak without one is a fail."""
    name, bound = "report.findings_answered", "<= 0"
    files = (paths["findings"], paths["feature_list"])
    evidence = tuple(path.as_posix() for path in files if path.exists())
    if findings is None or features is None:
        why = "the findings or the answers to them cannot be read"
        return Verdict(name, "fail", None, None, bound, evidence, why)
    unanswered = [f for f in findings.findings if answer_to(f, features.answers) is None]
    leaks = [finding for finding in unanswered if finding.kind == "leakage"]
    status: Status = "fail" if leaks else "warn" if unanswered else "pass"
    why = f"each of {len(findings.findings)} findings of explore has an answer"
    if unanswered:
        first = ", ".join(finding.id for finding in (leaks or unanswered)[:5])
        what = "a suspected leak" if leaks else "findings"
        why = f"{what} without an answer in featurize.answers, such as {first}"
    return Verdict(name, status, len(unanswered), None, bound, evidence, why)


def criteria_judged(
    charter: Charter | None, verdicts: dict[str, tuple[Verdict, ...]], paths: dict[str, Path]
) -> Verdict:
    """Ask for a verdict on each success criterion, on validation and on test."""
    name, bound = "report.criteria_judged", "<= 0"
    if charter is None:
        why = "without the charter nobody knows what was promised"
        return Verdict(name, "fail", None, None, bound, (), why)
    evidence = tuple(p.as_posix() for p in (paths["charter"], paths["evaluation"]) if p.exists())
    silent = [
        f"{criterion.metric} on {rows}"
        for criterion in charter.charter.success_criteria
        for rows, found in judged(criterion.metric, verdicts).items()
        if found is None
    ]
    why = "each success criterion was held against validation and against test"
    if silent:
        why = f"promised in the charter and not measured: {', '.join(silent)}"
    return Verdict(name, "fail" if silent else "pass", len(silent), None, bound, evidence, why)


def judged(metric: str, verdicts: dict[str, tuple[Verdict, ...]]) -> dict[str, Verdict | None]:
    """Return the verdict on `metric` as a success criterion, on validation and on test.

    With a bound on both sides there are two, "at least" and "at most": the worse one.
    """
    prefixes = {
        "validation": ("evaluate", f"evaluate.{metric}"),
        "test": ("audit", f"performance.criterion:{metric}"),
    }
    found: dict[str, Verdict | None] = {}
    for rows, (step, name) in prefixes.items():
        fitting = [
            v for v in verdicts[step] if v.id in (name, f"{name} at least", f"{name} at most")
        ]
        found[rows] = min(fitting, key=lambda v: SEVERITY.index(v.status), default=None)
    return found


def count(verdicts: Iterable[Verdict]) -> dict[Status, int]:
    """Return how many verdicts have each status, the worst first."""
    found = Counter(verdict.status for verdict in verdicts)
    return {status: found[status] for status in SEVERITY}


def overall(verdicts: Iterable[Verdict]) -> Status:
    """Return the worst status; no verdicts at all leave the question open."""
    return worst(verdict.status for verdict in verdicts)
