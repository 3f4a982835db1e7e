"""What simulated instruments that run Lua scripts (TSP) have in common."""
