"""Stand-ins for connections."""

import pytest


class Faulty:
    """A connection that loses chosen messages and gives one answer to every query."""

    def __init__(self, lost, answer):
        self.lost = lost
        self.answer = answer
        self.seen = []
        self.connection = self

    def clear(self):
        """Take a device clear."""
        self.write("device clear")

    def write(self, command):
        """Note a message; lose it if it is one of those."""
        self.seen.append(command)
        if command in self.lost:
            raise OSError(f"lost {command}")

    def read(self):
        """Answer."""
        return self.answer


@pytest.fixture
def faulty():
    """Return a maker of faulty connections from lost messages and the answer."""
    return Faulty


@pytest.fixture
def time_outs(monkeypatch):
    """Return a function that makes a driver note its time-out in s at every read."""

    def watch(driver):
        noted = []
        read = driver.adapter.read_bytes

        def read_bytes(count):
            noted.append(driver.adapter.connection.timeout / 1000)
            return read(count)

        monkeypatch.setattr(driver.adapter, "read_bytes", read_bytes)
        return noted

    return watch
