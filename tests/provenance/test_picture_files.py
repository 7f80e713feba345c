from __future__ import annotations

import errno
import os
import random
import resource
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest
from PIL import Image

from aigc_core.errors import FileError, UsageError
from aigc_core.provenance import (
    Envelope,
    content_digest,
    extension,
    read,
    require_envelope,
    seal,
    write,
    write_plain,
)
from aigc_core.provenance.png import MAX_PIXELS

PROMPTS = [
    None,
    "a seven",
    "手写数字七，水墨风格",
    "🐈‍⬛👩🏽‍🚀",
    'quotes "\\" and\nlines\t\0',
    "e\u0301 \u202e right to left",
]


def itxt(keyword: bytes, text: bytes, *, compressed: bool = False) -> tuple[bytes, bytes]:
    body = zlib.compress(text, 9) if compressed else text
    return b"iTXt", keyword + b"\0" + bytes([compressed, 0]) + b"\0\0" + body


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_picture_carries_its_recipe(tmp_path, recipe, digit, prompt):
    envelope = seal({**recipe, "prompt": prompt}, digit)
    path = write(digit, envelope, tmp_path / "数字.png")
    sealed, found = require_envelope(path)
    assert found == envelope
    assert found.intact
    assert sealed.kind == "png"
    assert sealed.recipe_id == envelope.recipe_id
    assert content_digest(sealed.content) == envelope.digest
    assert sealed.content.tobytes() == digit.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_that_is_written_comes_back_bit_for_bit(tmp_path, recipe, digit, mode):
    picture = Image.frombytes("I;16", (14, 28), digit.tobytes()) if mode == "I;16" else digit.convert(mode)
    envelope = seal(recipe, picture)
    sealed = read(write(picture, envelope, tmp_path / "a.PNG"))
    assert sealed.content.mode == mode
    assert content_digest(sealed.content) == envelope.digest


@pytest.mark.parametrize("mode", ["CMYK", "F", "HSV"])
def test_a_mode_that_png_cannot_hold_is_refused(tmp_path, recipe, mode):
    picture = Image.new(mode, (4, 4))
    with pytest.raises(FileError, match=f"mode {mode}.*convert it to RGB"):
        write(picture, seal(recipe, picture), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_what_each_metadata_level_says(tmp_path, envelope, digit, chunks):
    keywords = {
        level: {
            body.split(b"\0")[0].decode(): kind
            for kind, body in chunks(write(digit, envelope, tmp_path / f"{level}.png", metadata=level))
            if kind in ("iTXt", "tEXt")
        }
        for level in ("full", "params", "id", "none")
    }
    xmp = {"XML:com.adobe.xmp": "iTXt"}
    assert keywords["full"] == {"aigc": "iTXt", "parameters": "tEXt"} | xmp
    assert keywords["params"] == {"parameters": "tEXt"} | xmp
    assert keywords["id"] == {"aigc-id": "iTXt"} | xmp
    assert keywords["none"] == xmp
    full, params, alone, none = (read(tmp_path / f"{level}.png") for level in keywords)
    assert (full.envelope, full.recipe_id) == (envelope, envelope.recipe_id)
    assert (params.envelope, params.recipe_id) == (None, None)
    assert params.parameters == full.parameters
    assert params.parameters.startswith("Steps: 1, Sampler: image/gan")
    assert (alone.envelope, alone.recipe_id, alone.parameters) == (None, envelope.recipe_id, None)
    assert (none.envelope, none.recipe_id, none.parameters) == (None, None, None)


def test_metadata_stands_before_the_pixels(tmp_path, envelope, digit, chunks):
    kinds = [kind for kind, _ in chunks(write(digit, envelope, tmp_path / "a.png"))]
    assert kinds == ["IHDR", "iTXt", "tEXt", "iTXt", "IDAT", "IEND"]


def test_exif_of_an_input_does_not_travel_along(tmp_path, envelope, digit, chunks):
    exif = Image.Exif()
    exif[0x010F] = "somebody's camera"
    digit.save(tmp_path / "in.png", exif=exif)
    with Image.open(tmp_path / "in.png") as opened:
        path = write(opened, envelope, tmp_path / "out.png")
    assert b"camera" not in path.read_bytes()


def test_a_file_without_a_recipe_reads_and_says_why_when_one_is_needed(tmp_path, envelope, digit):
    digit.save(tmp_path / "plain.png")
    digit.save(tmp_path / "photo.jpg")
    for level in ("id", "params"):
        write(digit, envelope, tmp_path / f"{level}.png", metadata=level)
    for name, hint in {
        "plain.png": "another program",
        "photo.jpg": "JPEG drops it",
        "id.png": envelope.recipe_id[:12],
        "params.png": "--metadata params",
    }.items():
        assert read(tmp_path / name).envelope is None
        with pytest.raises(FileError, match=f"carries no recipe.*{hint}"):
            require_envelope(tmp_path / name)


def test_an_edited_recipe_is_read_and_shows(tmp_path, recipe, envelope, digit):
    forged = Envelope({**recipe, "seed": 8}, envelope.recipe_id, envelope.digest, envelope.environment)
    _, found = require_envelope(write(digit, forged, tmp_path / "a.png"))
    assert not found.intact


def test_edited_pixels_show(tmp_path, envelope, digit):
    digit.putpixel((3, 4), 255 - digit.getpixel((3, 4)))
    sealed, found = require_envelope(write(digit, envelope, tmp_path / "a.png"))
    assert content_digest(sealed.content) != found.digest


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"recipe": NaN}', b"[" * 100_000, b"{}" * 2, b"0" * 999_999],
)
def test_a_tampered_envelope_is_refused(tmp_path, png_of, text):
    path = tmp_path / "a.png"
    path.write_bytes(png_of(itxt(b"aigc", text)))
    if text == b"\xff\xfe":  # no text at all for a PNG reader
        with pytest.raises(FileError, match="carries no recipe"):
            require_envelope(path)
        return
    with pytest.raises(FileError, match=r"a\.png: the recipe"):
        read(path)


