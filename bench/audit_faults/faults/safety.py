"""Faults of a model that does not stay sound."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
