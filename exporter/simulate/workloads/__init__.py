"""Workloads to generate: families of them, by name."""

from exporter.simulate.workloads.catalogue import WORKLOADS, Workload

__all__ = ["WORKLOADS", "Workload"]
