"""``reconstruction``: how like itself a real picture is after it was encoded and made again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from aigc_core import Evidence, Measured, bootstrap_mean
from aigc_metrics.options import ReconstructionOptions
from aigc_metrics.ssim import WINDOW, ssim

CHUNK = 100


def psnr(mse: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio in dB of mean squared errors of pictures in [0, 1]: ``-10 log₁₀ MSE``.

    At most 100 dB, where the error is below what 8 bits can show.
    """
    return -10 * torch.log10(mse.clamp_min(1e-10))


@torch.inference_mode()
def reconstruction(evidence: Evidence, options: ReconstructionOptions) -> Iterator[Measured]:
    """Yield MSE, PSNR and SSIM of reference pictures and their reconstructions, means over pictures."""
    pixels = evidence.items("reference")[: options.most]
    labels = evidence.conditions("reference")
    errors: list[Tensor] = []
    likeness: list[Tensor] = []
    for start in range(0, len(pixels), CHUNK):
        real = torch.from_numpy(pixels[start : start + CHUNK].astype(np.float32) / 255)
        condition = None if labels is None else torch.from_numpy(labels[start : start + len(real)])
        again = evidence.component.sample(evidence.component.encode(real), condition).clamp(0, 1)
        errors.append((real - again).square().flatten(1).mean(dim=1))
        if min(real.shape[2:]) >= WINDOW:
            likeness.append(ssim(real, again))
    mse = torch.cat(errors).double()
    yield _mean(evidence, "reconstruction MSE", mse, "lower")
    yield _mean(evidence, "reconstruction PSNR", psnr(mse), "higher")
    if likeness:
        yield _mean(evidence, "reconstruction SSIM", torch.cat(likeness).double(), "higher")


def _mean(evidence: Evidence, name: str, values: Tensor, better: object) -> Measured:
    each = values.numpy()
    interval = bootstrap_mean(each, evidence.noise(name), evidence.resamples)
    return Measured(name, float(each.mean()), n=len(each), interval=interval, better=better)
