"""facebench: how good is this facial representation, and which way of learning it is better?

Everything is imported when it is first used: ``import facebench`` loads neither torch nor a plugin.
What there is stands in ``__init__.pyi``, where type checkers read it, too.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
