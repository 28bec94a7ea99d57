#!/usr/bin/env python3
"""Turns the JSON of qlinear_bench into Markdown tables and SVG plots.

    qlinear_bench --benchmark_out=bench.json
    report.py bench.json [torch.json ...] --output results

writes results/summary.md (by regime), results/table.md (every cell), and the plots
share_of_floor.svg, ratio_to_peers.svg (whole layers), ratio_to_gemms.svg and sweep.svg; of the rows
of --decoder, if there are any, decoders.md and decoders.svg. The plots need matplotlib. Nothing but
measured figures appears.
"""

import argparse
import pathlib
import statistics

import results as res

# Regimes of M and of the weight's size in megabytes, as (title, M range, megabytes range).
ANY = (0, float("inf"))
REGIMES = [
    ("decode, M <= 16, weights >= 100 MB", (1, 16), (100, float("inf"))),
    ("decode, M <= 16, weights 50 to 100 MB", (1, 16), (50, 100)),
    ("decode, M <= 16, weights < 50 MB", (1, 16), (0, 50)),
    ("M 17 to 64", (17, 64), ANY),
    ("M 65 to 256", (65, 256), ANY),
    ("M 257 to 1024", (257, 1024), ANY),
    ("M > 1024", (1025, float("inf")), ANY),
]


def header(results):
    """What was measured, where and when."""
    context = results.context
    rows = [*results.rows.values(), *results.decoder_rows.values()]
    clocks = sorted(row.sm_mhz for row in rows if row.sm_mhz)
    lines = [
        f"Measured on one {context['gpu']}, driver {context['driver']}, CUDA runtime "
        f"{context['cuda_runtime']}, {context['date'][:10]}: bf16 activations, s8 weights, cold "
        "weights, medians of CUDA graph replays.",
        "",
        f"The floor uses this machine's own rates: copy "
        f"{float(context['copy_bytes_per_second']) / 1e12:.2f} TB/s, read "
        f"{float(context['read_bytes_per_second']) / 1e12:.2f} TB/s, int8 "
        f"{float(context['int8_operations_per_second']) / 1e12:.0f} TOPS.",
    ]
    if "sustained_int8_operations_per_second" in context:
        sustained = float(context["sustained_int8_operations_per_second"]) / 1e12
        lines[-1] = lines[-1][:-1] + f", and {sustained:.0f} after half a second of it."
    if clocks:
        lines[-1] += f" SM clock while measuring: {clocks[0]:.0f} to {clocks[-1]:.0f} MHz."
    if results.host_ns:
        costs = ", ".join(f"`{call}` {ns:.0f} ns" for call, ns in results.host_ns.items())
        lines += ["", f"Host cost of a call: {costs}."]
    return lines


def markdown_table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def spread(values, text):
    """Median and range, each through `text`; a dash where there is nothing."""
    if not values:
        return "–"
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{text(median)} ({text(low)}–{text(high)})"


def percent(share):
    return f"{100 * share:.0f} %"


def times(ratio):
    return f"{ratio:.2f}×"


def cells_of(results, token_range, megabytes_range):
    """The (layer, m) of a regime at which peers were measured."""
    cells = []
    for layer in results.layers():
        for m in results.compared_token_counts(layer):
            row = results.rows[layer, m, res.LINEAR]
            megabytes = row.n * row.k / 1e6
            if token_range[0] <= m <= token_range[1] and (
                megabytes_range[0] <= megabytes < megabytes_range[1]
            ):
                cells.append((layer, m))
    return cells


def summary(results):
    """A row a regime: share of the floor and ratio to each peer, median and range."""
    peers = results.peers()
    rows = []
    for title, token_range, megabytes_range in REGIMES:
        cells = cells_of(results, token_range, megabytes_range)
        if not cells:
            continue
        row = [title]
        for timed in (res.LINEAR, res.CONSTANT_WEIGHTS, res.GEMM):
            known = [results.rows.get((*cell, timed)) for cell in cells]
            row.append(spread([cell.share for cell in known if cell], percent))
        for peer in peers:
            ratios = [results.ratio(*cell, peer) for cell in cells]
            row.append(spread([ratio for ratio in ratios if ratio], times))
        rows.append(row)
    titles = ["regime", "share of floor, linear", "with constant weights", "GEMM alone"]
    return markdown_table(titles + [res.PEERS[peer][0] for peer in peers], rows)


