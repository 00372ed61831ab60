"""How the exporter is installed: charts and manifests for Kubernetes, a unit for systemd, and what is made from them."""
