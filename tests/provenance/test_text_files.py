from __future__ import annotations

import json
import os

import pytest

from aigc_core.errors import FileError
from aigc_core.provenance import read, require_envelope, seal, write

TEXTS = ["", "seven\n", "七\r\n八\r九\n", "\ufeff先 BOM", "🐈", "nul \0 and \u2028"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_and_its_recipe_come_back_byte_for_byte(tmp_path, recipe, text):
    envelope = seal({**recipe, "modality": "text"}, text)
    path = write(text, envelope, tmp_path / "a.txt")
    assert path.read_bytes() == text.encode()
    sealed, found = require_envelope(path)
    assert (sealed.content, sealed.kind, found) == (text, "txt", envelope)
    assert sealed.labels["iptc"]["DigitalSourceType"].endswith("trainedAlgorithmicMedia")


def test_the_sidecar_says_what_a_png_would(tmp_path, recipe):
    envelope = seal(recipe, "seven")
    kept = {
        level: set(json.loads((write("seven", envelope, tmp_path / f"{level}.txt", metadata=level)).with_name(
            f"{level}.txt.aigc.json").read_text()))
        for level in ("full", "params", "id", "none")
    }  # fmt: skip
    assert kept["full"] == {"aigc", "parameters", "labels"}
    assert kept["params"] == {"parameters", "labels"}
    assert kept["id"] == {"aigc-id", "labels"}
    assert kept["none"] == {"labels"}
    assert read(tmp_path / "id.txt").recipe_id == envelope.recipe_id
    assert read(tmp_path / "params.txt").parameters.startswith("Steps: 1, ")


def test_a_text_that_says_nothing_leaves_no_old_sidecar_behind(tmp_path, recipe):
    write("one", seal(recipe, "one"), tmp_path / "a.txt")
    path = write("two", seal(recipe, "two"), tmp_path / "a.txt", metadata="none", labels=())
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]
    with pytest.raises(FileError, match=r"carries no recipe.*\.aigc\.json"):
        require_envelope(path)


def test_an_old_sidecar_that_cannot_be_removed_is_an_error(tmp_path, recipe):
    (tmp_path / "a.txt.aigc.json").mkdir()
    with pytest.raises(FileError, match=r"a\.txt\.aigc\.json: it is a folder"):
        write("two", seal(recipe, "two"), tmp_path / "a.txt", metadata="none", labels=())


def test_a_full_disk_leaves_neither_text_nor_sidecar(tmp_path, recipe, monkeypatch):
    real, opened = os.open, []

    def full_at_the_second(name, *arguments):
        opened.append(name)
        return real(name, *arguments) if len(opened) == 1 else real("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", full_at_the_second)
    with pytest.raises(FileError, match="the disk is full"):
        write("seven", seal(recipe, "seven"), tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sidecar", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "sidecar is not valid"),
        ('{"aigc": ' + "[" * 300 + "]" * 300 + "}", "Recursion error|nested"),
        ('{"aigc": 1}', "the recipe is not valid"),
        ('{"aigc-id": "x"}', "aigc-id"),
        ('{"labels": {"iptc": 1}}', "labels.iptc"),
        ('{"open": "/etc/passwd"}', "open: Extra inputs"),
    ],
)
def test_a_tampered_sidecar_is_refused(tmp_path, sidecar, reason):
    (tmp_path / "a.txt").write_text("seven")
    (tmp_path / "a.txt.aigc.json").write_text(sidecar)
    with pytest.raises(FileError, match=rf"a\.txt\.aigc\.json: .*{reason}"):
        read(tmp_path / "a.txt")


def test_labels_nobody_here_knows_are_left_out(tmp_path):
    (tmp_path / "a.txt").write_text("seven")
    (tmp_path / "a.txt.aigc.json").write_text('{"labels": {"new-law": {"AI": "yes"}}}')
    assert read(tmp_path / "a.txt").labels == {}


def test_what_is_no_text_is_refused(tmp_path, recipe, digit):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(FileError, match="no UTF-8 text"):
        read(tmp_path / "a.txt")
    with pytest.raises(FileError, match=r"a text to .*a\.png.*end it in \.txt"):
        write("seven", seal(recipe, "seven"), tmp_path / "a.png")
    with pytest.raises(FileError, match="not valid Unicode"):
        write("half \ud800", seal(recipe, "seven"), tmp_path / "b.txt")


def test_an_endless_text_is_not_read(tmp_path):
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(64_000_001)
    with pytest.raises(FileError, match="larger than 64,000,000 bytes"):
        read(tmp_path / "a.txt")
