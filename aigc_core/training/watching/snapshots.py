"""What a training looks like on the way: fixed-seed samples every so many steps, and pictures beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from PIL import Image, ImageDraw

from aigc_core.contact_sheet import contact_sheet
from aigc_core.errors import UsageError
from aigc_core.provenance import write_plain
from aigc_core.randomness import Noise
from aigc_core.training.contract import Batch, Encodes, Samples
from aigc_core.training.loop.data import in_order
from aigc_core.training.watching.neighbours import Nearest, nearest_examples
from aigc_core.training.watching.signs import Signs

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

    from aigc_core.training.contract import Examples

#: Says whether a picture may be shown; moderation is asked.
Allowed = Callable[[Image.Image], bool]

SAMPLES = 64
FITTED_TO = 1000  # pictures that what samples are drawn from is fitted to, on the way
MOST_COLUMNS = 16


class Sampler(Samples, Protocol):
    """A trainable component that makes content, with the averaged weights in place."""

    @property
    def networks(self) -> Mapping[str, Module]: ...

    def fit_sampler(self, data: Iterator[Batch], seed: int) -> Mapping[str, Tensor]: ...


class Snapshots:
    """Samples of one seed, at any step: the same noise, and the labels in turn.

    Where what is drawn from is fitted to the data (a mixture), it is fitted anew each time, to some of it.

    Args:
        sampler: a component of its own with the averaged weights, so that training goes on untouched.
        data: what is learnt from.
        seed: of the samples.
        folder: where ``step-0001000.png`` goes; it is made at the first one.
        options: of the generator, as ``latent`` takes them.
        conditional: whether the component is told labels; if so, each column shows one of them.
        count: of samples.
        allowed: asked about each sample before it is written; one that is not allowed is crossed out.
    """

    def __init__(
        self,
        sampler: Sampler,
        data: Examples,
        *,
        seed: int,
        folder: Path,
        options: Any,
        conditional: bool,
        count: int = SAMPLES,
        allowed: Allowed = lambda picture: True,
    ) -> None:
        self._allowed = allowed
        self._sampler = sampler
        self._data = data
        self._seed = seed
        self._folder = folder
        self._options = options
        names = data.described.labels if conditional else ()
        self.columns = len(names) if 2 <= len(names) <= MOST_COLUMNS else 8
        count = max(1, count // self.columns) * self.columns  # whole rows
        #: The label of each sample ``(M,)``, or None.
        self.labels = torch.arange(count) % len(names) if names else None
        self.count = count
        self._conditions = self.labels
        if data.described.vector:  # those of examples from all over the data
            some = np.linspace(0, len(data) - 1, count).astype(np.int64)
            self._conditions = data.batch(some).condition

    def draw(self) -> Tensor:
        """Return the samples as they are now: float32 ``(M, C, H, W)`` on the CPU."""
        with looking_at(self._sampler) as device:
            self._fit(device)
            told = [None] * self.count if self._conditions is None else self._conditions
            latents = np.stack([self._latent(place, condition) for place, condition in enumerate(told)])
            conditions = None if self._conditions is None else self._conditions.to(device)
            return self._sampler.sample(torch.from_numpy(latents).to(device), conditions).float().cpu()

    def _latent(self, place: int, condition: Tensor | None) -> Any:
        return self._sampler.latent(Noise(self._seed, f"snapshot/{place}"), self._options, condition)

    def _fit(self, device: torch.device) -> None:
        some = np.linspace(0, len(self._data) - 1, min(FITTED_TO, len(self._data))).astype(np.int64)
        try:
            self._sampler.fit_sampler(iter([on(device, self._data.batch(some))]), self._seed)
        except UsageError:
            if len(some) == len(self._data):
                raise
            # Most likely a mixture of more Gaussians than `some` are.
            self._sampler.fit_sampler((on(device, batch) for batch in in_order(self._data)), self._seed)

    def signs(self) -> Signs:
        """Return what the samples are held against."""
        return Signs(self._data, self.labels, self._seed)

    def last(self, folder: Path, data: Examples) -> None:
        """Write samples beside the nearest pictures of `data`, and what an autoencoder makes of some of those."""
        neighbours(self.draw(), data, folder / "neighbours.png", allowed=self._allowed)
        reconstructions(self._sampler, data, folder / "reconstructions.png", allowed=self._allowed)

    def path(self, step: int) -> Path:
        """Return where the sheet of `step` is written."""
        return self._folder / f"step-{step:07d}.png"

    def take(self, step: int) -> Tensor:
        """Write the samples at `step` as a sheet, whole or not at all, and return them as ``draw`` does."""
        samples = self.draw()
        self._folder.mkdir(parents=True, exist_ok=True)
        write_plain(contact_sheet(_moderated(to_images(samples), self._allowed), columns=self.columns), self.path(step))
        return samples


def _moderated(pictures: Sequence[Image.Image], allowed: Allowed) -> list[Image.Image]:
    """Return pictures with a cross on grey in the place of each that may not be shown: white may be a sample, too."""
    return [picture if allowed(picture) else _crossed_out(picture.size) for picture in pictures]


def _crossed_out(size: tuple[int, int]) -> Image.Image:
    cross = Image.new("RGB", size, (225, 225, 225))
    draw = ImageDraw.Draw(cross)
    width, height = size
    draw.line((0, 0, width, height), fill=(150, 150, 150))
    draw.line((0, height, width, 0), fill=(150, 150, 150))
    return cross


def on(device: torch.device, batch: Batch) -> Batch:
    """Return the batch on a device."""
    return batch.each(lambda tensor: tensor.to(device))


@contextmanager
def looking_at(component: Any) -> Iterator[torch.device]:
    """Run a component for a while and leave it as it was: no gradients, statistics or random numbers are touched.

    Yields the device that its networks are on.
    """
    networks = list(component.networks.values())
    modes = [(module, module.training) for network in networks for module in network.modules()]
    tensors = (tensor for network in networks for tensor in network.parameters())
    first = next(tensors, torch.empty(0))
    with torch.random.fork_rng(devices=[first.device] if first.is_cuda else []), torch.no_grad():
        try:
            for network in networks:
                network.eval()
            yield first.device
        finally:
            for module, training in modes:
                module.training = training


def to_images(pictures: Tensor) -> list[Image.Image]:
    """Turn pictures ``(B, C, H, W)`` in [0, 1] into ``L``, ``RGB`` or ``RGBA``; what is not finite becomes black."""
    pictures = pictures.detach().float().cpu().nan_to_num(0, 0, 0)
    arrays = pictures.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    return [Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array) for array in arrays]


def pairs(above: Sequence[Image.Image], below: Sequence[Image.Image], columns: int = 8) -> Image.Image:
    """Lay pictures of one size out in pairs, each of `above` right over its fellow in `below`, row by row."""
    empty = Image.new("RGB", above[0].size, "white")
    cells: list[Image.Image] = []
    for start in range(0, len(above), columns):
        for half in (above, below):
            row = list(half[start : start + columns])
            cells += row + [empty] * (columns - len(row))
    return contact_sheet(cells, columns=columns)


def reconstructions(
    component: Any, data: Examples, path: Path, *, allowed: Allowed = lambda picture: True, count: int = 16
) -> Path | None:
    """Write real pictures over what an autoencoder makes of them; nothing where the component does not encode.

    Args:
        component: with the averaged weights in place.
        data: the pictures are taken from all over it.
        path: of the PNG.
        allowed: asked about each picture that was made; one that is not allowed is crossed out.
        count: of pictures.
    """
    if not isinstance(component, Encodes) or not isinstance(component, Samples):
        return None
    batch = data.batch(np.linspace(0, len(data) - 1, min(count, len(data))).astype(np.int64))
    with looking_at(component) as device:
        there = on(device, batch)
        again = component.sample(component.encode(there.data), there.condition)
    return write_plain(pairs(to_images(batch.data), _moderated(to_images(again), allowed)), path)


def neighbours(
    samples: Tensor, data: Examples, path: Path, *, allowed: Allowed = lambda picture: True, count: int = 32
) -> Nearest:
    """Write samples over their nearest training pictures, those with the nearest ones first.

    Args:
        samples: ``(M, C, H, W)`` in [0, 1].
        data: all of it is searched.
        path: of the PNG; it is not written where no sample may be shown.
        allowed: asked about each sample; one that is not allowed is left out.
        count: so many are shown; all are searched for.

    Returns:
        For each sample, in order, its nearest example.
    """
    found = nearest_examples(samples.nan_to_num(0, 0, 0), data)
    images = to_images(samples)
    order = found.distances[:, 0].argsort(stable=True).tolist()
    shown = [place for place in order if allowed(images[place])][:count]
    if shown:
        fellows = data.batch(found.indices[shown, 0].numpy()).data
        write_plain(pairs([images[place] for place in shown], to_images(fellows)), path)
    return found
