"""Remotes on real servers of the loopback: a bucket, and a machine reached by SSH."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from operate import remote
from operate.cli import app
from tests.operate.project import commit, run

SECRET = "hush-4711"  # noqa: S105 - planted, to be looked for


@dataclass
class Server:
    """A server that can keep the outputs.

    Attributes:
        url: of an empty place on it.
        wrong: of a place that it refuses.
        private: options for .dvc/config.local, as a person would give them.
        tamper: changes the first byte of each file that it keeps.
    """

    url: str
    wrong: str
    private: dict[str, str]
    tamper: Callable[[], None]


# --- a bucket -------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="box")

    def tamper() -> None:
        for item in client.list_objects_v2(Bucket="box")["Contents"]:
            kept = client.get_object(Bucket="box", Key=item["Key"])["Body"].read()
            client.put_object(Bucket="box", Key=item["Key"], Body=b"!" + kept[1:])

    yield Server("s3://box/x", "s3://nowhere/x", {"secret_access_key": SECRET}, tamper)
    server.stop()


# --- a machine reached by SSH ---------------------------------------------------------------

_PLACES = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
SSHD = shutil.which("sshd", path=_PLACES)
KEYGEN = shutil.which("ssh-keygen")

SSHD_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication yes
Subsystem sftp internal-sftp
"""
# What a person has in ~/.ssh/config.
SSH_CONFIG = """\
Host store
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    if SSHD is None or KEYGEN is None:
        pytest.skip("no SSH server here: apt-get install openssh-server runs this test")
    folder = tmp_path / "ssh"
    folder.mkdir()
    for key in ("host", "user"):
        run(folder, KEYGEN, "-q", "-t", "ed25519", "-N", "", "-f", key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(folder=folder, port=port))
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    config = SSH_CONFIG.format(folder=folder, port=port, user=getpass.getuser())
    (home / ".ssh/config").write_text(config)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # else root's sshd does not start

    def tamper() -> None:
        for file in (tmp_path / "box").rglob("*"):
            if file.is_file():
                file.chmod(0o600)
                file.write_bytes(b"!" + file.read_bytes()[1:])

    log = folder / "log"
    command = [SSHD, "-D", "-E", str(log), "-f", str(folder / "sshd_config")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process, log)
            kept = f"ssh://store{tmp_path}"
            yield Server(f"{kept}/box", f"{kept}/ssh/user/box", {"password": SECRET}, tamper)
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise AssertionError(f"sshd: {log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not answer: {log.read_text()}")


# --- what both do ---------------------------------------------------------------------------


@pytest.fixture(params=["bucket", "machine"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call `loopwright` at the top of the project."""
    monkeypatch.chdir(project)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def clone(project: Path, name: str) -> Path:
    run(project.parent, "git", "clone", "--quiet", "repo", name)
    return project.parent / name


def ran(project: Path, *options: str) -> bool:
    return "Running stage" in run(project, "dvc", "repro", *options)


def test_a_second_clone_computes_nothing(
    server: Server, project: Path, call: Callable[..., Result]
) -> None:
    done = call("remote", "add", server.url)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("remote 'storage' is the default: it can be written and read")
    first = (project / "given/model.bin").read_text()
    commit(project, "a remote")
    assert remote.push(project) == 0
    (project / "given/model.bin").write_text("model 2")
    assert ran(project)
    commit(project, "second")
    assert remote.push(project) == 0
    pulls = clone(project, "pulls")
    assert not ran(pulls, "--pull")
    assert (pulls / "data/train/model.bin").read_text() == "model 2"
    # the run cache was pushed: what another commit gave is known by its inputs
    (pulls / "given/model.bin").write_text(first)
    assert not ran(pulls, "--pull")
    assert (pulls / "data/train/model.bin").read_text() == first
    restores = clone(project, "restores")
    told = next(remote.restore(restores))
    assert told == "9 of 9 outputs are here (DVC remote 'storage')"
    assert not ran(restores)


# a password that is refused makes DVC ask for another, and nobody is there
@pytest.mark.filterwarnings("ignore::getpass.GetPassWarning")
def test_no_secret_is_in_git_nor_in_what_is_printed(
    server: Server, project: Path, call: Callable[..., Result]
) -> None:
    refused = call("remote", "add", server.wrong)
    assert refused.exit_code == 2
    assert "remote 'storage' cannot be written and read" in refused.stderr
    assert "[remote]" not in (project / ".dvc/config").read_text()
    unchecked = call("remote", "add", server.wrong, "--no-check")
    for option, value in server.private.items():
        run(project, "dvc", "remote", "modify", "--local", "storage", option, value)
    commit(project, "a remote that refuses")
    again = call("remote", "check")
    assert again.exit_code == 2
    restored = call("restore")
    assert restored.exit_code == 0
    pushed = subprocess.run(
        [sys.executable, "-m", "dvc", "push", "--run-cache", "--verbose"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert pushed.returncode != 0
    printed = [x.output for x in (refused, unchecked, again, restored)]
    printed += [pushed.stdout, pushed.stderr]
    assert SECRET in (project / ".dvc/config.local").read_text()  # it was planted
    assert SECRET not in "".join(printed)
    assert SECRET not in run(project, "git", "log", "--patch", "--all")


def test_what_was_changed_on_the_server_is_not_taken(
    server: Server, project: Path, call: Callable[..., Result]
) -> None:
    assert call("remote", "add", server.url).exit_code == 0
    commit(project, "a remote")
    run(project, "dvc", "push", "--quiet")
    server.tamper()
    told = next(remote.restore(clone(project, "careful")))
    assert told.startswith("0 of 9 outputs are here")
    assert not (project.parent / "careful/data/train/model.bin").exists()
