"""What discriminator and generator play for: the adversarial losses, each as in its paper.

The discriminator's output is a logit ``l`` (Wasserstein: a score), so that ``D(x) = sigmoid(l(x))`` and
``log D = -softplus(-l)``, ``log(1 - D) = -softplus(l)``. Means are over the batch; both sides minimise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor
from torch.nn.functional import relu, softplus


class AdversarialLoss(Protocol):
    """A game.

    Attributes:
        paired: whether the generator's loss looks at the logits of real pictures, too.
        r1_gamma, r2_gamma, gradient_penalty: weights of the penalties that belong to it, unless others are asked for.
    """

    paired: bool
    r1_gamma: float
    r2_gamma: float
    gradient_penalty: float

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss, a scalar, from logits ``(B,)`` of real and of generated pictures."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the generator's loss, a scalar. `real` is used where the loss is ``paired``."""


class Unpenalised:
    """A game that needs no penalty, and whose generator looks at its own logits alone."""

    paired = False
    r1_gamma = r2_gamma = gradient_penalty = 0.0


class Minimax(Unpenalised):
    """``E[log D(x)] + E[log(1 - D(G(z)))]``, which D raises and G lowers: Goodfellow et al. 2014, eq. 1."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()


class NonSaturating(Minimax):
    """G raises ``E[log D(G(z))]``, which has a gradient where D is sure: Goodfellow et al. 2014, section 3."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()


class Hinge(Unpenalised):
    """``E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))]`` and ``-E[l(G(z))]``: Miyato et al. 2018, eqs. 16 and 17."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


class LeastSquares(Unpenalised):
    """``1/2 E[(l(x) - 1)²] + 1/2 E[l(G(z))²]`` and ``1/2 E[(l(G(z)) - 1)²]``: Mao et al. 2017, eq. 9."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (fake - 1).square().mean()


class WassersteinGP(Unpenalised):
    """``E[l(G(z))] - E[l(x)]`` and ``-E[l(G(z))]``, with a penalty: Gulrajani et al. 2017, eq. 3, λ = 10."""

    gradient_penalty = 10.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


class Relativistic:
    """``E[softplus(l(G(z)) - l(x))]``, pair by pair, and the same with signs turned, with R1 and R2.

    Jolicoeur-Martineau 2019 (The relativistic discriminator), eqs. 3 and 4, in the logistic form of Huang et al. 2024
    (R3GAN), eq. 2, which shows that it needs both penalties to converge.
    """

    paired = True
    r1_gamma = r2_gamma = 0.2
    gradient_penalty = 0.0

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - real).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(real - fake).mean()


LOSSES: Mapping[str, AdversarialLoss] = {
    "minimax": Minimax(),
    "non-saturating": NonSaturating(),
    "hinge": Hinge(),
    "least-squares": LeastSquares(),
    "wasserstein-gp": WassersteinGP(),
    "relativistic": Relativistic(),
}
