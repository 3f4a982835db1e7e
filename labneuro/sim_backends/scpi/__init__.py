"""What simulated instruments that speak SCPI have in common."""
