"""Classification from a learned weighted sum of layers (``--probe weighted``).

As in SUPERB (Yang et al., Interspeech 2021) and s3prl: the linear head sees a sum of the features
of all layers of a model, whose weights (a softmax) are learned with the head on the training split.
Learning rate and weight decay are chosen, and both kinds of scores made, as for the linear probe
(``classification``). Features are the model's ``layers``, :mod:`facebench.models.features`; of a
model without them (a baseline) it is the linear probe.

``details.layer_weights`` has the weights, from the first layer to the last: of ``honest``, and of
``paper`` after the last epoch.
"""

from __future__ import annotations

from facebench.config.spec import ProbeSpec
from facebench.data.dataset import Dataset
from facebench.evaluation.protocol import Probed
from facebench.evaluation.protocols.classification import Classification
from facebench.evaluation.store import Features
from facebench.progress import Progress


class WeightedLayers(Classification):
    """One of C classes for each image, by all layers; see the module's docstring."""

    name = "weighted"
    version = 1
    probe_of = "classification"
    needs_feature = "layers"

    def probe(
        self, dataset: Dataset, features: Features, spec: ProbeSpec, *, seed: int,
        progress: Progress,
    ) -> Probed:  # fmt: skip
        """Train linear heads together with the weights of layers.

        Raises:
            DataError: A split is empty, or a class has too few items to hold some out.
        """
        from facebench.evaluation.protocols.class_probe import probe_classes  # with torch

        return probe_classes(
            dataset, features, spec, seed=seed, progress=progress, layers=features.layers
        )
