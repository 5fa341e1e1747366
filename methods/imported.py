"""Imported: a shared backbone with weights from a file, without training.

``facebench import timm:resnet18 FILE`` creates the checkpoint. The feature is the flattened feature
map, as for every method, so the untrained baseline differs in the weights only.
"""

from facebench.method import Foreign, Method, MethodInfo


class Imported(Method):
    """A shared backbone with the weights of a state dict; nothing is learned."""

    info = MethodInfo(
        name="imported",
        title="Imported backbone",
        version=1,
        paper="that of the imported weights",
        year=2026,
        needs="file",
    )
    foreign = Foreign(
        names=(("", "backbone."), ("", "backbone.model."))
    )  # timm's tensors are below `model`
