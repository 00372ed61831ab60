"""Recording and alerting rules as code. Not part of the wheel: Prometheus and Grafana read what is generated here."""
