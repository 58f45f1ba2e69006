"""What network drivers share: settings, TLS, HTTP, retries, watches, compare-and-swap writes and leases."""
