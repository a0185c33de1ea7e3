"""The address of a remote: what kind it is, and that it holds no secret."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from stages.core.errors import LoopwrightError

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


def masked(text: str) -> str:
    """Return `text` without the secrets that addresses in it may hold."""
    return re.sub(r"\?\S+", "?***", re.sub(r"//[^/@\s]+@", "//***@", text))
