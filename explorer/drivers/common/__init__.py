"""Shared parts of drivers: settings, TLS, HTTP, retries, watches, compare-and-swap writes, leases and locks."""
