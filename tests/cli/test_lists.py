"""The commands that only show: benches, protocols, recipes, plans."""

from __future__ import annotations

import re

import pytest
import yaml

from labneuro import workspace
from labneuro.protocols.catalog import protocol_names


def test_bench_list(labneuro):
    """Every bench with kind, device and description."""
    answer = labneuro("bench", "list")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["BENCH", "KIND", "DEVICE", "DESCRIPTION"]
    kinds = {line.split()[0]: line.split()[1] for line in lines[1:]}
    assert kinds == {
        "fmes-sim": "simulated",
        "hnno-bench": "hardware",
        "hnno-sim": "simulated",
        "lia-sim": "simulated",
        "neuron-sim": "simulated",
        "synapses-sim": "simulated",
        "pcu-sim": "simulated",
        "snn-sim": "simulated",
        "ts-scope-sim": "simulated",
        "ts-sim": "simulated",
    }


def test_bench_list_names_a_wrong_file(labneuro, write):
    """A bench that does not load is told with its file."""
    path = write("instruments/mine.yaml", "description: x")
    answer = labneuro("bench", "list")
    assert answer.code == 2
    assert str(path) in answer.err


def test_bench_show(labneuro):
    """Instruments, roles, addresses, wiring and the tighter limits."""
    answer = labneuro("bench", "show", "hnno-sim")
    assert answer.code == 0
    for part in (
        "hnno-sim (simulated): ",
        "device: H-NNO-simulated (hnno); limits voltage 6 V (device "
        "limit), current 2 mA (device limit)",
        "source_meter     TCPIP0::192.0.2.36::inst0::INSTR",
        "net: afg.ch1 = device.Au",
        "trigger: smu.digio1 -> afg.trigger",
    ):
        assert part in answer.out


def test_bench_show_names_every_role_of_an_instrument(labneuro, write, shipped):
    """One instrument may fill several roles."""
    text = (shipped / "sim_backends" / "hnno-sim.yaml").read_text()
    path = write("b.yaml", text.replace("generator: afg.ch1", "generator: smu.smub"))
    answer = labneuro("bench", "show", str(path))
    assert "source_meter, pulse_generator" in answer.out


def test_protocol_list(labneuro):
    """Every recipe and every protocol, with what it measures."""
    answer = labneuro("protocol", "list")
    assert answer.code == 0
    for name in (*workspace.entries("recipe"), *protocol_names()):
        assert any(line.startswith(f"{name} ") for line in answer.out.splitlines())


@pytest.mark.parametrize("name", protocol_names())
def test_protocol_show(labneuro, name):
    """Documentation and defaults; what is shown can be pasted into a recipe."""
    answer = labneuro("protocol", "show", name)
    assert answer.code == 0
    defaults = answer.out.split("\nDefaults\n")[1]
    assert yaml.safe_load(defaults)


@pytest.mark.parametrize("name", ["hnno/state-map", "hnno/resistance"])
def test_recipe_show(labneuro, name, write):
    """The parameters that are shown make the same recipe again."""
    answer = labneuro("protocol", "show", name)
    assert answer.code == 0
    head, protocol, *parameters = answer.out.splitlines()
    assert head.startswith(f"{name}: ")
    text = f"{protocol}\nparameters:\n" + "\n".join(parameters)
    again = labneuro("protocol", "show", str(write("again.yaml", text)))
    assert again.out.splitlines()[1:] == [protocol, *parameters]


def test_plan_shows_every_step_and_the_extremes(labneuro):
    """A line a step, each limited quantity, then totals and duration."""
    answer = labneuro("plan", "hnno/firing", "--bench", "hnno-sim")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert len(lines) == 1 + 10 + 1 + 6 + 1
    assert "50 events at 0.21 V/um" in lines[6]
    assert "-3.8 0 0.1 4.2" in lines[6]
    assert lines[-1] == (
        "10 steps, 450 pulses, -3.8 V to 4.6 V (limit 6 V), current limit 2 mA, "
        "about 3.309 s on the bench"
    )


