"""Faults of the evidence that a release stands on."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
