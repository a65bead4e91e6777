"""Red-flag and referral decision support for back pain, over CDS Hooks and REST."""

from importlib.metadata import version

__version__ = version("cds-service")
