"""FAb-Net, TCAE, triplets of tracks and of time: against loops in float64; all of them learn."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from facebench.errors import SpecError
from facebench.pretrain.collapse import feature_std
from facebench.pretrain.learner import weighted_sum
from facebench.testing.networks import TwoLayers
from facebench_methods._flow import (
    FlowDecoder,
    curriculum,
    mean_of_ranks,
    mixed,
    total_variation,
    warp,
)
from facebench_methods.datta import Datta, soft_margin_triplets
from facebench_methods.deformae import DeformAE
from facebench_methods.fabnet import FAbNet
from facebench_methods.tcae import TCAE
from facebench_methods.temporal import Temporal, ranking_loss


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(cls: Any, **options: Any) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return cls(TwoLayers(), cls.Options(**{**cls.info.small, **options}), 16)


def moved(method: Any) -> Any:
    """Let the flows of a new method move pixels; they start near 0."""
    for decoder in (part for part in method.modules() if isinstance(part, FlowDecoder)):
        last: Any = decoder[-2]
        torch.nn.init.normal_(last.weight, std=0.1, generator=generator(7))
    return method


def sampled(image: Any, x: float, y: float) -> Any:
    """Return the value of [C, H, W] at a place in [-1, 1], bilinearly, corners at the ends."""
    height, width = image.shape[1:]
    column, row = (x + 1) / 2 * (width - 1), (y + 1) / 2 * (height - 1)
    j, i = min(int(column), width - 2), min(int(row), height - 2)
    right, down = column - j, row - i
    return (
        image[:, i, j] * (1 - down) * (1 - right) + image[:, i, j + 1] * (1 - down) * right
        + image[:, i + 1, j] * down * (1 - right) + image[:, i + 1, j + 1] * down * right
    )  # fmt: skip


def test_warping_samples_where_the_flow_points_and_stops_at_the_border() -> None:
    images = torch.rand(2, 3, 5, 7, generator=generator())
    flow = torch.rand(2, 2, 5, 7, generator=generator(1)) * 1.6 - 0.8
    got = warp(images, flow, clamp=True)
    for b in range(2):
        image, moves = images[b].double().numpy(), flow[b].double().numpy()
        for i in range(5):
            for j in range(7):
                x = min(1.0, max(-1.0, -1 + 2 * j / 6 + moves[0, i, j]))
                y = min(1.0, max(-1.0, -1 + 2 * i / 4 + moves[1, i, j]))
                assert np.allclose(got[b, :, i, j], sampled(image, x, y), atol=1e-5)


def test_the_curriculum_moves_to_harder_pairs_and_leaves_the_hardest() -> None:
    assert [curriculum(epoch, 10) for epoch in (0, 1, 2, 9)] == [
        (0.0, 0.5), (0.0, 0.5), (0.1, 0.6), (0.4, 0.9)
    ]  # fmt: skip
    losses = torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 8.0, 7.0, 6.0, 10.0])
    assert mean_of_ranks(losses, (0.0, 0.5)).item() == pytest.approx(3.0)
    assert mean_of_ranks(losses, (0.4, 0.9)).item() == pytest.approx(7.0)
    assert mean_of_ranks(losses[:1], (0.4, 0.9)).item() == 5.0


def test_mixed_flows_and_total_variation() -> None:
    first, second = (torch.rand(2, 3, 4, 5, generator=generator(s)) for s in (1, 2))
    weights = [np.exp(flow[:, 2:].double().numpy()) for flow in (first, second)]
    wanted = sum(
        w * flow[:, :2].double().numpy() for w, flow in zip(weights, (first, second), strict=True)
    ) / (weights[0] + weights[1])
    assert np.allclose(mixed(first, second), wanted, atol=1e-6)
    for n in range(2):
        total = np.abs(np.diff(first[n].double().numpy(), axis=1)).sum()
        total += np.abs(np.diff(first[n].double().numpy(), axis=2)).sum()
        assert total_variation(first)[n].sum().item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("size", [16, 40])
def test_a_flow_is_at_least_as_large_as_the_image_and_below_one(size: int) -> None:
    decoder, codes = FlowDecoder(8, 2, size, 4), torch.randn(2, 3, 4, generator=generator())
    assert 0 < decoder.between(*codes).abs().max() < 0.05  # it starts by moving next to nothing
    maps = moved(decoder).between(*codes)
    assert maps.shape[2] == maps.shape[3] >= size
    assert maps.shape[:2] == (3, 2)
    assert 0 < maps.abs().max() < 1


def pair_views(count: int = 5) -> tuple[Tensor, Tensor]:
    first, second = (torch.rand(count, 3, 16, 16, generator=generator(s)) for s in (1, 2))
    return first, second


def test_fabnet_is_the_l1_distance_of_the_easier_pairs() -> None:
    method = moved(build(FAbNet))
    sources, targets = pair_views()
    with torch.no_grad():
        loss = method.loss((sources, targets), generator())["L_photo"].item()
        codes = [method.embed(method.encode(images)) for images in (sources, targets)]
        flow = method.decoder.between(*codes)
        made = warp(sources, flow, clamp=True).double().numpy()
    distances = sorted(
        float(np.abs(made[i] - targets[i].double().numpy()).mean()) for i in range(5)
    )
    assert loss == pytest.approx(sum(distances[:2]) / 2, rel=1e-5)  # half of five: two


def differences(maps: Tensor) -> Tensor:
    """Return [n, N] differences of adjacent values, one by one."""
    found = []
    for channels in maps.double().numpy():
        parts = [np.diff(c, axis=axis).ravel() for c in channels for axis in (0, 1)]
        found.append(np.concatenate(parts))
    return torch.from_numpy(np.array(found))


def test_tcae_is_its_terms() -> None:
    method = moved(build(TCAE, smoothness=0.5))
    source, target = pair_views(4)
    method.before_epoch(4, 5)
    with torch.no_grad():
        terms = method.loss((source, target), generator())
        a, b = method.code(source), method.code(target)
        head = method.head_flow.between(a.head, b.head)
        action = method.action_flow.between(a.action, b.action)
        turned, acted = (warp(source, f[:, :2], clamp=True) for f in (head, action))
        back = method.head_flow.between(method.code(turned).head, a.head)[:, :2]
        again = method.action_flow.between(method.code(acted).action, a.action)[:, :2]
        made = warp(source, mixed(head, action), clamp=True)
        of = {name: method.code(x) for name, x in (("t", turned), ("a", acted), ("m", made))}
        pairs = {
            "L_photo": (made, target, 1), "L_sparse": (action[:, :2], action[:, :2] * 0, 1),
            "L_head_cycle": (warp(turned, back, clamp=True), source, 1),
            "L_action_cycle": (warp(acted, again, clamp=True), source, 1),
            "L_turned_head": (of["t"].head, b.head, 2),
            "L_turned_action": (of["t"].action, a.action, 2),
            "L_acted_head": (of["a"].head, a.head, 2),
            "L_acted_action": (of["a"].action, b.action, 2),
            "L_made_head": (of["m"].head, b.head, 2),
            "L_made_action": (of["m"].action, b.action, 2),
            "L_smooth": (differences(action[:, :2]), torch.zeros(4, 2 * 2 * 16 * 15), 1),
        }  # fmt: skip
    assert set(terms) == set(pairs)
    for name, (found, wanted, power) in pairs.items():
        x, y = found.double().numpy(), wanted.double().numpy()
        each = sorted(float((np.abs(x[i] - y[i]) ** power).mean()) for i in range(4))
        assert terms[name].item() == pytest.approx(sum(each[1:3]) / 2, rel=1e-3), name
    weighted = weighted_sum(method, {n: t.clone().requires_grad_() for n, t in terms.items()})
    by_hand = sum(t.item() * method.term_weights().get(n, 1.0) for n, t in terms.items())
    assert weighted.item() == pytest.approx(by_hand, rel=1e-5)
    assert method.term_weights() == {"L_photo": 10.0, "L_sparse": 0.1, "L_smooth": 0.5}


def test_soft_margin_triplets_are_all_triplets_of_the_batch() -> None:
    z = torch.randn(8, 5, generator=generator())
    rows, total = z.double().numpy(), []
    for a in range(8):
        positive = np.linalg.norm(rows[a] - rows[(a + 4) % 8])
        for n in range(8):
            if n % 4 != a % 4:
                total.append(math.log1p(math.exp(positive - np.linalg.norm(rows[a] - rows[n]))))
    assert len(total) == 8 * 6
    assert soft_margin_triplets(z).item() == pytest.approx(sum(total) / len(total), rel=1e-5)
    same = soft_margin_triplets(torch.ones(8, 5))
    assert same.item() == pytest.approx(math.log(2), rel=1e-5)


def test_the_ranking_loss_is_the_sum_of_triplets_of_adjacent_frames() -> None:
    z = torch.randn(4, 3, 6, generator=generator())
    rows = z.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=2, keepdims=True)
    total = 0.0
    for n in range(3):
        d = [float(np.linalg.norm(rows[0, n] - rows[k, n])) for k in (1, 2, 3)]
        total += (max(0, d[0] - d[1] + 0.3) + max(0, d[1] - d[2] + 0.3)) / 3
    assert ranking_loss(z, 0.3).item() == pytest.approx(total, rel=1e-5)


def test_the_frames_of_a_track_have_one_crop_and_flip() -> None:
    method = build(Temporal)
    frames = torch.rand(5, 3, 16, 16, generator=generator())
    views = method.views(frames.repeat(4, 1, 1, 1), generator(3)).chunk(4)
    assert all(torch.equal(views[0], part) for part in views[1:])
    assert not torch.allclose(views[0], frames)


def faces(count: int, frames: int) -> Tensor:
    """Return frames of moving patches: all first frames, then all second ones, ..."""
    still = F.interpolate(torch.rand(count, 3, 4, 4, generator=generator()), size=16)
    return torch.cat([still.roll(step, dims=3) for step in range(frames)])


@pytest.mark.parametrize(
    ("cls", "frames", "changes", "drop"),
    [
        (FAbNet, 2, {"crop_scale": 1.0}, 0.15),
        (TCAE, 2, {"crop_scale": 1.0}, 0.15),
        (Datta, 2, {}, 0.3),
        (Temporal, 4, {}, 0.3),
        (DeformAE, 1, {}, 0.15),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_learning_lowers_the_loss_and_does_not_collapse_the_features(
    cls: Any, frames: int, changes: dict[str, Any], drop: float
) -> None:
    method = build(cls, **changes)
    images = faces(12, frames)
    adam = torch.optim.Adam(method.parameters(), lr=5e-3)
    losses = []
    for step in range(40):
        terms = method.loss(method.views(images, generator(step)), generator(step))
        loss = weighted_sum(method, terms)
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < (1 - drop) * sum(losses[:5])
    assert feature_std(method, images[:12]) > 0.1


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (FAbNet, {"crop_scale": 1.5}),
        (FAbNet, {"decoder_width": 0}),
        (TCAE, {"sparsity": -1.0}),
        (Datta, {"embedding_dim": 0}),
        (Datta, {"flip_p": 1.5}),
        (Temporal, {"margin": 0.0}),
        (Temporal, {"crop_scale": 2.0}),
        (DeformAE, {"bias": -1.0}),
        (DeformAE, {"code_dim": 0}),
    ],
    ids=str,
)
def test_options_out_of_range_are_errors(cls: Any, wrong: Any) -> None:
    with pytest.raises(SpecError, match=next(iter(wrong))):
        cls.Options(**wrong)
