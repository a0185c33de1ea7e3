import ast
import fcntl
import json
import os
import pty
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from stages.launcher.request import Request

ROOT = Path(__file__).parent.parent

if not sys.platform.startswith("linux"):
    pytest.skip("a warm start is for Linux; elsewhere it is off", allow_module_level=True)

# The stages of a small project. Each says what the launcher must get right.
STAGES = {
    "tell": '''
        """Tell what a process knows of itself."""
        import json, os, sys
        from pathlib import Path
        from stages.core.words import WORD

        def main(*, out: Path) -> None:
            umask = os.umask(0)
            os.umask(umask)
            print("to output", WORD)
            print("to error", file=sys.stderr)
            known = {
                "argv": sys.argv, "folder": os.getcwd(), "path": sys.path[0], "umask": umask,
                "variables": dict(sorted(os.environ.items())), "input": sys.stdin.read(),
                "stages": [p for p in sys.path if p.endswith("stages")],
                "module": __file__, "word": WORD, "debug": __debug__,
            }
            out.write_text(json.dumps(known))
        ''',
    "whose": '''
        """Say which process is the parent, and whether this one leads a session."""
        import os
        from pathlib import Path

        def main(*, out: Path) -> None:
            command = Path(f"/proc/{os.getppid()}/cmdline").read_text()
            out.write_text(f"{os.getppid()} {'--serve' in command} {os.getsid(0) == os.getpid()}")
        ''',
    "slow": '''
        """Write half of a file, and wait."""
        import os, subprocess, time
        from pathlib import Path
        from stages.core.files import published

        def main(*, out: Path, seconds: Path) -> None:
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            other = subprocess.Popen(["sleep", "60"], **silent)
            with published(out) as temporary:
                temporary.write_text("half")
                print(os.getpid(), other.pid, flush=True)
                time.sleep(float(str(seconds)))
                temporary.write_text("whole")
            other.kill()
        ''',
    "end": '''
        """End in one of many ways."""
        import os, signal, sys
        from pathlib import Path
        from stages.core.errors import LoopwrightError

        def main(*, how: Path) -> None:
            print("before the end")
            match str(how):
                case "well": return
                case "refused": raise LoopwrightError("the table is empty")
                case "missing": Path("nowhere").read_text()
                case "bug": {}["key"]
                case "seven": sys.exit(7)
                case "text": sys.exit("so it ends")
                case "killed": os.kill(os.getpid(), signal.SIGKILL)
                case "segfault": os.kill(os.getpid(), signal.SIGSEGV)
                case "aborted": os.abort()
                case "interrupted": raise KeyboardInterrupt
                case "module": import stages.core.schema
        ''',
    "audit.look": '''
        """Look."""
        from pathlib import Path

        def main(*, out: Path) -> None:
            out.write_text("looked")
        ''',
    "audit.evidence": '''
        """Shared by the audits; no stage."""
        EVIDENCE = 1
        ''',
}


