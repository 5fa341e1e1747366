"""PCL Fig. 4: what the decoder draws of features together and alone."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.testing.networks import TwoLayers
from facebench_methods._pcl_options import PCLOptions
from facebench_methods.pcl import PCL

TOGETHER, FLIPPED, FACE, POSE, POSE_FLIPPED = (
    r"$F_f + F_p$", r"$F_f + F_{\hat{p}}$", r"$F_f$", r"$F_p$", r"$F_{\hat{p}}$"
)  # fmt: skip


def build() -> PCL:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PCL(TwoLayers(), PCLOptions(), 32).eval()


def faces() -> Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def drawn(images: Tensor) -> dict[str, Tensor]:
    with torch.inference_mode():
        return build().reconstructions(images)


def test_columns_are_those_of_the_figure() -> None:
    columns = drawn(faces())
    assert list(columns) == ["source", TOGETHER, FLIPPED, FACE, POSE, POSE_FLIPPED]
    for images in columns.values():
        assert images.shape == (3, 3, 64, 64)
        assert 0 <= images.min() <= images.max() <= 1


def test_each_column_is_the_decoder_on_its_features() -> None:
    method, images = build(), faces()
    with torch.inference_mode():
        f, p = method.branches(images)
        p_hat = method.branches(images.flip(3))[1]
        columns = method.reconstructions(images)

        def decode(feature: Tensor) -> Any:
            code = method.decoder.stem(F.normalize(feature, dim=1))[:, :, None, None]
            return method.decoder.blocks(code).clamp(0, 1)

        for caption, feature in ((TOGETHER, f + p), (FLIPPED, f + p_hat), (FACE, f), (POSE, p),
                                 (POSE_FLIPPED, p_hat)):  # fmt: skip
            assert torch.allclose(columns[caption], decode(feature), atol=1e-5), caption


def test_the_flipped_image_changes_places_with_p_hat() -> None:
    columns, mirrored = drawn(faces()), drawn(faces().flip(3))
    assert torch.allclose(columns[POSE], mirrored[POSE_FLIPPED], atol=1e-5)
    assert torch.allclose(columns[POSE_FLIPPED], mirrored[POSE], atol=1e-5)
    assert not torch.allclose(columns[POSE], columns[POSE_FLIPPED], atol=1e-5)
