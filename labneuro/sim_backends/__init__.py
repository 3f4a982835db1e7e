"""Simulated benches behind VISA: one circuit, one clock, one seed."""
