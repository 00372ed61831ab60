"""The gateway: an application's calls to LeadSquared pass through it, unchanged, and their RequestIDs are recorded."""
