"""Camera model, from linear light to an 8-bit image: exposure, tone curve, blur, noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from facebench.synth.assets import FloatArray
from facebench.synth.attributes import Degradation


def develop(light: FloatArray, degradation: Degradation) -> npt.NDArray[np.uint8]:
    """Turns linear light ``[3, H, W]`` into a degraded 8-bit image ``[H, W, 3]``."""
    size = light.shape[1]
    if degradation.blur > 0:
        for axis in (1, 2):
            light = scipy.ndimage.gaussian_filter1d(
                light, degradation.blur * size, axis=axis, mode="nearest"
            )
    exposed = np.maximum(light * np.array(degradation.gain, dtype=np.float32)[:, None, None], 0.0)
    # A smooth shoulder instead of a hard clip, so that bright skin keeps its shading.
    exposed = np.where(exposed < 0.7, exposed, 0.7 + 0.3 * np.tanh((exposed - 0.7) / 0.3))
    tone = 255 * exposed ** np.float32(degradation.gamma / 2.2)
    if degradation.noise > 0:
        rng = np.random.default_rng(degradation.noise_seed)
        grain = rng.standard_normal(size=(*light.shape[1:], 3), dtype=np.float32)
        tone = tone + degradation.noise * grain.transpose(2, 0, 1)
    image: npt.NDArray[np.uint8] = np.clip(np.rint(tone), 0, 255).astype(np.uint8)
    return image.transpose(1, 2, 0)
