"""Imported: a shared backbone with weights from a file, judged as it is.

``facebench import timm:resnet18 FILE`` makes a checkpoint of it. The feature is the flattened
feature map, as for every method, so the untrained floor beside it differs in the weights alone.
"""

from facebench.method import Foreign, Method, MethodInfo


class Imported(Method):
    """Whatever state dict fits the backbone; nothing is learned here."""

    info = MethodInfo(
        name="imported",
        title="Imported backbone",
        version=1,
        paper="that of the imported weights",
        year=2026,
        needs="file",
    )
    foreign = Foreign(names=(("", "backbone."), ("", "backbone.model.")))  # timm's lie below model
