"""Measurement protocols: frozen parameters that yield a plan and are executed."""
