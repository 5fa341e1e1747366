"""The untrained backbone, the baseline of every learned representation."""

from facebench.method import Method, MethodInfo


class Random(Method):
    """Features of the backbone as initialised from the seed; nothing is learned."""

    info = MethodInfo(
        name="random",
        title="Untrained backbone",
        version=1,
        paper="none: a baseline that no paper prints",
        year=2026,
        needs="nothing",
        floor=True,
    )
