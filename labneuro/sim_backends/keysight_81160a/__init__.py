"""The simulated Keysight/Agilent 81160A pulse function arbitrary generator."""
