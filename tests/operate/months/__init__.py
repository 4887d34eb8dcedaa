"""Tests of months in virtual time."""
