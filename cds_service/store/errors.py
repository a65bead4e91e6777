"""What keeps a store from being opened."""

from __future__ import annotations


class StoreError(Exception):
    """The service must not start on this store: why, and the way out."""
