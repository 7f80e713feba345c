"""How long a query takes in a large index, and whether it finds what a whole sort finds.

    python benchmarks/search_speed.py [--items N] [--dimensions D] [--queries N] [-k K]

An index is put on the disk as ``aigc search`` does it, opened again, and searched with random queries by one thread:
the vectors are read from the file, which the system keeps in memory after the first query. The peer is what one writes
in a line of numpy: a product, and a sort of all of it; both are timed in turn. Each answer is held against a sort of
all products in double precision: the same items, in the same order.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from measuring import Bar, Time, judge, medians, one_thread, print_table, time_call, versions

one_thread()  # before numpy is imported

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from aigc_core.pipeline.embedders import ReadyEmbedder  # noqa: E402
from aigc_core.retrieval.index import Index  # noqa: E402
from aigc_core.retrieval.store import FileEntry, assemble, load, save  # noqa: E402

#: Milliseconds that a query may take, by CPU and by the clock.
LIMIT = 25


def main() -> int:
    """Time queries, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("-k", type=int, default=10)
    given = parser.parse_args()
    random = np.random.default_rng(0)
    queries = of_length_one(random.standard_normal((given.queries, given.dimensions), np.float32))
    embedder = ReadyEmbedder("bench", "bench@0", ("image",), "bench", Vectors())
    with tempfile.TemporaryDirectory() as folder:
        put(Path(folder), embedder, random.standard_normal((given.items, given.dimensions), np.float32))
        opening = time_call(lambda: load(Path(folder)))
        stored = load(Path(folder))
        assert stored is not None
        index, vectors = Index(stored, embedder), stored.vectors
        times = medians(
            {
                "aigc": in_turn(queries, lambda query: index.search(query, given.k)),
                "numpy: vectors @ query, argsort": in_turn(queries, lambda query: np.argsort(-(vectors @ query))),
            },
            given.queries,
        )
        exact = sum(agrees(index, vectors, query, given.k) for query in queries)
    print(f"{given.items:,} vectors of {given.dimensions}, the {given.k} nearest, {given.queries} queries, one thread")
    print(f"{versions('numpy', 'aigc-core')}\n")
    rows = [[name, f"{taken.cpu * 1e3:.1f}", f"{taken.wall * 1e3:.1f}"] for name, taken in times.items()]
    print_table(["a query", "CPU, ms", "clock, ms"], rows)
    print(f"\nopening the index: {opening.cpu * 1e3:.0f} ms of CPU")
    ours = times["aigc"]
    return judge(
        [
            Bar("a query, CPU", ours.cpu * 1e3, LIMIT, " ms"),
            Bar("a query, clock", ours.wall * 1e3, LIMIT, " ms"),
            Bar("answers that are those of a sort in double precision", exact / given.queries * 100, 100, " %", True),
        ]
    )


def of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the rows with length 1."""
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


class Vectors:
    """The embedder of what is a vector already."""

    def embed(self, items: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the items."""
        return items


def put(folder: Path, embedder: ReadyEmbedder, vectors: NDArray[np.float32]) -> None:
    """Write the index of as many pictures as there are vectors."""
    entry = FileEntry(path="0.png", kind="image", size=10_000, mtime_ns=1, sha256="0" * 64)
    names = [entry.model_copy(update={"path": f"{row:08}.png"}) for row in range(len(vectors))]
    found = assemble(embedder, list(zip(names, of_length_one(vectors)[:, None], strict=True)))
    assert found is not None
    save(folder, found[0].manifest, found[1])


def in_turn(queries: NDArray[np.float32], search: Callable[[NDArray[np.float32]], object]) -> Callable[[], Time]:
    """Return a function that times one query more each time it is called."""
    left = cycle(queries)
    return lambda: time_call(lambda: search(next(left)))


def agrees(index: Index, vectors: NDArray[np.float32], query: NDArray[np.float32], k: int) -> bool:
    """Say whether the answer is that of a whole sort in double precision."""
    whole = np.argsort(-(vectors.astype(np.float64) @ query.astype(np.float64)), kind="stable")[:k]
    return [hit.file for hit in index.search(query, k)] == [f"{row:08}.png" for row in whole]


if __name__ == "__main__":
    sys.exit(main())
