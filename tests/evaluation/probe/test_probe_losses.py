"""Heads of every loss, with and without batch normalisation, against torch's own autograd."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from facebench.errors import DataError, SpecError
from facebench.evaluation.probe.grid import Head, HeadGrid
from facebench.evaluation.probe.heads import Heads
from facebench.evaluation.probe.losses import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Loss
from facebench.evaluation.probe.training import ProbeSettings, epoch_batches, train_heads

ROWS, WIDTH, OUTPUTS = 101, 33, 4
SETTINGS = ProbeSettings(epochs=5, batch_size=16)
HEADS = (Head(0.01, 0.0, 0), Head(0.03, 1e-2, 1), Head(0.001, 1e-1, 2), Head(0.03, 1e-2, 3))
LOSSES: dict[str, tuple[Loss, nn.Module]] = {
    "classes": (CrossEntropy(OUTPUTS), nn.CrossEntropyLoss()),
    "labels": (BinaryCrossEntropy(OUTPUTS), nn.BCEWithLogitsLoss()),
    "numbers": (AbsoluteError(OUTPUTS), nn.L1Loss()),
}


def _data(kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = 3 * torch.rand(ROWS, WIDTH, generator=generator) + 1
    features[:, 5] = 0.7  # never varies
    targets = {
        "classes": torch.randint(0, OUTPUTS, (ROWS,), generator=generator),
        "labels": (torch.rand(ROWS, OUTPUTS, generator=generator) < 0.3).float(),
        "numbers": 20 * torch.randn(ROWS, OUTPUTS, generator=generator),
    }
    return features, targets[kind]


def _plain_loop(
    features: torch.Tensor,
    targets: torch.Tensor,
    criterion: nn.Module,
    head: Head,
    settings: ProbeSettings,
) -> nn.Sequential:
    """The recipe with torch's own layers, loss, optimiser and schedule, in float64."""
    linear, norm = nn.Linear(WIDTH, OUTPUTS), nn.BatchNorm1d(WIDTH)
    generator = torch.Generator().manual_seed(head.seed)
    if settings.batch_norm:
        bound = WIDTH**-0.5
        nn.init.uniform_(linear.weight, -bound, bound, generator=generator)
        nn.init.uniform_(linear.bias, -bound, bound, generator=generator)
    else:
        nn.init.normal_(linear.weight, 0, 0.01, generator=generator)
        nn.init.zeros_(linear.bias)
    layers = [norm, linear] if settings.batch_norm else [linear]
    model = nn.Sequential(*layers).double()
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    optimiser = kind(model.parameters(), head.lr, weight_decay=head.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs)
    shuffle = torch.Generator().manual_seed(7)
    for _ in range(settings.epochs):
        for index in epoch_batches(len(features), settings.batch_size, shuffle):
            optimiser.zero_grad()
            target = targets[index]
            if target.is_floating_point():
                target = target.double()
            criterion(model(features[index].double()), target).backward()
            optimiser.step()
        if settings.schedule == "cosine":
            schedule.step()
    return model.eval()


def _train(
    kind: str, settings: ProbeSettings, heads: tuple[Head, ...] = HEADS, rows: int = ROWS
) -> Heads:
    features, targets = _data(kind)
    loss, _ = LOSSES[kind]
    return train_heads(
        features[:rows], targets[:rows], heads, loss=loss, settings=settings, generator_seed=7
    )


@pytest.mark.parametrize("kind", list(LOSSES))
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("optimiser", "schedule"), [("adam", "cosine"), ("adamw", "constant")])
def test_every_head_equals_torchs_own_loop(
    kind: str, batch_norm: bool, optimiser: str, schedule: str
) -> None:
    settings = ProbeSettings(
        SETTINGS.epochs,
        SETTINGS.batch_size,
        optimiser,  # type: ignore[arg-type]
        schedule,  # type: ignore[arg-type]
        batch_norm,
    )
    features, targets = _data(kind)
    unseen = features.flip(0) * 1.1 + 0.1  # other statistics than any batch
    unseen[:, 5] = 0.7
    found = _train(kind, settings).logits(unseen)
    for number, head in enumerate(HEADS):
        plain = _plain_loop(features, targets, LOSSES[kind][1], head, settings)
        expected = plain(unseen.double()).float()
        torch.testing.assert_close(found[number], expected, rtol=1e-4, atol=5e-4)


