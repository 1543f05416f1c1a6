"""What people would use instead. Each is a context manager that gives `measure(workload) -> Measured` on warm processes."""
