"""FRA against its definition in float64, and learning."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from facebench.errors import SpecError
from facebench.pretrain.collapse import feature_std
from facebench.testing.networks import TwoLayers
from facebench_methods._regions import distance, overlap, region_means, regions_of, relation
from facebench_methods.fra import FRA, FRAOptions


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build() -> FRA:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        options = replace(FRAOptions(), **FRA.info.small, momentum=0.9)
        return FRA(TwoLayers(), options, 32)


def rows(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=generator(seed))


def cosine(first: list[float], second: list[float]) -> float:
    inner = sum(a * b for a, b in zip(first, second, strict=True))
    return inner / math.hypot(*first) / math.hypot(*second)


def softmax(values: list[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp(value / temperature) for value in values]
    return [power / sum(powers) for power in powers]


def test_a_region_is_the_weighted_mean_of_the_map() -> None:
    features, cosines = rows(2, 5, 2, 3), rows(2, 6, 4, seed=2)
    means = region_means(features, cosines)
    for b in range(2):
        heat = [softmax(place) for place in cosines[b].double().tolist()]  # [6][4]
        for n in range(4):
            total = sum(place[n] for place in heat)
            for c in range(5):
                values = features[b, c].flatten().double().tolist()
                mean = sum(h[n] * v for h, v in zip(heat, values, strict=True)) / total
                assert means[b, n, c].item() == pytest.approx(mean, abs=1e-5)


def test_overlap_counts_other_regions_of_the_same_face() -> None:
    first, second = rows(2, 3, 6), rows(2, 3, 6, seed=2)
    total = 0.0
    for b in range(2):
        a, z = first[b].double().tolist(), second[b].double().tolist()
        total += sum(cosine(a[i], z[j]) ** 2 for i in range(3) for j in range(3) if i != j) / 9
    assert overlap(first, second).item() == pytest.approx(total / 2, abs=1e-6)


def test_relation_is_a_balanced_cross_entropy() -> None:
    student, teacher = rows(2, 4, 3).tanh(), rows(2, 4, 3, seed=2).tanh()
    of_student = [softmax(r, 0.1) for r in student.double().flatten(0, 1).tolist()]  # [8][3]
    assigned = [softmax(r, 0.04) for r in teacher.double().flatten(0, 1).tolist()]
    for _ in range(3):  # Sinkhorn: regions of equal weight, then places of weight 1
        sums = [sum(r[n] for r in assigned) for n in range(3)]
        assigned = [[value / total for value, total in zip(r, sums, strict=True)] for r in assigned]
        assigned = [[value / sum(r) for value in r] for r in assigned]
    loss = 0.0
    for probabilities, wanted in zip(of_student, assigned, strict=True):
        loss -= sum(w * math.log(p) for w, p in zip(wanted, probabilities, strict=True)) / 8
    used = [sum(r[n] for r in of_student) / 8 for n in range(3)]
    loss += math.log(3) + sum(u * math.log(u) for u in used)
    assert relation(student, teacher, (0.1, 0.04)).item() == pytest.approx(loss, rel=1e-4)


def test_the_terms_compare_each_view_with_the_teacher_of_the_other() -> None:
    method = build()
    views = tuple(torch.rand(4, 3, 32, 32, generator=generator(s)) for s in (1, 2))
    with torch.no_grad():
        for parameter in method.teacher.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator(7)))
        z = [method.heads["whole"](method.backbone(v).mean((2, 3))) for v in views]
        p = [method.predictors["whole"](one).double().tolist() for one in z]
        teacher: Any = method.teacher
        t = [
            teacher["heads"]["whole"](teacher["backbone"](v).mean((2, 3))).double().tolist()
            for v in views
        ]
        terms = method.loss(views, generator())
        online = [regions_of(v, method.backbone, method.heads) for v in views]
        of_teacher = [regions_of(v, teacher["backbone"], teacher["heads"]) for v in views]
        parts = [method.predictors["part"](one.parts.flatten(0, 1)).view(4, 3, -1)
                 for one in online]  # fmt: skip
    pairs = [(p[a][i], t[1 - a][i]) for a in range(2) for i in range(4)]
    expected = sum((2 - 2 * cosine(first, second)) / 4 for first, second in pairs)
    assert terms["L_global"].item() == pytest.approx(expected, abs=1e-4)
    regions = 0.0
    for a in range(2):
        for i in range(4):
            own = parts[a][i].double().tolist()
            other = of_teacher[1 - a].parts[i].double().tolist()
            for n in range(3):
                regions += (2 - 2 * cosine(own[n], other[n])) / 12
                regions += sum(0.02 * cosine(own[n], other[m]) ** 2 / 3 / 12
                               for m in range(3) if m != n)  # fmt: skip
    assert terms["L_region"].item() == pytest.approx(regions, abs=1e-4)
    assigned = [relation(online[a].cosines, of_teacher[a].cosines, (0.1, 0.04)) for a in range(2)]
    assert terms["L_relation"].item() == pytest.approx(float(sum(assigned)) / 2, rel=1e-4)
    assert method.term_weights() == {"L_global": 0.5, "L_region": 0.5, "L_relation": 0.1}


def test_distance_is_0_to_4() -> None:
    one = rows(3, 5)
    assert distance(one, 2 * one).item() == pytest.approx(0, abs=1e-6)
    assert distance(one, -one).item() == pytest.approx(4, abs=1e-6)


def test_it_learns_and_does_not_collapse() -> None:
    method = build()
    images = torch.rand(16, 3, 32, 32, generator=generator(1))
    before = feature_std(method, images)
    adam = torch.optim.Adam([p for p in method.parameters() if p.requires_grad], lr=1e-3)
    losses = []
    for step in range(40):
        weights = method.term_weights()
        terms = method.loss(method.views(images, generator(step)), generator())
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        method.after_step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
    assert feature_std(method, images) > 0.2 * before


def test_a_width_that_the_attention_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(SpecError, match=r"fra\.projection_dim is 20; expected a multiple of 8"):
        FRAOptions(projection_dim=20)
