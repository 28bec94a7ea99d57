#include "tune/search.hpp"

#include "support/interrupt.hpp"

#include <algorithm>
#include <utility>

namespace qlinear::tools {
namespace {

/// The model's choice, which is the first, and what one replay shows to be near the best.
std::vector<KernelChoice> hopeful(LayerProblem& problem, std::vector<KernelChoice> candidates,
                                  cudaStream_t stream, const SearchEffort& effort) {
  std::vector<double> seconds;
  for (const KernelChoice& choice : candidates) {
    stop_if_interrupted();
    seconds.push_back(problem.graph(choice, 0).seconds(stream, 1));
  }
  const double limit = effort.hopeless * *std::min_element(seconds.begin(), seconds.end());
  std::vector<KernelChoice> kept;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i == 0 || seconds[i] <= limit) kept.push_back(std::move(candidates[i]));
  }
  return kept;
}

std::vector<double> compare(LayerProblem& problem, const std::vector<KernelChoice>& choices,
                            cudaStream_t stream, const SearchEffort& effort) {
  std::vector<CallGraph> graphs;
  graphs.reserve(choices.size());
  for (const KernelChoice& choice : choices) {
    graphs.push_back(problem.graph(choice, effort.graph_seconds));
  }
  return seconds_in_turns(stream, graphs, effort.rounds);
}

}  // namespace

SearchResult fastest(LayerProblem& problem, bool quantize_kernels, cudaStream_t stream,
                     const SearchEffort& effort) {
  std::vector<KernelChoice> choices = problem.candidates();
  SearchResult result;
  result.candidates = choices.size() - 1;
  choices = hopeful(problem, std::move(choices), stream, effort);
  std::vector<double> seconds = compare(problem, choices, stream, effort);
  // Not the first, which is one of the others under its own name.
  const auto best = std::min_element(seconds.begin() + (seconds.size() > 1 ? 1 : 0), seconds.end());
  const KernelChoice gemm = choices[static_cast<std::size_t>(best - seconds.begin())];
  result.model = choices.front();
  if (!quantize_kernels) {
    result.best = gemm;
    result.model_seconds = seconds.front();
    result.best_seconds = *best;
    return result;
  }
  std::vector<KernelChoice> finalists{result.model, gemm};
  for (KernelChoice& with : problem.quantize_candidates(gemm)) finalists.push_back(std::move(with));
  result.candidates += finalists.size() - 2;
  seconds = compare(problem, finalists, stream, effort);
  const auto winner = std::min_element(seconds.begin() + 1, seconds.end());
  result.best = finalists[static_cast<std::size_t>(winner - seconds.begin())];
  result.model_seconds = seconds.front();
  result.best_seconds = *winner;
  return result;
}

}  // namespace qlinear::tools
