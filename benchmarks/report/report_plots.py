"""The plots of report.py, as SVG whose bytes depend on the results alone."""

import math

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)

import results as res

# Okabe and Ito's palette, which colour-blind readers tell apart.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999"]
COLUMNS = 4
MARKED = [1, 4, 16, 64, 256, 1024, 4096]

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "qlinear",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "figure.facecolor": "white",
}


def panels(results, title, y_label):
    """A figure with one panel a layer; returns it and the panels by layer."""
    layers = results.layers()
    columns = min(COLUMNS, len(layers))
    rows = math.ceil(len(layers) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3.1 * columns, 2.5 * rows + 0.9), sharex=True, sharey=True,
        squeeze=False,
    )
    flat = list(axes.flat)
    for axis in flat[len(layers):]:
        axis.set_visible(False)
    for layer, axis in zip(layers, flat):
        row = results.rows[layer, results.token_counts(layer)[0], res.LINEAR]
        axis.set_title(f"{layer} ({row.n}×{row.k})", fontsize=9)
        axis.set_xscale("log", base=2)
        axis.set_xticks(MARKED, [str(m) for m in MARKED])
        axis.minorticks_off()
    for axis in axes[-1]:
        axis.set_xlabel("M (tokens)")
    for axis in axes[:, 0]:
        axis.set_ylabel(y_label)
    figure.suptitle(f"{title} — {results.context['gpu']}, {results.context['date'][:10]}",
                    fontsize=10)
    return figure, dict(zip(layers, flat))


def finish(figure, handles, path):
    """Puts one legend under the panels and writes the file."""
    figure.tight_layout(rect=(0, 0.09, 1, 1))
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=4, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def share_of_floor(results, path):
    figure, axes = panels(results, "Share of the floor", "share of floor, %")
    handles = {}
    cases = [("whole linear", res.LINEAR), ("with constant weights", res.CONSTANT_WEIGHTS),
                ("GEMM alone", res.GEMM), ("quantize alone", res.QUANTIZE)]
    for layer, axis in axes.items():
        for (label, timed), colour in zip(cases, COLOURS):
            counts = [m for m in results.compared_token_counts(layer)
                      if (layer, m, timed) in results.rows]
            shares = [100 * results.rows[layer, m, timed].share for m in counts]
            handles[label], = axis.plot(counts, shares, color=colour, marker="o", markersize=2.5,
                                        linewidth=1.3)
        axis.axhline(100, color="#666666", linewidth=0.8, linestyle="--")
        axis.set_ylim(0, 110)
    return finish(figure, handles, path)


def ratio_to_peers(results, work, title, path):
    """The peers whose work is that of our case `work`; the fallback kernel is none of them."""
    figure, axes = panels(results, title, "peer's time / ours")
    handles = {}
    peers = [peer for peer in results.peers()
             if res.PEERS[peer][1] == work and peer != "qlinear_portable"]
    for layer, axis in axes.items():
        for peer, colour in zip(peers, COLOURS):
            points = [(m, results.ratio(layer, m, peer))
                      for m in results.compared_token_counts(layer)]
            points = [point for point in points if point[1] is not None]
            if not points:
                continue
            handles[res.PEERS[peer][0]], = axis.plot(*zip(*points), color=colour, marker="o",
                                                     markersize=2.5, linewidth=1.3)
        axis.axhline(1, color="#666666", linewidth=0.8, linestyle="--")
    # The panels share the axis, whose range ends where it is first set.
    axis.set_ylim(bottom=0)
    return finish(figure, handles, path)


def sweep(results, path):
    """Time over each M of the layer with the most of them."""
    layer = max(results.layers(), key=lambda name: len(results.token_counts(name)))
    counts = [m for m in results.token_counts(layer) if m <= 256]
    rows = [results.rows[layer, m, res.LINEAR] for m in counts]
    figure, axis = plt.subplots(figsize=(7, 3.4))
    handles = {}
    handles["whole linear"], = axis.plot(counts, [row.us for row in rows], color=COLOURS[0],
                                         linewidth=1.3)
    handles["floor"], = axis.plot(counts, [row.floor_us for row in rows], color="#666666",
                                  linewidth=1.0, linestyle="--")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("M (tokens)")
    axis.set_ylabel("µs")
    axis.set_title(f"{layer} ({rows[0].n}×{rows[0].k}) — {results.context['gpu']}, "
                   f"{results.context['date'][:10]}", fontsize=10)
    return finish(figure, handles, path)


def decoders(results, path):
    """A column a model: the times, the shares of the floor, and the ratios to the fused layer."""
    models = results.models()
    variants = [variant for variant in results.decoder_variants() if variant not in res.PARTS]
    figure, axes = plt.subplots(3, len(models), figsize=(4.2 * len(models), 8.4), sharex=True,
                                squeeze=False)
    handles = {}
    for column, model in enumerate(models):
        measured = results.decoder_rows
        counts = results.decoder_token_counts(model)
        values = [lambda m, variant: measured[model, m, variant].us,
                  lambda m, variant: 100 * measured[model, m, variant].share,
                  lambda m, variant: results.decoder_ratio(model, m, variant)]
        for axis, value in zip(axes[:, column], values):
            for variant, colour in zip(variants, COLOURS):
                points = [(m, value(m, variant)) for m in counts if (model, m, variant) in measured]
                points = [point for point in points if point[1] is not None]
                if points:
                    handles[res.DECODERS[variant]], = axis.plot(
                        *zip(*points), color=colour, marker="o", markersize=2.5, linewidth=1.3)
        floors = [max(row.floor_us for (name, tokens, _), row in measured.items()
                      if (name, tokens) == (model, m)) for m in counts]
        handles["floor"], = axes[0, column].plot(counts, floors, color="#666666", linewidth=0.8,
                                                 linestyle="--")
        axes[0, column].set_title(model, fontsize=9)
        axes[0, column].set_yscale("log")
        axes[0, column].set_xscale("log", base=2)
        axes[0, column].set_xticks(MARKED, [str(m) for m in MARKED])
        axes[0, column].tick_params(axis="x", which="minor", bottom=False)
        axes[1, column].set_ylim(0, 110)
        axes[1, column].axhline(100, color="#666666", linewidth=0.8, linestyle="--")
        axes[2, column].set_ylim(bottom=0)
        axes[2, column].axhline(1, color="#666666", linewidth=0.8, linestyle="--")
        axes[2, column].set_xlabel("M (tokens)")
    for axis, label in zip(axes[:, 0], ["µs", "share of floor, %", "time / fused layer's"]):
        axis.set_ylabel(label)
    figure.suptitle(f"Decoder layers — {results.context['gpu']}, {results.context['date'][:10]}",
                    fontsize=10)
    return finish(figure, handles, path)


def write_all(results, directory):
    """Returns the paths written."""
    with plt.rc_context(STYLE):
        paths = []
        if results.decoder_rows:
            paths.append(decoders(results, directory / "decoders.svg"))
        if not results.rows:
            return paths
        return paths + [
            share_of_floor(results, directory / "share_of_floor.svg"),
            ratio_to_peers(results, res.LINEAR, "Whole linear layer against peers",
                           directory / "ratio_to_peers.svg"),
            ratio_to_peers(results, res.GEMM, "GEMM alone against peers",
                           directory / "ratio_to_gemms.svg"),
            sweep(results, directory / "sweep.svg"),
        ]
