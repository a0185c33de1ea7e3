"""Faults of a model that nobody answers for, or of papers about another one."""

from bench.audit_faults.fault import Fault

FAULTS: tuple[Fault, ...] = ()
