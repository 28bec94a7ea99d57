#pragma once

#include <harness/bench.hpp>

namespace qlinear::benchmark {

/// Registers a row for each model of `Options::decoders`, each M and each of: the four linears of a
/// decoder layer with fused sources (`fused`), with norms and gates as kernels of their own
/// (`separate`), alone (`linears`), and without their quantize passes (`multiplies`). A call is a
/// whole layer without its attention. `bench` must outlive the run.
void register_decoder_layers(Bench& bench);

}  // namespace qlinear::benchmark
