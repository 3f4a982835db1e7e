"""The simulated Tektronix AFG31000 arbitrary function generators."""
