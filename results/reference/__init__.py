"""Numbers as the papers print them, as data; installed as ``facebench_reference``."""
