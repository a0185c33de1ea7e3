"""Gather all that a reviewer asks of two revisions; what cannot be read becomes a gap."""

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from operate.review import difference as between
from operate.review.cache import Cache
from operate.review.changes import (
    code_changes,
    numstat,
    only_seeds,
    package_changes,
    param_changes,
    reruns,
)
from operate.review.definition import differences, read_definition
from operate.review.difference import Decision, Paired, Shared, decide, not_comparable
from operate.review.results import (
    Flip,
    MetricRow,
    SliceRow,
    compare_slices,
    flips,
    measured_of,
    model_rows,
    verdicts_of,
)
from operate.review.review import DataChange, Picture, Review
from operate.review.snapshot import LOCK, PARAMS, PIPELINE, Snapshot
from operate.review.tries import Tries, count_tries
from operate.revisions import Revision
from stages.core.errors import LoopwrightError, did_you_mean
from stages.core.metrics import METRICS, Metric
from stages.core.params import BinaryTarget
from stages.core.parts import parts_of
from stages.core.schema import Schema, read_schema
from stages.core.statistics import Estimate

# Who writes verdicts outside the audit.
JUDGES = ("charter", "quality", "splits", "evaluation")


def review(root: Path, base: Revision, head: Revision) -> Review:
    """Compare two revisions of the repository `root`; nothing is checked out.

    Raises:
        LoopwrightError: `root` is no DVC repository, or a file of one is no valid YAML.
    """
    with Cache(root) as cache:
        old, new = Snapshot(base, cache), Snapshot(head, cache)
        cache.fetch(oid for snapshot in (old, new) for oid in snapshot.hashes(*_needed(snapshot)))
        return _Reviewer(root, old, new).review()


def _needed(snapshot: Snapshot) -> list[str]:
    """Return the paths whose bytes a review reads at each revision."""
    names = ("predictions", "evaluation", "model_manifest", "evaluate_figures", *JUDGES)
    return [*(snapshot.paths[n] for n in names if n in snapshot.paths), *_pillars(snapshot)]


def _pillars(snapshot: Snapshot) -> list[str]:
    """Return where the pillars of the audit wrote their verdicts."""
    audit = snapshot.paths.get("audit", "data/audit")
    named = {f"{audit}/{name.partition('@')[2]}" for name in snapshot.lock.stages if "@" in name}
    outs = snapshot.outs
    return sorted(
        f"{folder}/verdicts.json"
        for folder in named
        if folder in outs or f"{folder}/verdicts.json" in outs
    )