def layer_table(results, layer):
    """A row for each M: floor, times, shares, and each peer's time over ours."""
    peers = results.peers()
    titles = ["M", "floor µs", "linear µs", "share", "constant weights µs", "share", "GEMM µs",
              "share", "quantize µs", "GEMM kernel"]
    rows = []
    for m in results.compared_token_counts(layer):
        linear = results.rows[layer, m, res.LINEAR]
        gemm = results.rows.get((layer, m, res.GEMM))
        quantize = results.rows.get((layer, m, res.QUANTIZE))
        constant = results.rows.get((layer, m, res.CONSTANT_WEIGHTS))
        row = [str(m), f"{linear.floor_us:.2f}"]
        for cell in (linear, constant, gemm):
            row += [f"{cell.us:.2f}", percent(cell.share)] if cell else ["–", "–"]
        row += [f"{quantize.us:.2f}" if quantize else "–", linear.kernel or "–"]
        ratios = [results.ratio(layer, m, peer) for peer in peers]
        rows.append(row + [times(ratio) if ratio else "–" for ratio in ratios])
    return markdown_table(titles + [res.PEERS[peer][0] for peer in peers], rows)


def full_table(results):
    lines = header(results)
    lines += ["", "Columns of peers: the peer's time over ours for the same work."]
    for layer in results.layers():
        row = results.rows[layer, results.token_counts(layer)[0], res.LINEAR]
        lines += ["", f"## {layer}, N = {row.n}, K = {row.k}", ""]
        lines += layer_table(results, layer)
    return lines + failures(results)


def failures(results):
    if not results.failures:
        return []
    return ["", "Not measured:", "", *(f"- {failure}" for failure in results.failures)]


def decoder_table(results, model):
    """A row for each M: the floor, then each variant's time, its share and its ratio to fused."""
    variants = results.decoder_variants()
    titles = ["M", "floor µs"]
    for variant in variants:
        titles += [f"{res.DECODERS[variant]} µs", "share"]
        titles += [] if variant == res.FUSED else ["ratio"]
    rows = []
    for m in results.decoder_token_counts(model):
        cells = [results.decoder_rows.get((model, m, variant)) for variant in variants]
        row = [str(m), f"{max(cell.floor_us for cell in cells if cell):.2f}"]
        for variant, cell in zip(variants, cells):
            row += [f"{cell.us:.2f}", percent(cell.share)] if cell else ["–", "–"]
            if variant != res.FUSED:
                ratio = results.decoder_ratio(model, m, variant)
                row.append(times(ratio) if ratio else "–")
        rows.append(row)
    return markdown_table(titles, rows)


def decoder_tables(results):
    lines = header(results)
    lines += ["", "Decoder layers without attention: four linears, norms with residuals, and gates. "
              "Share: of the floor, which counts the bytes and operations of a fused int8 layer. "
              "Ratio: the time over that of the fused layer. Rows that compute a part of a layer "
              "(without gates, alone) compare with no whole one."]
    for model in results.models():
        lines += ["", f"## {model}", "", *decoder_table(results, model)]
    return lines + failures(results)


def write_lines(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("json", nargs="+", help="files of qlinear_bench or torch_peers.py")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--no-plots", action="store_true", help="tables only, without matplotlib")
    arguments = parser.parse_args()

    results = res.read(arguments.json)
    arguments.output.mkdir(parents=True, exist_ok=True)
    if results.rows:
        write_lines(arguments.output / "summary.md", header(results) + [""] + summary(results))
        write_lines(arguments.output / "table.md", full_table(results))
    if results.decoder_rows:
        write_lines(arguments.output / "decoders.md", decoder_tables(results))
    if not arguments.no_plots:
        import report_plots

        for path in report_plots.write_all(results, arguments.output):
            print(path)


if __name__ == "__main__":
    main()
