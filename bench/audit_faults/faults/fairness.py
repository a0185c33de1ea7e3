"""Faults for the checks of the pillar fairness."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
