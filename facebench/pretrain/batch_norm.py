"""Batch normalisation over the images of all devices.

torch's own, ``SyncBatchNorm``, has no kernel for the CPU. Here every normalisation that torch's
``batch_norm`` would compute in training, whatever module calls it (timm and lightly have some of
their own), has the mean and the variance of the whole batch, on every kind of device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from facebench.pretrain.devices import world


@contextmanager
def synchronised(model: nn.Module) -> Iterator[int]:
    """Synchronise the batch normalisations of a model in the block; yield how many it has.

    Modules, weights and their names stay; only the forward pass of training changes.
    """
    before = {
        module: type(module)
        for module in model.modules()
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm)
    }
    try:
        for module, kind in before.items():
            module.__class__ = type(f"Synchronised{kind.__name__}", (_Synchronised, kind), {})
        yield len(before)
    finally:
        for module, kind in before.items():
            module.__class__ = kind


class _Synchronised(nn.Module):
    """Comes before a class of batch normalisation, whose forward pass it lets synchronise."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the class returns, with statistics of all devices while it learns."""
        with _Intercepted():
            return super().forward(*args, **kwargs)


class _Intercepted(TorchFunctionMode):
    """Replaces calls of ``torch.nn.functional.batch_norm`` in training."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call ``func``, or its replacement."""
        return (_batch_norm if func is F.batch_norm else func)(*args, **(kwargs or {}))


def _batch_norm(
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return ``torch.nn.functional.batch_norm`` of the same arguments, over all devices."""
    if not training or world() == 1:
        return F.batch_norm(
            images, running_mean, running_var, weight, bias, training, momentum, eps
        )
    normalised, mean, variance, count = _Normalise.apply(images, eps)
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            unbiased = variance * count / (count - 1)
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    shape = (1, -1, *(1,) * (images.dim() - 2))
    if weight is not None:
        normalised = normalised * weight.view(shape)
    if bias is not None:
        normalised = normalised + bias.view(shape)
    result: Tensor = normalised.to(images.dtype)
    return result


class _Normalise(torch.autograd.Function):
    """Subtracts the mean of each channel over all devices, and divides by the deviation."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the normalised images, mean ``[C]``, variance ``[C]``, and values per channel.

        A device without images takes part, too.
        """
        values = images.to(torch.promote_types(images.dtype, torch.float32))
        mean, variance, count = _statistics(values)
        shape = (1, -1, *(1,) * (images.dim() - 2))
        scale = (variance + eps).rsqrt()
        normalised = (values - mean.view(shape)) * scale.view(shape)
        ctx.save_for_backward(normalised, scale, count)
        ctx.mark_non_differentiable(mean, variance, count)
        return normalised, mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None]:
        """Return the gradient of the images, which takes part of that on other devices."""
        normalised, scale, count = ctx.saved_tensors
        gradient = gradients[0]
        dims = [0, *range(2, gradient.dim())]
        shape = (1, -1, *(1,) * (gradient.dim() - 2))
        sums = torch.stack([gradient.sum(dims), (gradient * normalised).sum(dims)])
        dist.all_reduce(sums)
        plain, along = (sums / count).unbind()
        inner = gradient - plain.view(shape) - normalised * along.view(shape)
        return inner * scale.view(shape), None


def _statistics(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean and variance ``[C]`` over all devices, and the number of values per channel.

    From the mean and the variance of each device, not from sums of squares, which cancel (Chan et
    al., "Algorithms for computing the sample variance", The American Statistician 37, 1983).
    """
    dims = [0, *range(2, values.dim())]
    count = values.numel() // values.shape[1]
    if count:
        variance, mean = torch.var_mean(values, dims, correction=0)
    else:
        variance = mean = values.new_zeros(values.shape[1])
    own = torch.cat([mean, variance, values.new_full((1,), count)])
    everything = own.new_empty((world(), len(own)))
    dist.all_gather(list(everything.unbind()), own)
    means, variances, counts = everything.split([len(mean), len(mean), 1], dim=1)
    total = counts.sum()
    mean = (counts * means).sum(dim=0) / total
    variance = (counts * (variances + (means - mean).square())).sum(dim=0) / total
    return mean, variance, total
