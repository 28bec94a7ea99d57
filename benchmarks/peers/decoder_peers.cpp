#include <peers/decoder_peers.hpp>

namespace qlinear::benchmark {

DecoderVariants decoder_peers() {
  DecoderVariants variants;
#ifdef QLINEAR_BENCHMARK_CUTLASS
  add_cutlass_decoders(variants);
#endif
#ifdef QLINEAR_BENCHMARK_CUBLASLT
  add_cublaslt_decoders(variants);
#endif
  for (DecoderVariant& variant : variants) variant.peer = true;
  return variants;
}

}  // namespace qlinear::benchmark
