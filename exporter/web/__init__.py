"""The HTTP face: scrape, health, API and page."""
