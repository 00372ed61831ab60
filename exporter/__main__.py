"""`python -m exporter` is `leadsquared-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
