"""Runs MariaDB as any user on an empty or a used volume: ``python3 -m …mariadb``.

The account and its password are set at every start, so that the Secret is always right.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DATA = Path("/var/lib/mysql/data")
RUN = Path("/run/mysqld")
PORT = 3306


def quote(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def identifier(text: str) -> str:
    """A name in SQL."""
    if not re.fullmatch(r"[A-Za-z0-9_$-]{1,64}", text):
        raise ValueError(f"{text!r} is not a name for a database or a user")
    return f"`{text}`"


def build_initialization(environment: Mapping[str, str]) -> str:
    """SQL that makes the database and its account what they shall be."""
    name = identifier(environment["MARIADB_DATABASE"])
    identifier(environment["MARIADB_USER"])
    account = f"{quote(environment['MARIADB_USER'])}@'%'"
    password = quote(environment["MARIADB_PASSWORD"])
    return "\n".join(
        (
            f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;",
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password};",
            f"ALTER USER {account} IDENTIFIED BY {password};",
            f"GRANT ALL PRIVILEGES ON {name}.* TO {account};",
            "FLUSH PRIVILEGES;",
            "",
        )
    )


def build_command(initialization: Path) -> list[str]:
    """The server's command line, for a small machine."""
    return [
        "mariadbd",
        "--no-defaults",
        f"--datadir={DATA}",
        f"--socket={RUN}/mysqld.sock",
        f"--pid-file={RUN}/mysqld.pid",
        f"--init-file={initialization}",
        "--bind-address=0.0.0.0",
        f"--port={PORT}",
        f"--tmpdir={RUN}",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_bin",
        "--transaction-isolation=READ-COMMITTED",
        "--innodb-buffer-pool-size=128M",
        "--innodb-log-file-size=64M",
        "--max-connections=120",
        "--max-allowed-packet=64M",
        "--performance-schema=OFF",
        "--wait-timeout=3600",
    ]


def install() -> None:
    """Make the system tables in a directory aside, then move it: never half of them."""
    if DATA.exists():
        return
    fresh = DATA.with_name("data.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(parents=True)
    subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={fresh}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    fresh.rename(DATA)


def main() -> int:
    """Prepare, then become MariaDB."""
    RUN.mkdir(parents=True, exist_ok=True)
    install()
    initialization = RUN / "init.sql"
    initialization.touch(mode=0o600)
    initialization.write_text(build_initialization(os.environ), encoding="utf-8")
    command = build_command(initialization)
    for key in ("MARIADB_PASSWORD",):
        os.environ.pop(key, None)
    os.execvp(command[0], command)  # noqa: S606 - becomes the server
    return 1


if __name__ == "__main__":
    sys.exit(main())
