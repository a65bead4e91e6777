"""Compiles the modules that every answer runs through, in a build that asks for it.

``make compiled`` does. The sources are the same, and a wheel that is built without this hook runs
them as they stand (docs/decisions/0009-compiled-where-there-is-a-compiler.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

# mypyc's C code and what the C compiler makes of it; nothing is written beside the sources.
_WORKSHOP = Path("build", "mypyc")


class Compile(BuildHookInterface[Any]):
    """Puts a compiled module beside each source that pyproject.toml names for it."""

    def initialize(self, _version: str, build_data: dict[str, Any]) -> None:
        """Compile, and hand the compiled modules to the wheel."""
        workshop = Path(self.root, _WORKSHOP)
        workshop.mkdir(parents=True, exist_ok=True)
        for compiled in _compile(self._sources(), workshop):
            build_data["force_include"][str(compiled)] = str(compiled.relative_to(workshop))
        # It runs on this interpreter and this kind of machine only.
        build_data["infer_tag"] = True
        build_data["pure_python"] = False

    def _sources(self) -> list[str]:
        """Return the sources to compile, relative to the root. Raises ValueError if one is gone."""
        found: set[str] = set()
        for pattern in self.config["compile"]:
            matches = {str(each.relative_to(self.root)) for each in Path(self.root).glob(pattern)}
            if not matches:
                msg = f"pyproject.toml, hooks.custom: nothing to compile is called {pattern}"
                raise ValueError(msg)
            found |= matches
        return sorted(found - set(self.config["leave"]))


def _compile(sources: list[str], workshop: Path) -> list[Path]:
    """Compile sources in a folder; return what was made there."""
    modules = mypycify(sources, opt_level="3", debug_level="0", target_dir=str(workshop))
    build = build_ext(Distribution({"ext_modules": modules}))
    build.build_lib = build.build_temp = str(workshop)
    build.ensure_finalized()
    build.run()
    return [Path(build.get_ext_fullpath(each.name)) for each in modules]
