import json
from pathlib import Path

import pytest

from stages.core.credentials import credential_in, is_secret, masked, masked_value, secrets_of
from stages.core.errors import LoopwrightError
from stages.core.params import read_params

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWORD", "db_password", "sas_token", "secret", "aws_secret_access_key", "key",
     "api_key", "X-Amz-Signature", "sig", "X-Amz-Credential", "connection_string"],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)
    text = f"https://host/a?x=1&{name}=hunter2&y=2"
    assert masked(text) == f"https://host/a?x=1&{name}=***&y=2"
    assert credential_in(text) == f"a value of '{name}'"


@pytest.mark.parametrize(
    "name", ["keyboard", "monkey", "tokens_used", "anon", "endpoint_url", "key_id"]
)
def test_other_names_are_none(name: str) -> None:
    assert not is_secret(name)


def test_what_stands_before_the_host_is_masked() -> None:
    for url in ("postgresql://u:p%40ss@h:1/d", "https://t0ken@h/a", "s3://k:s@b"):
        assert "@" in masked(f"failed: {url}")
        assert masked(f"failed: '{url}'").startswith(f"failed: '{url.split('://')[0]}://***@")
    plain = "https://host/a@b?x=1 and mail@host"
    assert masked(plain) == plain
    assert credential_in(plain) is None
    assert credential_in("postgresql://reader@host/db") is None
    assert credential_in("https://t0ken@host/db") == "a password or a token before the host"


def test_a_secret_is_masked_however_it_is_spelled() -> None:
    secrets = secrets_of("postgresql://u:pa%2555s%20word@h/d?sslkey=x&token=t%3D1")
    for text in ("pa%55s word", "pa%2555s%20word", "t=1", "t%3D1"):
        assert masked(f"said {text}!", secrets) == "said ***!"
    assert "h" not in secrets
    assert secrets_of("https://t0ken@h/a") == ("t0ken",)
    assert "https://[broken" in secrets_of("https://[broken")
    assert secrets_of("sqlite://") == ()


def test_a_document_is_masked_however_deep() -> None:
    document = {
        "a": [{"password": "hunter2", "url": "https://u:hunter2@h", "n": 1}],
        "key": {"x": 1},
    }
    assert masked_value(document) == {
        "a": [{"password": "***", "url": "https://***@h", "n": 1}],
        "key": "***",
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"kind": "sql", "query": "q", "url": "postgresql://u:hunter2@h/d"},
        {"kind": "sql", "query": "q", "url": "postgresql://h/d", "password": "hunter2"},
        {"kind": "sql", "query": "q", "url": "postgresql://h/d?password=hunter2"},
        {"kind": "storage", "url": "s3://b/a", "options": {"secret": "hunter2"}},
        {"kind": "http", "url": "https://h/a", "token_env": "hunter2!", "token": "hunter2"},
        {"kind": "htp", "url": "https://u:hunter2@h/a"},
    ],
)
def test_a_credential_in_params_is_refused_and_not_repeated(
    tmp_path: Path, entry: dict[str, object]
) -> None:
    text = (ROOT / "params.yaml").read_text()
    start, end = text.index("ingest:"), text.index("\nvalidate:")
    form = {"kind": "csv", "separator": ",", "quote": '"', "decimal": ".", "encoding": "utf-8"}
    whole = {"missing_values": [""], **entry}
    if entry["kind"] != "sql":
        whole["format"] = form
    section = "ingest: " + json.dumps({"sources": [whole]})
    path = tmp_path / "params.yaml"
    path.write_text(text[:start] + section + text[end:])
    with pytest.raises(LoopwrightError) as raised:
        read_params(path)
    assert "hunter2" not in str(raised.value).replace("hunter2!", "")
    if entry["kind"] != "htp":
        assert "name a variable of the environment instead" in str(raised.value) or (
            "token_env" in entry
        )
