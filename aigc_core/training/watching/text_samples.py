"""What a training of texts looks like on the way: fixed-seed samples, and how much of them stands in the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aigc_core.content import EMPTY, Condition
from aigc_core.protocols import Final, Item
from aigc_core.provenance import store
from aigc_core.randomness import Noise
from aigc_core.training.watching.snapshots import looking_at
from aigc_core.training.watching.text_signs import Copies, TextSigns

if TYPE_CHECKING:
    from aigc_core.data import TextData

SAMPLES = 32
CALL = 16  # items that a generator is given at once
SHOWN = 400  # characters of a text on a sheet
RULE = "\n" + "─" * 40 + "\n"

#: Says whether a text may be shown; moderation is asked.
Allowed = Callable[[Any], bool]
HIDDEN = "(moderation does not let this text be shown)"


class TextSamples:
    """Texts of one seed, at any step: the same noise, and the labels, sources or vectors of the data in turn.

    Args:
        generator: a component of its own with the averaged weights, so that training goes on untouched.
        data: what is learnt from.
        seed: of the samples.
        folder: where ``step-0001000.txt`` goes.
        options: of the generator.
        labels: that the component is told, or none.
        allowed: asked about each sample before it is written.
    """

    def __init__(
        self,
        generator: Any,
        data: TextData,
        *,
        seed: int,
        folder: Path,
        options: Any,
        labels: Sequence[str] = (),
        allowed: Allowed = lambda text: True,
    ) -> None:
        self._generator, self._data, self._seed, self._folder = generator, data, seed, folder
        self._options, self._labels, self._allowed = options, tuple(labels), allowed

    def signs(self) -> TextSigns:
        """Return what the samples are held against."""
        return TextSigns(self._data.texts, self._seed)

    def path(self, step: int) -> Path:
        """Return where the samples of `step` are written."""
        return self._folder / f"step-{step:07d}.txt"

    def draw(self) -> list[str]:
        """Return the samples as they are now."""
        made: list[str] = []
        with looking_at(self._generator):
            for start in range(0, SAMPLES, CALL):
                finals = [one for one in self._generator.generate(self._items(start)) if isinstance(one, Final)]
                made += [str(final.content) for final in sorted(finals, key=lambda final: final.index)]
        return made

    def _items(self, start: int) -> list[Item]:
        return [
            Item(
                self._source(place),
                EMPTY,
                self._condition(place),
                self._options,
                Noise(self._seed, f"snapshot/{place}"),
            )
            for place in range(start, start + CALL)
        ]

    def _source(self, place: int) -> str | None:
        sources = self._data.sources
        return None if sources is None else sources[place % len(sources)]

    def _condition(self, place: int) -> Condition:
        if self._data.vectors is not None:
            return Condition("vector", self._data.vectors[place % len(self._data)])
        if self._labels:
            index = place % len(self._labels)
            return Condition("label", self._labels[index], index)
        return Condition()

    def take(self, step: int) -> list[str]:
        """Write the samples at `step`, whole or not at all, and return them."""
        samples = self.draw()
        self._folder.mkdir(parents=True, exist_ok=True)
        store(self.path(step), RULE.join(self._shown(text) for text in samples).encode() + b"\n")
        return samples

    def _shown(self, text: str) -> str:
        return (text if len(text) <= SHOWN else f"{text[:SHOWN]}…") if self._allowed(text) else HIDDEN

    def last(self, folder: Path, data: TextData) -> None:
        """Write how much of each sample stands in `data`, and reconstructions where the component makes any."""
        self._write_neighbours(folder / "neighbours.txt", data)
        reconstruct = getattr(self._generator, "reconstruct", None)
        if callable(reconstruct):
            some = np.linspace(0, len(data) - 1, min(CALL, len(data))).astype(np.int64)
            real = [data.texts[place] for place in some]
            with looking_at(self._generator):
                again = reconstruct(data.some(some))  # with what they are conditioned by
            pairs = [f"{before[:SHOWN]}\n→ {self._shown(after)}" for before, after in zip(real, again, strict=True)]
            store(folder / "reconstructions.txt", RULE.join(pairs).encode() + b"\n")

    def _write_neighbours(self, path: Path, data: TextData) -> None:
        samples = [text for text in self.draw() if self._allowed(text)]
        shares = Copies.of(data.texts)
        found = sorted(((shares.share(text), text) for text in samples), reverse=True)
        lines = [f"{share:.0%} stands in training texts:\n{text[:SHOWN]}" for share, text in found]
        if lines:
            store(path, RULE.join(lines).encode() + b"\n")
