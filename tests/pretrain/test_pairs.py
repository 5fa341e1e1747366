"""Frame pairs: partners come from one video, and batches of single images stay as they were."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facebench.data.packed import pack
from facebench.data.sources import folder_source
from facebench.errors import SpecError
from facebench.pretrain.order import EpochOrder, Neighbours, Partners, draw_partners

VIDEOS = np.array([2, 0, 1, 0, 2, 0, 3, 2, 0])  # in no order; video 1 and 3 have one frame each


def orders(count: int, videos: NDArray[np.int64] | None, **ranks: int) -> EpochOrder:
    pairs = None if videos is None else Partners(videos, alone=True)
    return EpochOrder(np.arange(count), 4, 7, "frames", companions=pairs, **ranks)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 2**32))
def test_a_partner_is_another_frame_of_the_video(videos: list[int], seed: int) -> None:
    codes, images = np.array(videos), np.arange(len(videos))
    partners = draw_partners(images, codes, np.random.default_rng(seed))
    assert (codes[partners] == codes).all()
    alone = np.array([videos.count(video) == 1 for video in videos])
    assert ((partners == images) == alone).all()


def test_each_other_frame_of_the_video_is_as_likely() -> None:
    image = np.full(6000, 3)
    drawn = Counter(draw_partners(image, VIDEOS, np.random.default_rng(0)).tolist())
    assert set(drawn) == {1, 5, 8}
    assert all(abs(count - 2000) < 150 for count in drawn.values())  # 4 standard deviations


def test_a_batch_of_pairs_is_the_batch_of_frames_and_a_partner_for_each() -> None:
    pairs, frames = orders(9, VIDEOS), orders(9, None)
    for epoch in range(3):
        pairs.set_epoch(epoch)
        frames.set_epoch(epoch)
        for both, single in zip(pairs, frames, strict=True):
            assert both[:4] == single
            assert (VIDEOS[both[4:]] == VIDEOS[single]).all()
        assert list(pairs) == list(pairs)
    seen = []
    for epoch in range(2):
        pairs.set_epoch(epoch)
        seen.append(list(pairs))
    assert seen[0] != seen[1]


def test_ranks_share_pairs() -> None:
    ranks = [orders(9, VIDEOS, rank=rank, world=2) for rank in (0, 1)]
    for first, second, both in zip(*ranks, orders(9, VIDEOS), strict=True):
        assert first[:2] + first[2:] == both[:4:2] + both[4::2]
        assert second == both[1:4:2] + both[5::2]


def test_a_frame_without_a_partner_is_left_out_unless_it_may_be_alone() -> None:
    order = EpochOrder(np.arange(9), 4, 7, "frames", companions=Partners(VIDEOS, alone=False))
    assert len(order) == 1  # of 7 frames
    for epoch in range(8):
        order.set_epoch(epoch)
        (batch,) = order
        assert all(a != b for a, b in zip(batch[:4], batch[4:], strict=True))
        assert not {2, 6} & set(batch)
    with pytest.raises(SpecError, match="has 7 frames in videos of enough frames"):
        EpochOrder(np.arange(9), 8, 7, "frames", companions=Partners(VIDEOS, alone=False))


@given(st.lists(st.integers(0, 3), min_size=4, max_size=40), st.integers(2, 4))
def test_neighbours_are_the_next_frames_in_time(tracks: list[int], frames: int) -> None:
    codes = np.unique(tracks, return_inverse=True)[1]
    places = np.array([tracks[:i].count(track) for i, track in enumerate(tracks)])
    companions = Neighbours(codes, places, frames)
    long = np.bincount(codes)[codes]
    reach = [max(p, n - 1 - p) >= frames - 1 for p, n in zip(places, long, strict=True)]
    assert companions.usable.tolist() == reach
    anchors = np.flatnonzero(companions.usable)
    drawn = companions.draw(anchors, np.random.default_rng(0))
    assert len(drawn) == frames - 1
    for distance, images in enumerate(drawn, start=1):
        assert (codes[images] == codes[anchors]).all()
        assert (np.abs(places[images] - places[anchors]) == distance).all()
        assert (np.sign(places[images] - places[anchors]) == np.sign(
            places[drawn[0]] - places[anchors])).all()  # fmt: skip


def test_both_directions_of_time_are_drawn() -> None:
    middle = Neighbours(np.zeros(7, np.int64), np.arange(7), 4)
    drawn = Counter(middle.draw(np.full(4000, 3), np.random.default_rng(0))[0].tolist())
    assert set(drawn) == {2, 4}
    assert abs(drawn[2] - 2000) < 130  # 4 standard deviations


def test_a_pack_knows_the_video_of_each_frame(tmp_path: Path) -> None:
    for name in ("ann/a/1.png", "ann/a/2.png", "ann/b/1.png", "bob/a/1.png"):
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "clips" / name)
    faces = pack(folder_source(tmp_path / "clips", tmp_path, form="video"), 8, tmp_path / "cache")
    assert faces.video.tolist() == [0, 0, 1, 2]
    assert faces.identity.tolist() == [0, 0, 0, 1]
    single = pack(folder_source(tmp_path / "clips", tmp_path, form="images"), 8, tmp_path / "cache")
    assert single.video.tolist() == single.identity.tolist() == [0, 1, 2, 3]
