from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from defusedxml import ElementTree

from opendata import archive
from opendata.archive import ArchiveLimits, unpack, unpack_documents
from opendata.errors import ArchiveError

ROWS = b"siren,nom\n" + b"".join(b"%09d,SOCIETE\n" % number for number in range(20_000))
NOISE = random.Random(1).randbytes(200_000)  # noqa: S311


def make_zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def make_taz(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_the_only_file_of_a_zip(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", **{"dossier/Stock_utf8.csv": ROWS})
    out = unpack(path, "zip", tmp_path / "out")
    assert out == tmp_path / "out" / "Stock_utf8.csv"
    assert out.read_bytes() == ROWS
    assert list((tmp_path / "out").iterdir()) == [out]


@pytest.mark.parametrize("member", ["b.csv", "d/b.csv"])
def test_a_named_file_among_several(tmp_path: Path, member: str):
    path = make_zip(tmp_path / "a.zip", **{"a.csv": b"1", "d/b.csv": ROWS})
    assert unpack(path, "zip", tmp_path / "out", member=member).read_bytes() == ROWS


@pytest.mark.parametrize("member", [None, "c.csv"])
def test_no_single_match_names_what_is_there(tmp_path: Path, member: str | None):
    path = make_zip(tmp_path / "a.zip", **{"a.csv": b"1", "b.csv": b"2"})
    with pytest.raises(ArchiveError, match=r"a\.csv, b\.csv"):
        unpack(path, "zip", tmp_path / "out", member=member)


def test_two_files_of_one_name_are_not_guessed(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", **{"x/a.csv": b"1", "y/a.csv": b"2"})
    with pytest.raises(ArchiveError, match="2 files named"):
        unpack(path, "zip", tmp_path / "out", member="a.csv")


def test_an_empty_zip_is_an_error(tmp_path: Path):
    with pytest.raises(ArchiveError, match="contains: nothing"):
        unpack(make_zip(tmp_path / "a.zip"), "zip", tmp_path / "out")


@pytest.mark.parametrize("name", ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "C:evil.csv"])
def test_a_zip_that_leaves_its_folder_is_refused(tmp_path: Path, name: str):
    path = make_zip(tmp_path / "a.zip", **{name: b"evil", "good.csv": b"1"})
    with pytest.raises(ArchiveError, match="leaves its folder"):
        unpack(path, "zip", tmp_path / "in" / "out", member="good.csv")
    assert not list(tmp_path.rglob("evil*"))
    assert not (tmp_path / "in").exists()


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path):
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.csv")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="symbolic link"):
        unpack(path, "zip", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "gzip", "taz"])
def test_a_bomb_is_refused_and_leaves_nothing(tmp_path: Path, kind):
    bomb = b"\0" * (24 << 20)
    path = tmp_path / "bomb"
    if kind == "zip":
        make_zip(path, **{"a.csv": bomb})
    elif kind == "gzip":
        path.write_bytes(gzip.compress(bomb))
    else:
        make_taz(path, (tarfile.TarInfo("a.xml"), bomb))
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        unpack(path, kind, tmp_path / "out")
    assert not any(item.is_file() for item in (tmp_path / "out").glob("*"))


def test_a_lying_header_does_not_help_a_bomb(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", **{"a.csv": b"\0" * (24 << 20)})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        content[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        unpack(path, "zip", tmp_path / "out")
    assert not any(item.is_file() for item in (tmp_path / "out").glob("*"))


def test_the_size_limit_counts_what_is_read(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", **{"a.csv": NOISE})
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        unpack(path, "zip", tmp_path / "out", limits=ArchiveLimits(size=len(NOISE) - 1))
    assert unpack(path, "zip", tmp_path / "out", limits=ArchiveLimits(size=len(NOISE))).is_file()


@pytest.mark.parametrize("kind", ["zip", "taz"])
def test_too_many_members_are_refused(tmp_path: Path, kind):
    path = tmp_path / "many"
    names = [f"{number}.csv" for number in range(6)]
    if kind == "zip":
        make_zip(path, **dict.fromkeys(names, b"1"))
    else:
        make_taz(path, *((tarfile.TarInfo(name), b"1") for name in names))
    with pytest.raises(ArchiveError, match="more than 5 members"):
        unpack(path, kind, tmp_path / "out", member="1.csv", limits=ArchiveLimits(members=5))


def test_gzip(tmp_path: Path):
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(ROWS))
    out = unpack(path, "gzip", tmp_path / "out")
    assert out.name == "data.csv"
    assert out.read_bytes() == ROWS


def test_taz(tmp_path: Path):
    folder = tarfile.TarInfo("2026")
    folder.type = tarfile.DIRTYPE
    path = make_taz(tmp_path / "a.taz", (folder, b""), (tarfile.TarInfo("2026/a.xml"), ROWS))
    assert unpack(path, "taz", tmp_path / "out").read_bytes() == ROWS
    assert unpack(path, "taz", tmp_path / "out2", member="a.xml").name == "a.xml"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_a_link_or_device_in_a_tar_is_refused(tmp_path: Path, kind: bytes):
    special = tarfile.TarInfo("a.xml")
    special.type = kind
    special.linkname = "/etc/passwd"
    path = make_taz(tmp_path / "a.taz", (special, b""), (tarfile.TarInfo("b.xml"), b"<a/>"))
    with pytest.raises(ArchiveError, match=r"a link|a device"):
        unpack(path, "taz", tmp_path / "out", member="b.xml")
    assert not (tmp_path / "out").exists()


def test_a_tar_that_leaves_its_folder_is_refused(tmp_path: Path):
    path = make_taz(tmp_path / "a.taz", (tarfile.TarInfo("../a.xml"), b"<a/>"))
    with pytest.raises(ArchiveError, match="leaves its folder"):
        unpack(path, "taz", tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "gzip", "taz"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_an_archive_cut_short_is_refused(tmp_path: Path, kind, share: float):
    path = tmp_path / "whole"
    if kind == "zip":
        make_zip(path, **{"a.csv": NOISE})
    elif kind == "gzip":
        path.write_bytes(gzip.compress(NOISE))
    else:
        make_taz(path, (tarfile.TarInfo("a.xml"), NOISE))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArchiveError, match="cut short or damaged"):
        unpack(path, kind, tmp_path / "out")
    assert not any(item.is_file() for item in (tmp_path / "out").glob("*"))


@pytest.mark.parametrize("kind", ["zip", "gzip", "taz"])
def test_a_damaged_byte_is_found(tmp_path: Path, kind):
    path = tmp_path / "whole"
    if kind == "zip":
        make_zip(path, **{"a.csv": NOISE})
    elif kind == "gzip":
        path.write_bytes(gzip.compress(NOISE))
    else:
        make_taz(path, (tarfile.TarInfo("a.xml"), NOISE))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArchiveError):
        unpack(path, kind, tmp_path / "out")


