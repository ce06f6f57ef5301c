"""Tests against real servers, which listen on loopback and are started by the tests themselves."""
