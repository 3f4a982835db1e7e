"""Simulated benches for public drivers, which know nothing of labneuro."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import pytest

from labneuro.sim_backends.visa.powered_benches import power_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BENCH = """\
description: one instrument and a device
visa_library: "@labneuro"
instruments:
  it: {{model: {model}, address: "{address}", modules: {modules}}}
roles: {{}}
device: {{id: D, model: hnno}}
limits: {{voltage: 10 V, current: 10 mA}}
wiring:
  nets: {nets}
  resistors: {resistors}
simulation: {{card: hnno, noise: false, overrides: {{resistance_noise: 0}}}}
"""
GROUNDED = "[[device.Au, device.Pd, ground]]"


@pytest.fixture
def one_instrument(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that sets up a bench with one instrument, ``it``.

    It takes model, address and, if need be, ``wiring`` (the nets in YAML; without it
    the device lies on ground), ``resistors`` (YAML) and ``modules`` (dict), and returns
    the VISA library's specification.
    """
    made: list[str] = []

    def set_up(
        model: str,
        address: str,
        *,
        wiring: str = GROUNDED,
        resistors: str = "[]",
        modules: dict[str, str] | None = None,
    ) -> str:
        text = BENCH.format(
            model=model,
            address=address,
            nets=wiring,
            resistors=resistors,
            modules=str(modules or {}),
        )
        path = tmp_path / f"bench{len(made)}.yaml"
        path.write_text(text, encoding="utf-8")
        made.append(f"{path}@labneuro")
        return made[-1]

    yield set_up
    for library in made:
        power_off(library)


@pytest.fixture
def tektronix_devices(tmp_path, monkeypatch):
    """Return a function that opens tm_devices' DeviceManager on a VISA library."""
    pytest.importorskip("tm_devices", reason="tm_devices is not installed")
    from tm_devices import DeviceManager, helpers

    monkeypatch.chdir(tmp_path)  # its log files and its configuration file
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    # There may be one manager only, and a failed test's traceback keeps it alive.
    kind = type(DeviceManager)
    monkeypatch.setattr(kind, "_class_instances", WeakValueDictionary())
    configure = getattr(helpers, "configure_logging", None)
    if configure is not None:  # from version 3 on it writes files
        configure(log_console_level="NONE", log_file_level="NONE")
    opened = []

    def manage(library):
        manager = DeviceManager(verbose=False)
        opened.append(manager)
        manager.visa_library = library
        return manager

    yield manage
    for manager in opened:
        manager.close()
    assert not (tmp_path / "logs").exists()