def test_plan_shows_each_quantity_beside_its_limit(labneuro):
    """The largest planned, the limit with its origin, and where it is reached."""
    answer = labneuro("plan", "hnno/firing", "--bench", "hnno-sim", "--no-steps")
    rows = [re.split(r"  +", line) for line in answer.out.splitlines()]
    assert rows[:-1] == [
        ["AT MOST", "PLANNED", "LIMIT", "WHERE"],
        ["voltage", "4.6 V", "6 V (device limit)", "step 10"],
        ["current", "2 mA", "2 mA (device limit)", "step 1"],
        ["power", "9.2 mW", "none", "step 10"],
        ["charge per pulse", "200 nC", "none", "step 1"],
        ["step between set-points", "4.6 V", "none", "step 10"],
        ["exposure", "491.9 mV*s", "none", "all steps"],
    ]


def test_plan_without_steps_is_short(labneuro):
    """A long plan can be summed up."""
    answer = labneuro("plan", "hnno/state-map", "--bench", "hnno-sim", "--no-steps")
    assert answer.out.count("\n") == 1 + 6 + 1


def test_plan_applies_changes(labneuro):
    """What is changed on the command line is planned."""
    answer = labneuro(
        *("plan", "hnno/firing", "--bench", "hnno-sim", "--no-steps"),
        *("--set", "events=30", "--set", "pulse_fields.points=2"),
    )
    assert answer.out.splitlines()[-1].startswith("3 steps, 60 pulses")


def test_plan_works_for_hardware_without_hardware(labneuro):
    """Planning touches no instrument."""
    answer = labneuro("plan", "hnno/state-map", "--bench", "hnno-bench", "--no-steps")
    assert answer.code == 0


def test_every_shipped_recipe_plans(labneuro):
    """All recipes stay within the limits of the shipped benches."""
    benches = {
        "hnno": ("hnno-sim", "hnno-bench"),
        "hybrid": ("ts-scope-sim",),
        "fmes": ("fmes-sim",),
        "pcu": ("pcu-sim",),
    }
    own = {
        "hybrid/threshold-switching": ("ts-sim",),
        "hybrid/neuron-firing": ("neuron-sim",),
        "hybrid/synapse-learning": ("synapses-sim",),
        "hybrid/inhibition-truth": ("lia-sim",),
        "hybrid/network-training": ("snn-sim",),
        "hybrid/network-inference": ("snn-sim",),
    }
    for name in workspace.entries("recipe"):
        for bench in own.get(name) or benches[name.partition("/")[0]]:
            assert labneuro("plan", name, "--bench", bench, "--no-steps").code == 0


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (
            "power: 9 mW",
            "step 10 (50 events at 0.23 V/um): power 9.2 mW is beyond the limit of "
            "9 mW (bench limit)",
        ),
        (
            "charge: 0.1 uC",
            "step 1 (baseline: reset and read): charge per pulse 200 nC is beyond the "
            "limit of 100 nC (bench limit)",
        ),
        (
            "step_voltage: 4 V",
            "step 5 (50 events at 0.205 V/um): step between set-points 4.1 V is beyond "
            "the limit of 4 V (bench limit)",
        ),
        (
            "exposure: 0.3 V*s",
            "step 7 (50 events at 0.215 V/um): exposure 326.9 mV*s is beyond the limit "
            "of 300 mV*s (bench limit)",
        ),
    ],
)
@pytest.mark.parametrize("command", ["plan", "run"])
def test_every_limit_refuses_with_code_3(labneuro, lab, write, command, limit, told):
    """Step, value, limit and whose it is, in one line; nothing is touched."""
    text = workspace.find("bench", "hnno-sim").read_text(encoding="utf-8")
    lines = text.replace("\nlimits: {", f"\nlimits: {{{limit}, ")
    bench = str(write("sim_backends/tight.yaml", lines))
    answer = labneuro(command, "hnno/firing", "--bench", bench)
    assert (answer.code, answer.out) == (3, "")
    assert answer.err == f"labneuro: error: {told}\n"
    assert not list(lab.glob("*.h5*"))
