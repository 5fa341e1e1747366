"""An epoch of softmax regression, compiled: every row is read where it lies.

A step of a probe with one head is bound by memory: ``X[index]`` copies 6.4 MB (256 rows of 6,272
numbers), and each of the two products reads the copy again. Here four rows at a time are multiplied
with all weights straight from ``X``. After sixteen rows, which a core's second cache still holds,
their part of the gradient follows, a block of columns at a time. On 2 cores of an Intel Xeon
(Emerald Rapids), milliseconds of a step with 7 outputs:

    the loop that everybody writes              2.3 to 3.1
    this                                        0.77 to 0.81
    the gradient after the whole batch          0.94    (0.7 to 0.8 on an AMD EPYC, Zen 3)
    outputs that begin anywhere in memory       0.06 to 0.08 more
    rows to come fetched by software            no gain

Rows are split among threads, and so are the columns of Adam's update. All functions are numba's:
plain loops over float32, which LLVM turns into vector instructions. They work on two outputs at a
time, since a number that was read is then used twice; an odd output has a row of zeros beside it,
which stays one. Compiling takes six seconds, once on a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt
from numba import prange

from facebench.evaluation.probe.losses import LEAST_ERROR

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

BLOCK = 448  # columns of four rows that stay in a core's first cache beside those of a gradient
ROWS = 16  # a multiple of four; of 6,272 numbers they stay in its second cache beside all weights
_ZERO, _EPSILON, _LEAST = np.float32(0), np.float32(1e-8), np.float32(LEAST_ERROR)
_KEEP1, _TAKE1 = np.float32(0.9), np.float32(0.1)
_KEEP2, _TAKE2 = np.float32(0.999), np.float32(0.001)


def _compiled(*, parallel: bool = False) -> Callable[[Function], Function]:
    """Compile at the first call, and keep the machine code for later processes.

    Sums may be reordered, or they could not be vectorised; NaN and infinity stay what they are.
    """

    def decorate(function: Function) -> Function:
        options = {
            "nogil": True,
            "parallel": parallel,
            "error_model": "numpy",
            "fastmath": {"contract", "reassoc", "nsz"},
        }
        try:
            compiled: Function = numba.njit(function, cache=True, **options)
        except RuntimeError:  # neither the package's folder nor the user's can be written to
            compiled = numba.njit(function, **options)
        return compiled

    return decorate


@_compiled()
def _take_four(rows: Integers, first: int, four: Integers) -> None:
    """Write the next four rows, the last one more than once if there are fewer."""
    for k in range(4):
        four[k] = rows[min(first + k, len(rows) - 1)]


@_compiled()
def _add_scores(
    features: Floats, rows: Integers, low: int, high: int, weights: Floats, scores: Floats
) -> None:
    """Add the products of four rows' columns with all weights, two of these at a time."""
    x0, x1 = features[rows[0], low:high], features[rows[1], low:high]
    x2, x3 = features[rows[2], low:high], features[rows[3], low:high]
    for c in range(0, len(weights), 2):
        v, w = weights[c, low:high], weights[c + 1, low:high]
        v0 = v1 = v2 = v3 = w0 = w1 = w2 = w3 = _ZERO
        for d in range(high - low):
            v0 += v[d] * x0[d]
            v1 += v[d] * x1[d]
            v2 += v[d] * x2[d]
            v3 += v[d] * x3[d]
            w0 += w[d] * x0[d]
            w1 += w[d] * x1[d]
            w2 += w[d] * x2[d]
            w3 += w[d] * x3[d]
        scores[0, c] += v0
        scores[1, c] += v1
        scores[2, c] += v2
        scores[3, c] += v3
        scores[0, c + 1] += w0
        scores[1, c + 1] += w1
        scores[2, c + 1] += w2
        scores[3, c + 1] += w3


@_compiled()
def _add_gradient(
    features: Floats, rows: Integers, low: int, high: int, errors: Floats, gradient: Floats
) -> None:
    """Add the products of four rows' errors with their columns."""
    x0, x1 = features[rows[0], low:high], features[rows[1], low:high]
    x2, x3 = features[rows[2], low:high], features[rows[3], low:high]
    for c in range(0, len(gradient), 2):
        g, h = gradient[c, low:high], gradient[c + 1, low:high]
        e0, e1, e2, e3 = errors[0, c], errors[1, c], errors[2, c], errors[3, c]
        f0, f1, f2, f3 = errors[0, c + 1], errors[1, c + 1], errors[2, c + 1], errors[3, c + 1]
        for d in range(high - low):
            g[d] += (e0 * x0[d] + e1 * x1[d]) + (e2 * x2[d] + e3 * x3[d])
            h[d] += (f0 * x0[d] + f1 * x1[d]) + (f2 * x2[d] + f3 * x3[d])


