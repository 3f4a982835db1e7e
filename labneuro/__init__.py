"""Hardware-in-the-loop measurement, device-model fitting and neuromorphic simulation.

One device model, three uses: it answers the simulated instruments, is fitted to
measured data, and runs inside the networks.
"""

__version__ = "0.1.0"
