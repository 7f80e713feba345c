"""Artifacts as files: content, recipe, parameters and labels, whole or not at all; and reading them back.

A picture is a PNG that carries everything itself. A text is a ``.txt`` with a sidecar, ``<file>.aigc.json``,
which has the same keywords as the PNG's text chunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_core.content import EMPTY, JSON
from aigc_core.errors import FileError, unknown
from aigc_core.provenance import labels as label_profiles
from aigc_core.provenance import png
from aigc_core.provenance.atomic import refusal, store, store_all
from aigc_core.provenance.infotext import parameters
from aigc_core.provenance.recipe import Envelope, dumps
from aigc_core.provenance.untrusted import CHANGED, MAX_BYTES, check, envelope, load, parse, printable

if TYPE_CHECKING:
    from PIL.Image import Image

    from aigc_core.content import Content

#: How much a file says of how it was made: recipe and parameters, parameters, the recipe's id, or nothing.
METADATA = ("full", "params", "id", "none")

RECIPE = "aigc"
RECIPE_ID = "aigc-id"
SHEET = "aigc-sheet"

#: Bytes of a text file that is read; a novel has one million.
MAX_TEXT = 64_000_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """A file as it was read.

    Attributes:
        content: the picture or text.
        envelope: the recipe and what stands beside it, checked but not trusted; None where there is none.
        parameters: the A1111 text, ours or another program's, or None.
        labels: properties by profile name, e.g. ``{"iptc": {"DigitalSourceType": "http://…"}}``.
        kind: ``"png"``, ``"jpeg"``, ``"webp"`` or ``"txt"``.
        recipe_id: of the envelope, or alone where the file has nothing else (``--metadata id``).
        sheet: of a contact sheet: ``{"id": recipe id or None, "seed": int}`` for each picture, row by row, or with
            ``noise`` instead of ``seed``.
    """

    content: Content
    envelope: Envelope | None
    parameters: str | None
    labels: Mapping[str, Mapping[str, str]]
    kind: str
    recipe_id: str | None = None
    sheet: tuple[Mapping[str, JSON], ...] = ()


def extension(content: Content) -> str:
    """Return the ending a file of `content` has: ``".txt"`` or ``".png"``."""
    return ".txt" if isinstance(content, str) else ".png"


def sidecar(path: Path) -> Path:
    """Return where the recipe of the text file at `path` stands."""
    return path.with_name(f"{path.name}.aigc.json")


def write(
    content: Content,
    envelope: Envelope,
    path: str | Path,
    *,
    metadata: str = "full",
    labels: Sequence[str] = ("iptc",),
) -> Path:
    """Write `content` with its recipe and labels to `path`, whole or not at all, and return the path.

    Args:
        content: the very content that was sealed in the envelope.
        envelope: see `recipe.seal`.
        path: where to; ends in ``.png`` or ``.txt``. What is there is replaced.
        metadata: one of `METADATA`. Labels are written in every case.
        labels: names of profiles.

    Raises:
        FileError: the ending does not fit, the folder is missing or cannot be written, the disk is full.
        UsageError: there is no such metadata level or label.
    """
    path = _fitting(Path(path), extension(content))
    trained = envelope.recipe["model"] is not None
    texts = _texts(envelope, None if isinstance(content, str) else content.size, metadata)
    if isinstance(content, str):
        return _write_text(content, texts, label_profiles.properties(labels, trained=trained), path)
    if labels:
        texts[png.XMP] = label_profiles.xmp_packet(labels, trained=trained)
    return store(path, png.encode(content, texts))


def write_plain(
    picture: Image,
    path: str | Path,
    *,
    members: Sequence[Mapping[str, JSON]] = (),
    trained: bool = True,
    labels: Sequence[str] = ("iptc",),
) -> Path:
    """Write a picture that has no recipe of its own, such as a contact sheet, as a PNG, and return the path.

    Args:
        picture: what to write.
        path: ends in ``.png``.
        members: ``{"id": recipe id or None, "seed": int}`` for each picture on the sheet, row by row; one between
            two seeds has ``"noise": {"a": int, "b": int, "t": float}`` instead.
        trained: whether trained weights made any of them.
        labels: names of profiles.

    Raises:
        FileError, UsageError: as `write`.
    """
    path = _fitting(Path(path), ".png")
    texts = {SHEET: dumps([dict(item) for item in members])} if members else {}
    if labels:
        texts[png.XMP] = label_profiles.xmp_packet(labels, trained=trained)
    return store(path, png.encode(picture, texts))


def write_film(
    pictures: Sequence[Image], path: str | Path, *, trained: bool = True, labels: Sequence[str] = ("iptc",)
) -> Path:
    """Write pictures one after another as a GIF, and return the path; a film has no recipe, its frames have.

    Args:
        pictures: at least one.
        path: ends in ``.gif``.
        trained: whether trained weights made any of them.
        labels: names of profiles.

    Raises:
        FileError, UsageError: as `write`.
    """
    from aigc_core.provenance import gif

    path = _fitting(Path(path), ".gif")
    packet = label_profiles.xmp_packet(labels, trained=trained) if labels else None
    return store(path, gif.encode(pictures, packet))


def read(path: str | Path) -> Sealed:
    """Read a picture or text and what it says of itself. Opens nothing but `path` and the sidecar of a text.

    Raises:
        FileError: it is missing, no picture or text, damaged, a decompression bomb, or its recipe is no valid
            recipe. A file without a recipe is read like any other, and has ``envelope`` None.
    """
    with _opening(Path(path)) as ordinary:
        return _read_text(ordinary) if ordinary.suffix.lower() == ".txt" else _read_picture(ordinary)


def read_text(path: str | Path) -> str:
    """Read any file as a text to work from, whatever its ending, without what only editors put there.

    Raises:
        FileError: it is missing, larger than 64 MB or no UTF-8.
    """
    with _opening(Path(path)) as ordinary:
        return trimmed(_text_of(ordinary))


def trimmed(text: str) -> str:
    """Return a text without the byte-order mark before it and the one line end after it."""
    return text.removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")


def read_input(path: str | Path) -> Content:
    """Read a picture or text to work from. A picture is turned as its EXIF data says: what counts is how it looks.

    Raises:
        FileError: as `read`.
    """
    content = read(path).content
    if isinstance(content, str):
        return content
    from PIL import ImageOps

    return ImageOps.exif_transpose(content)


def require_envelope(path: str | Path) -> tuple[Sealed, Envelope]:
    """Read a file that has to carry a recipe, and return it with its envelope.

    Raises:
        FileError: as `read`, or it carries no recipe; the hint says why that may be.
    """
    sealed = read(path)
    if sealed.envelope is None:
        raise FileError(f"{path} carries no recipe", hint=_why_no_recipe(sealed))
    return sealed, sealed.envelope


def _why_no_recipe(sealed: Sealed) -> str:
    if sealed.sheet:
        return "it is a contact sheet; name one of its pictures"
    if sealed.recipe_id:
        return f"it was written with --metadata id and holds only the recipe's id, {sealed.recipe_id[:12]}…"
    if sealed.parameters:
        return "it was written with --metadata params, or by another program"
    if sealed.kind == "txt":
        return "the recipe of a text stands in the file beside it that ends in .aigc.json"
    if sealed.kind != "png":
        return f"converting to {sealed.kind.upper()} drops it; name the PNG it was made from"
    return "it was made by another program, edited, or written with --metadata none"


@contextmanager
def _opening(path: Path) -> Iterator[Path]:
    """Give the path of an ordinary file, and say in words what goes wrong with it."""
    try:
        if not path.is_file():
            path.stat()
            raise FileError(f"{path} is a folder" if path.is_dir() else f"{path} is no ordinary file")
        yield path
    except FileNotFoundError:
        raise FileError(f"there is no file {path}", hint="check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileError(f"cannot read {printable(str(path))}: {reason}", hint="check the path") from None


def _fitting(path: Path, ending: str) -> Path:
    try:
        if path.is_dir():
            raise IsADirectoryError
    except OSError as error:
        raise refusal(error, path) from None
    if path.suffix.lower() != ending:
        what = {".txt": "a text", ".gif": "a film"}.get(ending, "a picture")
        given = f"ends in {path.suffix}" if path.suffix else "has no ending"
        raise FileError(f"cannot write {what} to {path}, which {given}", hint=f"end it in {ending}")
    return path


def _texts(envelope: Envelope, size: tuple[int, int] | None, metadata: str) -> dict[str, str]:
    """Return what the metadata level lets a file say, by keyword."""
    match metadata:
        case "full":
            recipe = dumps(envelope.as_json())
            if len(recipe) * 4 > MAX_BYTES and len(recipe.encode()) > MAX_BYTES:
                raise FileError(
                    f"the recipe is larger than {MAX_BYTES:,} bytes",
                    hint="shorten the prompt, or use --metadata id",
                )
            return {RECIPE: recipe, png.PARAMETERS: parameters(envelope, size)}
        case "params":
            return {png.PARAMETERS: parameters(envelope, size)}
        case "id":
            return {RECIPE_ID: envelope.recipe_id}
        case "none":
            return {}
    raise unknown("metadata level", metadata, METADATA)


def _read_picture(path: Path) -> Sealed:
    with path.open("rb") as file:
        try:
            picture = png.decode(file)
            found = parse(picture.texts[RECIPE].encode()) if RECIPE in picture.texts else None
            labels = label_profiles.read_xmp(picture.xmp) if picture.xmp else {}
            alone = _checked_id(picture.texts.get(RECIPE_ID))
            sheet = _read_sheet(picture.texts.get(SHEET))
        except FileError as error:
            raise FileError(f"{path}: {error.message}", hint=error.hint) from None
    return Sealed(
        content=picture.image,
        envelope=found,
        parameters=picture.texts.get(png.PARAMETERS),
        labels=labels,
        kind=picture.kind,
        recipe_id=found.recipe_id if found else alone,
        sheet=sheet,
    )


def _checked_id(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise FileError("its recipe id is no sha256", hint=CHANGED)
    return text


def _read_sheet(text: str | None) -> tuple[Mapping[str, JSON], ...]:
    if text is None:
        return ()
    from aigc_core.provenance.schema import Sheet

    what = "the list of pictures"
    sheet = check(Sheet, {"items": load(text.encode(), what)}, what)
    return tuple(item.model_dump(exclude_unset=True) for item in sheet.items)


def _write_text(text: str, texts: dict[str, str], labels: Mapping[str, Mapping[str, str]], path: Path) -> Path:
    try:
        files = {path: text.encode()}
    except UnicodeEncodeError:
        raise FileError(f"cannot write {path}: the text is not valid Unicode") from None
    beside: dict[str, JSON] = dict(texts)
    if RECIPE in texts:
        beside[RECIPE] = load(texts[RECIPE].encode(), "the recipe")
    if labels:
        beside["labels"] = labels
    if beside:
        # The sidecar first: a text never stands without its label.
        store_all({sidecar(path): dumps(beside).encode(), **files})
        return path
    store_all(files)
    try:
        sidecar(path).unlink(missing_ok=True)  # one that is left over from another text would lie about this one
    except OSError as error:
        raise refusal(error, sidecar(path)) from error
    return path


def _read_text(path: Path) -> Sealed:
    content = _text_of(path)
    if not sidecar(path).is_file():
        return Sealed(content, None, None, EMPTY, "txt")
    from aigc_core.provenance.schema import Sidecar

    try:
        value = load(_bounded(sidecar(path), 2 * MAX_BYTES), "the sidecar", limit=2 * MAX_BYTES)
        beside = check(Sidecar, value, "the sidecar")
        found = envelope(value[RECIPE]) if beside.aigc is not None else None
    except FileError as error:
        raise FileError(f"{sidecar(path)}: {error.message}", hint=error.hint) from None
    known = {name: values for name, values in beside.labels.items() if name in label_profiles.PROFILES}
    return Sealed(content, found, beside.parameters, known, "txt", found.recipe_id if found else beside.aigc_id)


def _text_of(path: Path) -> str:
    try:
        return _bounded(path, MAX_TEXT).decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no UTF-8 text (byte {error.start})", hint="convert it to UTF-8") from None


def _bounded(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise FileError(f"{path} is larger than {limit:,} bytes")
    return data
