"""Tests of the sample ledger."""
