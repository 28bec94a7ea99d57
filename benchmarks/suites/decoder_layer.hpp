#pragma once

#include <harness/bench.hpp>

namespace qlinear::benchmark {

/// Registers a row for each model of `Options::decoders`, each M and each of: the four linears of a
/// decoder layer with fused sources (`fused`), with the gate in the epilogue of gate_up instead
/// (`gated`), with norms but no gate (`norms`), with norms and gates as kernels of their own
/// (`separate`), alone (`linears`), without their quantize passes (`multiplies`), and the peers of
/// `Options::peers`. A call is a whole layer without its attention; whole layers are compared with
/// `fused` before they are timed. `bench` must outlive the run.
void register_decoder_layers(Bench& bench);

}  // namespace qlinear::benchmark
