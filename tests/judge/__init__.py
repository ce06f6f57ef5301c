"""Tests of the opinions."""
