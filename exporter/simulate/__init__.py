"""What would it be like? The real policy, limiter and tracker in virtual time, against a recorded or generated workload."""
