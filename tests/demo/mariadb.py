"""A real MariaDB server in a node, with its data on a volume."""
import io
import threading
from typing import Any

from world.guest import Node

SOCKET = "/run/mariadb-demo.sock"
# Small, for a guest of 1 GiB without KVM; every commit is flushed to the volume before it is acknowledged.
SETTINGS = ["--no-defaults", "--user=root", "--skip-networking", f"--socket={SOCKET}", "--skip-log-bin",
            "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=1",
            "--innodb-flush-method=O_DIRECT", "--performance-schema=OFF", "--aria-pagecache-buffer-size=8M"]


class MariaDb:
    """One server process. `data` is a directory on the volume."""

    def __init__(self, node: Node, data: str) -> None:
        self.node = node
        self.data = data
        self.pid = 0

    def install(self) -> None:
        """Makes the system tables, once in a volume's life."""
        self.node.run(["mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--user=root",
                       "--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M",
                       "--innodb-buffer-pool-size=32M"], timeout=300)

    def start(self) -> None:
        """Starts the server and waits until it answers; recovers by itself after a crash."""
        self.pid = self.node.spawn(["/usr/sbin/mariadbd", *SETTINGS, f"--datadir={self.data}",
                                    "--pid-file=/run/mariadb-demo.pid"], log="/tmp/mariadb.log")
        # One process that waits in the node: a probe from outside for each try would cost more than the start.
        self.node.run(["bash", "-c", f"for i in $(seq 600); do mariadb --no-defaults -S {SOCKET} -e 'SELECT 1' "
                       ">/dev/null 2>&1 && exit 0; sleep 0.2; done; tail -5 /tmp/mariadb.log >&2; exit 1"], timeout=180)

    def stop(self) -> None:
        """A clean shutdown, as a pod gets it with SIGTERM."""
        self.node.signal(self.pid)
        if self.node.wait(self.pid, timeout=90) is None:
            raise RuntimeError(f"mariadbd on {self.node.name} did not end")

    def kill(self) -> None:
        """No chance to write anything."""
        try:
            self.node.signal(self.pid, 9)
        except ProcessLookupError:
            return  # its volume was gone, and so it ended by itself
        self.node.wait(self.pid, timeout=60)

    def query(self, sql: str, database: str = "") -> list[str]:
        """The rows of a statement, a text each."""
        done = self.node.run(["mariadb", "--no-defaults", "-S", SOCKET, "-N", "-B", *([database] if database else []),
                              "-e", sql], timeout=120)
        return done.stdout.splitlines()


class Writer:
    """Inserts 1, 2, 3, … and keeps the numbers whose commit was acknowledged, until the server goes away."""

    def __init__(self, node: Node, database: str, table: str) -> None:
        self._node = node
        self._sql = f"INSERT INTO {table} VALUES (&); SELECT &;"
        self._database = database
        self._output = io.BytesIO()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        ignored: Any = io.BytesIO()
        client = f"mariadb --no-defaults -S {SOCKET} -N -B --unbuffered {self._database}"
        self._node.stream(["bash", "-c", f"seq 1000000 | sed 's/.*/{self._sql}/' | {client}"],
                          None, self._output, ignored)

    def acknowledged(self) -> int:
        """The largest number that the server has said is safe."""
        lines = self._output.getvalue().decode().split("\n")
        return int(lines[-2]) if len(lines) > 1 else 0

    def ended(self, seconds: float) -> bool:
        """Waits for the client to give up."""
        self._thread.join(seconds)
        return not self._thread.is_alive()
