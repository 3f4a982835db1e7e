"""Physics of the devices under test: parameters, state, current, advance in time."""
