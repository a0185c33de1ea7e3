"""Put all evidence before a person: a small site, its papers, and the summary.

The papers are the model card, the data sheet and the crosswalk to law and standard.
The report reads artefacts alone and measures nothing. It is built whatever is missing:
what cannot be read is a failed verdict, shown where it should have stood.
"""

from pathlib import Path
from typing import Any

from stages.core.files import published, write_json, write_text
from stages.core.verdicts import as_documents
from stages.report.card import render_card
from stages.report.crosswalk import as_markdown
from stages.report.crosswalk import crosswalk as cross
from stages.report.data_sheet import render_sheet
from stages.report.evidence import Evidence, count, gather, overall
from stages.report.proof import fingerprints
from stages.report.site import render_site


def summarise(evidence: Evidence) -> dict[str, Any]:
    """Return all verdicts of all stages, how many have each status, and the worst of them."""
    verdicts = evidence.all_verdicts
    return {
        "status": overall(verdicts),
        "counts": count(verdicts),
        "verdicts": as_documents(verdicts),
    }


def main(
    *,
    charter: Path,
    manifest: Path,
    quality: Path,
    splits: Path,
    findings: Path,
    explore_figures: Path,
    feature_list: Path,
    featurize_figures: Path,
    best_params: Path,
    trials: Path,
    tune_figures: Path,
    model_manifest: Path,
    leaderboard: Path,
    train_figures: Path,
    live: Path,
    evaluation: Path,
    evaluate_figures: Path,
    audit: Path,
    model_card: Path,
    data_sheet: Path,
    crosswalk: Path,
    report: Path,
    summary: Path,
) -> None:
    """Read what the stages left, and write the site, its papers and the summary."""
    evidence = gather(
        {
            "charter": charter,
            "manifest": manifest,
            "quality": quality,
            "splits": splits,
            "findings": findings,
            "explore_figures": explore_figures,
            "feature_list": feature_list,
            "featurize_figures": featurize_figures,
            "best_params": best_params,
            "trials": trials,
            "tune_figures": tune_figures,
            "model_manifest": model_manifest,
            "leaderboard": leaderboard,
            "train_figures": train_figures,
            "live": live,
            "evaluation": evaluation,
            "evaluate_figures": evaluate_figures,
            "audit": audit,
            "summary": summary,
            "model_card": model_card,
            "data_sheet": data_sheet,
            "crosswalk": crosswalk,
        }
    )
    write_json(summary, summarise(evidence))
    hashes = fingerprints(evidence)
    card, sheet = render_card(evidence, hashes), render_sheet(evidence, hashes)
    write_text(model_card, card)
    write_text(data_sheet, sheet)
    # The crosswalk also names the card and the sheet, by their bytes.
    document = cross(evidence, fingerprints(evidence))
    write_json(crosswalk, document)
    papers = {"card": card, "data_sheet": sheet, "crosswalk": as_markdown(document)}
    write_site(report, render_site(evidence, papers))


def write_site(folder: Path, files: dict[str, bytes]) -> None:
    """Write `files`, by their places in `folder`, all or none."""
    with published(folder) as temporary:
        for place, content in files.items():
            path = temporary / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