def test_a_recipe_id_that_is_none_is_refused(tmp_path, png_of):
    (tmp_path / "a.png").write_bytes(png_of(itxt(b"aigc-id", b"\x1b[31m")))
    with pytest.raises(FileError, match="no sha256"):
        read(tmp_path / "a.png")


def test_pixel_bombs_are_refused_before_they_are_decoded(tmp_path, png_of):
    for size in ((50_000, 50_000), (10_000, 10_000), (MAX_PIXELS + 1, 1), (2**31 - 1, 2**31 - 1)):
        (tmp_path / "bomb.png").write_bytes(png_of(size=size))
        with pytest.raises(FileError, match="decompression bomb"):
            read(tmp_path / "bomb.png")


def test_a_jpeg_bomb_is_refused(tmp_path, digit):
    digit.save(tmp_path / "bomb.jpg")
    data = bytearray((tmp_path / "bomb.jpg").read_bytes())
    at = data.index(b"\xff\xc0")  # start of frame: length, precision, height, width
    data[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    (tmp_path / "bomb.jpg").write_bytes(data)
    with pytest.raises(FileError, match="decompression bomb"):
        read(tmp_path / "bomb.jpg")


def test_text_bombs_are_refused(tmp_path, png_of):
    (tmp_path / "a.png").write_bytes(png_of(itxt(b"aigc", b" " * 50_000_000, compressed=True)))
    with pytest.raises(FileError, match="cannot be decoded"):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(png_of(itxt(b"aigc", b" " * 1_000_001)))
    with pytest.raises(FileError, match="1,000,001 bytes"):
        read(tmp_path / "a.png")


def test_a_file_cut_short_anywhere_is_refused(tmp_path, envelope, digit):
    whole = write(digit, envelope, tmp_path / "a.png").read_bytes()
    cut = tmp_path / "cut.png"
    for length in [*range(64), *range(64, len(whole) - 64, 37), *range(len(whole) - 64, len(whole))]:
        cut.write_bytes(whole[:length])
        with pytest.raises(FileError):
            read(cut)


def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path, envelope, digit):
    write(digit, envelope, tmp_path / "a.png")
    digit.save(tmp_path / "a.jpg")
    digit.save(tmp_path / "a.webp", lossless=True)
    rng = random.Random(7)
    refused = 0
    for name in ("a.png", "a.jpg", "a.webp"):
        whole = (tmp_path / name).read_bytes()
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            (tmp_path / "damaged").write_bytes(data)
            try:
                read(tmp_path / "damaged")
            except FileError:
                refused += 1
    assert refused > 200


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n")
    (tmp_path / "empty.png").touch()
    for path, reason in {
        tmp_path / "a.png": "no PNG, JPEG or WebP",
        tmp_path / "empty.png": "no PNG, JPEG or WebP",
        tmp_path / "missing.png": "there is no file",
        tmp_path: "is a folder",
        tmp_path / "a.png" / "b": "cannot read",
        tmp_path / "a\0b.png": "cannot read|there is no file",
        Path("/dev/null"): "no ordinary file",
    }.items():
        with pytest.raises(FileError, match=reason):
            read(path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.jpg", r"ends in .jpg \(end it in .png\)"),
        ("a", r"has no ending \(end it in .png\)"),
        ("missing/a.png", "there is no folder"),
        ("file/a.png", "is no folder"),
        ("folder.png", "it is a folder"),
        ("x" * 300 + ".png", "too long"),
    ],
)
def test_where_a_picture_cannot_go(tmp_path, envelope, digit, name, reason):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileError, match=reason):
        write(digit, envelope, tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder.png"]


def test_an_unknown_level_names_the_near_miss(tmp_path, envelope, digit):
    with pytest.raises(UsageError, match="did you mean 'params'"):
        write(digit, envelope, tmp_path / "a.png", metadata="param")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, envelope, digit, monkeypatch):
    path = write(digit, envelope, tmp_path / "a.png")
    before = path.read_bytes()
    # The kernel answers as a full disk does; the hidden file is there already when it does.
    real = os.open

    def full(name, *arguments):
        os.close(real(name, *arguments))
        return real("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(FileError, match="the disk is full") as caught:
        write(digit, envelope, path)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]


