"""``pcl.recipe=official`` against loops that do what the released code does, in float64."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facebench.pretrain.losses import draw_mixing
from facebench.testing.networks import TwoLayers
from facebench_methods._pcl_options import OFFICIAL, PCLOptions
from facebench_methods.pcl import PCL

TAU = 0.07
LOSS_AND_VIEWS = {key: value for key, value in OFFICIAL.items() if "." not in key}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(**changes: Any) -> PCL:
    """Return PCL as released, on few images and negatives, with heads that tell batches apart."""
    options = PCLOptions(**{**LOSS_AND_VIEWS, "pose_images": 3, "negatives": 4, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PCL(TwoLayers(), options, 32).train()


def faces(count: int = 6) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=generator())


def cross_entropies(anchors: Tensor, positives: Tensor, negatives: list[Tensor]) -> list[float]:
    """InfoNCE of each anchor by the definition; negatives [A][M, D] may have any length."""
    found = []
    for anchor, positive, others in zip(anchors, positives, negatives, strict=True):
        pull = math.exp(float(F.cosine_similarity(anchor, positive, dim=0)) / TAU)
        push = [math.exp(float(F.cosine_similarity(anchor, n, dim=0)) / TAU) for n in others]
        found.append(-math.log(pull / (pull + sum(push))))
    return found


def mixed(negatives: Tensor, share: Tensor, partner: Tensor) -> Tensor:
    """Mix [M, D] negatives as they are."""
    rows = [
        float(share[m]) * negatives[m] + (1 - float(share[m])) * negatives[int(partner[m])]
        for m in range(len(negatives))
    ]
    return torch.stack(rows)


def normalised_by_batch(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """BatchNorm in training by its definition, [B, D]."""
    mean = x.mean(dim=0)
    variance = ((x - mean) ** 2).mean(dim=0)
    scaled = (x - mean) / (variance + norm.eps).sqrt()
    return scaled * norm.weight.double() + norm.bias.double()


def head_in_float64(head: nn.Module, features: Tensor) -> Tensor:
    *layers, norm = head.children()
    x = features.double()
    for layer in layers:
        x = copy.deepcopy(layer).double()(x)
    assert isinstance(norm, nn.BatchNorm1d)
    return normalised_by_batch(x, norm)


def test_face_loss_is_the_mean_over_both_directions_of_features_mixed_before_normalising() -> None:
    method = build()
    views = method.face_views(faces(), generator())
    with torch.no_grad():
        found = method.face_terms(views, generator(7))["L_face"]
        f, _ = method.branches(views)
        z = head_in_float64(method.head_f, f)
    n = len(z) // 2
    partner, share = draw_mixing(2 * n, 2 * n - 2, generator(7), one_order=True)
    assert torch.equal(partner[0], partner[-1])  # one permutation for all anchors
    pairs = [(a, (a + n) % (2 * n)) for a in range(2 * n)]
    negatives = []
    for row, pair in enumerate(pairs):
        others = torch.stack([z[k] for k in range(2 * n) if k not in pair])
        negatives.append(mixed(others, share[row], partner[row]))
    each = cross_entropies(z, z[[b for _, b in pairs]], negatives)
    assert found.item() == pytest.approx(sum(each) / (2 * n), rel=2e-4)


def test_pose_loss_has_two_passes_of_the_head_and_one_mixing_for_both_directions() -> None:
    method = build()
    views = method.pose_views(faces(), generator())
    with torch.no_grad():
        found = method.pose_terms(views, generator(7))["L_pose"]
        _, p = method.branches(views)
        z, z_m = (head_in_float64(method.head_p, part) for part in (p[:6], p[6:]))
    partner, share = draw_mixing(3, 4, generator(7), one_order=True)
    negatives = [mixed(z_m[4 * i : 4 * i + 4], share[i], partner[i]) for i in range(3)]
    each = cross_entropies(z, z[[3, 4, 5, 0, 1, 2]], [*negatives, *negatives])
    assert found.item() == pytest.approx(sum(each) / 6, rel=2e-4)


def test_positives_and_negatives_move_the_pose_heads_running_statistics_one_after_the_other() -> (
    None
):
    method = build()
    views = method.pose_views(faces(), generator())
    with torch.no_grad():
        method.pose_terms(views, generator())
        _, p = method.branches(views)
    *layers, norm = method.head_p.children()
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.num_batches_tracked is not None
    assert int(norm.num_batches_tracked) == 2
    expected = torch.zeros(512, dtype=torch.float64)
    for part in (p[:6], p[6:]):
        for layer in layers:
            part = layer(part)
        expected = 0.9 * expected + 0.1 * part.detach().double().mean(dim=0)
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean.double(), expected, atol=1e-5)


def test_negatives_of_an_anchor_are_the_flips_of_every_image() -> None:
    """A list of M tensors [P, ...], one per copy, put behind each other and cut into P pieces."""
    plain = {"jitter_p": 0.0, "grayscale_p": 0.0, "blur_p": 0.0, "sobel_p": 0.0}
    method = build(**plain, pose_images=2, negatives=4)
    images = faces()[:2]
    views = method.pose_views(images, generator())
    listed = [images.flip(3) for _ in range(4)]  # as the released loader collates them
    pieces = torch.cat(listed).chunk(2)
    assert torch.equal(views[:4], torch.cat([images, images]))
    assert torch.equal(views[4:].unflatten(0, (2, 4)), torch.stack(pieces))
    own = build(**plain, pose_images=2, negatives=4, negatives_of="anchor")
    of_anchor = own.pose_views(images, generator())[4:].unflatten(0, (2, 4))
    for anchor in range(2):  # Eq. 5: its own
        assert all(torch.equal(copy, images[anchor].flip(2)) for copy in of_anchor[anchor])


def test_each_reconstruction_has_a_pass_of_the_decoder_of_its_own() -> None:
    method = build(pdd_noise=0.0, l_orth=False)
    images = faces(4)
    decoder = copy.deepcopy(method.decoder)
    found = method.pdd_terms(method.pdd_views(images, generator()), generator())["L_dis"]
    (f, p), (f_hat, p_hat) = method.branches(images), method.branches(images.flip(3))
    s = F.interpolate(images, size=64, mode="bilinear", antialias=True)
    expected = 0.0
    for face, pose, target in (
        (f, p_hat, s.flip(3)), (f_hat, p, s), (f, p, s), (f_hat, p_hat, s.flip(3)),
    ):  # fmt: skip
        expected += float((decoder(face, pose) - target).abs().mean().detach())
    assert found.item() == pytest.approx(expected, rel=1e-4)
    norms = [m for m in method.decoder.modules() if isinstance(m, nn.BatchNorm2d)]
    again = [m for m in decoder.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(norms) == 5
    for norm, other in zip(norms, again, strict=True):
        assert norm.num_batches_tracked is not None
        assert int(norm.num_batches_tracked) == 4
        assert norm.running_var is not None
        assert other.running_var is not None
        assert torch.allclose(norm.running_var, other.running_var, rtol=1e-4)


def test_one_pass_of_the_decoder_has_other_statistics() -> None:
    separate, joint = build(pdd_noise=0.0), build(pdd_noise=0.0, passes="joint")
    losses = [
        method.pdd_terms(method.pdd_views(faces(), generator()), generator())["L_dis"].item()
        for method in (separate, joint)
    ]
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)


def steps_with_updates(method: PCL, images: Tensor) -> Iterator[dict[str, Tensor]]:
    """Take a step after each objective, as the engine does."""
    sgd = torch.optim.SGD(method.parameters(), lr=0.1)
    for terms in method.steps(images, generator(1)):
        yield terms
        sgd.zero_grad()
        torch.stack(list(terms.values())).sum().backward()
        sgd.step()


def test_each_objective_is_computed_with_the_weights_that_the_step_before_left() -> None:
    method, images = build(), faces(9)
    assert method.batches_per_step == 3
    names, second = [], {}
    for terms in steps_with_updates(method, images):
        names.append(set(terms))
        if "L_face" in terms:
            fresh = copy.deepcopy(method)  # has the weights of now, and no graph of before
            draws = generator(1)
            fresh.noise(fresh.pdd_views(images[:3], draws), draws)
            with torch.no_grad():
                again = fresh.face_terms(fresh.face_views(images[3:6], draws), draws)
            second = {"found": terms["L_face"].item(), "expected": again["L_face"].item()}
    assert names == [{"L_dis", "L_orth"}, {"L_face"}, {"L_pose"}]
    assert second["found"] == pytest.approx(second["expected"], rel=1e-5)
