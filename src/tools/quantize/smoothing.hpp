#pragma once

#include "quantize/layer_choice.hpp"
#include "quantize/model_folder.hpp"
#include "quantize/weight_task.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace qlinear::tools {

/// SmoothQuant, folded: what takes the place of norms, and what multiplies the columns of the
/// weights of the layers that read them.
struct Smoothing {
  std::map<std::string, checkpoint::Tensor> norms;  ///< "….input_layernorm.weight", as stored.
  std::map<std::string, ColumnFactors> factors;     ///< By module.
};

/// `maxima` is a safetensors file with the largest magnitude of each column of activations: a
/// tensor [K] under the name of a layer, or of the norm that it reads. A norm is divided by its
/// factors and rounded to its dtype; columns are multiplied by the quotient of the norm and what it
/// became, so the rounding changes no product. Throws a Failure that says for which name there is
/// no norm to fold into, or which layer that reads it is not quantized.
Smoothing smooth(const ModelFolder& model, const LayerChoices& choices,
                 const std::filesystem::path& maxima, double alpha, int threads);

}  // namespace qlinear::tools
