"""A file of text taken out of what it is packed in, and decoded."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib

import pyarrow as pa

from stages.core.errors import LoopwrightError

_FAULTS = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def unpack(data: bytes, name: str) -> bytes:
    """Return `data`, unpacked if its first bytes are those of gzip, zip, xz, zstd or bzip2.

    Raises:
        LoopwrightError: it is cut short or damaged, or a zip file of several files.
    """
    for magic, what, take in _PACKED:
        if data.startswith(magic):
            try:
                return take(data, name)
            except _FAULTS as fault:
                raise LoopwrightError(
                    f"{name}: a {what} file that is cut short or damaged ({fault}); copy it again"
                ) from None
    return data


def _unzip(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        files = [entry for entry in packed.infolist() if not entry.is_dir()]
        files = [entry for entry in files if not entry.filename.startswith("__MACOSX/")]
        if len(files) != 1:
            found = ", ".join(entry.filename for entry in files[:5]) or "none"
            raise LoopwrightError(
                f"{name}: a zip file of {len(files)} files ({found}), and one was expected; "
                "unpack it, and give each its own entry of ingest.sources"
            )
        try:
            return packed.read(files[0])
        except (RuntimeError, NotImplementedError) as fault:
            raise LoopwrightError(f"{name}: the zip file cannot be unpacked ({fault})") from None


def _unzstd(data: bytes, name: str) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
        return bytes(stream.read())


_PACKED = (
    (b"\x1f\x8b", "gzip", lambda data, name: gzip.decompress(data)),
    (b"PK\x03\x04", "zip", _unzip),
    (b"PK\x05\x06", "zip", _unzip),
    (b"\xfd7zXZ\0", "xz", lambda data, name: lzma.decompress(data)),
    (b"\x28\xb5\x2f\xfd", "zstd", _unzstd),
    (b"BZh", "bzip2", lambda data, name: bz2.decompress(data)),
)


def as_utf8(data: bytes, encoding: str, name: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the text in UTF-8 without a byte-order mark, and what a person should know.

    Raises:
        LoopwrightError: `data` is not text in `encoding`, holds a zero byte or no text.
    """
    begun = next((known for mark, known in _MARKS if data.startswith(mark)), None)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        likely = f"{begun}: the file begins with its mark" if begun else "often cp1252 or utf-16"
        raise LoopwrightError(
            f"{name}: line {line}: byte 0x{data[fault.start]:02x} is not {encoding}; set "
            f"`encoding` of the format to what the file is written in, {likely}"
        ) from None
    except UnicodeError as fault:  # utf-16 without its mark
        raise LoopwrightError(f"{name}: not {encoding} ({fault})") from None
    except LookupError as fault:
        raise LoopwrightError(
            f"ingest.sources: encoding: {fault}; possible: utf-8, cp1252, utf-16, ..."
        ) from None
    if begun == "utf-8" and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
        raise LoopwrightError(
            f"{name}: the file begins with the mark of utf-8, and encoding is {encoding}"
        )
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LoopwrightError(
            f"{name}: line {line}: a zero byte; this is no text file, or encoding is not "
            f"{encoding} but utf-16"
        )
    if "\n\ufeff" in text:
        line = text.count("\n", 0, text.index("\n\ufeff")) + 2
        raise LoopwrightError(
            f"{name}: line {line}: a byte-order mark inside the file: here a second file was "
            "joined to the first; give each its own entry of ingest.sources"
        )
    if not text.strip():
        raise LoopwrightError(f"{name}: the file is empty; a header and rows were expected")
    plain = data if codecs.lookup(encoding).name == "utf-8" else text.encode()
    return plain.removeprefix(codecs.BOM_UTF8), _doubts(data, text, encoding)


def _doubts(data: bytes, text: str, encoding: str) -> tuple[str, ...]:
    notes = []
    if not text.isascii() and codecs.lookup(encoding).name.startswith(("cp125", "iso8859")):
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            notes.append(f"encoding is {encoding}, and the file is valid utf-8 as well")
    if not text.endswith(("\n", "\r")):
        notes.append("the last line has no end: the file may be cut short")
    return tuple(notes)
