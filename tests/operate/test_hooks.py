"""What does not belong in git: each planted in a real repository and caught; the rest is let be."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from operate.cli import app
from operate.hooks import EXAMPLES, check_private, check_tracked, kept_by_git, private
from operate.index import read_index
from stages.core.errors import LoopwrightError
from stages.core.personal_data import is_iban, is_payment_card
from tests.operate.project import run

DVC_YAML = """\
vars:
  - paths: {metrics: data/evaluate/metrics.json, audit: data/audit}
stages:
  evaluate:
    cmd: x
    metrics:
      - ${paths.metrics}: {cache: false}
    outs:
      - data/evaluate/kept.json
      - data/report/figures: {cache: false}
  audit:
    matrix: {pillar: [safety, fairness]}
    cmd: x
    outs:
      - ${paths.audit}/${item.pillar}/card.md: {cache: false}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "--quiet", "--initial-branch", "main")
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    return tmp_path


def stage(repo: Path, file: str, content: str | bytes = "x\n") -> None:
    (repo / file).parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    (repo / file).write_bytes(data)
    run(repo, "git", "add", "--all", "--force")


def tracked(repo: Path) -> list[str]:
    index = read_index(repo)
    return [str(found) for found in check_tracked(index, index.blobs)]


def texts(repo: Path) -> list[str]:
    index = read_index(repo)
    return [str(found) for found in check_private(index, index.blobs)]


# --- files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "size", "told"),
    [
        ("notes/look.ipynb", 10, "a notebook"),
        ("data/source/look.IPYNB", 10, "a notebook"),
        ("model.skops", 10, "a model or an array"),
        ("data/source/model.pkl", 10, "a model or an array"),
        ("models/net.pt.gz", 10, "a model or an array"),
        ("tests/rows.parquet", 10, "a table that no diff shows"),
        ("tests/rows.csv.gz", 10, "a table that no diff shows"),
        ("export.XLSX", 10, "a table that no diff shows"),
        ("tests/rows.csv", 64 * 1024 + 1, "a table of 65,537 bytes"),
        ("data/split/train.csv", 10, "DVC keeps what is in data/"),
        ("data/evaluate/kept.json", 10, "DVC keeps what is in data/"),
        ("data/audit/safety/deep/card.md", 10, "DVC keeps what is in data/"),
        ("docs/film.svg", 1024 * 1024 + 1, "1,048,577 bytes, over 1 MiB"),
        ("data/source/rows.csv.gz", 1024 * 1024 + 1, "1,048,577 bytes, over 1 MiB"),
        ("a name with ünicode and spaces.parquet", 10, "a table"),
    ],
)
def test_what_does_not_belong_in_git_is_caught(repo: Path, file: str, size: int, told: str) -> None:
    stage(repo, file, "x" * size)
    (fault,) = tracked(repo)
    assert fault.startswith(f"{file}: {told}")


@pytest.mark.parametrize(
    ("file", "size"),
    [
        ("stages/train.py", 10),
        ("tests/rows.csv", 64 * 1024),
        ("data/source/rows.csv", 900_000),
        ("data/source/rows.csv.gz", 10),
        ("data/raw.csv.dvc", 10),
        ("data/.gitignore", 10),
        ("data/train/.gitkeep", 10),
        ("data/evaluate/metrics.json", 10),
        ("data/report/figures/roc.png", 10),
        ("data/audit/safety/card.md", 10),
        ("requirements.lock", 2_000_000),
        ("docs/page.html", 1024 * 1024),
        ("database/rows.json", 10),
    ],
)
def test_what_does_is_let_be(repo: Path, file: str, size: int) -> None:
    stage(repo, file, "x" * size)
    assert tracked(repo) == []


def test_what_is_ignored_or_only_in_the_workspace_is_nobodys_business(repo: Path) -> None:
    run(repo, "git", "add", "dvc.yaml")
    (repo / "model.skops").write_text("x")
    (repo / "look.ipynb").write_text("x")
    assert tracked(repo) == []


def test_the_index_counts_and_not_the_workspace(repo: Path) -> None:
    stage(repo, "rows.csv", "x" * 70_000)
    (repo / "rows.csv").write_text("now small")
    assert len(tracked(repo)) == 1


def test_without_a_pipeline_nothing_is_declared(repo: Path) -> None:
    (repo / "dvc.yaml").unlink()
    stage(repo, "data/evaluate/metrics.json")
    assert len(tracked(repo)) == 1


def test_a_pipeline_that_is_no_yaml_is_told() -> None:
    with pytest.raises(LoopwrightError, match=r"dvc\.yaml: not valid YAML"):
        kept_by_git("a: [")
    with pytest.raises(LoopwrightError, match=r"dvc\.yaml: a mapping was expected"):
        kept_by_git("- a")
    with pytest.raises(LoopwrightError, match=r"dvc\.yaml: stages: a mapping of mappings"):
        kept_by_git("stages: {train: }")


