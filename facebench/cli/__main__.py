"""``python -m facebench.cli``."""

from facebench.cli import main

if __name__ == "__main__":
    main()
