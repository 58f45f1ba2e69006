"""The live state that every view shares: headless, on asyncio, above the contract of a store."""
