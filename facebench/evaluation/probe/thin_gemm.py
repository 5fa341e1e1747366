"""The product of a few weight rows with many features, as fast as this machine does it.

A probe multiplies ``[7, 6272]`` by ``[6272, 256]`` and ``[7, 256]`` by ``[256, 6272]`` at every
step. ``torch.mm`` sends both to MKL, whose kernels are made for square matrices; oneDNN's kernel is
compiled for the very shape. Measured on 2 cores of an AMD EPYC (Zen 4), milliseconds:

    rows of a                        7      112
    a @ [6272, 256]   torch.mm     0.30    2.01      (features transposed: the forward product)
                      oneDNN       0.24    1.70
    a @ [256, 6272]   torch.mm     0.34    2.39      (the gradient)
                      oneDNN       0.14    1.73

and on 2 cores of one without AVX-512 (Zen 3), where MKL is ahead once the matrix is not so thin:

    rows of a                        7      112
    a @ [6272, 256]   torch.mm     0.47    2.28
                      oneDNN       0.42    2.91
    a @ [256, 6272]   torch.mm     0.48    2.79
                      oneDNN       0.35    3.25

Tried and slower (Zen 4): the results transposed ([256, 7] and [6272, 7]: up to four times), batched
products over blocks of rows or columns (0.26 and 0.25), NumPy's OpenBLAS (0.37 and 0.27), and a
1x1 convolution (0.40 and 0.42).
"""

from __future__ import annotations

import torch


def _onednn_serves() -> bool:
    """Whether this build of torch offers oneDNN's linear kernel, with which inductor works."""
    built: bool = torch.backends.mkldnn.is_available()
    return built and hasattr(torch.ops.mkldnn, "_linear_pointwise")


_ONEDNN = _onednn_serves()
_AVX512 = torch.backends.cpu.get_cpu_capability() == "AVX512"  # oneDNN is ahead at any height
_THIN = 32  # rows up to which it is ahead without


def thin_matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``a @ b`` in float32.

    Args:
        a: ``[M, K]`` float32, M small.
        b: ``[K, N]`` float32; a transposed view is as good as a contiguous matrix.

    Returns:
        ``[M, N]`` float32, newly allocated and without a gradient.
    """
    with torch.no_grad():
        if _ONEDNN and a.device.type == "cpu" and (_AVX512 or len(a) <= _THIN):
            product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                a, b.t(), None, "none", [], ""
            )
            return product
        return torch.mm(a, b)
