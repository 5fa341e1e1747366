"""Frame pairs: partners come from one video, and batches of single images stay as they were."""

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facebench.data.packed import pack
from facebench.data.sources import folder_source
from facebench.pretrain.order import EpochOrder, draw_partners

VIDEOS = np.array([2, 0, 1, 0, 2, 0, 3, 2, 0])  # in no order; video 1 and 3 have one frame each


def orders(count: int, videos: NDArray[np.int64] | None, **ranks: int) -> EpochOrder:
    return EpochOrder(np.arange(count), 4, 7, "frames", videos=videos, **ranks)


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


def test_a_pack_knows_the_video_of_each_frame(tmp_path: Path) -> None:
    for name in ("ann/a/1.png", "ann/a/2.png", "ann/b/1.png", "bob/a/1.png"):
        (tmp_path / "clips" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "clips" / name)
    faces = pack(folder_source(tmp_path / "clips", tmp_path, form="video"), 8, tmp_path / "cache")
    assert faces.video.tolist() == [0, 0, 1, 2]
    assert faces.identity.tolist() == [0, 0, 0, 1]
    single = pack(folder_source(tmp_path / "clips", tmp_path, form="images"), 8, tmp_path / "cache")
    assert single.video.tolist() == single.identity.tolist() == [0, 1, 2, 3]
