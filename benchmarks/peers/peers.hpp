#pragma once

#include <harness/timed_case.hpp>

// One function a file of peers/. Each appends the peers that this build and the current device can
// run.

namespace qlinear::benchmark {

/// bf16 weights and activations, no quantization at all.
void add_cublaslt_bf16(TimedCases& cases);
/// e4m3 with a scale a token and a scale an output channel: bare, and behind a quantize pass.
void add_cublaslt_fp8(TimedCases& cases);
/// int8 to int32: bare, and between our quantize pass and a plain dequantize pass.
void add_cublaslt_int8(TimedCases& cases);
/// vLLM's sm_90 configurations: bare, and behind a quantize pass organised as vLLM's.
void add_cutlass_int8(TimedCases& cases);
/// The quantize pass as vLLM organises it.
void add_two_read_quantize(TimedCases& cases);
/// The library's own fallback, forced.
void add_portable(TimedCases& cases);

/// Of the current device.
int compute_capability_major();

}  // namespace qlinear::benchmark
