"""Hands RequestIDs from an application to a running exporter, in the background; the standard library is enough for it."""

from exporter.client.asynchronous import AsyncClient
from exporter.client.handover import Counts
from exporter.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "Counts"]
