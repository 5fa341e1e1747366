"""The untrained backbone, the floor for every learned representation."""

from facebench.method import Method, MethodInfo


class Random(Method):
    """Features of the backbone as initialised from the seed; nothing is learned."""

    info = MethodInfo(
        name="random",
        title="Untrained backbone",
        version=1,
        paper="none: a floor that no paper prints",
        year=2026,
        needs="nothing",
        floor=True,
    )
