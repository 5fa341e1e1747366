"""facebench: how good is this facial representation, and which way of learning it is better?"""

__version__ = "0.1.0"
