"""Runs one seed of the simulated world again: `python -m tests.simulation.replay SEED [HOURS]`."""

import sys

from exporter import log
from tests.simulation.world import World


def main() -> None:
    log.configure(level="info", form="logfmt")
    world = World(int(sys.argv[1]), hours=float(sys.argv[2]) if len(sys.argv) > 2 else 0.3)
    try:
        world.run()
    finally:
        print("\n".join(world.events))
        print(f"{len(world.accepted)} accepted, {world.lives} lives")


if __name__ == "__main__":
    main()
