"""The address of a remote: what kind it is, who speaks to it, and that it holds no secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from dvc.fs import get_cloud_fs
from dvc.repo import Repo

from stages.core.errors import LoopwrightError, how_to_install
from stages.core.markdown import one_line

# Of each kind that DVC knows: what its own tools read, and DVC's options that hold a secret.
_HTTP = ("", ("user", "password"))
CREDENTIALS: dict[str, tuple[str, tuple[str, ...]]] = {
    "s3": (
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or ~/.aws/credentials",
        ("access_key_id", "secret_access_key"),
    ),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS in the environment", ("credentialpath",)),
    "azure": ("AZURE_STORAGE_CONNECTION_STRING in the environment", ("connection_string",)),
    "oss": ("OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET in the environment", ("oss_key_secret",)),
    "ssh": ("the SSH agent and ~/.ssh/config", ("keyfile", "password")),
    "gdrive": ("", ("gdrive_service_account_json_file_path",)),
    "hdfs": ("a Kerberos ticket", ("kerb_ticket",)),
    "webhdfs": ("", ("token", "password")),
    "http": _HTTP,
    "https": _HTTP,
    "webdav": _HTTP,
    "webdavs": _HTTP,
}
_EXTRAS = ("s3", "ssh")  # of pyproject.toml; other kinds are extras of DVC alone
_NAMES_A_USER = ("ssh", "hdfs", "webhdfs")  # the user is part of these addresses, and no secret
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


@dataclass(frozen=True)
class Address:
    """Where a remote is.

    Attributes:
        url: as it is written in .dvc/config.
        kind: the scheme of the URL; empty for a folder.
    """

    url: str
    kind: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the address of a remote that DVC's configuration names."""
        kind, found, _ = url.partition("://")
        return cls(url, kind if found else "")

    def how_to_install(self) -> str:
        """Return how the package that speaks to this kind of remote is installed."""
        if self.kind in _EXTRAS:
            return how_to_install(self.kind)
        return (
            f"put `dvc[{self.kind}]` in the place of `dvc` in pyproject.toml, "
            "run `make lock` and then `make install`"
        )

    def where_credentials_go(self, name: str) -> str:
        """Return where the credentials of the remote called `name` belong; a folder has none."""
        tools, options = CREDENTIALS[self.kind]
        local = " and ".join(f"`dvc remote modify --local {name} {o} ...`" for o in options)
        told = f"{local} (it writes .dvc/config.local, which git ignores)"
        return f"credentials go into {f'{tools}, or ' if tools else ''}{told}"


def read_address(url: str, name: str) -> Address:
    """Read the URL or folder of a remote that shall be called `name`.

    Raises:
        LoopwrightError: the name or the URL is of another form, DVC knows no such kind,
            or the URL holds what may be a secret: .dvc/config is in git.
    """
    if not _NAME.fullmatch(name):
        raise LoopwrightError(
            f"remote {name!r}: a name of lower-case letters, digits, '-', '_' and '.' was expected"
        )
    if not url.strip() or url != url.strip() or not url.isprintable() or url.startswith("-"):
        raise LoopwrightError(f"remote '{name}': a folder or a URL was expected, found {url!r}")
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError as fault:
        raise LoopwrightError(f"remote '{name}': {masked(url)}: {fault}") from None
    if "://" not in url:
        return Address(url, "")
    if parts.scheme not in CREDENTIALS:
        raise LoopwrightError(
            f"remote '{name}': no kind '{parts.scheme}://'; possible: a folder, "
            + ", ".join(f"{kind}://" for kind in CREDENTIALS)
        )
    address = Address(url, parts.scheme)
    if not parts.netloc:
        raise LoopwrightError(f"remote '{name}': {url}: a host or bucket was expected after '//'")
    secret = password is not None or (user is not None and parts.scheme not in _NAMES_A_USER)
    if secret or parts.query:
        what = "what stands before '@'" if secret else "what stands after '?'"
        raise LoopwrightError(
            f"remote '{name}': {masked(url)}: {what} may be a secret, and .dvc/config is in git; "
            f"leave it out: {address.where_credentials_go(name)}"
        )
    return address


def file_system(repo: Repo, name: str, remote: Mapping[str, Any]) -> tuple[Any, str]:
    """Return what DVC would reach `remote` by, not connected yet, and the folder there.

    Args:
        repo: whose configuration counts too.
        name: what the remote is called, for the error.
        remote: its section of the configuration.

    Raises:
        LoopwrightError: the package for its kind is missing.
    """
    try:
        kind, options, folder = get_cloud_fs(repo.config, **remote)
        return kind(**options), str(folder)
    except ImportError as missing:
        how = Address.of(str(remote["url"])).how_to_install()
        raise LoopwrightError(f"remote '{name}': {one_line(missing)}; {how}") from None


def masked(text: str) -> str:
    """Return `text` without the secrets that addresses in it may hold."""
    return re.sub(r"\?\S+", "?***", re.sub(r"//[^/@\s]+@", "//***@", text))
