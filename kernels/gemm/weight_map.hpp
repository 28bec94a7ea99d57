#pragma once

#include <common/problems.hpp>
#include <runtime/tensor_map.hpp>

namespace qlinear::kernels {

/// Encodes the map from which a kernel loads its weights, `box_rows` rows at a time.
inline cudaError_t encode_weight_map(CUtensorMap& map, const GemmProblem& p, int box_rows) {
  const GemmOperands& o = p.operands;
  if (p.epilogue.gate_rows != 0) {
    return encode_gated_tensor_map(map, o.b, p.epilogue.gate_rows, o.k, o.ldb, box_rows);
  }
  return encode_tensor_map(map, o.b, o.n, o.k, o.ldb, box_rows);
}

}  // namespace qlinear::kernels
