"""One policy against one workload, under given conditions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from exporter.core.budget import Budget, burst, daily, whole
from exporter.core.schedule import Policy
from exporter.simulate import policies
from exporter.simulate.oracle.candidates import candidates
from exporter.simulate.report import delays
from exporter.simulate.run import Conditions, Outcome, Run
from exporter.simulate.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """`calls` in any `period` seconds, and `daily` in 24 h; the rest as in the configuration."""

    policy: str
    calls: int
    period: float
    conditions: Conditions
    daily: int | None = None
    effort: str = "normal"
    max_staleness: float = 1800.0
    seed: int = 1

    def budget(self) -> Budget:
        limits = [burst(calls=self.calls, seconds=self.period)]
        if self.daily is not None:
            # There is no store for reservations here, and no restart that they would be needed for.
            limits.append(replace(daily(self.daily), durable=False))
        if self.conditions.others:
            limits.extend([whole(limit, calls=limit.calls) for limit in limits])
        return Budget(limits)


def simulate(trace: Trace, setup: Setup) -> Outcome:
    if setup.policy == policies.ORACLE:
        return oracle(trace, setup)[1]
    return _run(trace, setup, partial(_new_policy, setup))


def oracle(trace: Trace, setup: Setup) -> tuple[str, Outcome]:
    """What the best of those that know the workload knows, and what it reaches."""
    horizon = setup.conditions.horizon
    tried = [(knows, _run(trace, setup, new)) for knows, new in candidates(trace, horizon)]
    return min(tried, key=lambda one: sum(delays(trace, one[1], horizon=horizon)))


def _run(trace: Trace, setup: Setup, new: Callable[..., Policy]) -> Outcome:
    budget = setup.budget()
    policy = new(rate=budget.rate, burst=setup.calls, now=min(request.submitted for request in trace))
    return Run(trace, policy, budget, setup.conditions, _random(setup)).outcome()


def _new_policy(setup: Setup, *, rate: float, burst: int, now: float) -> Policy:
    return policies.new_policy(
        setup.policy,
        rate=rate,
        burst=burst,
        now=now,
        effort=setup.effort,
        max_staleness=setup.max_staleness,
        random=_random(setup),
    )


def _random(setup: Setup) -> Random:
    return Random(setup.seed)  # noqa: S311  (a run that can be repeated, no secret)
