"""Simulated benches served over the network: raw sockets, HiSLIP, VXI-11."""
