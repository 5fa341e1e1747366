"""Built-in method plugins, one file each; installed as ``facebench_methods``."""
