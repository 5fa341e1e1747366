"""facebench: how good is this facial representation, and which way of learning it is better?

Everything is imported when it is first used: ``import facebench`` loads neither torch nor a plugin.
What there is stands in ``__init__.pyi``, where type checkers read it, too.
"""

from difflib import get_close_matches

import lazy_loader

__version__ = "0.1.0"

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Import what is asked for; of a name that does not exist, say which one is near."""
    try:
        return _load(name)
    except AttributeError as error:
        if name in __all__ or name.startswith("_"):
            raise
        near = get_close_matches(name, __all__, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        text = f"module 'facebench' has no attribute '{name}'.{hint}"
        raise AttributeError(text, name=name) from error
