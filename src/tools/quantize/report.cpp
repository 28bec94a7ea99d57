#include "quantize/report.hpp"

#include "support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>

namespace qlinear::tools {
namespace {

constexpr std::size_t kWorst = 5;

struct LayerNoise {
  double decibels;
  const WeightTask* task;
};

std::vector<LayerNoise> worst_first(const std::vector<WeightTask>& tasks) {
  std::vector<LayerNoise> layers;
  layers.reserve(tasks.size());
  for (const WeightTask& task : tasks) {
    layers.push_back({checkpoint::signal_to_noise(task.error()), &task});
  }
  std::stable_sort(layers.begin(), layers.end(), [](const LayerNoise& a, const LayerNoise& b) {
    return a.decibels < b.decibels;
  });
  return layers;
}

}  // namespace

std::string noise_report(const std::vector<WeightTask>& tasks, bool verbose) {
  const std::vector<LayerNoise> layers = worst_first(tasks);
  const std::size_t shown = verbose ? layers.size() : std::min(kWorst, layers.size());
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < shown; ++i) {
    rows.push_back({fmt::format("  {:.1f} dB", layers[i].decibels), layers[i].task->module(),
                    shape_text(layers[i].task->source().shape)});
  }
  return fmt::format("signal to noise of the weights: median {:.1f} dB; {}\n",
                     layers[layers.size() / 2].decibels,
                     shown == layers.size() ? "worst first:" : "the worst:") +
         table_text(rows, "rll");
}

std::string kept_report(const LayerChoices& choices, bool verbose) {
  std::map<std::string, std::vector<std::string>> modules;
  for (const LayerChoice& layer : choices.layers) {
    if (!layer.quantize) modules[layer.reason].push_back(layer.module);
  }
  std::string text;
  for (const auto& [reason, names] : modules) {
    const std::size_t shown = verbose ? names.size() : 1;
    const std::string more =
        names.size() > shown ? fmt::format(" and {} more", names.size() - shown) : "";
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(shown);
    text += fmt::format("kept as stored: {}{} ({})\n", fmt::join(names.begin(), end, ", "), more,
                        reason);
  }
  return text;
}

}  // namespace qlinear::tools