def test_a_quota_in_another_process_leaves_nothing(tmp_path):
    script = f"""
        import resource
        from PIL import Image
        from aigc_core.errors import FileError
        from aigc_core.provenance import write_plain
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, {resource.RLIM_INFINITY}))
        try:
            write_plain(Image.effect_noise((64, 64), 50), {str(tmp_path / "a.png")!r})
        except FileError as error:
            print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert "the disk is full" in done.stdout, done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupted_write_leaves_nothing(tmp_path, envelope, digit, monkeypatch):
    def interrupt(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(digit, envelope, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_permission_is_named(tmp_path, envelope, digit, monkeypatch):
    # root may write everywhere, so the kernel's answer is given for it
    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileError, match=f"not allowed.*another folder than {tmp_path}"):
        write(digit, envelope, tmp_path / "a.png")


def test_an_error_nobody_thought_of_is_told_in_the_system_s_words(tmp_path, envelope, digit, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FileError, match="Input/output error"):
        write(digit, envelope, tmp_path / "a.png")


def test_files_are_as_readable_as_any_other(tmp_path, envelope, digit):
    (tmp_path / "other").touch()
    path = write(digit, envelope, tmp_path / "a.png")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_recipe_too_large_to_be_read_back_is_not_written(tmp_path, recipe, digit):
    envelope = seal({**recipe, "options": {"text": "七" * 400_000}}, digit)
    with pytest.raises(FileError, match="larger than 1,000,000 bytes"):
        write(digit, envelope, tmp_path / "a.png")
    assert read(write(digit, envelope, tmp_path / "a.png", metadata="id")).recipe_id == envelope.recipe_id


def test_a_contact_sheet_lists_its_pictures(tmp_path, digit):
    members = [
        {"id": "a" * 64, "seed": 7},
        {"id": None, "seed": 8},
        {"id": "b" * 64, "noise": {"a": 7, "b": 8, "t": 0.5}},
    ]
    assert read(write_plain(digit, tmp_path / "bare.png", labels=())).labels == {}
    sealed = read(write_plain(digit, tmp_path / "grid.png", members=members, trained=False))
    assert list(sealed.sheet) == members
    assert sealed.labels["iptc"]["DigitalSourceType"].endswith("/algorithmicMedia")
    with pytest.raises(FileError, match="contact sheet; name one of its pictures"):
        require_envelope(tmp_path / "grid.png")


@pytest.mark.parametrize(
    "text", [b"{}", b"[1]", b'[{"id": "x", "seed": 1}]', b'[{"id": null, "seed": -1}]', b'[{"id": null}]']
)
def test_a_tampered_contact_sheet_is_refused(tmp_path, png_of, text):
    (tmp_path / "a.png").write_bytes(png_of(itxt(b"aigc-sheet", text)))
    with pytest.raises(FileError, match="the list of pictures is not valid"):
        read(tmp_path / "a.png")


def test_a_picture_too_large_to_be_read_back_is_not_written(tmp_path):
    class Vast(Image.Image):
        size = (100_000, 100_000)
        mode = "L"

    with pytest.raises(FileError, match="100000x100000 pixels is not written"):
        write_plain(Vast(), tmp_path / "a.png")
    with pytest.raises(FileError, match="0x4 pixels is not written"):
        write_plain(Image.new("L", (0, 4)), tmp_path / "a.png")


def test_endings():
    assert extension("text") == ".txt"
    assert extension(Image.new("L", (1, 1))) == ".png"


def test_other_programs_parameters_and_labels_are_read(tmp_path, digit):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 20, Sampler: Euler a, Seed: 1")
    digit.save(tmp_path / "a1111.png", pnginfo=info)
    assert read(tmp_path / "a1111.png").parameters == "a cat\nSteps: 20, Sampler: Euler a, Seed: 1"
    from aigc_core.provenance.labels import xmp_packet

    digit.save(tmp_path / "a.jpg", xmp=xmp_packet(("iptc",), trained=True).encode())
    sealed = read(tmp_path / "a.jpg")
    assert sealed.kind == "jpeg"
    assert sealed.labels["iptc"]["DigitalSourceType"].endswith("trainedAlgorithmicMedia")
