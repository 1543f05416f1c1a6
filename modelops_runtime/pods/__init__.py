"""Programs that run in pods: the adaptive worker, and what runs beside it."""
