"""Archives from outside: zip, gzip, tar in gzip, one file or many documents of them.

Belongs here: making hostile archives, and that nothing leaves the folder or grows without end.
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import gzip
import io
import tarfile
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from fuzzing import BrokenError, Mutant, Target, require
from hypothesis import strategies as st

from opendata import archive
from opendata.archive import ArchiveLimits, unpack, unpack_documents
from opendata.errors import ArchiveError

DATA = Path(__file__).parents[1] / "data"
#: Small, so that a bomb need not be large to be one.
LIMITS = ArchiveLimits(members=20, size=1 << 20, ratio=50, ratio_from=1 << 14)
_NAMES = ("a.csv", "../out.csv", "/out.csv", "..\\out.csv", "C:out.csv", "d/../../out.csv", "é.csv",
          "", ".", "..", "a" * 300, "a\nb", "d/a.csv", "./a.csv", "-rf", "~/x", "x.xml",
          "CON", "a.csv/")  # fmt: skip
Member = tuple[str, bytes, int]


def zipped(members: Sequence[Member]) -> bytes:
    """Return a zip; the number of a member is its mode, a link among others."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        warnings.simplefilter("ignore")  # of two members of one name
        for name, content, mode in members:
            entry = zipfile.ZipInfo(name or "x")
            entry.filename = name
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, content)
    return buffer.getvalue()


