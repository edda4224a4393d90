"""Runs told and compared."""
