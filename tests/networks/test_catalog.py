"""Tests of labneuro/networks/catalog.py."""

import importlib
import inspect
import os
import sys

import pytest

from labneuro.errors import InputError, LabneuroError
from labneuro.networks import catalog
from labneuro.units import InputModel


@pytest.fixture(autouse=True)
def _own_wait_policy(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")


@pytest.mark.parametrize("name", sorted(catalog.NETWORKS))
def test_every_network_loads(name):
    """Each entry has settings with defaults and a simulator with the common call."""
    loaded = catalog.load_network(name)
    assert loaded.entry.name == name
    assert "\n" not in loaded.entry.description
    assert issubclass(loaded.settings, InputModel)
    loaded.settings()
    names = list(inspect.signature(loaded.simulate).parameters)
    assert names == ["model", "settings", "seed", "progress"]


def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(monkeypatch):
    """The wait policy of torch's threads is a default, not a command."""
    for users, kept in ((None, "PASSIVE"), ("ACTIVE", "ACTIVE")):
        monkeypatch.setenv("OMP_WAIT_POLICY", users or "")
        if users is None:
            monkeypatch.delenv("OMP_WAIT_POLICY")
        catalog.load_network("fashion-snn")
        assert os.environ["OMP_WAIT_POLICY"] == kept


def test_unknown_network_names_the_known_ones():
    """A misspelt name is a usage error that lists the names."""
    with pytest.raises(InputError, match="fashion-snn"):
        catalog.load_network("fashion")


def test_without_torch_the_extra_is_named(monkeypatch):
    """The catalog imports without torch, and loading says what to install."""
    for name in list(sys.modules):
        if name.startswith("labneuro.networks."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    fresh = importlib.import_module("labneuro.networks.catalog")
    with pytest.raises(LabneuroError) as caught:
        fresh.load_network("fashion-snn")
    assert "pip install 'labneuro[networks]'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_missing_module_is_not_blamed_on_torch(monkeypatch):
    """Only a missing torch is explained as the missing extra."""
    monkeypatch.delitem(sys.modules, "labneuro.networks.fashion_snn", raising=False)
    monkeypatch.setitem(sys.modules, "labneuro.data.images", None)
    with pytest.raises(ModuleNotFoundError, match=r"labneuro\.data\.images"):
        catalog.load_network("fashion-snn")
