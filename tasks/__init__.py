"""Built-in task plugins, one file each; installed as ``facebench_tasks``."""
