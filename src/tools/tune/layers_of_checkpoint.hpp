#pragma once

#include "tune/layer_problem.hpp"

#include <string>
#include <vector>

namespace qlinear::tools {

/// The shapes of the quantized layers of a checkpoint, each once, and those of q, k and v and of
/// gate and up as one layer, as engines run them. Throws a Failure.
std::vector<LayerShape> layers_of_checkpoint(const std::string& folder);

}  // namespace qlinear::tools
