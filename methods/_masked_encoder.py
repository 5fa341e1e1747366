"""lightly's masked encoder around a backbone's network; used by MAE."""

from __future__ import annotations

from typing import Any


def masked_encoder(transformer: Any) -> Any:
    """Wrap a vision transformer of timm, whose weights stay as they are.

    A method does not keep what is returned, since its weights would be counted twice.
    """
    from lightly.models.modules import MaskedVisionTransformerTIMM

    return MaskedVisionTransformerTIMM(
        transformer, weight_initialization="skip", pos_embed_initialization="skip"
    )
