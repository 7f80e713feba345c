"""Archives are read member by member, and nothing in them is trusted."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np
import pytest

from aigc_core import FileError, UsageError
from aigc_core.data import read
from aigc_core.data.sources import archive


def reasons(survey):
    return {tally.what: tally.count for tally in survey.skipped}


@pytest.fixture
def members(blots, encode):
    """Two classes in a folder, as a file manager packs them."""
    names = ("photos/cat/1.png", "photos/dog/1.png", "photos/dog/2.png")
    return {name: encode(blots(index)) for index, name in enumerate(names)}


def pack_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def pack_tar(path, members, mode="w"):
    with tarfile.open(path, mode) as file:
        for name, content in members.items():
            entry = tarfile.TarInfo(name) if isinstance(name, str) else name
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name, mode", [("x.tar", "w"), ("x.tar.gz", "w:gz"), ("x.tbz2", "w:bz2"), ("x.tar.xz", "w:xz")]
)
def test_zip_and_tar_of_a_folder_are_read_as_the_folder_is(tmp_path, folder, members, name, mode):
    plain = read(folder(members))
    for packed in (pack_zip(tmp_path / "x.zip", members), pack_tar(tmp_path / name, members, mode)):
        data = read(packed)
        assert data.names == plain.names == ("cat/1.png", "dog/1.png", "dog/2.png")
        assert data.label_names == ("cat", "dog")
        assert np.array_equal(data.pixels, plain.pixels)
        assert data.survey.fingerprint == plain.survey.fingerprint


def test_the_order_in_an_archive_does_not_matter(tmp_path, members):
    forwards = read(pack_tar(tmp_path / "a.tar", members))
    backwards = read(pack_tar(tmp_path / "b.tar", dict(reversed(members.items()))))
    assert forwards.survey.fingerprint == backwards.survey.fingerprint


def test_nothing_is_written_to_disk(tmp_path, members, monkeypatch):
    packed = pack_zip(tmp_path / "x.zip", {**members, "../../escaped.png": b"x"})
    before = sorted(tmp_path.rglob("*"))
    read(packed)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png", "C:\\evil.png", "..\\evil.png"]
)
def test_names_that_lead_out_of_the_archive_are_skipped(tmp_path, members, encode, blots, name):
    evil = {**members, name: encode(blots(9))}
    for packed in (pack_zip(tmp_path / "x.zip", evil), pack_tar(tmp_path / "x.tar", evil)):
        survey = read(packed).survey
        assert survey.usable == 3
        assert sum(count for reason, count in reasons(survey).items() if "path in the archive" in reason) == 1


def test_links_and_devices_in_a_tar_are_skipped(tmp_path, members):
    odd = []
    for name, kind in (("photos/link.png", tarfile.SYMTYPE), ("photos/device.png", tarfile.CHRTYPE)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        odd.append(entry)
    packed = pack_tar(tmp_path / "x.tar", {**members, **dict.fromkeys(odd, b"")})
    assert reasons(read(packed).survey) == {"a link or device in the archive": 2}


def test_links_in_a_zip_are_skipped(tmp_path, members):
    link = zipfile.ZipInfo("photos/link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    packed = pack_zip(tmp_path / "x.zip", {**members, link: b"/etc/passwd"})
    assert reasons(read(packed).survey) == {"a link or device in the archive": 1}


def test_encrypted_members_are_skipped(tmp_path, members):
    packed = pack_zip(tmp_path / "x.zip", members)
    data = bytearray(packed.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1  # the flag in the entry of the first member
    packed.write_bytes(data)
    survey = read(packed).survey
    assert reasons(survey) == {"encrypted": 1} and survey.usable == 2


def test_damaged_members_are_skipped(tmp_path, members):
    packed = pack_zip(tmp_path / "x.zip", members)
    data = bytearray(packed.read_bytes())
    data[120] ^= 0xFF  # within the first picture: its checksum is wrong
    packed.write_bytes(data)
    survey = read(packed).survey
    assert reasons(survey) == {"damaged in the archive": 1} and survey.usable == 2


def test_nested_archives_and_what_macos_adds_are_left_alone(tmp_path, members):
    inner = pack_zip(tmp_path / "inner.zip", members).read_bytes()
    packed = pack_zip(tmp_path / "x.zip", {**members, "photos/inner.zip": inner, "__MACOSX/photos/._1.png": b"x"})
    survey = read(packed).survey
    assert reasons(survey) == {"an archive inside, which is not opened": 1} and survey.found == 4


def test_a_member_that_expands_too_far_is_not_expanded(tmp_path, members):
    packed = tmp_path / "x.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        with file.open("photos/zeros.bmp", "w") as bomb:
            for _ in range(257):
                bomb.write(bytes(1024**2))
    assert packed.stat().st_size < 1024**2
    assert reasons(read(packed).survey) == {"larger than 256 MiB": 1}


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_that_is_a_bomb_as_a_whole_is_not_read_to_its_end(tmp_path, members, monkeypatch, kind):
    monkeypatch.setattr(archive, "FREE_BYTES", 1024**2)  # the real limit would take seconds to pack
    bomb = {**members, **{f"photos/x/{index:02}.bmp": bytes(1024**2) for index in range(64)}}
    if kind == "zip":
        packed = pack_zip(tmp_path / "x.zip", bomb, zipfile.ZIP_DEFLATED)
    else:
        packed = pack_tar(tmp_path / "x.tar.gz", bomb, "w:gz")
    survey = read(packed).survey
    assert survey.usable == 3
    assert reasons(survey)["the archive expands to more than 200 times its size; it is not read further"] == 1
    assert survey.found < 64


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_a_corrupt_archive_is_an_error_that_names_it(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
    with pytest.raises(FileError, match=f"{name} is no readable (ZIP|tar) archive.*fetch or pack it again"):
        read(tmp_path / name)


def test_a_tar_that_is_cut_off_is_read_up_to_there(tmp_path, members):
    packed = pack_tar(tmp_path / "x.tar", members)
    packed.write_bytes(packed.read_bytes()[: 512 + 4096 + 512 + 4096 + 512 + 1024])
    survey = read(packed).survey
    assert survey.usable == 2 and len(survey.skipped) >= 1


def test_an_archive_without_pictures_says_so(tmp_path):
    with pytest.raises(UsageError, match=r"x\.zip has no usable picture.*not a picture \(readme\.txt\)"):
        read(pack_zip(tmp_path / "x.zip", {"readme.txt": b"hello"}))


def test_metadata_in_an_archive_is_read(tmp_path, members):
    told = b'{"file_name": "cat/1.png", "text": "a cat"}\n{"file_name": "dog/1.png", "text": "a dog"}\n'
    packed = pack_tar(tmp_path / "x.tar.gz", {**members, "photos/metadata.jsonl": told}, "w:gz")
    assert read(packed).captions == ("a cat", "a dog", None)
