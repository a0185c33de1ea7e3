from collections.abc import Iterator
from typing import Any

import boto3
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from stages.core.errors import LoopwrightError
from stages.core.sources.registry import KINDS
from tests.core.sources.project import CSV, Project

TEXT = "id,age,rate\n007,30,0.5\n"
ROWS = [["007", 30, 0.5]]


class Bucket:
    """A bucket on a server of the loopback."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = boto3.client("s3", endpoint_url=endpoint)
        self.client.create_bucket(Bucket="tables")

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket="tables", Key=key, Body=data)

    def entry(self, key: str = "people.csv", **more: Any) -> dict[str, Any]:
        options = {"endpoint_url": self.endpoint}
        url = f"s3://tables/{key}"
        return {"kind": "storage", "format": CSV, "url": url, "options": options, **more}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "AKIAHUNTER2"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("NO_PROXY", "127.0.0.1"),
    ):
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    bucket = Bucket(server)
    bucket.put("people.csv", TEXT.encode())
    return bucket


def look(project: Project, entry: dict[str, Any], facts: Any) -> tuple[str, str]:
    source = project.ingest(entry).sources[0]
    found = KINDS["storage"].look(source, project.folder, facts, "ingest.sources[0]")
    return found.status, found.why


def test_an_object_is_fetched_and_its_version_kept(project: Project, bucket: Bucket) -> None:
    assert project.rows(bucket.entry()) == ROWS
    (facts,) = project.table(bucket.entry()).sources
    assert facts["from"] == "s3://tables/people.csv"
    assert facts["bytes"] == len(TEXT)
    assert facts["version"].keys() == {"etag", "last_modified"}
    assert look(project, bucket.entry(), facts) == ("same", "its ETag is the same")
    bucket.put("people.csv", TEXT.encode() + b"8,1,1\n")
    status, why = look(project, bucket.entry(), facts)
    assert status == "changed"
    assert why.startswith(f"its ETag was {facts['version']['etag']}, and is ")


def test_a_folder_of_parquet_files_is_read_and_watched(project: Project, bucket: Bucket) -> None:
    for day, (name, age) in enumerate([("007", 30), ("008", 40)]):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"id": [name], "age": [age], "rate": [1.0]}), sink)
        bucket.put(f"days/{day}.parquet", sink.getvalue().to_pybytes())
    entry = bucket.entry("days", format={"kind": "parquet"})
    table = project.table(entry)
    assert table.frame["age"].tolist() == [30, 40]
    assert table.sources[0]["version"].keys() == {"objects"}
    assert look(project, entry, table.sources[0])[0] == "same"
    bucket.client.delete_object(Bucket="tables", Key="days/1.parquet")
    assert look(project, entry, table.sources[0])[0] == "changed"


def test_what_the_store_does_not_give_gets_one_error(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "s3://tables/none.csv: there is no such object" in project.fault(
        bucket.entry("none.csv")
    )
    nowhere = bucket.entry(options={"endpoint_url": "http://127.0.0.1:1"})
    assert "it cannot be fetched" in project.fault(nowhere)
    with pytest.raises(LoopwrightError, match="it cannot be fetched"):
        look(project, nowhere, {})
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    message = project.fault(bucket.entry())
    assert "Unable to locate credentials" in message
    assert "the credentials where the store's tools look for them" in message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///tmp/a.csv", "file:// is read by `kind: file`"),
        ("https://host/a.csv", "https:// is read by `kind: http`"),
        ("gs://bucket/a.csv", "gs:// needs another package: pip install gcsfs"),
        ("nonsense://bucket/a.csv", "ingest.sources[0].url: Protocol not known: nonsense"),
    ],
)
def test_a_url_that_is_read_otherwise_says_how(project: Project, url: str, expected: str) -> None:
    assert expected in project.fault({"kind": "storage", "format": CSV, "url": url})
    with pytest.raises(LoopwrightError):
        look(project, {"kind": "storage", "format": CSV, "url": url}, {})


def test_an_object_that_changes_while_it_is_read_is_not_taken(
    project: Project, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.get_filesystem_class("s3")
    get = system.get

    def slow(self: Any, *arguments: Any, **more: Any) -> None:
        get(self, *arguments, **more)
        bucket.put("people.csv", TEXT.encode() + b"8,1,1\n")

    monkeypatch.setattr(system, "get", slow)
    assert "it changed while it was read; run again" in project.fault(bucket.entry())