def test_gradients_behind_batch_normalisation_equal_autograd() -> None:
    """One step, no optimiser in between: Adam would hide a factor on a gradient."""
    features, targets = _data("labels")
    loss, criterion = LOSSES["labels"]
    grid = HeadGrid(HEADS[:1], loss, WIDTH, batch_norm=True)
    assert grid.norm is not None
    generator = torch.Generator().manual_seed(3)
    grid.norm.gamma.normal_(1, 0.5, generator=generator)
    grid.norm.beta.normal_(0, 0.5, generator=generator)
    norm, linear = nn.BatchNorm1d(WIDTH).double(), nn.Linear(WIDTH, OUTPUTS).double()
    with torch.no_grad():
        norm.weight.copy_(grid.norm.gamma[0])
        norm.bias.copy_(grid.norm.beta[0])
        linear.weight.copy_(grid.weights[0])
        linear.bias.copy_(grid.bias[0])
    criterion(linear(norm(features.double())), targets.double()).backward()

    rows = grid.norm.normalise(features.clone())
    weights, bias = grid.norm.applied(grid.weights, grid.bias)
    error = loss.error(weights @ rows.t() + bias.unsqueeze(2), targets)
    found = grid.norm.gradients(grid.weights, error @ rows, error.sum(2))
    expected = (linear.weight.grad, norm.weight.grad, norm.bias.grad)
    for mine, theirs in zip(found, expected, strict=True):
        assert theirs is not None
        torch.testing.assert_close(mine[0], theirs.float(), rtol=1e-4, atol=1e-6)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.testing.assert_close(grid.norm.mean, norm.running_mean.float())
    torch.testing.assert_close(grid.norm.variance, norm.running_var.float())


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_a_normalised_head_does_not_depend_on_its_neighbours(kind: str) -> None:
    settings = replace(SETTINGS, batch_norm=True)
    features, _ = _data(kind)
    together, alone = _train(kind, settings), _train(kind, settings, HEADS[2:3])
    torch.testing.assert_close(
        together.logits(features)[2:3], alone.logits(features), rtol=0, atol=1e-4
    )


def test_a_last_row_alone_is_left_out_of_batch_normalisation() -> None:
    settings = replace(SETTINGS, batch_norm=True, batch_size=20)
    heads = _train("numbers", settings, rows=101)
    assert heads.weights.isfinite().all()


def test_heads_as_they_stand_are_those_of_the_epoch() -> None:
    features, targets = _data("numbers")
    settings = replace(SETTINGS, batch_norm=True)
    seen: list[torch.Tensor] = []
    last = train_heads(
        features, targets, HEADS, loss=AbsoluteError(OUTPUTS), settings=settings,
        generator_seed=7, on_epoch=lambda _, heads: seen.append(heads.logits(features)),
    )  # fmt: skip
    assert torch.equal(seen[-1], last.logits(features))
    first = _train("numbers", replace(settings, epochs=1, schedule="constant"))
    assert torch.equal(seen[0], first.logits(features))


def test_no_error_is_denormal() -> None:
    scores = torch.tensor([[[90.0, 60.0, torch.nan], [0.0, 0.0, 0.0]]])  # [1, C, B]
    denormal, small = torch.tensor([-90.0, -60.0]).exp()
    assert 0 < denormal < torch.finfo(torch.float32).tiny
    error = CrossEntropy(2).error(scores.clone(), torch.tensor([0, 1, 0]))
    assert error[0, 1, 0] == 0
    assert error[0, 0, 1] == pytest.approx(1 / 3)
    assert error[0, :, 2].isnan().all()
    error = BinaryCrossEntropy(2).error(-scores.clone(), torch.zeros(3, 2))
    assert error[0, 0, 0] == 0
    assert error[0, 0, 1] == pytest.approx(small.item() / 6)
    assert error[0, 0, 2].isnan()


def test_rescaled_heads_predict_in_other_units() -> None:
    features, _ = _data("numbers")
    heads = _train("numbers", SETTINGS)
    scale, offset = torch.tensor([2.0, 0.5, 10, 1]), torch.tensor([1.0, -3, 0, 7])
    expected = heads.logits(features) * scale + offset
    found = heads.rescaled(scale, offset).logits(features)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_mistakes_are_named() -> None:
    features, labels = _data("labels")
    settings = replace(SETTINGS, batch_norm=True)
    with pytest.raises(DataError, match="expected only 0 and 1"):
        BinaryCrossEntropy(OUTPUTS).targets(2 * labels, ROWS)
    with pytest.raises(DataError, match=r"found shape \(101, 4\); expected \(101, 3\)"):
        AbsoluteError(3).targets(labels, ROWS)
    with pytest.raises(DataError, match="not finite"):
        AbsoluteError(OUTPUTS).targets(labels / 0, ROWS)
    with pytest.raises(DataError, match="cannot be batch-normalised: found one row"):
        _train("labels", settings, rows=1)
    with pytest.raises(SpecError, match="found batch_size 1"):
        ProbeSettings(batch_size=1, batch_norm=True)
    with pytest.raises(DataError, match="not finite"):
        train_heads(
            features / 0, labels, HEADS, loss=LOSSES["labels"][0], settings=settings,
            generator_seed=7,
        )  # fmt: skip
