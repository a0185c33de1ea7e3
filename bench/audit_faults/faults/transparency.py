"""Faults for the checks of the pillar transparency."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
