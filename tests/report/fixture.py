# SPDX-License-Identifier: MIT
"""Runs that nobody measured: numbers with a plausible structure, as lines of an export, for tests of reports. Everything made here is
called FIXTURE, so that none of it passes for a measurement."""
import json
import random
import statistics
import uuid


def summary(metric, unit, better, values):
    v = sorted(values)
    return {"metric": metric, "unit": unit} | ({"better": better} if better else {}) | {"trials": len(v), "flagged": 0, "median": statistics.median(v),
            "low": v[len(v) // 8], "high": v[-1 - len(v) // 8], "min": v[0], "max": v[-1], "deviation": statistics.pstdev(v)}


class Run:
    """One run, by its lines."""

    def __init__(self, name, started, **more):
        self.random = random.Random(name)
        self.id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.lines = [{"schema": "openforbc.bench-export/1", "kind": "run", "run": self.id, "started_unix_s": started, "ended_unix_s": started + 600,
                       "host": "fixture-host", "platform": "bare-metal", "label": "", "program": "FIXTURE, not measured", "seed": 7,
                       "environment": {"cpu": {"model": "FIXTURE processor"}, "gpus": {"0000:19:00.0": {
                           "name": "FIXTURE GPU", "driver_version": "0.0"}}, "kernel": {"release": "6.1"}}} | more]
        self.started = started
        self.cells = 0

    def cell(self, benchmark, layout, instances, rates, parameters="", verdict="ok", energy=True, metric="rate", unit="img/s", reason=None,
             share=None, p99=None, others=()):
        """rates: a list of trials, each the rates of the instances; share: of the compute of the GPU that each has; p99: the same for all;
        others: (metric, unit, value) of all together."""
        totals = [sum(r) for r in rates]
        metrics = [summary(metric, unit, "higher", totals)] if rates else []
        if p99:
            metrics.append(summary("latency-p99", "s", "lower", [p99] * len(rates)))
        metrics += [summary(name, unit_, None, [value] * len(rates)) for name, unit_, value in others if rates]
        cell = {"kind": "cell", "run": self.id, "cell": self.cells, "benchmark": benchmark, "definition": "f" * 64, "parameters": parameters,
                "layout": layout, "instances": instances, "verdict": verdict, "metrics": metrics}
        self.lines.append(cell | ({"reason": reason} if reason else {}))
        for i, r in enumerate(rates):
            values = [{"metric": metric, "value": totals[i]}] + [{"metric": metric, "instance": k, "value": v} for k, v in enumerate(r)]
            values += [{"metric": "latency-p99", "instance": k, "value": p99 * (1 + i / 100)} for k in range(len(r)) if p99]
            values += [{"metric": name, "value": value} for name, _, value in others]
            if share:
                values += [{"metric": "compute share", "instance": k, "value": share} for k in range(len(r))]
            trial = {"kind": "trial", "run": self.id, "cell": self.cells, "trial": i, "block": i, "started_unix_ns": (self.started + i) * 10**9,
                     "window_s": 10.0, "skew_s": 0.001, "verdict": "ok", "values": values}
            if energy:
                power = (180 + 60 * instances ** 0.7) * self.random.gauss(1, 0.004)
                trial |= {"energy_j": 10 * power, "energy_uncertainty_j": 3.0, "energy_source": "nvml-counter"}
                values += [{"metric": "energy", "value": 10 * power}, {"metric": "mean power", "value": power}]
            self.lines.append(trial)
        self.cells += 1

    def trials(self, n, instances, rate, noise=0.01, spread=0.0):
        return [[rate * self.random.gauss(1, noise) * (1 + spread * (k - (instances - 1) / 2)) for k in range(instances)] for _ in range(n)]

    def text(self):
        return "".join(json.dumps(line) + "\n" for line in self.lines)


def isolation(name="pairs", started=1_760_000_000, **more):
    """Two programs beside each other; of the other one in the middle of it all, nothing is known."""
    run = Run(name, started, label=name, **more)
    for layout, solo, take in (("halves", "halves", 0.1), ("shared", "unpartitioned", 0.5)):
        for victim, rate, p99 in (("train", 200, None), ("serve", 50, 0.01)):
            run.cell(victim, solo, 1, run.trials(6, 1, rate), parameters="size=1", p99=p99)
            run.cell(victim, layout, 2, run.trials(6, 2, rate * (1 - take)), parameters="size=1", p99=p99 and 2 * p99)
            for other, more_ in (("train", 2), ("serve,batch=8", 1.5)):
                if not other.startswith(victim):
                    run.cell(victim, layout, 2, run.trials(6, 1, rate * (1 - more_ * take * 0.9)), parameters=f"against={other} size=1",
                             p99=p99 and 4 * p99)
    run.cell("serve", "halves", 2, [], parameters="against=broken size=1", verdict="failed", reason="exit status 1")
    return run


def roofline(name="roof", started=1_760_000_000, stream=True, **more):
    """Three programs that count their operations and bytes, and two that only know how fast they are."""
    run = Run(name, started, label=name, **more)
    if stream:
        run.cell("stream", "unpartitioned", 1, run.trials(6, 1, 4e12, 0), unit="B/s", others=[("intensity", "FLOP/B", 0.125)])
    run.cell("bus", "unpartitioned", 1, run.trials(6, 1, 9e12, 0), unit="B/s")
    run.cell("peak", "unpartitioned", 1, run.trials(6, 1, 50e12, 0), unit="FLOP/s")
    run.cell("gemm", "unpartitioned", 1, run.trials(6, 1, 40e12, 0), unit="FLOP/s", others=[("intensity", "FLOP/B", 500)])
    run.cell("gemm", "2x mps:50%", 2, run.trials(6, 2, 22e12, 0), unit="FLOP/s", others=[("intensity", "FLOP/B", 500)])
    run.cell("bodies", "2x mig:3g", 2, run.trials(6, 2, 5e11, 0), unit="pair/s", others=[("intensity", "FLOP/B", 4), ("operations", "FLOP/pair", 10)])
    run.cell("uncounted", "unpartitioned", 1, run.trials(6, 1, 5e11), unit="pair/s", others=[("intensity", "FLOP/B", 4)])
    run.cell("odd", "unpartitioned", 1, run.trials(6, 1, 5e11), unit="FLOP/s", others=[("intensity", "1", 4)])
    return run


def sharing(name="sharing", started=1_760_000_000, **more):
    """A job that fills a seventh of a board: shared, by MPS and by MIG."""
    run = Run(name, started, label=name, **more)
    run.cell("train", "unpartitioned", 1, run.trials(8, 1, 320))
    for n in (2, 3, 4, 5, 6, 7):
        run.cell("train", "shared", n, run.trials(8, n, 330 / n, 0.03, 0.06))
        run.cell("train", f"{n}x mps:{100 // n}%", n, run.trials(9, n, 320 / (0.25 * n + 0.75) / 1.02, 0.015, 0.01))
    for n, g, name_ in ((2, 3, "3g.71gb"), (3, 2, "2g.35gb"), (7, 1, "1g.18gb")):
        run.cell("train", f"{n}x mig:{name_}", n, run.trials(6, n, 320 / (0.22 * n + 0.86), 0.006), share=g / 7)
        run.cell("train", f"mig:{name_}", 1, run.trials(6, 1, 325 / (0.22 * n + 0.86), 0.006), share=g / 7)
    run.cell("train", "4x mig:1g.35gb", 4, [], verdict="failed", reason="instance 2: exit status 1: CUDA out of memory")
    run.cell("train", "5x mig:1g.18gb", 5, [], verdict="timeout", reason="no end after 600 s")
    return run


if __name__ == "__main__":
    print(sharing().text(), end="")