class _Reviewer:
    """Two snapshots, and what could not be compared."""

    def __init__(self, root: Path, base: Snapshot, head: Snapshot) -> None:
        self.root, self.base, self.head = root, base, head
        self.both = (base, head)
        self.gaps: list[str] = []
        self.definitions = (read_definition(base.params), read_definition(head.params))

    def review(self) -> Review:
        base, head = self.both
        for snapshot in self.both:
            if not snapshot.lock.stages:
                self.gap(f"{snapshot} has no dvc.lock: nothing that stages wrote can be read")
        documents = {
            name: [self.document(snapshot, name) for snapshot in self.both]
            for name in ("evaluation", "model_manifest")
        }
        manifests = documents["model_manifest"]
        tries = count_tries(self.root, base, head)
        shared = self.shared()
        groups = self.groups(shared)
        paired, faults = self.paired(shared, groups)
        decision, trained_on = self.decide(shared, paired, faults, documents, tries)
        params = param_changes(base.params, head.params)
        code = code_changes(base.lock, head.lock, lines := self.lines())
        listed = {change.file for change in code}
        pictures = self.pictures()
        n = 0 if shared is None else len(shared)
        return Review(
            base=str(base),
            head=str(head),
            metric=self.main,
            currency=costs.currency if (costs := self.definitions[1].costs) else "",
            decision=decision,
            rows=(*((0, 0) if shared is None else shared.rows), n),
            relabelled=0 if shared is None else shared.relabelled,
            tries=tries,
            stretched=between.stretch(max(n, 1), trained_on, tries.comparisons),
            seeds_only=only_seeds(params, code),
            metrics=self.metric_rows(documents["evaluation"], paired, faults),
            params=params,
            packages=package_changes(*(self.environment(snapshot) for snapshot in self.both)),
            code=code,
            other_files=sum(
                file not in listed
                and file not in (LOCK, PARAMS, PIPELINE)
                and file not in head.outs
                for file in lines
            ),
            reruns=reruns(base.lock, head.lock, (base.commands, head.commands)),
            slices=self.slices(shared, groups, documents["evaluation"][1]),
            verdicts=self.flips(),
            model=model_rows(manifests[0], manifests[1], self.sizes()),
            pictures=[p for p in pictures if p.base != p.head],
            same_pictures=[p.name for p in pictures if p.base == p.head],
            data=self.data(),
            stale=head.stale() or base.stale(),
            gaps=self.gaps,
        )

    # --- reading --------------------------------------------------------------------------

    def gap(self, text: str) -> None:
        if text not in self.gaps:
            self.gaps.append(text)

    def path(self, snapshot: Snapshot, name: str) -> str | None:
        if name not in snapshot.paths:
            self.gap(f"{snapshot}: dvc.yaml has no vars.paths.{name}")
        return snapshot.paths.get(name)

    def document(self, snapshot: Snapshot, name: str) -> Mapping[str, Any] | None:
        path = self.path(snapshot, name)
        if path is None:
            return None
        found = snapshot.document(path)
        if found is None:
            self.gap(f"{path} at {snapshot}: {snapshot.absent[path]}")
        return found

    def table(self, snapshot: Snapshot, name: str) -> pd.DataFrame | None:
        path = self.path(snapshot, name)
        if path is None:
            return None
        content = snapshot.read(path)
        if content is None:
            self.gap(f"{path} at {snapshot}: {snapshot.absent[path]}")
            return None
        try:
            read = pq.read_table(pa.BufferReader(content), use_threads=False)
        except pa.ArrowInvalid as fault:
            self.gap(f"{path} at {snapshot}: not a Parquet file ({fault})")
            return None
        frame: pd.DataFrame = read.to_pandas(use_threads=False)
        return frame

    def environment(self, snapshot: Snapshot) -> str:
        path = snapshot.paths.get("lock", "requirements.lock")
        return (snapshot.tracked(path) or b"").decode("utf-8", errors="replace")

    def lines(self) -> dict[str, str]:
        revisions = [str(s.revision.commit) for s in self.both if s.revision.commit]
        swapped = self.base.revision.commit is None and self.head.revision.commit is not None
        if not revisions:
            return {}
        done = subprocess.run(
            ["git", "diff", "--numstat", "-z", "--no-renames", "--relative",
             *(["-R"] if swapped else []), *revisions, "--"],
            cwd=self.root,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )  # fmt: skip
        return numstat(done.stdout)

    def sizes(self) -> tuple[int | None, int | None]:
        def size(snapshot: Snapshot) -> int | None:
            path = snapshot.paths.get("model", "")
            if snapshot.revision.commit is None:
                file = snapshot.revision.root / path
                return file.stat().st_size if file.is_file() else None
            return snapshot.cache.size(snapshot.outs[path]) if path in snapshot.outs else None

        return size(self.base), size(self.head)

    # --- the verdict ----------------------------------------------------------------------

    @property
    def main(self) -> str:
        return self.definitions[1].main or self.definitions[0].main or ""

    @property
    def wanted(self) -> list[Metric]:
        """The metrics to measure: the main one first."""
        names = [self.main, *self.definitions[1].criteria, *self.definitions[0].criteria, *METRICS]
        task = self.definitions[1].task
        return [
            METRICS[name]
            for name in dict.fromkeys(names)
            if name in METRICS and task in METRICS[name].tasks
        ]

    def shared(self) -> Shared | None:
        frames = [self.table(snapshot, "predictions") for snapshot in self.both]
        old, new = frames
        if old is None or new is None:
            return None
        try:
            return between.share(old, new)
        except ValueError as fault:
            self.gap(str(fault))
            return None

    def groups(self, shared: Shared | None) -> npt.NDArray[Any] | None:
        """Return the entity of each shared row, where rows of one repeat."""
        if shared is None:
            return None
        name, column = self.definitions[1].entity, None
        if name is not None:
            frame = self.table(self.head, "validation")
            if frame is not None and name in frame and len(frame) == shared.rows[1]:
                column = frame[name].iloc[shared.places]
            else:
                self.gap(f"the entity '{name}' of each row: rows are drawn instead of entities")
        return between.entities(shared.head["key"], column)

    def paired(
        self, shared: Shared | None, groups: npt.NDArray[Any] | None
    ) -> tuple[dict[str, Paired], list[str]]:
        """Return the metrics of both on the shared rows, or why there are none."""
        old, new = self.definitions
        if shared is None:
            return {}, ["the predictions of both revisions are needed: see what is missing below"]
        keyless = [s for s in self.both if (s.params.get("charter") or {}).get("key") is None]
        if keyless and not self.same_validation():
            return {}, ["rows have no key (charter.key), and the validation splits differ"]
        faults = shared.faults()
        if faults:
            return {}, faults
        try:
            tables = [
                between.predictions(frame, d.costs, new.bins, new.task)
                for frame, d in ((shared.base, old), (shared.head, new))
            ]
        except (ValueError, TypeError) as fault:
            return {}, [f"the predictions cannot be measured: {fault}"]
        metrics = [
            m
            for m in self.wanted
            if not differences(old, new, m) and (m.needs not in ("value", "rule") or new.costs)
        ]
        if not metrics:
            return {}, differences(old, new, METRICS["log_loss"]) or ["no metric can be computed"]
        before, after = tables
        return between.measure_both(before, after, metrics, new.draws, new.seed, groups), []

    def same_validation(self) -> bool:
        hashes = {
            s.lock.writer(s.paths.get("predictions", "")).deps.get(s.paths.get("validation", ""))
            for s in self.both
        }
        return len(hashes) == 1 and None not in hashes

    def decide(
        self,
        shared: Shared | None,
        paired: Mapping[str, Paired],
        faults: list[str],
        documents: Mapping[str, Any],
        tries: Tries,
    ) -> tuple[Decision, int]:
        old, new = self.definitions
        n = 1 if shared is None else max(len(shared), 1)
        trained = [d.get("rows") for d in documents["model_manifest"] if d]
        known = [rows for rows in trained if isinstance(rows, int) and rows > 0]
        if not known:
            self.gap("how many rows the models were fitted on: as many as are compared is assumed")
        trained_on = min(known, default=n)
        if not self.main:
            return not_comparable(["charter.success_criteria names no metric"]), trained_on
        if self.main not in METRICS:
            near = did_you_mean(self.main, METRICS)
            why = f"charter.success_criteria: no metric '{self.main}'{near}"
            return not_comparable([why]), trained_on
        metric = METRICS[self.main]
        reasons = [*differences(old, new, metric), *faults]
        if reasons:
            return not_comparable(list(dict.fromkeys(reasons))), trained_on
        if metric.name not in paired:
            return not_comparable([f"{metric.title} needs charter.costs"]), trained_on
        if old.main != new.main:
            self.gap(
                f"the main metric was {old.main or 'none'} and is {new.main or 'none'}: both "
                f"revisions are held against {metric.name}"
            )
        return decide(paired[metric.name], n, trained_on, tries.comparisons), trained_on

    # --- the tables -----------------------------------------------------------------------

    def metric_rows(
        self, evaluations: list[Any], paired: Mapping[str, Paired], faults: list[str]
    ) -> list[MetricRow]:
        base, head = (measured_of(found) for found in evaluations)
        names = dict.fromkeys([m.name for m in self.wanted] + [*head, *base])
        rows = []
        for name in names:
            metric = METRICS.get(name)
            remark = "no metric of this version"
            if metric is not None:
                remark = "; ".join(differences(*self.definitions, metric) or faults[:1])
            found = paired.get(name)
            estimate: Estimate | None = None if found is None else found.difference
            direction = None if metric is None else metric.direction
            rows.append(
                MetricRow(name, base.get(name), head.get(name), estimate, direction, remark)
            )
        return [row for row in rows if row.base or row.head or row.difference]

    def slices(
        self,
        shared: Shared | None,
        groups: npt.NDArray[Any] | None,
        evaluation: Mapping[str, Any] | None,
    ) -> list[SliceRow]:
        if (
            shared is None
            or shared.faults()
            or self.definitions[0].target != self.definitions[1].target
        ):
            return []
        listed = (evaluation or {}).get("slices") or []
        columns = list(dict.fromkeys(str(row["column"]) for row in listed if row.get("column")))
        if not columns:
            return []
        frame = self.table(self.head, "validation")
        if frame is None or len(frame) != shared.rows[1]:
            self.gap("slices: the validation rows of the new revision are needed")
            return []
        try:
            described = self.schema(self.head)
            parts = [
                (name, label, inside[shared.places])
                for name in columns
                for label, inside in parts_of(frame[name], described, name)
            ]
        except (LoopwrightError, KeyError) as fault:
            self.gap(f"slices: {fault}")
            return []
        task = self.definitions[1].task
        try:
            old, new = (
                between.predictions(frame, None, 10, task).row_loss
                for frame in (shared.base, shared.head)
            )
        except (ValueError, TypeError) as fault:
            self.gap(f"slices: {fault}")
            return []
        return compare_slices(parts, old, new, groups)

    def flips(self) -> list[Flip]:
        found: list[list[Mapping[str, Any]]] = [[], []]
        for verdicts, snapshot in zip(found, self.both, strict=True):
            for name in JUDGES:
                if name in snapshot.paths:
                    verdicts += verdicts_of(self.document(snapshot, name))
            for path in _pillars(snapshot):
                document = snapshot.document(path)
                if document is None:
                    self.gap(f"{path} at {snapshot}: {snapshot.absent[path]}")
                verdicts += verdicts_of(document)
        return flips(*found) if all(found) else []

    def pictures(self) -> list[Picture]:
        sides: list[dict[str, bytes]] = []
        for snapshot in self.both:
            path = self.path(snapshot, "evaluate_figures")
            found = {} if path is None else snapshot.folder(path)
            if path is not None and not found:
                self.gap(f"{path} at {snapshot}: {snapshot.absent.get(path, 'empty')}")
            sides.append({name: png for name, png in found.items() if name.endswith(".png")})
        old, new = sides
        return [Picture(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]

    def data(self) -> DataChange | None:
        """Compare the validated tables, where dvc.lock says that they differ."""
        old, new = (s.outs.get(s.paths.get("validated", "")) for s in self.both)
        if old == new:
            return None
        tables = [self.table(snapshot, "validated") for snapshot in self.both]
        before, after = tables
        if before is None or after is None:
            return DataChange("The validated tables differ; they could not be compared.", {})
        from operate.data_diff.compare import compare_tables
        from operate.data_diff.figures import figures
        from operate.data_diff.page import markdown

        charter = self.head.params.get("charter") or {}
        try:
            schemas = [self.schema(snapshot) for snapshot in self.both]
        except LoopwrightError as fault:
            self.gap(f"the validated tables: {fault}")
            return DataChange("The validated tables differ; they could not be compared.", {})
        try:
            target = BinaryTarget.model_validate(charter.get("target"))
        except ValidationError:
            target = None  # all but the labels can be compared, as of the other tasks
        diff = compare_tables(before, after, schemas[0], schemas[1], charter.get("key"), target)
        with tempfile.TemporaryDirectory() as folder:
            drawn = figures(diff, before, after, schemas[1], Path(folder))
            pictures = {file.name: file.read_bytes() for file in drawn}
        return DataChange(markdown(diff), pictures)

    def schema(self, snapshot: Snapshot) -> Schema:
        """Return the schema of a revision."""
        path = snapshot.paths.get("schema", "schema.yaml")
        content = snapshot.tracked(path)
        if content is None:
            raise LoopwrightError(f"{path} at {snapshot}: no such file")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            try:
                return read_schema(file)
            except LoopwrightError as fault:
                told = str(fault).replace(f"{folder}/", "")
                raise LoopwrightError(f"at {snapshot}: {told}") from None
