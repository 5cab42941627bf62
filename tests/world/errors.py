"""What goes wrong, said so that the reader knows where to look."""

from __future__ import annotations

from pathlib import Path


class WorldError(Exception):
    """A world could not do what was asked. `log` is the file that tells more, if there is one."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def report(self) -> str:
        """The message with the end of the log, for a terminal."""
        text = str(self)
        if self.log is None or not self.log.exists():
            return text
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-5:]
        quoted = "".join(f"\n    {line}" for line in lines)
        return f"{text}\n  read {self.log}" + (f", which ends:{quoted}" if quoted else " (it is empty)")