# --- what stands in them --------------------------------------------------------------------

# In parts, so that this file does not hold them.
PERSON = "anna" + "@firma.de"
CH_IBAN = "CH56 0483 5012" + " 3456 7800 9"
CARD = "4000 0566 5566" + " 5556"
PEM = "-----BEGIN RSA PRIVATE" + " KEY-----"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"ask {PERSON}, she knows", "e-mail address"),
        (f"mailto:{PERSON}", "e-mail address"),
        (f"https://user:pass{PERSON[4:]}/x", "e-mail address"),
        (f"someone@example.org and {PERSON}", "e-mail address"),
        (f"pay to {CH_IBAN} today", "IBAN"),
        (f"card: {CARD}", "payment card number"),
        (PEM, "private key"),
        (PEM.replace("RSA", "OPENSSH"), "private key"),
        ("key = AKIA" + "QYLPMN5HHHFPZAM2", "AWS access key"),
        ("ghp_" + "a1B2" * 9, "GitHub token"),
        ("github_pat_" + "a1B2" * 9, "GitHub token"),
        ("glpat-" + "a1B2c3D4e5" * 2, "GitLab token"),
        ("xoxb-" + "1234567890-abc", "Slack token"),
        ("sk_live_" + "a1B2" * 5, "Stripe key"),
        ("AIza" + "a1B2c" * 7, "Google API key"),
    ],
)
def test_personal_data_and_secrets_are_caught(repo: Path, line: str, kind: str) -> None:
    stage(repo, "docs/a page.md", f"first\n{line}\nlast\n")
    assert texts(repo) == [f"docs/a page.md:2: {kind}"]


@pytest.mark.parametrize(
    "line",
    [
        "someone@example.com, other@mail.example.org, third@corp.example, x@example.co.uk",
        "noreply@firma.de no-reply@firma.de do-not-reply@firma.de",
        "12+someone@users.noreply.forge.io",
        "git@forge.io:team/repo.git",
        "uses: actions/checkout@v6  # @pytest.mark.slow",
        "DE89 3704 0044 0532 0130 00",
        "4111 1111 1111 1111 and 4242424242424242",
        "DE89 3704 0044 0532 0130 01",
        "4000 0566 5566 5557",
        "md5: 4ee5233971e215832a8173f9068dad25, 0.4000056655665556",
        "AKIAIOSFODNN7EXAMPLE",
        "Keep your private key private.",
    ],
)
def test_examples_and_what_only_looks_like_it_are_let_be(repo: Path, line: str) -> None:
    stage(repo, "page.md", f"{line}\n")
    assert texts(repo) == []


def test_a_person_may_let_a_line_pass(repo: Path) -> None:
    stage(repo, "page.md", f"{PERSON} <!-- not-personal-data: our public desk -->\n{PERSON}\n")
    assert texts(repo) == ["page.md:2: e-mail address"]


def test_a_line_may_hold_several_kinds() -> None:
    assert list(private(f"{PERSON} {CARD}")) == ["e-mail address", "payment card number"]


def test_binary_files_are_passed_over_and_other_encodings_are_read(repo: Path) -> None:
    stage(repo, "picture.png", b"\x89PNG\0" + PERSON.encode())
    stage(repo, "latin.txt", f"für {PERSON}\n".encode("latin-1"))
    assert texts(repo) == ["latin.txt:1: e-mail address"]


def test_the_values_are_never_shown(repo: Path) -> None:
    stage(repo, "page.md", f"{PERSON}\n{CARD}\n{CH_IBAN}\n{PEM}\n")
    told = "\n".join(texts(repo))
    assert len(told.splitlines()) == 4
    for value in (PERSON, CARD[:9], CH_IBAN[:9], "RSA"):
        assert value not in told


def test_the_examples_are_what_they_are_examples_of() -> None:
    assert all(is_iban(text) or is_payment_card(text) for text in EXAMPLES)


# --- the commands ---------------------------------------------------------------------------


def test_the_commands(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(repo, "look.ipynb")
    stage(repo, "page.md", PERSON)
    monkeypatch.chdir(repo)
    for command, told in (("check-tracked", "look.ipynb"), ("check-private", "page.md:1")):
        all_files = CliRunner().invoke(app, [command])
        assert all_files.exit_code == 1
        assert all_files.stdout.startswith(told)
        named = CliRunner().invoke(app, [command, "dvc.yaml", "not-in-git.txt"])
        assert (named.exit_code, named.stdout) == (0, "")


def test_outside_a_repository_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(LoopwrightError, match=r"git ls-files failed: .*not a git repository"):
        read_index(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LoopwrightError, match="git is not installed"):
        read_index(tmp_path)
