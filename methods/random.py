"""The untrained backbone: the floor that every learned representation must rise above."""

from facebench.method import Method, MethodInfo


class Random(Method):
    """Features of the backbone as it was initialised from the seed; nothing is learned."""

    info = MethodInfo(
        name="random",
        title="Untrained backbone",
        version=1,
        paper="none: a floor that no paper prints",
        year=2026,
        needs="nothing",
        floor=True,
    )
