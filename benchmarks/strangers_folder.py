"""A stranger's folder: 2,000 mixed JPEGs, one command, and what comes of it.

    python benchmarks/strangers_folder.py [--photos N] [--preset tiny] [--folder DIR] [--aigc PATH]

The JPEGs are made here, and are no photographs: Fluent 3D emoji (MIT, 256×256, from the package that
``recipes/emoji.py`` fetches) are laid on gradients and speckled grounds, at random sizes and places. What is mixed is
what mixes up programs: sides from 48 to 1,600 pixels, portrait and landscape, RGB, grey and CMYK, baseline and
progressive, qualities 30 to 95, EXIF rotations of all eight kinds with the pixels turned accordingly, names with
blanks, Chinese and upper-case endings; and, as in anybody's folder, a few files that are cut short, copies, and a
text file.

Then the installed program trains on them with its own defaults: ``aigc train image/gan PHOTOS --preset tiny``. Told
are its own estimate after the warm-up and what it took, which files it made, and whether the model generates.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import Bar, judge, print_table, progress, versions

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
sys.path.insert(0, str(RECIPES))

ORIENTATION = 0x0112  # EXIF tag
#: EXIF orientation → what was done to the upright picture before it was stored: Exif 2.32, section 4.6.4.
STORED = {
    1: None,
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_90",
    7: "TRANSVERSE",
    8: "ROTATE_270",
}
WANTED = ("aigc.json", "model.safetensors", "README.md", "samples.png", "metrics.json", "report.html")
NAME = "strangers"
MINUTES, FACTOR = 15, 1.5


def stickers(count: int, draw: random.Random) -> list[Any]:
    """Return some Fluent 3D emoji, RGBA 256×256."""
    import re
    import tarfile

    import emoji
    from PIL import Image

    emoji.fetch()
    _, archive, _, pattern = emoji.PACKAGES["fluent"]
    with tarfile.open(emoji.DATA / archive) as file:
        members = [member for member in file.getmembers() if re.fullmatch(pattern, member.name)]
        chosen = draw.sample(members, count)
        contents = [file.extractfile(member) for member in chosen]
        return [Image.open(io.BytesIO(content.read())).convert("RGBA") for content in contents if content]


def ground(size: tuple[int, int], draw: random.Random) -> Any:
    """Return a gradient between two colours, half of the time speckled."""
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(draw.getrandbits(32))
    width, height = size
    first, second = noise.integers(0, 256, (2, 3))
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    share = (x * draw.random() + y * draw.random())[..., None] / 2
    pixels = first + (second - first) * share
    if draw.random() < 0.5:
        pixels = pixels + noise.normal(0, draw.uniform(2, 25), pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photo(sticker: Any, draw: random.Random) -> Any:
    """Return one picture as somebody would see it, upright."""
    width = round(48 * (1600 / 48) ** draw.random())
    height = max(48, min(1600, round(width * draw.choice([0.56, 0.67, 0.75, 1, 1, 1.33, 1.5, 1.78]))))
    picture = ground((width, height), draw)
    side = max(24, round(min(width, height) * draw.uniform(0.5, 1.0)))
    small = sticker.resize((side, side)).rotate(draw.uniform(-20, 20))
    picture.paste(small, (draw.randint(0, width - side), draw.randint(0, height - side)), small)
    return picture


def store(picture: Any, path: Path, draw: random.Random) -> None:
    """Write it as some camera or program might."""
    from PIL import Image

    mode = draw.choices(["RGB", "L", "CMYK"], [85, 10, 5])[0]
    orientation = draw.choices(list(STORED), [65, 3, 8, 3, 3, 8, 3, 7])[0]
    turn = STORED[orientation]
    if turn is not None:
        picture = picture.transpose(getattr(Image.Transpose, turn))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    how = {"quality": draw.randint(30, 95), "progressive": draw.random() < 0.2}
    picture.convert(mode).save(path, "JPEG", **how, **({"exif": exif} if orientation > 1 else {}))


def make_photos(folder: Path, count: int) -> None:
    """Fill a folder with `count` JPEGs and the usual strays; the same each time."""
    draw = random.Random(20240229)
    folder.mkdir(parents=True)
    chosen = stickers(500, draw)
    for index in range(count):
        progress(f"photo {index}/{count}")
        name = draw.choice([f"IMG_{index:04d}.JPG", f"photo {index}.jpg", f"照片{index}.jpeg", f"{index}.jpg"])
        store(photo(draw.choice(chosen), draw), folder / name, draw)
    progress("")
    files = sorted(folder.iterdir())
    for path in draw.sample(files, max(1, count // 200)):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for path in draw.sample(files, max(1, count // 100)):
        shutil.copy(path, path.with_name(f"copy of {path.name}"))
    (folder / "Thumbs.txt").write_text("not a picture\n", encoding="utf-8")


def run(command: Sequence[str], environment: dict[str, str]) -> tuple[int, float]:
    """Run a command where its talk is seen, and return its exit code and the seconds it took."""
    started = time.monotonic()
    code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
    return code, time.monotonic() - started


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as place:
        home = Path(place)
        photos = home / "photos"
        make_photos(photos, arguments.photos)
        count, size = len(list(photos.iterdir())), sum(path.stat().st_size for path in photos.iterdir())
        environment = os.environ | {"XDG_DATA_HOME": str(home / "data"), "XDG_CONFIG_HOME": str(home / "config")}
        train = ["train", "image/gan", str(photos), "--preset", arguments.preset, "--out", NAME, "--seed", "0"]
        code, seconds = run([str(arguments.aigc), *train], environment)
        generate = ["generate", "--modality", "image", "-m", NAME, "-n", "16", "-o", str(home / "pictures")]
        made_code, _ = run([str(arguments.aigc), *generate], environment) if code == 0 else (-1, 0.0)
        pictures = len(list((home / "pictures").glob("*.png")))
        runs = list((home / "data").rglob(f"{NAME}/training/run.json"))
        estimate = json.loads(runs[0].read_text(encoding="utf-8")).get("estimate") if runs else None
        files = {path.name: path.stat().st_size for path in runs[0].parent.parent.iterdir()} if runs else {}
        if arguments.keep and runs:
            shutil.copytree(runs[0].parent.parent, arguments.keep, dirs_exist_ok=True)

    guessed = float(estimate["seconds"]) if estimate else float("nan")
    print(versions("aigc-core", "torch", "pillow"))
    print(f"{count:,} files, {size / 2**20:,.0f} MiB; aigc {' '.join(train[:2])} PHOTOS {' '.join(train[3:])}\n")
    print_table(
        ["what", "found"],
        [
            ["exit code of aigc train", code],
            ["from the command to its end", f"{seconds / 60:.1f} min"],
            ["its own estimate, after the warm-up", f"{guessed / 60:.1f} min"],
            *[[name, f"{files[name]:,} bytes" if name in files else "MISSING"] for name in WANTED],
            ["exit code of aigc generate", made_code],
            ["pictures made with it", pictures],
        ],
    )
    return judge(
        [
            Bar("exit code of `aigc train`", code, 0),
            Bar("the whole command", seconds / 60, MINUTES, " min"),
            Bar("estimate and reality, larger / smaller", max(seconds / guessed, guessed / seconds), FACTOR, "×"),
            Bar("files of the model that are missing", sum(name not in files for name in WANTED), 0),
            Bar("pictures it makes of 16", pictures, 16, least=True),
        ]
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    beside = Path(sys.executable).with_name("aigc")
    parser.add_argument("--aigc", type=Path, default=beside, help="the program; default: beside this Python")
    parser.add_argument("--photos", type=int, default=2_000, help="how many JPEGs")
    parser.add_argument("--preset", default="tiny", help="of aigc train")
    parser.add_argument("--folder", type=Path, help="an existing folder to work in; default: a temporary one")
    parser.add_argument("--keep", type=Path, help="copy the model folder there, to look at")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
