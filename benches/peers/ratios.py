#!/usr/bin/env python3
"""Prints what we cost beside the peer, out of the results.json of one run: CPU of server and database together."""

import json
import sys

results = json.load(open(sys.argv[1], encoding="utf-8"))
ours_name, peer_name = sys.argv[2], "seed: sha256 lookup"


def named(part, name):
    return next((it for it in results.get(part, []) if it["target"] == name), None)


def row(what, ours, peer, ours_rate, peer_rate, unit):
    print(f"| {what} | {ours:,.0f} | {peer:,.0f} | 1/{peer / ours:.1f} | {ours_rate:,.0f} | {peer_rate:,.0f} {unit} |")


print(f"\n| {ours_name} | CPU µs | peer's CPU µs | ratio | ours /s | peer's /s |")
print("|---|---:|---:|---:|---:|---:|")
ours, peer = named("http", ours_name), named("http", peer_name)
if ours and peer:
    for route, what in [("create", "create"), ("get", "get"), ("list50", "list of 50")]:
        cost = [
            it["routes"][route]["server_cpu_us"]["median"] + it["routes"][route]["store_cpu_us"]["median"]
            for it in (ours, peer)
        ]
        rate = [it["routes"][route]["rps"]["median"] for it in (ours, peer)]
        row(what, *cost, *rate, "requests")
ours, peer = named("e2e", ours_name), named("e2e", peer_name)
if ours and peer:
    cost = [(it["app_cpu_s"]["median"] + it["store_cpu_s"]["median"]) * 1e6 / it["n"] for it in (ours, peer)]
    rate = [it["posts_per_s"]["median"] for it in (ours, peer)]
    row("due → published", *cost, *rate, "posts")
    memory = [it["peak_rss_mib"]["median"] for it in (ours, peer)]
    print(f"\nPeak memory of server and worker: {memory[0]:.0f} MiB, the peer's {memory[1]:.0f} MiB.")
