"""Pictures as PNG files, with text chunks before the pixels; and reading pictures that come from anywhere."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from aigc_core.errors import FileError

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pixels that a picture may have: where Pillow begins to warn of a bomb (a quarter of a gibibyte of RGB).
MAX_PIXELS = 89_478_485

#: Keyword of an XMP packet; XMP specification, part 3, "PNG".
XMP = "XML:com.adobe.xmp"
#: Where the A1111 web UI keeps its settings, and everybody looks for them.
PARAMETERS = "parameters"

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Modes that come back from a PNG as they went in, bit for bit.
_EXACT_MODES = frozenset({"1", "L", "LA", "I;16", "P", "RGB", "RGBA"})
#: Pillow knows many more formats; some of them start other programs.
_READABLE = ("PNG", "JPEG", "WEBP")
#: What Pillow raises on damaged files, by fuzzing and by its own loop in ``Image.open``.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, MemoryError,
    struct.error, zlib.error,
)  # fmt: skip
_UNREADABLE_HINT = "the file was damaged or is not a picture"


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture file.

    Attributes:
        image: decoded, detached from the file.
        kind: ``"png"``, ``"jpeg"`` or ``"webp"``.
        texts: text chunks by keyword, of a PNG.
        xmp: the XMP packet, or None.
    """

    image: Image
    kind: str
    texts: Mapping[str, str]
    xmp: str | None


def encode(image: Image, texts: Mapping[str, str]) -> bytes:
    """Return `image` as a PNG with `texts` as chunks before the pixels.

    Raises:
        FileError: PNG would not give the same pixels back (modes such as ``CMYK``), or there are too many.
    """
    from PIL.PngImagePlugin import PngInfo

    if image.mode not in _EXACT_MODES:
        raise FileError(f"a PNG cannot hold a picture of mode {image.mode}", hint="convert it to RGB or L first")
    width, height = image.size
    if width * height > MAX_PIXELS or not width * height:
        raise FileError(f"a picture of {width}x{height} pixels is not written", hint=f"1 to {MAX_PIXELS:,} pixels")
    info = PngInfo()
    for keyword, text in texts.items():
        if keyword == PARAMETERS:
            info.add_text(keyword, text)  # tEXt where Latin-1 is enough: many tools look for nothing else
        else:
            info.add_itxt(keyword, text)
    buffer = io.BytesIO()
    # Strategy 3 is zlib's Z_RLE: for filtered rows as small as the default, in half to a quarter of the time
    # (28x28: 29 µs against 65; 1024x1024 RGB: 79 ms against 360). PngInfo is always given: without it, Pillow
    # would copy nothing anyway, but `exif` of a picture that was opened from a file must not travel along.
    image.save(buffer, "PNG", pnginfo=info, compress_type=3, exif=b"")
    return buffer.getvalue()


def decode(file: BinaryIO) -> Picture:
    """Decode a PNG, JPEG or WebP.

    Raises:
        FileError: it is something else, damaged, cut short, or decodes to too many pixels or too much text.
    """
    from PIL import Image, UnidentifiedImageError

    _survey(file)
    try:
        with Image.open(file, formats=_READABLE) as opened:
            _refuse_bomb(*opened.size)
            opened.load()
            texts = {key: str(text) for key, text in getattr(opened, "text", {}).items()}
            xmp = texts.get(XMP) or _text(opened.info.get("xmp"))
            return Picture(opened.copy(), (opened.format or "").lower(), texts, xmp)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _bomb() from None
    except UnidentifiedImageError:
        raise FileError("it is no PNG, JPEG or WebP picture", hint=_UNREADABLE_HINT) from None
    except _DAMAGE as error:
        raise FileError(f"it cannot be decoded: {error}", hint=_UNREADABLE_HINT) from None


def _survey(file: BinaryIO) -> None:
    """Walk the chunks of a PNG, for what Pillow only warns of (bombs) or reads past (a lost end)."""
    if file.read(8) == _SIGNATURE:
        kind = b""
        while kind != b"IEND":
            length, kind = struct.unpack(">I4s", _eight_bytes(file))
            if kind == b"IHDR" and length == 13:
                _refuse_bomb(*struct.unpack(">II", _eight_bytes(file)))
                length -= 8
            file.seek(length + 4, io.SEEK_CUR)  # the rest, and its CRC
        end = file.tell()
        if file.seek(0, io.SEEK_END) < end:
            raise _cut_short()
    file.seek(0)


def _eight_bytes(file: BinaryIO) -> bytes:
    data = file.read(8)
    if len(data) < 8:
        raise _cut_short()
    return data


def _cut_short() -> FileError:
    return FileError("the picture is cut short", hint="copy or download it again")


def _refuse_bomb(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _bomb(f"{width}x{height} is ")


def _bomb(size: str = "") -> FileError:
    return FileError(
        f"the picture would take too much memory: {size}more than {MAX_PIXELS:,} pixels",
        hint="it may be a decompression bomb; do not trust this file",
    )


def _text(packet: object) -> str | None:
    if isinstance(packet, bytes):
        return packet.decode(errors="replace").rstrip("\0")
    return packet if isinstance(packet, str) else None
