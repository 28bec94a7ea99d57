#pragma once

#include "quantize/layer_choice.hpp"
#include "quantize/weight_task.hpp"

#include <string>
#include <vector>

namespace qlinear::tools {

/// The signal-to-noise of the layers as lines: of each with `verbose`, or else the median and the
/// worst. Precondition: the tasks are finished, and there is one.
std::string noise_report(const std::vector<WeightTask>& tasks, bool verbose);

/// What was not quantized and why, as lines.
std::string kept_report(const LayerChoices& choices, bool verbose);

}  // namespace qlinear::tools
