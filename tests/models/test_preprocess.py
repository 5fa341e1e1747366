"""What a model sees: range, mean and std, order of channels, type, and how images are scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebench.errors import SpecError
from facebench.models.hugging_face import preprocess_of
from facebench.models.named import named_model
from facebench.models.preprocess import Preprocess
from facebench.runtime.images import Scaling, crop_resize

PIXELS = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4, 3) * 2  # uint8 [2, 4, 4, 3]
IMAGES = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255


def test_values_mean_and_std_are_applied_in_the_order_of_the_channels() -> None:
    entered = Preprocess(
        channels="BGR", values=(0, 255), mean=(104.0, 117.0, 123.0), std=(1.0, 2.0, 4.0)
    ).enter(IMAGES)
    expected = (PIXELS[..., ::-1] - np.array([104.0, 117.0, 123.0])) / np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(entered.permute(0, 2, 3, 1), expected, atol=1e-4)


def test_images_of_bytes_are_those_of_the_file() -> None:
    entered = Preprocess(values=(0, 255), dtype="uint8").enter(IMAGES)
    assert entered.dtype == torch.uint8
    assert np.array_equal(entered.permute(0, 2, 3, 1), PIXELS)


@pytest.mark.parametrize(
    "form",
    [
        Preprocess(),
        Preprocess(values=(-1, 1)),
        Preprocess(values=(0, 255), mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0)),
        Preprocess(values=(0, 255), dtype="uint8"),
    ],
)
def test_what_is_shown_is_the_image(form: Preprocess) -> None:
    assert torch.allclose(form.shown(form.enter(IMAGES)), IMAGES, atol=1e-5)


def test_bgr_is_shown_with_blue_as_red() -> None:
    form = Preprocess(channels="BGR")
    assert torch.allclose(form.shown(form.enter(IMAGES)), IMAGES.flip(1))


@pytest.mark.parametrize("size", [5, 9, 40])
def test_a_filter_of_a_fixed_size_takes_the_four_pixels_around(size: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (17, 17, 3), dtype=np.uint8)
    found = crop_resize(image, None, size, Scaling("bilinear", antialias=False))
    centres = np.clip((np.arange(size) + 0.5) * 17 / size - 0.5, 0, 16)
    low = np.minimum(centres.astype(int), 15)
    share = centres - low
    rows = image[low] * (1 - share)[:, None, None] + image[low + 1] * share[:, None, None]
    expected = rows[:, low] * (1 - share)[None, :, None] + rows[:, low + 1] * share[None, :, None]
    assert np.abs(found - expected).max() <= 0.51  # one rounding


def test_filters_differ_and_nearest_takes_pixels_as_they_are() -> None:
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(crop_resize(image, None, 32, Scaling("nearest", False))[::2, ::2], image)
    forms = [("bilinear", True), ("bilinear", False), ("bicubic", True), ("bicubic", False),
             ("lanczos", True)]  # fmt: skip
    made = {crop_resize(image, None, 7, Scaling(*form)).tobytes() for form in forms}  # type: ignore[arg-type]
    assert len(made) == len(forms)
    with pytest.raises(SpecError, match="filter is nearest and antialias true"):
        Scaling("nearest", True)


def test_the_library_of_a_name_says_what_its_weights_need() -> None:
    vit = Preprocess(**named_model("timm:test_vit.r160_in1k").preprocess)
    assert (vit.image_size, vit.filter, vit.mean) == (160, "bicubic", (0.5, 0.5, 0.5))
    resnet = Preprocess(**named_model("torchvision:resnet18").preprocess)
    assert (resnet.image_size, resnet.filter) == (224, "bilinear")
    assert resnet.mean == (0.485, 0.456, 0.406)


def test_a_processor_of_transformers_is_understood() -> None:
    dinov2 = {
        "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 256}, "resample": 3,
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    }  # fmt: skip
    found = Preprocess(**preprocess_of(dinov2))
    assert (found.image_size, found.filter, found.values) == (224, "bicubic", (0, 1))
    assert found.std == (0.229, 0.224, 0.225)
    raw = {"size": {"height": 112, "width": 112}, "do_rescale": False, "do_normalize": False}
    assert Preprocess(**preprocess_of(raw)) == Preprocess(image_size=112, values=(0, 255))