def test_an_encrypted_zip_is_refused(tmp_path: Path):
    path = make_zip(tmp_path / "a.zip", **{"a.csv": b"1"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="encrypted"):
        unpack(path, "zip", tmp_path / "out")


def test_something_else_is_refused_with_the_name_of_the_file(tmp_path: Path):
    path = tmp_path / "page.zip"
    path.write_bytes(b"<html></html>")
    with pytest.raises(ArchiveError, match=r"file page\.zip.*damaged"):
        unpack(path, "zip", tmp_path / "out")


LATIN = b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>'


def documents(path: Path, *contents: bytes) -> Path:
    entries = [(tarfile.TarInfo(f"d/{at}.xml"), one) for at, one in enumerate(contents)]
    return make_taz(path, (tarfile.TarInfo("d/text.docx"), b"PK"), *entries)


def test_documents_of_an_archive_become_one(tmp_path: Path):
    declared = b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a>1</a>'
    path = documents(tmp_path / "a.taz", declared, b"<a>2</a>", b'<?xml version="1.0"?><a>3</a>')
    out = unpack_documents(path, tmp_path / "out", r"d/\d\.xml")
    root = ElementTree.fromstring(out.read_bytes())
    assert [one.text for one in root] == ["1", "2", "3"]
    assert list((tmp_path / "out").iterdir()) == [out]


def test_lines_of_a_text_file_become_documents(tmp_path: Path):
    listed = (tarfile.TarInfo("d/list.dat"), b"a/<1>\r\n\n b&2 \n")
    path = make_taz(tmp_path / "a.taz", listed, (tarfile.TarInfo("d/0.xml"), b"<a>0</a>"))
    out = unpack_documents(path, tmp_path / "out", r"d/\d\.xml", lines=(r"d/.*\.dat", "a"))
    root = ElementTree.fromstring(out.read_bytes())
    assert [one.findtext("LINE") or one.text for one in root] == ["a/<1>", "b&2", "0"]


@pytest.mark.parametrize(
    ("contents", "members", "limits", "reason"),
    [
        ([b"<a/>"], r"e/\d\.xml", ArchiveLimits(), "none of its files matches"),
        ([LATIN], r"d/\d\.xml", ArchiveLimits(), "iso-8859-1"),
        ([b"<a/>"] * 3, r"d/\d\.xml", ArchiveLimits(members=3), "more than 3 members"),
        ([NOISE], r"d/\d\.xml", ArchiveLimits(size=100_000), "unpacks to more than"),
    ],
    ids=["none", "encoding", "members", "size"],
)  # fmt: skip
def test_documents_that_are_refused(
    tmp_path: Path, contents: list[bytes], members: str, limits: ArchiveLimits, reason: str
):
    path = documents(tmp_path / "a.taz", *contents)
    with pytest.raises(ArchiveError, match=reason):
        unpack_documents(path, tmp_path / "out", members, limits=limits)
    assert not (tmp_path / "out" / "documents.xml").exists()


def test_document_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "DOCUMENT", 10)
    with pytest.raises(ArchiveError, match="a document of"):
        unpack_documents(documents(tmp_path / "a.taz", b"<a>12345</a>"), tmp_path, r"d/\d\.xml")


def test_cut_archive_of_documents_is_refused(tmp_path: Path):
    path = documents(tmp_path / "a.taz", NOISE)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ArchiveError, match="cut short"):
        unpack_documents(path, tmp_path / "out", r"d/\d\.xml")
