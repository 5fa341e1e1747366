"""What a method that learns from frames of videos makes of a source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from facebench.data.sources import Source
from facebench.data.tracks import tracks
from facebench.errors import DataError
from facebench.method import MethodInfo


def frames_for(source: Source, info: MethodInfo, limit: int) -> Source:
    """Return the images that a method learns from, with warnings about their videos.

    A method that can learn from nothing but videos takes runs of frames up to the limit, since
    images drawn one by one would leave one frame of most videos.

    Args:
        source: The pretraining data.
        info: What the method declares.
        limit: Images to learn from; 0 is all of them.

    Raises:
        DataError: The method needs several frames of a video, has no other way to learn, and no
            video has them.
    """
    wanted = info.frames_of_video
    if 0 < limit < len(source):
        source = source.limit(limit, runs=info.needs_videos)
        if info.labelled:  # the warnings say how many images have labels to learn from
            text = f"{info.name} learned from {limit:,} of these images (pretrain.limit)"
            source = replace(source, warnings=(*source.warnings, text))
    if wanted == 1:
        return source
    count, usable = len(source), _frames_of_long_videos(source, info)
    if usable == count:
        return source
    if info.single_images:
        text = (
            f"{info.name} learned from {info.single_images} for {count - usable:,} of {count:,} "
            "images, which are the only one of their video"
        )
    elif usable:
        text = (
            f"{info.name} did not learn from {count - usable:,} of {count:,} frames, whose videos "
            f"have fewer than {wanted}"
        )
    else:
        what = "frames of shorter videos" if "video" in source.frames else "single images"
        raise DataError(
            f"{info.name} learns from {wanted} or more frames of a video; {source.name} has {what}."
            " Give frames of videos (--pretrain-data video:FOLDER or voxceleb), or choose a method "
            "that learns from single images."
        )
    return replace(source, warnings=(*source.warnings, text))


def _frames_of_long_videos(source: Source, info: MethodInfo) -> int:
    """Return how many frames have as many others of their video as the method needs."""
    if "video" not in source.frames:
        return 0
    if info.needs == "frames":
        videos = tracks(source.frames["path"].tolist())[0]
    else:
        videos = pd.factorize(source.frames["video"])[0].astype(np.int64)
    count = np.bincount(videos)
    return int(count[count >= info.frames_of_video].sum())
