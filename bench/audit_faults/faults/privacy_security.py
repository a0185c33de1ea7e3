"""Faults for the checks of the pillar privacy_security."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
