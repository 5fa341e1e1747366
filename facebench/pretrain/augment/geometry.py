"""Deterministic geometric operators and filters, with one set of parameters per image.

Every operator here is deterministic: it takes float images ``[B, 3, H, W]`` with values in
[0, 1], on any device and with any strides, and parameters whose first dimension is B; row *i*
belongs to image *i*. It returns a new tensor of the same dtype and never writes into its input.
Each equals the torchvision operator named in its docstring, image by image. The random draws are
made in :mod:`facebench.pretrain.augment.transforms`; the colour operators are in
:mod:`facebench.pretrain.augment.color`.

Resizing and blurring are separable and linear, so an image is worked on as ``rows @ X @ columns^T``
with two small matrices of its own. That makes a batch of *different* crops or blurs two batched
matrix products, which both CPUs and GPUs do fast.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.pretrain.augment.color import luminance
from facebench.pretrain.augment.compiled import known_to_host

SOBEL_GRAY = (65.738 / 256, 129.057 / 256, 25.064 / 256)
"""Weights of R, G, B in the grey image of the PCL authors' released Sobel filter."""

_CPU_BLOCK = 32  # images whose intermediate results stay in a CPU's caches


def apply_where(
    images: Tensor, mask: Tensor, operator: Callable[..., Tensor], *rows: Tensor
) -> Tensor:
    """Apply an operator to some of the images only.

    With a mask on the CPU nothing is computed for the others. The host cannot know a mask on
    another device without waiting for it: there the operator is applied to all images.

    Args:
        images: ``[B, 3, H, W]``.
        mask: bool ``[B]``, True for the images to change.
        operator: maps ``[n, 3, H, W]``, the n chosen images in their order, and their rows of the
            parameters to the same shape.
        rows: parameters of the operator, ``[B, ...]`` each.

    Returns:
        ``[B, 3, H, W]``; ``images`` itself where nothing was chosen.
    """
    if not known_to_host(mask):
        return torch.where(mask[:, None, None, None], operator(images, *rows), images)
    rows = tuple(row[mask] for row in rows)
    index = mask.nonzero().squeeze(1).to(images.device)
    if len(index) == 0:
        return images
    if len(index) == len(images):
        return operator(images, *rows)
    changed = operator(images.index_select(0, index), *rows)
    return images.clone(memory_format=torch.contiguous_format).index_copy_(0, index, changed)


def separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply to each image the linear map ``rows @ X @ columns^T``, the same in every channel.

    Args:
        images: ``[B, C, H, W]``.
        rows: ``[B, S_h, H]``.
        columns: ``[B, S_w, W]``.

    Returns:
        ``[B, C, S_h, S_w]``, contiguous.
    """
    b, c, h, w = images.shape
    if images.device.type != "cpu" or torch.compiler.is_compiling():
        wide = torch.bmm(images.reshape(-1, c * h, w), columns.transpose(1, 2))
        return torch.matmul(rows.unsqueeze(1), wide.view(b, c, h, -1))
    size = (rows.shape[1], columns.shape[1])
    result = images.new_empty(b, c, *size)
    for some in (slice(start, start + _CPU_BLOCK) for start in range(0, b, _CPU_BLOCK)):
        wide = torch.bmm(images[some].reshape(-1, c * h, w), columns[some].transpose(1, 2))
        result[some] = torch.matmul(rows[some].unsqueeze(1), wide.view(-1, c, h, size[1]))
    return result


def resize_matrix(start: Tensor, length: Tensor, source: int, size: int) -> Tensor:
    """Build the antialiased bilinear resampling of one axis as a matrix per image.

    The filter is PIL's: a triangle whose half-width is one source pixel when enlarging and one
    target pixel when reducing, cut off at the ends of the interval and normalised to sum 1.

    Args:
        start: ``[B]``, first source pixel of each interval.
        length: ``[B]``, number of source pixels of each interval.
        source: number of pixels along the whole axis.
        size: number of pixels wanted.

    Returns:
        ``[B, size, source]`` in the dtype of ``start``; zero outside the interval.
    """
    start, length = start[:, None, None], length[:, None, None]
    scale = length / size
    target = torch.arange(size, dtype=start.dtype, device=start.device)[None, :, None]
    pixel = torch.arange(source, dtype=start.dtype, device=start.device)[None, None, :]
    distance = (pixel + 0.5 - start - (target + 0.5) * scale).abs_()
    weights = distance.div_(-scale.clamp(min=1)).add_(1).clamp_(min=0)
    weights.mul_((pixel >= start) & (pixel < start + length))
    return weights.div_(weights.sum(dim=2, keepdim=True))


def resized_crop(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut a box out of each image and resize it, bilinear with antialiasing.

    Equals ``torchvision.transforms.v2.functional.resized_crop(..., antialias=True)``.

    Args:
        images: ``[B, 3, H, W]``.
        boxes: ``[B, 4]``, (top, left, height, width) in whole pixels, inside the image.
        size: side of the result in pixels.

    Returns:
        ``[B, 3, size, size]``.
    """
    top, left, height, width = boxes.to(images.device, images.dtype).unbind(1)
    rows = resize_matrix(top, height, images.shape[2], size)
    columns = resize_matrix(left, width, images.shape[3], size)
    return separable(images, rows, columns)


