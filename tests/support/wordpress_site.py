"""A real WordPress (Debian's) with MariaDB and PHP's own server: a site, an author, a counter of views."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from kits import WORDPRESS
from programs import answers, free_port, running

_CONFIG = """<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:%(socket)s'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', '%(url)s'); define('WP_SITEURL', '%(url)s');
define('WP_HTTP_BLOCK_EXTERNAL', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_ENVIRONMENT_TYPE', 'local'); define('WPLANG', '');
define('DISABLE_WP_CRON', true); define('WP_DEBUG', false);
foreach (['AUTH_KEY','SECURE_AUTH_KEY','LOGGED_IN_KEY','NONCE_KEY','AUTH_SALT','SECURE_AUTH_SALT',
  'LOGGED_IN_SALT','NONCE_SALT'] as $name) { define($name, 'made-up-' . $name); }
$table_prefix = 'wp_';
if (!defined('ABSPATH')) { define('ABSPATH', __DIR__ . '/'); }
require_once ABSPATH . 'wp-settings.php';
"""
_INSTALL = """<?php
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = '%(host)s';
require 'site/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('媒阵测试站', 'admin', 'admin@example.org', true, '', 'made-up-password');
update_option('timezone_string', 'Asia/Shanghai');
update_option('permalink_structure', '/%%postname%%/');
update_option('comment_previously_approved', 0);
wp_create_term('league', 'category');
$author = wp_insert_user(['user_login' => 'league', 'user_pass' => 'made-up', 'role' => 'author',
  'user_email' => 'league@example.org']);
$made = WP_Application_Passwords::create_new_application_password($author, ['name' => 'meizhen']);
echo json_encode(['password' => $made[0]]);
"""
_ROUTER = """<?php
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path !== '/' && is_file(__DIR__ . '/site' . $path)) { return false; }
$_SERVER['SCRIPT_NAME'] = '/index.php';
chdir(__DIR__ . '/site');
require __DIR__ . '/site/index.php';
"""
_VIEWS = """<?php
add_action('init', fn() => register_post_meta('post', 'views',
  ['type' => 'integer', 'single' => true, 'default' => 0, 'show_in_rest' => true]));
add_action('template_redirect', function () {
  if (is_singular('post')) {
    $id = get_queried_object_id();
    update_post_meta($id, 'views', (int) get_post_meta($id, 'views', true) + 1);
  }
});
"""


class WordPressSite:
    """What its readers and its administrator see, asked past every connector."""

    def __init__(self, folder: Path, port: int, socket: Path, password: str) -> None:
        self._socket, self.port, self.url = socket, port, f"http://127.0.0.1:{port}"
        self.credentials = {"user": "league", "app_password": password, "views_key": "views"}

    def sql(self, statement: str) -> list[list[str]]:
        """Rows of the site's own database."""
        command = ["mariadb", "--no-defaults", f"--socket={self._socket}", "-N", "-B", "-e", statement, "wp"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def posts(self, title: str) -> list[list[str]]:
        """Number, state and slug of every post of that title, in any state."""
        return self.sql(
            "SELECT ID, post_status, post_name FROM wp_posts"
            f" WHERE post_type = 'post' AND post_title = '{title}' ORDER BY ID"
        )

    def visit(self, address: str) -> int:
        """Reads a page as a reader does; its status."""
        return requests.get(address, timeout=30).status_code

    def comment(self, number: str) -> None:
        """A reader's comment, approved."""
        self.sql(
            "INSERT INTO wp_comments (comment_post_ID, comment_author, comment_content, comment_approved,"
            " comment_type, comment_date, comment_date_gmt)"
            f" VALUES ({int(number)}, 'reader', 'good', '1', 'comment', NOW(), UTC_TIMESTAMP())"
        )


@contextmanager
def wordpress_site() -> Iterator[WordPressSite]:
    """Runs the site. Raises Missing."""
    kit = WORDPRESS.ready()
    with TemporaryDirectory(prefix="wp-", dir=kit) as name:
        folder = Path(name)
        shutil.copytree(kit / "site", folder / "site", symlinks=True)
        with _database(folder) as socket:
            port = free_port()
            values = {"socket": str(socket), "url": f"http://127.0.0.1:{port}", "host": f"127.0.0.1:{port}"}
            (folder / "site/wp-config.php").write_text(_CONFIG % values)
            plugins = folder / "site/wp-content/mu-plugins"
            plugins.mkdir(exist_ok=True)
            (plugins / "views.php").write_text(_VIEWS)
            (folder / "install.php").write_text(_INSTALL % values)
            (folder / "router.php").write_text(_ROUTER)
            password = _install(folder)
            command = ["php", "-S", f"127.0.0.1:{port}", "-t", "site", "router.php"]
            ready = answers(f"http://127.0.0.1:{port}/wp-json/")
            with running(command, folder, ready, variables={"PHP_CLI_SERVER_WORKERS": "4"}):
                yield WordPressSite(folder, port, socket, password)


def _install(folder: Path) -> str:
    command = ["php", "-d", "display_errors=stderr", "install.php"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    try:
        password: str = json.loads(done.stdout[done.stdout.rindex("{") :])["password"]
    except ValueError:
        raise AssertionError(f"{done.stdout[-1000:]}\n{done.stderr[-1000:]}") from None
    return password


@contextmanager
def _database(folder: Path) -> Iterator[Path]:
    data, socket = folder / "db", folder / "my.sock"
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            *_as_root(),
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=120,
    )
    command = [
        "mariadbd",
        "--no-defaults",
        *_as_root(),
        f"--datadir={data}",
        f"--socket={socket}",
        "--skip-networking",
        "--skip-log-bin",
        "--innodb-buffer-pool-size=64M",
        f"--pid-file={folder / 'my.pid'}",
    ]

    def ready() -> bool:
        ask = ["mariadb", "--no-defaults", f"--socket={socket}", "-e", "CREATE DATABASE IF NOT EXISTS wp"]
        return subprocess.run(ask, capture_output=True, check=False, timeout=30).returncode == 0

    with running(command, folder, ready):
        yield socket


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []
