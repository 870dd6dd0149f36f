#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Training and inference as real applications do them, on data that is made from a seed and checked.

ml.py JOB [--device cuda|cpu] [--batch N] [--size small|full] [--steps N] [--seed N] [--seconds S]
Status 0: it ran and its results are right; 1: they are wrong; 3: something it needs is not here.
"""
import argparse
import os
import sys

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    print("PyTorch is not installed")
    sys.exit(3)

import models
from protocol import Runner

WARM_UP = 60  # steps; what a framework compiles or chooses by trying is over then
POOL = 16     # batches that are made before


def labelled(batch, shape, classes, noise, generator):
    """Batches with something to learn in them: a pattern for each class below noise, as a data loader would hand them over."""
    patterns = torch.randn(classes, *shape, generator=generator)
    for _ in range(POOL):
        labels = torch.randint(classes, (batch,), generator=generator)
        yield patterns[labels] + noise * torch.randn(batch, *shape, generator=generator), labels


class Training:
    def __init__(self, model, rate, args, *data):
        self.device = args.device
        self.model = model.to(args.device)
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=rate, momentum=0.9)
        self.batches = list(labelled(args.batch, *data, torch.Generator().manual_seed(args.seed)))
        self.losses = []

    def step(self):
        inputs, labels = self.batches[len(self.losses) % POOL]
        loss = F.cross_entropy(self.model(inputs.to(self.device)), labels.to(self.device))
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.losses.append(loss.item())  # and so waits for the device, as programs do that print their loss

    def check(self):
        first, last = sum(self.losses[:10]) / 10, sum(self.losses[-10:]) / 10
        if not last < 0.9 * first:
            sys.exit(f"the loss has not fallen: {first:g} at first, {last:g} at last")
        return {"loss_first": first, "loss_last": last}


class Inference:
    """Answers for one batch after the other; each goes back to the host."""

    def __init__(self, model, args, shape):
        self.device = args.device
        self.model = model.to(args.device).eval()
        generator = torch.Generator().manual_seed(args.seed)
        self.batches = [torch.randn(args.batch, *shape, generator=generator) for _ in range(POOL)]
        self.count = 0
        self.expected = self.answer(0)

    def answer(self, number):
        with torch.no_grad():
            return self.model(self.batches[number % POOL].to(self.device))

    def step(self):
        self.answer(self.count).argmax(-1).cpu()
        self.count += 1

    def check(self):
        return compare(self.answer(0), self.expected)


class Decoding:
    """One word after the other, each from the ones before it."""

    def __init__(self, model, args, words, length):
        self.device, self.length = args.device, length
        self.model = model.to(args.device).eval()
        self.first = torch.randint(words, (args.batch, 1), generator=torch.Generator().manual_seed(args.seed)).to(args.device)
        self.restart()
        self.expected = self.first_answer()

    def restart(self):
        self.at, self.word = 0, self.first

    def step(self):
        if self.at == self.length:
            self.restart()
        with torch.no_grad():
            self.word = self.model(self.word, self.at).argmax(-1, keepdim=True)
        self.word.cpu()
        self.at += 1

    def first_answer(self):
        with torch.no_grad():
            return self.model(self.first, 0)

    def check(self):
        return compare(self.first_answer(), self.expected)


def compare(answer, expected):
    if not torch.isfinite(answer).all():
        sys.exit("an answer is not finite")
    error = ((answer - expected).norm() / expected.norm()).item()
    if error > 1e-3:
        sys.exit(f"the same input gives another answer: relative error {error:g}")
    return {"error": error}


def job_cnn_train(args, full):
    return Training(models.cnn(64 if full else 8), 0.02, args, (3, 32, 32), 10, 2.0)


def job_cnn_infer(args, full):
    return Inference(models.cnn(64 if full else 8), args, (3, 32, 32))


def job_higgs_train(args, full):
    return Training(models.perceptron(28, 300 if full else 64, 5 if full else 2, 2), 0.05, args, (28,), 2, 4.0)


def job_genes_train(args, full):
    inputs = 20000 if full else 1000
    return Training(models.perceptron(inputs, 1024 if full else 64, 2, 33), 0.005, args, (inputs,), 33, 4.0)


def job_vit_infer(args, full):
    return Inference(models.Vision(224, 16, 384, 12, 6) if full else models.Vision(32, 8, 64, 2, 2), args,
                     (3, 224, 224) if full else (3, 32, 32))


def job_lm_decode(args, full):
    words, length = (50257, 512) if full else (1000, 64)
    width, depth, heads = (768, 12, 12) if full else (64, 2, 2)
    return Decoding(models.Language(words, width, depth, heads, args.batch, length), args, words, length)


JOBS = {"cnn-train": job_cnn_train, "cnn-infer": job_cnn_infer, "higgs-train": job_higgs_train, "genes-train": job_genes_train,
        "vit-infer": job_vit_infer, "lm-decode": job_lm_decode}


def find_device(wanted):
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        print("PyTorch finds no GPU")
        sys.exit(3)
    return wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", choices=[*JOBS, "probe"])
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--size", choices=("small", "full"), default="full")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=1, help="of an iteration")
    parser.add_argument("--rate", type=float, default=0, help="of iterations by an open-loop schedule; 0: one after the other")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--arrivals", default="1", help="any text: with a rate, another one means other times at which users ask")
    parser.add_argument("--seconds", type=float, default=3.0, help="without a runner")
    args = parser.parse_args()
    args.device = find_device(args.device)
    if args.job == "probe":
        return
    torch.manual_seed(args.seed)
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0))))
    runner = Runner(args.seconds)
    job = JOBS[args.job](args, args.size == "full")

    def iteration():
        for _ in range(args.steps):
            job.step()

    for _ in range(WARM_UP):
        job.step()
    runner.ready(args.steps * args.batch)
    count, seconds = runner.iterate(iteration, args.rate, args.arrivals)
    for name, value in job.check().items():
        runner.result(name, value)
    if not runner.socket:
        print(f"{args.job} on {args.device}: {count * args.steps * args.batch / seconds:.1f} samples/s")


if __name__ == "__main__":
    main()
