"""A method that learns in milliseconds and imports nothing beside torch; a plugin of one file."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from facebench.method import Method, MethodInfo, Terms
from facebench.ranges import Temperature


@dataclass(frozen=True, kw_only=True)
class SpreadOptions:
    """Options of Spread."""

    temperature: Temperature = 0.1


class Spread(Method):
    """Pushes the features of a batch of noisy images apart."""

    info = MethodInfo(name="spread", title="Spread", version=1, paper="none", year=2026)
    Options = SpreadOptions
    options: SpreadOptions

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the images with noise, ``[B, 3, S, S]``."""
        noise = torch.randn(images.shape, generator=generator, device=generator.device)
        return images + 0.1 * noise.to(images.device)

    def loss(self, views: Tensor, generator: torch.Generator) -> Terms:
        """Return the mean of how much each feature is like all of them."""
        features = functional.normalize(self.encode(views).float(), dim=1)
        alike = features @ features.T / self.options.temperature
        return {"L_spread": torch.logsumexp(alike, dim=1).mean()}