def tarred(members: Sequence[Member]) -> bytes:
    """Return a tar in gzip; the number of a member is its type."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as packed:
        for name, content, kind in members:
            entry = tarfile.TarInfo(name)
            types = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE,
                     tarfile.DIRTYPE)  # fmt: skip
            entry.type = types[kind % len(types)]
            entry.linkname = "../beside.txt" if kind else ""
            entry.size = 0 if kind else len(content)
            packed.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _unpacks(kind: Literal["zip", "gzip", "taz"], member: str | None = None):  # type: ignore[no-untyped-def]
    def run(data: bytes, box: Path) -> None:
        source = box / f"f.{kind}"
        source.write_bytes(data)
        try:
            found = unpack(source, kind, box / "out", member=member, limits=LIMITS)
        except ArchiveError as error:
            require(error.file == source.name, "it does not say which archive")
            raise
        require(found.parent == box / "out", "it left its folder")
        require(not found.is_symlink(), "a link")
        require(found.stat().st_size <= LIMITS.size, "more than the limit")

    return run


def _documents(data: bytes, box: Path) -> None:
    source = box / "f.taz"
    source.write_bytes(data)
    found = unpack_documents(
        source, box / "out", r".*\.xml", lines=(r".*\.txt", "note"), limits=LIMITS
    )
    require(found.stat().st_size <= 2 * LIMITS.size, "more than the limit")
    require(found.read_bytes().endswith(b"</documents>\n"), "cut short")


_contents = st.binary(max_size=40) | st.sampled_from([b"0" * 100_000, b"<a/>", b"\xef\xbb\xbf<a/>"])
_names = st.sampled_from(_NAMES) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8
)
_zips = st.lists(
    st.tuples(_names, _contents, st.sampled_from([0, 0, 0o100644, 0o120777])), max_size=4
).map(zipped)
_tars = st.lists(st.tuples(_names, _contents, st.integers(0, 4)), max_size=4).map(tarred)
ONE_ZIP = zipped([("stock.csv", b"siren\n552032534\n", 0o100644)])
ONE_TAR = tarred([("a.xml", b"<?xml version='1.0'?><a/>", 0), ("n.txt", b"one\ntwo\n", 0)])


def _packed_otherwise(method: int) -> bytes:
    """Return a zip that says it is packed by bzip2 (12), LZMA (14) or what nobody knows."""
    return ONE_ZIP.replace(
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x08",
        b"PK\x01\x02\x14\x03\x14\x00\x00\x00" + bytes([method]),
    )


_BOMB = b"0" * (4 << 20)
_TAZ = (DATA / "bodacc" / "RCS-A_BXA20210005.taz").read_bytes()

zip_ = Target(
    "zip",
    _unpacks("zip"),
    seeds=[ONE_ZIP, zipped([("d/", b"", 0), ("d/a.csv", b"x", 0)])],
    attacks=[b"", b"PK\x03\x04", zipped([("a", _BOMB, 0)]), zipped([]),
             *(zipped([(name, b"x", 0)]) for name in _NAMES if name),
             zipped([("a.csv", b"../beside.txt", 0o120777)]),
             *(_packed_otherwise(method) for method in (9, 12, 14, 93, 99)),
             zipped([("a.csv", b"1", 0), ("a.csv", b"2", 0)]),
             zipped([(f"f{n}", b"", 0) for n in range(30)]),
             ONE_ZIP.replace(b"stock.csv", b"../ck.csv"),
             ONE_ZIP[:6] + b"\x01" + ONE_ZIP[7:]],
    tokens=[b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x01\x00", b"\xff\xff\xff\xff"],
    shapes=_zips,
    mutants=[
        Mutant(archive, "if inflated or self._given > limits.size:", "if False:", "bombs unpack"),
        Mutant(archive, "if stat.S_ISLNK(entry.external_attr >> 16):", "if False:", "links pass"),
        Mutant(archive, '            _check_name(entry.filename)\n', "            pass\n",
               "names of a zip leave the folder"),
    ],
)  # fmt: skip


def _links_are_refused(data: bytes, box: Path) -> None:
    """As :func:`_unpacks`, and what a link or an outside name is in must not come through."""
    _unpacks("zip")(data, box)
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except Exception as error:  # whatever our own reader took for whole
        raise BrokenError("a zip that the library refuses came through") from error
    require(not any(entry.external_attr >> 16 & 0o170000 == 0o120000 for entry in entries), "link")
    require(not any(_leaves(entry.filename) for entry in entries), "a name that leaves its folder")


def _leaves(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")


zip_ = Target(**{**zip_.__dict__, "run": _links_are_refused})
gzip_ = Target(
    "gzip",
    _unpacks("gzip", "f.csv"),
    seeds=[gzip.compress(b"siren\n552032534\n")],
    attacks=[b"", b"\x1f\x8b", gzip.compress(_BOMB), gzip.compress(b"x" * 9000)[:-9],
             gzip.compress(b"a") + gzip.compress(b"b"), gzip.compress(b"a") + b"rest"],
    tokens=[b"\x1f\x8b\x08\x1f", b"\xff\xff\xff\xff"],
    mutants=[
        Mutant(archive, "if inflated or self._given > limits.size:", "if False:", "bombs unpack"),
    ],
)  # fmt: skip


def _one_of_tar(data: bytes, box: Path) -> None:
    _unpacks("taz", "a.xml")(data, box)
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        for entry in packed:
            require(entry.isreg() or entry.isdir(), "a link or a device came through")
            require(not _leaves(entry.name), "a name that leaves its folder")


tar = Target(
    "tar in gzip",
    _one_of_tar,
    seeds=[ONE_TAR, _TAZ],
    attacks=[b"", gzip.compress(b""), gzip.compress(b"x" * 600), tarred([("a.xml", _BOMB, 0)]),
             *(tarred([("a.xml", b"<a/>", 0), ("b", b"", kind)]) for kind in range(1, 5)),
             *(tarred([("a.xml", b"<a/>", 0), (name, b"x", 0)]) for name in _NAMES if name),
             tarred([(f"{n}", b"", 0) for n in range(30)] + [("a.xml", b"", 0)]),
             ONE_TAR[:-12], ONE_TAR[:40]],
    tokens=[b"ustar", b"\x00" * 512],
    shapes=_tars,
    mutants=[
        Mutant(archive, "if not (entry.isreg() or entry.isdir()):", "if False:", "links pass"),
        Mutant(archive, '    _check_name(entry.name)\n', "    pass\n", "names leave the folder"),
    ],
)  # fmt: skip
documents = Target(
    "documents of a tar",
    _documents,
    seeds=[ONE_TAR, _TAZ],
    attacks=[b"", tarred([]), tarred([("a.xml", b"<?xml version='1.0' encoding='latin-1'?><a/>", 0)]),
             tarred([("a.xml", _BOMB, 0)]), tarred([("n.txt", b"<&\x00\xff\n" * 50, 0)]),
             tarred([("a.xml", b"<a/>", 0), ("b", b"", 1)]), ONE_TAR[:-12],
             tarred([("a.xml", b"<a/>", 0)] + [(f"{n}", b"", 0) for n in range(30)])],
    tokens=[b"ustar", b"\x00" * 512],
    shapes=_tars,
    mutants=[
        Mutant(archive, "if inflated or self._given > limits.size:", "if False:", "bombs unpack"),
        Mutant(archive, "    except DamagedError as error:\n        raise ArchiveError(\n"
               '            "the taz archive', "    except LookupError as error:\n"
               '        raise ArchiveError(\n            "the taz archive', "damage not expected"),
    ],
)  # fmt: skip

TARGETS = (zip_, gzip_, tar, documents)
