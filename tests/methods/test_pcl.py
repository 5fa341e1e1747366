"""PCL against the paper's equations, its switches, and its official recipe."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from lightly.models.modules.heads import SimCLRProjectionHead
from torch import Tensor
from torch.nn import functional as F

from facebench.backbones import FaceCycle16
from facebench.config.spec import PretrainSpec
from facebench.errors import SpecError
from facebench.pretrain.collapse import feature_std
from facebench.runtime.device import Precision
from facebench.testing.learning_check import learn_briefly
from facebench.testing.networks import TwoLayers
from facebench.testing.variants import Variant
from facebench_methods._dynamic_weights import dynamic_weights
from facebench_methods._pcl_options import PCLOptions
from facebench_methods._pdd import Decoder, DoublingConv2d, disentangling_loss
from facebench_methods.pcl import PCL

SMALL = PCLOptions(pose_images=2, negatives=3, pdd_images=2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**changes: Any) -> PCL:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PCL(TwoLayers(), replace(SMALL, **changes), 32)


def faces(count: int = 6) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=generator())


def terms_of(method: PCL, images: Tensor) -> list[dict[str, float]]:
    steps = method.steps(images, generator(1))
    return [{name: float(term.detach()) for name, term in terms.items()} for terms in steps]


def test_parameters_with_both_branches_are_the_papers_2_47_million() -> None:
    method = PCL(FaceCycle16(), PCLOptions(), 64)
    shared = [method.backbone, method.g_f, method.g_p]
    count = sum(p.numel() for module in shared for p in module.parameters())
    assert count == pytest.approx(2.47e6, rel=0.002)


def test_features_have_the_papers_length() -> None:
    method = PCL(FaceCycle16(), PCLOptions(), 64).eval()
    images = torch.rand(2, 3, 64, 64, generator=generator())
    with torch.inference_mode():
        by_name = {name: method.features(name, images) for name in PCL.info.features}
    assert {tuple(feature.shape) for feature in by_name.values()} == {(2, 2048)}
    assert torch.allclose(by_name["f_f"] + by_name["f_p"], by_name["f_f+f_p"])


@pytest.mark.parametrize("side", [1, 2, 5])
def test_doubling_convolution_is_bilinear_doubling_and_a_convolution(side: int) -> None:
    layer = DoublingConv2d(4, 3, side).double()
    x = torch.randn(2, 4, side, side, generator=generator(), dtype=torch.float64)
    x.requires_grad_()
    doubled = F.interpolate(x, scale_factor=2, mode="bilinear")
    plain = F.conv2d(doubled, layer.weight, layer.bias, padding=1)
    found = layer(x)
    assert torch.allclose(found, plain, rtol=0, atol=1e-12)
    inputs = (x, layer.weight, layer.bias)
    cotangent = torch.randn(plain.shape, generator=generator(1), dtype=torch.float64)
    expected = torch.autograd.grad(plain, inputs, cotangent)
    for gradient, one in zip(torch.autograd.grad(found, inputs, cotangent), expected, strict=True):
        assert torch.allclose(gradient, one, rtol=0, atol=1e-12)


def test_l_dis_is_equation_2() -> None:
    decoder = Decoder(16).double().eval()
    s, s_hat = (torch.rand(2, 3, 64, 64, generator=generator(i)).double() for i in (0, 1))
    f, p, f_hat, p_hat = (torch.randn(2, 16, generator=generator(i)).double() for i in range(4))

    def l1(target: Tensor, face: Tensor, pose: Tensor) -> float:
        stem, blocks = decoder.stem, decoder.blocks
        code = face + pose
        code = code / code.norm(dim=1, keepdim=True)
        error: Tensor = target - blocks(stem(code)[:, :, None, None])
        return error.abs().mean().item()

    expected = l1(s, f, p) + l1(s_hat, f, p_hat) + l1(s, f_hat, p) + l1(s_hat, f_hat, p_hat)
    decoder.float()
    found = disentangling_loss(
        decoder,
        (s.float(), f.float(), p.float()),
        (s_hat.float(), f_hat.float(), p_hat.float()),
    )
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_pdd_sees_the_clean_images_and_their_flips() -> None:
    method, images = build().eval(), faces()
    terms = method.pdd_terms(method.pdd_views(images, generator()), generator())
    s, s_hat = images[:2], images[:2].flip(3)
    (f, p), (f_hat, p_hat) = method.branches(s), method.branches(s_hat)
    expected = ((f * p).sum(1) ** 2).mean() + ((f_hat * p_hat).sum(1) ** 2).mean()
    assert terms["L_orth"].item() == pytest.approx(expected.item(), rel=1e-4)


def test_dwa_is_the_softmax_of_the_ratios() -> None:
    before, last = [4.0, 2.0], [2.0, 1.8]
    ratios = [last[k] / before[k] for k in range(2)]
    total = sum(math.exp(r / 2) for r in ratios)
    weights = dynamic_weights(torch.tensor([before, last]), 2.0)
    for k in range(2):
        assert weights[k].item() == pytest.approx(2 * math.exp(ratios[k] / 2) / total, rel=1e-5)


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        ([0.0, 2.0], [0.0, 2.0], [1.0, 1.0]),  # neither fell
        ([0.0, 2.0], [1.0, 2.0], [2.0, 0.0]),  # the first rose without bound
        ([3.0, 2.0], [0.0, 2.0], [0.755, 1.245]),  # e^0 and e^(1/2)
    ],
)
def test_dwa_of_losses_of_zero_is_finite(
    before: list[float], last: list[float], expected: list[float]
) -> None:
    weights = dynamic_weights(torch.tensor([before, last]), 2.0)
    assert weights.tolist() == pytest.approx(expected, abs=1e-3)


def test_dynamic_weights_start_after_two_epochs_and_favour_the_slower_task() -> None:
    method = build()
    method.after_epoch({"L_face": 4.0, "L_pose": 4.0})
    assert method.term_weights() == {"L_face": 1.0, "L_pose": 1.0}
    method.after_epoch({"L_face": 2.0, "L_pose": 3.9})
    weights = method.term_weights()
    assert weights["L_pose"] > weights["L_face"]
    assert sum(weights.values()) == pytest.approx(2.0, rel=1e-5)


def test_pose_weight_multiplies_the_dynamic_weight() -> None:
    weighted, plain = build(pose_weight=0.25), build()
    for means in ({"L_face": 4.0, "L_pose": 4.0}, {"L_face": 2.0, "L_pose": 3.9}):
        weighted.after_epoch(means)
        plain.after_epoch(means)
    weights, expected = weighted.term_weights(), plain.term_weights()
    assert weights["L_face"] == expected["L_face"]
    assert weights["L_pose"] == pytest.approx(0.25 * expected["L_pose"])


@pytest.mark.parametrize("weight", [0.0, -1.0, math.inf, math.nan])
def test_pose_weight_is_a_positive_number(weight: float) -> None:
    with pytest.raises(SpecError, match="pose_weight"):
        PCLOptions(pose_weight=weight)


def test_dynamic_weights_take_softplus_anchor_by_anchor() -> None:
    """The mean of softplus is not softplus of the mean: 0.14 and 0.00005 of N(-10, 6)."""
    method = build(negative_interpolation=False).eval()
    images = torch.rand(2, 3, 32, 32, generator=generator(3))
    views = method.pose_views(images, generator())
    terms = method.pose_terms(views, generator())
    assert terms["L_pose"].requires_grad
    assert not terms["L_pose_infonce"].requires_grad
    _, p = method.branches(views)
    p = (p / p.norm(dim=1, keepdim=True)).detach().double()
    expected = 0.0
    for first, second in ((0, 2), (2, 0)):  # both directions of two anchors
        for i in range(2):
            anchor, positive = p[first + i], p[second + i]
            pull = float(anchor @ positive) / 0.07
            push = sum(math.exp(float(anchor @ p[4 + 3 * i + m]) / 0.07) for m in range(3))
            expected += math.log(1 + math.exp(math.log(push) - pull)) / 2
    assert terms["L_pose_infonce"].item() == pytest.approx(expected, rel=1e-3)


def test_dynamic_weights_follow_the_infonce_form_when_equation_5_is_negative() -> None:
    """-8 after -5 is a large gain for the pose, which must not look like a growing loss."""
    method = build()
    method.after_epoch({"L_face": 4.0, "L_pose": -5.0, "L_pose_infonce": 0.1})
    method.after_epoch({"L_face": 3.9, "L_pose": -8.0, "L_pose_infonce": 0.01})
    weights = method.term_weights()
    ratios = [3.9 / 4.0, 0.01 / 0.1]
    total = sum(math.exp(r / 2) for r in ratios)
    assert weights["L_face"] == pytest.approx(2 * math.exp(ratios[0] / 2) / total, rel=1e-5)
    assert weights["L_pose"] == pytest.approx(2 * math.exp(ratios[1] / 2) / total, rel=1e-5)


def test_weights_are_constant_without_dynamic_weighting() -> None:
    method = build(dynamic_weights=False)
    for pose in (4.0, 3.0, 1.0):
        method.after_epoch({"L_face": 4.0, "L_pose": pose})
    assert method.term_weights() == {"L_face": 1.0, "L_pose": 1.0}


@pytest.mark.parametrize(
    ("off", "missing"), [("l_dis", "L_dis"), ("l_orth", "L_orth")], ids=["L_dis", "L_orth"]
)
def test_each_pdd_term_can_be_switched_off(off: str, missing: str) -> None:
    (terms,) = terms_of(build(**{off: False}), faces())
    assert missing not in terms
    assert {"L_face", "L_pose"} <= set(terms)


def test_without_l_pose_the_pose_branch_learns_by_plain_contrast() -> None:
    """Section 4.3: 'two normal contrastive learning schemes on the two features'."""
    method = build(l_pose=False, negative_interpolation=False)
    method.g_p.load_state_dict(method.g_f.state_dict())
    (terms,) = terms_of(method, faces())
    assert terms["L_pose"] == pytest.approx(terms["L_face"], rel=1e-5)


def test_pose_negatives_are_pose_augmented_and_positives_are_not() -> None:
    method = build(
        pose_crop=False, jitter_p=0.0, grayscale_p=0.0, blur_p=0.0, sobel_p=0.0,
        negative_interpolation=False, temperature=1.0,
    ).eval()  # fmt: skip
    images = faces()
    _, p = method.branches(images[:2])
    _, flipped = method.branches(images[:2].flip(3))
    sim = torch.nn.functional.cosine_similarity(p, flipped)
    # Both directions; the positive is the image itself, all M negatives are its flip.
    expected = 2 * (math.log(3) + sim - 1).mean()
    found = method.pose_terms(method.pose_views(images, generator()), generator())["L_pose"]
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_a_few_steps_lower_the_loss_and_do_not_collapse_the_features() -> None:
    method, images = build(negative_interpolation=False), faces()
    untrained = feature_std(method, images)
    adam = torch.optim.Adam(method.parameters(), lr=1e-3)
    totals = []
    for _ in range(15):
        for terms in method.steps(images, generator(1)):
            total = torch.stack([term for term in terms.values() if term.requires_grad]).sum()
            adam.zero_grad()
            total.backward()
            adam.step()
        totals.append(total.item())
    assert totals[-1] < totals[0]
    assert feature_std(method, images) > 0.5 * untrained


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_the_baselines_head_learns_on_both_branches(precision: Precision) -> None:
    """It acts only where ``projection`` is on, which one option at a time does not try."""
    options = replace(SMALL, projection=True, projection_head="simclr", pdd_images=1)
    heads = [PCL(TwoLayers(), options, 32).head_f, PCL(TwoLayers(), options, 32).head_p]
    assert all(isinstance(head, SimCLRProjectionHead) for head in heads)
    brief = PretrainSpec(epochs=3, batch_size=4, image_size=32)
    learn_briefly(PCL, TwoLayers(), Variant("projection_head=simclr", options, brief), precision)
