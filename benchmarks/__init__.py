"""Benchmarks: each prints a ratio to a floor that is measured in the same run."""

from importlib.machinery import EXTENSION_SUFFIXES

from cds_service.fhir import find


def print_build() -> None:
    """Print which build is measured."""
    is_compiled = str(find.__file__).endswith(tuple(EXTENSION_SUFFIXES))
    print(f"=== {'compiled' if is_compiled else 'as plain Python'}\n")
