"""The directory of a zip archive: equal to Python's `zipfile` on good archives, a sentence on bad ones."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bert_core.weights.formats.stored_zip import Member, ZipError, members

DATA = Path(__file__).parent / "data"
CONTENT = {"a/data.pkl": b"pickle", "a/data/0": b"01234567", "a/empty": b"", "ä/ö": b"\0" * 100}


def written(path: Path, content: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, member in (CONTENT if content is None else content).items():
            archive.writestr(name, member)
    return path


def read(path: Path) -> dict[str, Member]:
    with path.open("rb") as file:
        return members(file)


def refused(path: Path) -> str:
    with pytest.raises(ZipError) as caught:
        read(path)
    return str(caught.value)


def equal(path: Path) -> None:
    content, found = path.read_bytes(), read(path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(found) == sorted(archive.namelist())
        for name, member in found.items():
            assert content[member.start : member.start + member.size] == archive.read(name)
            assert member.crc == archive.getinfo(name).CRC


@pytest.mark.parametrize("name", ["torch_zip", "torch_newer", "torch_nested"])
def test_equals_python_on_archives_of_torch(name: str) -> None:
    equal(DATA / f"{name}.bin")


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.text("ab/ü", min_size=1).filter(lambda name: name[0] != "/"), st.binary()))
def test_equals_python(tmp_path_factory: pytest.TempPathFactory, content: dict[str, bytes]) -> None:
    equal(written(tmp_path_factory.mktemp("zip") / "x", content))


def test_sizes_and_places_in_the_field_for_large_archives(tmp_path: Path) -> None:
    """As they stand in an archive of more than 4 GiB: here of a few bytes, with the same field."""
    content = written(tmp_path / "x", {"a": b"01234567"}).read_bytes()
    at = content.index(b"PK\1\2")
    entry, end = bytearray(content[at : at + 46]), bytearray(content[-22:])
    entry[20:28] = b"\xff" * 8  # packed size, size
    entry[42:46] = b"\xff" * 4  # place of the local header
    field = struct.pack("<HHQQQ", 1, 24, 8, 8, 0)
    entry[30:32] = struct.pack("<H", len(field) + 4)
    directory = bytes(entry) + b"a" + struct.pack("<HH", 7, 0) + field
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(directory), at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at + len(directory), 1)
    end[8:20] = b"\xff" * 12
    (tmp_path / "x").write_bytes(content[:at] + directory + end64 + locator + end)
    equal(tmp_path / "x")
    (tmp_path / "x").write_bytes(content[:at] + directory.replace(field, b"\2" + field[1:]) + end64 + locator + end)
    assert refused(tmp_path / "x") == "a size in its directory is missing"


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "a\\b", "..", "a/.."])
def test_a_name_that_leads_out(tmp_path: Path, name: str) -> None:
    assert "which leads out of the archive" in refused(written(tmp_path / "x", {name: b"x"}))


def test_one_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(written(tmp_path / "x"), "a") as archive:
        archive.writestr("a/data/0", b"another")
    assert refused(tmp_path / "x") == "it holds 'a/data/0' twice"


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packed_member(tmp_path: Path, packing: int) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w", packing) as archive:
        archive.writestr("a", bytes(1_000_000))
    assert refused(tmp_path / "x") == "its member 'a' is packed or encrypted, and torch stores bytes as they are"


def changed(path: Path, change: Callable[[bytearray, int, int], None]) -> Path:
    """An archive of `a` and `b`, with something changed, given where the entries of both begin."""
    content = bytearray(written(path, {"a": b"01234567", "b": b"89"}).read_bytes())
    first = content.index(b"PK\1\2")
    change(content, first, content.index(b"PK\1\2", first + 4))
    path.write_bytes(content)
    return path


def put(form: str, place: int, *numbers: int) -> Callable[[bytearray, int, int], None]:
    """Numbers at a place that is counted from the entry of `b`, or from the end where it is negative."""

    def change(content: bytearray, first: int, second: int) -> None:
        struct.pack_into(form, content, len(content) + place if place < 0 else second + place, *numbers)

    return change


LIES: dict[str, tuple[Callable[[bytearray, int, int], None], str]] = {
    "encrypted": (put("<H", 8, 1), "its member 'b' is packed or encrypted"),
    "unpacks to more": (put("<I", 24, 10**9), "its member 'b' is packed or encrypted"),
    "is larger": (put("<II", 20, 10**9, 10**9), "its member 'b' goes beyond the end of the data"),
    "reaches into the directory": (put("<II", 20, 3, 3), "its member 'b' goes beyond the end of the data"),
    "is the bytes of another one": (put("<I", 42, 0), "its member 'b' overlaps another one"),
    "lies in another one": (put("<I", 42, 5), "its member 'b' overlaps another one"),
    "lies behind the end": (put("<I", 42, 10**9), "refers to what lies behind its end"),
    "has a size that is missing": (put("<II", 20, 2**32 - 1, 2**32 - 1), "a size in its directory is missing"),
    "has a long name": (put("<H", 28, 60_000), "its directory is damaged"),
    "has a long comment": (put("<H", 32, 60_000), "its directory is damaged"),
    "is no entry": (put("<I", 0, 0), "its directory is damaged"),
    "has a name that is no text": (put("<B", 46, 0xFF), "a name in its directory is not UTF-8"),
    "is called otherwise": (put("<B", 46, ord("c")), "its member 'c' is not where the directory says"),
    "fewer members": (put("<HH", -14, 1, 1), "its directory is longer than what it lists"),
    "more members": (put("<HH", -14, 3, 3), "cannot be"),
    "many members": (put("<HH", -14, 65535, 65535), "its directory of 65535 members in 94 bytes"),
    "a larger directory": (put("<I", -10, 95), "its directory of 2 members in 95 bytes at byte 72 cannot be"),
    "a directory elsewhere": (put("<I", -6, 3), "its directory of 2 members in 94 bytes at byte 3 cannot be"),
    "another disk": (put("<H", -18, 1), "cannot be"),
    "a comment": (put("<H", -2, 1), "it does not end as a zip archive does"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(tmp_path: Path, lie: str) -> None:
    change, said = LIES[lie]
    assert said in refused(changed(tmp_path / "x", change))


def test_a_directory_of_any_size_is_not_read(tmp_path: Path) -> None:
    size = 1 << 30
    with (tmp_path / "x").open("wb") as file:
        file.truncate(size)  # sparse
        file.seek(size)
        file.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
    assert "its directory of 1 members in 1073741824 bytes at byte 0 cannot be" in refused(tmp_path / "x")


def test_a_place_that_no_file_has(tmp_path: Path) -> None:
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 2**64 - 1, 1)
    (tmp_path / "x").write_bytes(locator + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0))
    assert refused(tmp_path / "x") == "it refers to byte 18446744073709551615, which no file has"


@settings(deadline=None, max_examples=50)
@given(cut=st.integers(0, 500))
def test_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = written(tmp_path_factory.mktemp("cut") / "x")
    os.truncate(path, min(cut, path.stat().st_size - 1))
    refused(path)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_changed_byte_leads_nowhere_else(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = written(tmp_path_factory.mktemp("changed") / "x")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = read(path)
    except ZipError:
        return
    assert all(0 < member.start <= member.start + member.size < len(content) for member in found.values())