def flip(images: Tensor) -> Tensor:
    """Mirror every image left to right; equals torchvision's ``horizontal_flip``."""
    return images.flip(3)


def affine(images: Tensor, degrees: Tensor, shift: Tensor, fill: str = "zeros") -> Tensor:
    """Rotate each image about its centre, then move it; bilinear, same size.

    Equals torchvision's ``affine(angle, translate, scale=1, shear=0, interpolation=BILINEAR)``,
    whose angles turn clockwise; ``rotate(angle)`` is ``affine(-angle)``.

    Args:
        images: ``[B, 3, H, W]``.
        degrees: ``[B]``, positive turns clockwise as seen on the screen.
        shift: ``[B, 2]``, pixels to the right and down.
        fill: padding outside the image, a padding mode of ``torch.nn.functional.grid_sample``:
            ``"zeros"`` (black, torchvision's default), ``"border"`` (the nearest pixel) or
            ``"reflection"``.

    Returns:
        ``[B, 3, H, W]``.
    """
    h, w = images.shape[2:]
    radians = torch.deg2rad(degrees.to(images.device, images.dtype))
    dx, dy = shift.to(images.device, images.dtype).unbind(1)
    cos, sin = radians.cos(), radians.sin()
    # The sampling grid needs the inverse map, in coordinates where each axis runs from -1 to 1.
    first = torch.stack([cos, sin * h / w, -(cos * dx + sin * dy) * 2 / w], dim=1)
    second = torch.stack([-sin * w / h, cos, (sin * dx - cos * dy) * 2 / h], dim=1)
    grid = F.affine_grid(torch.stack([first, second], dim=1), list(images.shape), False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=fill, align_corners=False)


def blur_matrix(sigma: Tensor, kernel_size: int, length: int) -> Tensor:
    """Build a Gaussian blur of one axis, reflected at its ends, as a matrix per image.

    Args:
        sigma: ``[B]``, standard deviations in pixels, positive.
        kernel_size: number of taps, odd, with ``kernel_size // 2 < length``.
        length: number of pixels along the axis.

    Returns:
        ``[B, length, length]`` in the dtype of ``sigma``; every row sums to 1.
    """
    radius = kernel_size // 2
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    taps = torch.softmax(-0.5 * (offset / sigma[:, None]).square(), dim=1)  # [B, K]
    position = (torch.arange(length, device=sigma.device) + offset[:, None]).abs()  # [K, L]
    position = (length - 1) - ((length - 1) - position).abs()
    placed = F.one_hot(position, length).to(sigma.dtype)  # [K, L, L]
    return (taps @ placed.flatten(1)).view(-1, length, length)


def gaussian_blur(images: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Blur each image with a Gaussian of its own; equals torchvision's ``gaussian_blur``.

    Args:
        images: ``[B, 3, H, W]``.
        sigma: ``[B]``, standard deviations in pixels, positive.
        kernel_size: number of taps along each axis, odd, at most twice the image's side less 1.

    Returns:
        ``[B, 3, H, W]``.
    """
    sigma = sigma.to(images.device, images.dtype)
    rows = blur_matrix(sigma, kernel_size, images.shape[2])
    columns = blur_matrix(sigma, kernel_size, images.shape[3])
    return separable(images, rows, columns)


def sobel(images: Tensor) -> Tensor:
    """Replace each image by the length of its gradient, as the PCL authors' released code does.

    The gradient is the central difference (-1, 0, 1) of ``SOBEL_GRAY`` in x and y; the length is
    ``sqrt(gx^2 + gy^2 + 1e-6)``. Outside the image the code assumes zero, so the frame of a bright
    image comes out bright; this is kept. Lengths above 1 (possible up to 1.22) are cut to 1, where
    the released code lets them wrap round to black when it converts back to 8 bits.

    Args:
        images: ``[B, 3, H, W]``.

    Returns:
        ``[B, 3, H, W]`` with three equal channels, values in [1e-3, 1].
    """
    framed = F.pad(luminance(images, SOBEL_GRAY), (1, 1, 1, 1))  # [B, H+2, W+2]
    across = framed[:, 1:-1, 2:] - framed[:, 1:-1, :-2]
    down = framed[:, 2:, 1:-1] - framed[:, :-2, 1:-1]
    length = across.square_().addcmul_(down, down).add_(1e-6).sqrt_().clamp_(max=1)
    return length.unsqueeze(1).repeat(1, 3, 1, 1)