@_compiled()
def _softmax_error(scores: Floats, label: int, classes: int, share: np.float32) -> None:
    """Turn scores of each head into d(mean cross entropy) / d(scores), in place."""
    for first in range(0, len(scores) // classes * classes, classes):
        head = scores[first : first + classes]
        top, total = head[0], _ZERO
        for c in range(1, classes):
            top = max(top, head[c])
        for c in range(classes):
            head[c] = np.exp(head[c] - top)
            total += head[c]
        for c in range(classes):
            head[c] *= share / total
            if head[c] <= _LEAST:
                head[c] = _ZERO
        head[label] -= share


@_compiled()
def _errors(
    features: Floats, rows: Integers, labels: Integers, share: np.float32, classes: int,
    parameters: Floats, scores: Floats,
) -> None:  # fmt: skip
    """Write d(loss) / d(scores) of some rows, and zeros for those too many in the last four."""
    count, width = len(rows), features.shape[1]
    four = np.empty(4, np.int64)
    for first in range(0, count, 4):
        _take_four(rows, first, four)
        of_four = scores[first : first + 4]
        for c in range(len(parameters)):
            for k in range(4):
                of_four[k, c] = parameters[c, width]
        for low in range(0, width, BLOCK):
            _add_scores(features, four, low, min(low + BLOCK, width), parameters, of_four)
        for k in range(min(4, count - first)):
            _softmax_error(of_four[k], labels[first + k], classes, share)
        for k in range(count - first, 4):
            of_four[k].fill(0)


@_compiled()
def _batch_gradient(
    features: Floats, rows: Integers, labels: Integers, share: np.float32, classes: int,
    parameters: Floats, scores: Floats, gradient: Floats,
) -> None:  # fmt: skip
    """Write the gradient of some of a batch's rows; the column behind the weights is the bias's."""
    width, count = features.shape[1], len(rows)
    gradient.fill(0)
    four = np.empty(4, np.int64)
    for start in range(0, count, ROWS):
        some = rows[start : start + ROWS]
        _errors(features, some, labels[start : start + ROWS], share, classes, parameters, scores)
        for low in range(0, width, BLOCK):
            high = min(low + BLOCK, width)
            for first in range(0, len(some), 4):
                _take_four(some, first, four)
                _add_gradient(features, four, low, high, scores[first : first + 4], gradient)
        for k in range(len(some)):
            for c in range(len(parameters)):
                gradient[c, width] += scores[k, c]


@_compiled()
def _adam(
    parameters: Floats, first: Floats, second: Floats, gradients: Floats,
    rate: np.float32, root: np.float32, decay: np.float32,
) -> None:  # fmt: skip
    """Move one output's columns by the sum of all threads' gradients, as ``torch.optim.Adam``."""
    gradient = gradients[0]
    for part in range(1, len(gradients)):
        other = gradients[part]
        for d in range(len(gradient)):
            gradient[d] += other[d]
    for d in range(len(gradient)):
        slope = gradient[d] + decay * parameters[d]
        first[d] = _KEEP1 * first[d] + _TAKE1 * slope
        second[d] = _KEEP2 * second[d] + _TAKE2 * slope * slope
        parameters[d] -= rate * first[d] / (np.sqrt(second[d]) * root + _EPSILON)


@_compiled(parallel=True)
def train_epoch(
    features: Floats, order: Integers, labels: Integers, batch_size: int, classes: int,
    parameters: Floats, first: Floats, second: Floats, steps: int,
    rates: npt.NDArray[np.float64], decays: Floats, scores: Floats, gradients: Floats,
) -> None:  # fmt: skip
    """Train softmax heads on every row once.

    Args:
        features: ``[N, D]``.
        order: ``[n]`` rows, cut into batches.
        labels: ``[n]``, of the rows in that order, from 0 to C - 1.
        batch_size: Rows in a step; the last one may have fewer.
        classes: C.
        parameters: ``[P, W]``, the outputs of all heads, P = H C or one more to be even: D
            weights, the bias, and zeros, which stay so; changed.
        first: Adam's first moments, alike; changed.
        second: Adam's second moments, alike; changed.
        steps: How many were made in earlier epochs.
        rates: ``[P]``, the learning rate of each output.
        decays: ``[P]``, the weight decay of each output.
        scores: ``[T, ROWS, P]`` to work in, where T parts of a batch are worked on at once.
        gradients: ``[T, P, W]``, likewise.
    """
    outputs, columns = parameters.shape
    parts = len(gradients)
    for start in range(0, len(order), batch_size):
        count = min(batch_size, len(order) - start)
        steps += 1
        for part in prange(parts):
            low, high = start + count * part // parts, start + count * (part + 1) // parts
            _batch_gradient(
                features, order[low:high], labels[low:high], np.float32(1 / count), classes,
                parameters, scores[part], gradients[part],
            )  # fmt: skip
        scale = 1 / (1 - 0.9**steps)
        root = np.float32(1 / np.sqrt(1 - 0.999**steps))
        for part in prange(parts):
            low, high = columns * part // parts, columns * (part + 1) // parts
            for c in range(outputs):
                _adam(
                    parameters[c, low:high], first[c, low:high], second[c, low:high],
                    gradients[:, c, low:high], np.float32(rates[c] * scale), root, decays[c],
                )  # fmt: skip
