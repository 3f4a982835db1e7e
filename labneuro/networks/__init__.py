"""Networks of calibrated neurons; torch lives here and nowhere else."""
