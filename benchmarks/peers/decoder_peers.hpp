#pragma once

#include <suites/decoder_problem.hpp>

// Peers of whole decoder layers. One function a library; each appends the peers that the current
// device can run.

namespace qlinear::benchmark {

/// vLLM's form in int8: RMSNorm that quantizes and the quantize pass in kernels of their own, the
/// SiLU in another, and CUTLASS with vLLM's choice of tiles.
void add_cutlass_decoders(DecoderVariants& variants);
/// FP8 with fused producers, its GEMMs alone, and bf16.
void add_cublaslt_decoders(DecoderVariants& variants);

}  // namespace qlinear::benchmark
