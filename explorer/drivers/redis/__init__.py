"""Driver for Redis (6.0 and newer) and servers that speak its protocol, by redis-py."""

from explorer.drivers.redis.store import RedisStore

__all__ = ["RedisStore"]
