"""What ``import facebench`` offers, and where it is written; read by lazy_loader at run time."""

from .api.cache import check_cache, list_cache, prune_cache
from .api.datasets import check_data, download_data, list_data, write_stand_in
from .api.doctor import doctor
from .api.evaluate import evaluate
from .api.factors import measure_factors
from .api.features import TaskFeatures, extract
from .api.figure_folder import draw_all
from .api.figures import (
    draw_actions,
    draw_confusion,
    draw_curves,
    draw_factors,
    draw_probe,
    draw_yaw,
    figure_style,
)
from .api.figures_of_images import (
    draw_features,
    draw_mistakes,
    draw_neighbours,
    draw_reconstructions,
)
from .api.figures_of_several import (
    draw_compute,
    draw_critical,
    draw_det,
    draw_forest,
    draw_labels,
    draw_ranks,
    draw_roc,
)
from .api.folders import merge, publish, rescore, submit, validate
from .api.input_sheet import InputSheet, show_input
from .api.models import import_weights, load_backbone, load_method
from .api.plugins import check_plugin, list_options, list_plugins, new_plugin, task_info
from .api.results import Results, compare, load_results
from .api.runs import dry_run, run
from .api.signing import new_signing_key, sign_results, verify_signatures
from .api.sweeps import SweepResults, run_ablation, run_sweep
from .api.verification import verify
from .api.zoo import list_zoo, zoo_info
from .backbones import Backbone
from .errors import FacebenchError
from .method import Method, MethodInfo
from .results.store import Result
from .task import Metric, Task, TaskInfo

__version__: str

__all__ = [
    "Backbone",
    "FacebenchError",
    "InputSheet",
    "Method",
    "MethodInfo",
    "Metric",
    "Result",
    "Results",
    "SweepResults",
    "Task",
    "TaskFeatures",
    "TaskInfo",
    "check_cache",
    "check_data",
    "check_plugin",
    "compare",
    "doctor",
    "download_data",
    "draw_actions",
    "draw_all",
    "draw_compute",
    "draw_confusion",
    "draw_critical",
    "draw_curves",
    "draw_det",
    "draw_factors",
    "draw_features",
    "draw_forest",
    "draw_labels",
    "draw_mistakes",
    "draw_neighbours",
    "draw_probe",
    "draw_ranks",
    "draw_reconstructions",
    "draw_roc",
    "draw_yaw",
    "dry_run",
    "evaluate",
    "extract",
    "figure_style",
    "import_weights",
    "list_cache",
    "list_data",
    "list_options",
    "list_plugins",
    "list_zoo",
    "load_backbone",
    "load_method",
    "load_results",
    "measure_factors",
    "merge",
    "new_plugin",
    "new_signing_key",
    "prune_cache",
    "publish",
    "rescore",
    "run",
    "run_ablation",
    "run_sweep",
    "show_input",
    "sign_results",
    "submit",
    "task_info",
    "validate",
    "verify",
    "verify_signatures",
    "write_stand_in",
    "zoo_info",
]