class Project:
    """A repository with small stages and the launcher of this one, and how to run it."""

    def __init__(self, root: Path, runtime: Path, python: str = sys.executable) -> None:
        self.root = root
        self.command = [python, str(root / "stages")]
        kept = {name: value for name, value in os.environ.items() if "XDG" not in name}
        for name in ("VIRTUAL_ENV", "PYTHONUNBUFFERED", "PYTHONHASHSEED"):
            kept.pop(name, None)
        self.environ = {**kept, "XDG_RUNTIME_DIR": str(runtime), "LOOPWRIGHT_WARM_IDLE": "30"}

    def make(self, preloaded: str = '"threadpoolctl",', hung: str = "10.0") -> "Project":
        stages = self.root / "stages"
        for folder in ("core", "audit"):
            (stages / folder).mkdir(parents=True)
            (stages / folder / "__init__.py").write_text("")
        for name in ("__init__.py", "__main__.py", "core/errors.py", "core/files.py"):
            shutil.copy(ROOT / "stages" / name, stages / name)
        shutil.copy(ROOT / "stages/core/stage.py", stages / "core/stage.py")
        shutil.copytree(
            ROOT / "stages/launcher",
            stages / "launcher",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        change(stages / "launcher/parent.py", "PRELOADED = (", f"PRELOADED = ({preloaded}); _ = (")
        change(stages / "launcher/warm.py", "HUNG = 10.0", f"HUNG = {hung}")
        change(stages / "launcher/meeting.py", "BUSY = 2.0", "BUSY = 0.2")
        (stages / "core/words.py").write_text("WORD = 'first'\n")
        for name, source in STAGES.items():
            path = stages / (name.replace(".", "/") + ".py")
            lines = [line.removeprefix(" " * 8) for line in source.strip("\n").splitlines()]
            path.write_text("\n".join(lines) + "\n")
        return self

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        variables = {**self.environ, **options.pop("variables", {})}
        return subprocess.run(
            [*options.pop("command", self.command), *arguments],
            **{
                "cwd": self.root,
                "env": variables,
                "input": "",
                "capture_output": True,
                "text": True,
                "timeout": 30,
                **options,
            },
        )

    @contextmanager
    def slow(
        self, folder: Path, seconds: str = "30", **options: Any
    ) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
        """Start the stage `slow`: what was started, the stage, and what the stage started."""
        folder.mkdir(exist_ok=True)
        arguments = ["slow", "--out", str(folder / "file"), "--seconds", seconds]
        command = options.pop("command", lambda command: command)([*self.command, *arguments])
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environ, **options.pop("variables", {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        family = []
        try:
            assert process.stdout is not None
            family = [int(number) for number in process.stdout.readline().split()]
            yield process, *family
        finally:
            for number in (process.pid, *family):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            process.communicate()

    def parent(self, **options: Any) -> int:
        """Run a stage and return the warm parent that forked it, 0 for none."""
        out = self.root / "whose.txt"
        ended = self.run("whose", "--out", str(out), **options)
        assert (ended.returncode, ended.stderr) == (0, "")
        number, is_warm, leads = out.read_text().split()
        assert is_warm == leads
        return int(number) if is_warm == "True" else 0


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def soon(happens: Callable[[], bool], seconds: float = 5) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if happens():
            return True
        time.sleep(0.02)
    return happens()


def parents(runtime: Path) -> list[int]:
    """The warm parents whose sockets are, or were, in `runtime`."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and is_alive(int(process.name)):
            try:
                command = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--serve" in command and os.fsencode(runtime) in b"".join(command):
                found.append(int(process.name))
    return found


@pytest.fixture(scope="module", autouse=True)
def heeded() -> Iterator[None]:
    """What `nohup` or a script's `&` made pytest ignore, its children would ignore too."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    before = {
        number: signal.signal(number, signal.SIG_DFL)
        for number in numbers
        if signal.getsignal(number) is signal.SIG_IGN
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def shared_runtime() -> Iterator[Path]:
    yield from _runtime()


@pytest.fixture
def runtime() -> Iterator[Path]:
    yield from _runtime()


def _runtime() -> Iterator[Path]:
    """A private folder with a short name: the path of a socket has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="lw") as folder:
        yield Path(folder)
        for process in parents(Path(folder)):
            os.kill(process, signal.SIGKILL)
        assert soon(lambda: not parents(Path(folder)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, shared_runtime: Path) -> Project:
    """For tests that need a warm parent and leave it as it was."""
    return Project(tmp_path_factory.mktemp("project"), shared_runtime).make()


@pytest.fixture
def own(tmp_path: Path, runtime: Path) -> Project:
    """For tests that do things to the parent."""
    return Project(tmp_path / "own", runtime).make()


MODES = pytest.mark.parametrize("mode", [{}, {"LOOPWRIGHT_WARM": "0"}], ids=["warm", "cold"])


# The same, warm and cold


def test_a_warm_stage_is_a_fork_and_a_cold_one_is_not(project: Project) -> None:
    assert project.parent() == project.parent() > 0
    for off in ("0", "no", "OFF", "false"):
        assert project.parent(variables={"LOOPWRIGHT_WARM": off}) == 0


def test_a_stage_knows_the_same_warm_and_cold(project: Project, tmp_path: Path) -> None:
    known = []
    for mode in ("1", "0"):
        ended = project.run(
            *("tell", "--out", str(tmp_path / mode)),
            input="some input",
            umask=0o027,
            cwd=tmp_path,
            variables={"LOOPWRIGHT_WARM": mode, "OWN": "a=b\nc", "OMP_NUM_THREADS": "7"},
        )
        assert (ended.returncode, ended.stdout) == (0, "to output first\n")
        assert ended.stderr == "to error\n"
        assert (tmp_path / mode).stat().st_mode & 0o777 == 0o640
        found = json.loads((tmp_path / mode).read_text())
        found["variables"].pop("LOOPWRIGHT_WARM")
        found["argv"].remove(str(tmp_path / mode))
        known.append(found)
    assert known[0] == known[1]
    assert known[0]["path"] == str(project.root) and known[0]["stages"] == []
    assert known[0]["argv"] == ["python stages tell", "--out"]
    assert known[0]["folder"] == str(tmp_path) and known[0]["umask"] == 0o027
    assert known[0]["input"] == "some input" and known[0]["variables"]["OWN"] == "a=b\nc"
    assert known[0]["variables"]["OMP_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("how", "code", "says"),
    [
        ("well", 0, ""),
        ("refused", 2, "error: the table is empty\n"),
        ("missing", 2, "error: nowhere: No such file or directory\n"),
        ("bug", 1, "KeyError: 'key'\n"),
        ("seven", 7, ""),
        ("text", 1, "so it ends\n"),
        ("killed", -signal.SIGKILL, ""),
        ("segfault", -signal.SIGSEGV, ""),
        ("aborted", -signal.SIGABRT, ""),
        ("interrupted", -signal.SIGINT, ""),
        ("module", 1, "ModuleNotFoundError: No module named 'stages.core.schema'\n"),
    ],
)
def test_a_stage_ends_the_same_warm_and_cold(
    project: Project, how: str, code: int, says: str
) -> None:
    """The last: an editable install knows this module, but the repository does not."""
    warm = project.run("end", "--how", how)
    cold = project.run("end", "--how", how, variables={"LOOPWRIGHT_WARM": "0"})
    assert warm.args == cold.args
    assert (warm.returncode, warm.stderr) == (cold.returncode, cold.stderr)
    # What a killed process had not yet written out is lost, warm or cold.
    lost = how in ("killed", "segfault", "aborted")
    assert warm.stdout == cold.stdout == ("" if lost else "before the end\n")
    assert warm.returncode == code
    assert warm.stderr.endswith(says) and (says or not warm.stderr)
    if how in ("bug", "module"):
        assert warm.stderr.startswith("Traceback (most recent call last):\n")
        assert "launcher" not in warm.stderr and "importlib" not in warm.stderr


@MODES
def test_output_that_cannot_be_written_is_an_error(project: Project, mode: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = project.run(
            *("end", "--how", "well"),
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
            variables=mode,
        )
    assert ended.returncode == 2
    assert ended.stderr == "error: standard output: No space left on device\n"


@MODES
def test_a_limit_of_the_client_holds_for_its_stage(own: Project, mode: dict[str, str]) -> None:
    own.parent()  # without the limit
    out = own.root / "out"
    ended = own.run(
        *("tell", "--out", str(out)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
        variables=mode,
    )
    assert (ended.returncode, ended.stderr) == (2, "to error\nerror: File too large\n")


@MODES
def test_a_closed_input_does_no_harm(
    project: Project, tmp_path: Path, mode: dict[str, str]
) -> None:
    command = f"exec {' '.join(project.command)} audit.look --out {tmp_path / 'out'} <&-"
    ended = project.run(command=["sh", "-c", command], input=None, variables=mode)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "out").read_text() == "looked"


def test_nobody_waits_for_a_stream_that_the_parent_holds(own: Project) -> None:
    """The first start, which leaves a parent behind: its pipes must close with the stage."""
    began = time.monotonic()
    ended = own.run("end", "--how", "well", timeout=10)
    assert ended.stdout == "before the end\n" and time.monotonic() - began < 5
    parent = own.parent()
    streams = [(Path(f"/proc/{parent}/fd") / name).readlink() for name in "012"]
    assert streams == [Path("/dev/null")] * 3


def test_options_to_python_are_meant_for_this_process(project: Project, tmp_path: Path) -> None:
    ended = project.run(
        "tell",
        "--out",
        str(tmp_path / "out"),
        command=[sys.executable, "-O", *project.command[1:]],
    )
    assert ended.returncode == 0
    assert json.loads((tmp_path / "out").read_text())["debug"] is False


# Signals and orphans


@MODES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_reaches_the_stage(
    project: Project, tmp_path: Path, mode: dict[str, str], number: int
) -> None:
    with project.slow(tmp_path / "out", variables=mode) as (client, stage, other):
        client.send_signal(number)
        assert client.wait(5) == -number
        assert not is_alive(stage)
        if not mode:
            assert soon(lambda: not is_alive(other))  # a terminal would have told it, too
        assert client.stderr is not None and client.stderr.read() == ""
    assert not (tmp_path / "out/file").exists()
    if number == signal.SIGINT:
        assert list((tmp_path / "out").iterdir()) == []


@MODES
def test_an_ignored_signal_stays_ignored(
    project: Project, tmp_path: Path, mode: dict[str, str]
) -> None:
    def ignoring(command: list[str]) -> list[str]:
        return ["sh", "-c", 'trap "" HUP INT; exec "$@"', "sh", *command]

    options = {"command": ignoring, "variables": mode}
    with project.slow(tmp_path / "out", "0.5", **options) as (client, _, _):
        client.send_signal(signal.SIGHUP)
        client.send_signal(signal.SIGINT)
        assert client.wait(5) == 0
    assert (tmp_path / "out/file").read_text() == "whole"


def test_a_killed_client_takes_its_stage_along(project: Project, tmp_path: Path) -> None:
    with project.slow(tmp_path / "out") as (client, stage, other):
        client.kill()
        assert soon(lambda: not is_alive(stage) and not is_alive(other))
    assert not (tmp_path / "out/file").exists()


@MODES
@pytest.mark.parametrize("behind", ["", "; true"], ids=["direct", "shell"])
def test_an_orphan_ends(
    project: Project, tmp_path: Path, mode: dict[str, str], behind: str
) -> None:
    """DVC starts a shell that starts the stage; a killed DVC leaves the shell waiting."""

    def below(command: list[str]) -> list[str]:
        # A shell hands over to its last command; `true` behind it keeps the shell.
        line = f"exec {' '.join(command)}" if not behind else f"{' '.join(command)}{behind}"
        run = "import subprocess, sys; subprocess.run(sys.argv[1:])"
        return [sys.executable, "-c", run, "sh", "-c", line]

    with project.slow(tmp_path / "out", command=below, variables=mode) as (dvc, stage, _):
        dvc.kill()
        assert soon(lambda: not is_alive(stage))
    assert not (tmp_path / "out/file").exists()


@MODES
def test_nohup_outlives_its_parent(project: Project, tmp_path: Path, mode: dict[str, str]) -> None:
    options = {"command": under_nohup, "variables": mode}
    with project.slow(tmp_path / "out", "1", **options) as (shell, _, _):
        shell.kill()
        assert soon((tmp_path / "out/file").exists)


@MODES
def test_nohup_does_not_outlive_dvc(project: Project, tmp_path: Path, mode: dict[str, str]) -> None:
    options = {"command": under_nohup, "variables": {**mode, "DVC_STAGE": "slow"}}
    with project.slow(tmp_path / "out", "5", **options) as (shell, stage, _):
        shell.kill()
        assert soon(lambda: not is_alive(stage), 3)
    assert not (tmp_path / "out/file").exists()


def under_nohup(command: list[str]) -> list[str]:
    return ["sh", "-c", f'trap "" HUP; {" ".join(command)}; true']


@MODES
def test_the_stage_ends_with_dvc(own: Project, tmp_path: Path, mode: dict[str, str]) -> None:
    """The real one, on a terminal: by Ctrl-C, then by SIGKILL."""
    out = tmp_path / "out"
    out.mkdir()
    command = [*own.command, "slow", "--out", str(out / "file"), "--seconds", "30"]
    pipeline = {"stages": {"slow": {"cmd": " ".join(command)}}}
    (own.root / "dvc.yaml").write_text(json.dumps(pipeline))
    dvc = str(Path(sys.executable).parent / "dvc")
    assert own.run(command=[dvc, "init", "--no-scm", "-q"]).returncode == 0
    for way in ("Ctrl-C", "SIGKILL"):
        process, terminal = pty.fork()
        if process == 0:
            os.chdir(own.root)
            os.execve(dvc, [dvc, "repro"], {**own.environ, **mode})  # noqa: S606
        assert soon(lambda: len(list(out.glob(".file.*.tmp"))) == 1, 20)
        stage = int(next(out.glob(".file.*.tmp")).name.split(".")[2])
        if way == "Ctrl-C":
            os.write(terminal, b"\x03")
            text = read(terminal)
            assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) not in (0, -signal.SIGKILL)
            assert "failed to reproduce 'slow'" in text and "Traceback" not in text
            assert list(out.iterdir()) == []
        else:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        assert soon(lambda stage=stage: not is_alive(stage))
        assert not (out / "file").exists()
        os.close(terminal)


def read(terminal: int) -> str:
    text = b""
    with suppress(OSError):  # which is how a terminal says that nobody is there
        while part := os.read(terminal, 4096):
            text += part
    return text.decode()


# The parent


def test_a_killed_parent_ends_its_stages_and_the_next_start_makes_another(
    own: Project, tmp_path: Path
) -> None:
    parent = own.parent()
    with own.slow(tmp_path / "out") as (client, stage, other):
        os.kill(parent, signal.SIGKILL)
        assert client.wait(5) == 1
        assert soon(lambda: not is_alive(stage) and not is_alive(other))
        assert client.stderr is not None and "the warm parent" in client.stderr.read()
    assert not (tmp_path / "out/file").exists()
    assert own.parent() not in (0, parent)  # though its socket is still there


def test_a_hung_parent_is_left_alone(tmp_path: Path, runtime: Path) -> None:
    project = Project(tmp_path, runtime).make(hung="0.5")
    hung = project.parent()
    os.kill(hung, signal.SIGSTOP)
    assert project.parent() == 0
    assert project.parent() not in (0, hung)


def test_a_parent_that_cannot_start_is_not_needed(tmp_path: Path, runtime: Path) -> None:
    project = Project(tmp_path, runtime).make()
    assert project.parent(variables={"LOOPWRIGHT_WARM_IDLE": "long"}) == 0
    change(tmp_path / "stages/launcher/parent.py", "_forget(root)\n", "sys.exit(1)\n")
    assert project.parent() == 0


def test_a_parent_without_room_for_a_fork_refuses(tmp_path: Path, runtime: Path) -> None:
    project = Project(tmp_path, runtime).make()
    change(tmp_path / "stages/launcher/parent.py", "os.fork()", "os.open('/none', 0)")
    assert project.parent() == 0
    assert project.run("end", "--how", "interrupted").returncode == -signal.SIGINT


def test_an_idle_parent_ends_and_leaves_nothing(own: Project, runtime: Path) -> None:
    parent = own.parent(variables={"LOOPWRIGHT_WARM_IDLE": "0.3"})
    assert parent
    assert soon(lambda: not is_alive(parent))
    assert [path.name for path in (runtime / "loopwright").iterdir()] == ["lock"]


def test_a_parent_waits_for_its_stages(own: Project, tmp_path: Path) -> None:
    variables = {"LOOPWRIGHT_WARM_IDLE": "0.2"}
    with own.slow(tmp_path / "out", "1", variables=variables) as (client, _, _):
        assert client.wait(5) == 0
    assert (tmp_path / "out/file").read_text() == "whole"


def test_clients_at_once_share_one_parent(own: Project, runtime: Path) -> None:
    def run(number: int) -> bool:
        out = own.root / f"out{number}"
        return own.run("tell", "--out", str(out)).returncode == 0 and out.exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(run, range(8)))
    assert len(parents(runtime)) == 1


def test_clients_are_served_between_two_imports(tmp_path: Path, runtime: Path) -> None:
    slow_import = tmp_path / "slow_import.py"
    slow_import.write_text("import time\ntime.sleep(3)\n")
    project = Project(tmp_path / "own", runtime).make('"json", "slow_import",')
    project.environ["PYTHONPATH"] = str(tmp_path)
    began = time.monotonic()
    assert project.parent()
    assert time.monotonic() - began < 2


def test_rude_clients_do_no_harm(own: Project, runtime: Path) -> None:
    """One that says nothing, one that leaves at once, one that leaves in mid-sentence."""
    parent = own.parent()
    path = next(path for path in (runtime / "loopwright").iterdir() if path.is_socket())
    silent, brief, broken = (socket.socket(socket.AF_UNIX) for _ in range(3))
    with silent, brief, broken:
        for client in (silent, brief, broken):
            client.connect(str(path))
        brief.close()
        assert broken.recv(1)
        socket.send_fds(broken, [b"\0\0\1\0tell"], [1])
        broken.close()
        assert own.parent() == parent


def test_a_fork_that_cannot_become_the_stage_says_why(own: Project, runtime: Path) -> None:
    own.parent()
    path = next(path for path in (runtime / "loopwright").iterdir() if path.is_socket())
    nowhere = Request(own.root, Path("/nowhere"), 0o22, ["tell"], dict(own.environ))
    reading, writing = os.pipe()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        socket.send_fds(client, [nowhere.packed()], [0, writing, writing])
        os.close(writing)
        answer = client.recv(1) and client.recv(4, socket.MSG_WAITALL)
    assert int.from_bytes(answer, "big") == 1
    with os.fdopen(reading) as said:
        assert "FileNotFoundError" in said.read()


def test_much_is_handed_over_in_parts(own: Project) -> None:
    variables = {f"MUCH_{number}": "x" * 100_000 for number in range(10)}
    assert own.parent(variables=variables) == own.parent() > 0


def test_two_repositories_share_a_parent_and_run_their_own_code(
    own: Project, tmp_path: Path, runtime: Path
) -> None:
    other = Project(tmp_path / "other", runtime).make()
    (other.root / "stages/core/words.py").write_text("WORD = 'other'\n")
    assert own.parent() == other.parent()
    for project, word in ((own, "first"), (other, "other"), (own, "first")):
        ended = project.run("tell", "--out", "out", cwd=project.root)
        assert ended.stdout == f"to output {word}\n"
        known = json.loads((project.root / "out").read_text())
        assert known["module"] == str(project.root / "stages/tell.py")


def test_edited_code_is_picked_up(own: Project) -> None:
    for word in ("second", "the third"):
        (own.root / "stages/core/words.py").write_text(f"WORD = '{word}'\n")
        assert own.run("tell", "--out", "out").stdout == f"to output {word}\n"


def test_an_edited_launcher_has_a_new_parent(own: Project) -> None:
    parent = own.parent()
    change(own.root / "stages/launcher/process.py", '"""A stage', '"""The stage')
    assert own.parent() not in (0, parent)


def test_a_variable_read_at_import_starts_a_new_parent(own: Project) -> None:
    parent = own.parent()
    for variables in (
        {"OPENBLAS_CORETYPE": "Prescott"},
        {"PYTHONHASHSEED": "1"},
        {"TZ": "Asia/Tokyo"},
    ):
        assert own.parent(variables=variables) not in (0, parent)
    assert own.parent(variables={"DVC_STAGE": "tell", "OMP_NUM_THREADS": "5"}) == parent


def test_the_hash_seed_does_not_matter_to_who_serves_whom(own: Project, tmp_path: Path) -> None:
    """Two clients with random seeds of their own agree on the name of the parent."""
    assert own.parent() == own.parent() > 0


# Where a parent cannot be


@pytest.mark.parametrize("fault", ["missing", "long", "open", "link", "foreign", "full", "file"])
def test_without_a_safe_folder_the_stage_runs_by_itself(
    own: Project, tmp_path: Path, runtime: Path, fault: str
) -> None:
    folder = runtime / "loopwright"
    variables = {}
    if fault == "missing":
        variables = {"XDG_RUNTIME_DIR": "/nowhere", "TMPDIR": "/nowhere"}
    elif fault == "long":
        (runtime / ("long" * 30)).mkdir()
        variables = {"XDG_RUNTIME_DIR": str(runtime / ("long" * 30))}
    elif fault == "open":
        folder.mkdir(0o755)
    elif fault == "link":
        (runtime / "elsewhere").mkdir(0o700)
        folder.symlink_to(runtime / "elsewhere")
    elif fault == "file":
        folder.write_text("")
    elif fault == "foreign":
        folder.mkdir(0o700)
        if os.getuid() != 0:
            pytest.skip("only root can give a folder away")
        os.chown(folder, 1, 1)
    elif fault == "full":
        mount = ["mount", "-t", "tmpfs", "-o", "nr_inodes=2,mode=0700", "none", str(runtime)]
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("this user cannot mount")
    try:
        assert own.parent(variables=variables) == 0
    finally:
        if fault == "full":
            subprocess.run(["umount", str(runtime)], check=True)


def test_the_folder_is_private(own: Project, runtime: Path) -> None:
    own.parent()
    assert (runtime / "loopwright").stat().st_mode & 0o777 == 0o700


def test_a_lock_that_is_held_is_not_waited_for(own: Project, runtime: Path) -> None:
    (runtime / "loopwright").mkdir(0o700)
    with (runtime / "loopwright/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert own.parent() == 0


# Which Python


@pytest.fixture
def base() -> str:
    """The Python that the environment was made from, which has no packages."""
    python = str(Path(sys.executable).resolve())
    if subprocess.run([python, "-c", "import sklearn"], capture_output=True).returncode == 0:
        pytest.skip("the system's Python has the packages itself")
    return python


def environment(prefix: Path) -> Path:
    """Make a virtual environment that has the packages of this one; return its packages."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = prefix / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    real = Path(sys.prefix) / "lib" / version / "site-packages"
    (packages / "real.pth").write_text(f"{real}\n")
    (packages / "sklearn").symlink_to(real / "sklearn")
    (prefix / "bin").mkdir()
    (prefix / "bin/python").symlink_to(Path(sys.executable).resolve())
    (prefix / "pyvenv.cfg").write_text(
        f"home = {Path(sys.executable).resolve().parent}\nversion = {sys.version.split()[0]}\n"
    )
    return packages


@MODES
def test_the_environment_of_the_repository_is_found(
    tmp_path: Path, runtime: Path, base: str, mode: dict[str, str]
) -> None:
    """By a Python without packages: in the repository, and from DVC's temporary workspaces."""
    repository = Project(tmp_path, runtime, base).make()
    environment(tmp_path / ".venv")
    workspace = Project(tmp_path / ".dvc/tmp/exps/standalone/tmp1", runtime, base).make()
    for project in (repository, workspace):
        served = project.parent(variables=mode)
        assert bool(served) is not bool(mode)
        if served:
            command = Path(f"/proc/{served}/cmdline").read_text().split("\0")
            assert command[0] == str(tmp_path / ".venv/bin/python")


def test_an_active_environment_comes_first(tmp_path: Path, runtime: Path, base: str) -> None:
    project = Project(tmp_path, runtime, base).make()
    environment(tmp_path / ".venv")
    environment(tmp_path / "active")
    parent = project.parent(variables={"VIRTUAL_ENV": str(tmp_path / "active")})
    command = Path(f"/proc/{parent}/cmdline").read_text().split("\0")
    assert command[0] == str(tmp_path / "active/bin/python")
    (tmp_path / "active/lib").rename(tmp_path / "gone")  # one without the packages does not
    parent = project.parent(variables={"VIRTUAL_ENV": str(tmp_path / "active")})
    command = Path(f"/proc/{parent}/cmdline").read_text().split("\0")
    assert command[0] == str(tmp_path / ".venv/bin/python")


def test_a_changed_environment_starts_a_new_parent(
    tmp_path: Path, runtime: Path, base: str
) -> None:
    project = Project(tmp_path, runtime, base).make()
    packages = environment(tmp_path / ".venv")
    parent = project.parent()
    assert project.parent() == parent
    (packages / "new-1.0.dist-info").mkdir()
    assert project.parent() not in (0, parent)


def test_an_environment_that_leads_elsewhere_is_tried_once(
    tmp_path: Path, runtime: Path, base: str
) -> None:
    project = Project(tmp_path, runtime, base).make()
    environment(tmp_path / ".venv")
    (tmp_path / ".venv/bin/python").unlink()
    (tmp_path / ".venv/bin/python").write_text(f'#!/bin/sh\nexec {base} "$@"\n')
    (tmp_path / ".venv/bin/python").chmod(0o755)
    ended = project.run("end", "--how", "well", timeout=5)
    assert ended.returncode == 2 and "has no package" in ended.stderr


def test_without_any_environment_make_install_is_the_advice(
    tmp_path: Path, runtime: Path, base: str
) -> None:
    ended = Project(tmp_path, runtime, base).make().run("end", "--how", "well")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: {base} has no package '")
    assert "`make install`" in ended.stderr and ended.stderr.count("\n") == 1


# The real thing


def test_the_charter_is_the_same_bytes_warm_and_cold(runtime: Path, tmp_path: Path) -> None:
    project = Project(ROOT, runtime)
    for mode in ("1", "0"):
        out = tmp_path / mode
        paths = ["--charter", str(out / "charter.json"), "--charter-page", str(out / "charter.md")]
        inputs = ["--params", "params.yaml", "--schema", "schema.yaml"]
        ended = project.run("define", *inputs, *paths, variables={"LOOPWRIGHT_WARM": mode})
        assert (ended.returncode, ended.stderr) == (0, "")
        assert parents(runtime)
    for name in ("charter.json", "charter.md"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "0" / name).read_bytes()


# Names


def test_help_lists_the_stages(project: Project) -> None:
    ended = project.run("--help")
    assert ended.returncode == 0
    listed = [line.split()[0] for line in ended.stdout.partition("stages:\n")[2].splitlines()]
    assert listed == ["end", "slow", "tell", "whose", "audit.look"]
    assert "tell        Tell what a process knows of itself." in ended.stdout
    nothing = project.run()
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (2, "", ended.stdout)


def test_a_stage_may_be_a_package(own: Project) -> None:
    (own.root / "stages/audit/look.py").rename(own.root / "stages/look.py")
    (own.root / "stages/look").mkdir()
    (own.root / "stages/look.py").rename(own.root / "stages/look/__init__.py")
    assert "\n  look   Look.\n" in own.run("--help").stdout
    assert own.run("look", "--out", "out").returncode == 0
    assert (own.root / "out").read_text() == "looked"
    assert "no stage 'core'" in own.run("core").stderr  # a package without a main


def test_help_of_a_stage_lists_its_paths(project: Project) -> None:
    ended = project.run("tell", "--help")
    assert ended.returncode == 0
    assert ended.stdout.startswith("usage: python stages tell [-h] --out OUT\n")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tel", "; did you mean 'tell'?"),
        ("audit.evidence", ";"),
        ("audit.loook", "; did you mean 'audit.look'?"),
        ("core.stage", ";"),
        ("__main__", ";"),
        ("launcher.parent", ";"),
        ("../tell", "; did you mean 'tell'?"),
        ("", ";"),
    ],
)
def test_an_unknown_stage(project: Project, name: str, hint: str) -> None:
    for mode in ("1", "0"):
        ended = project.run(name, "--out", "out", variables={"LOOPWRIGHT_WARM": mode})
        assert ended.returncode == 2
        assert ended.stderr.startswith(f"error: no stage '{name}'{hint} possible: end, slow, ")
        assert ended.stderr.count("\n") == 1


# The libraries


def test_what_stages_import_is_preloaded_and_can_be_forked() -> None:
    """Everything there exists, and starts no thread that a fork would miss.

    Arrow's allocator has one, and makes it anew in a fork. A search takes so long that
    nobody notices the import of optuna. Databases, object storage, workbooks and other
    boosters are read or fitted by few projects, and some are extras.
    """
    trees = [
        ast.parse(path.read_bytes())
        for path in (ROOT / "stages").rglob("*.py")
        if "launcher" not in path.parts
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imports = [node for node in nodes if isinstance(node, ast.Import)]
    named = {alias.name for node in imports for alias in node.names}
    named |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    seldom = {"catboost", "fsspec", "lightgbm", "openpyxl", "sqlalchemy"}
    apart = {"", "stages", "optuna", *seldom, *sys.stdlib_module_names}
    wanted = {name for name in named if name.partition(".")[0] not in apart}
    check = (
        "import importlib, os, sys; from stages.launcher.parent import PRELOADED\n"
        "before = set(sys.modules)\n"
        "for name in PRELOADED: importlib.import_module(name)\n"
        "tasks = os.listdir('/proc/self/task')\n"
        "names = [open(f'/proc/self/task/{task}/comm').read().strip() for task in tasks]\n"
        "project = [name for name in set(sys.modules) - before if name.startswith('stages')]\n"
        "late = [name for name in sys.argv[1:] if name not in sys.modules]\n"
        "print(sorted(set(names[1:])), project, late)"
    )
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", check, *sorted(wanted)],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert ended.stdout in ("['jemalloc_bg_thd'] [] []\n", "[] [] []\n"), ended.stderr
