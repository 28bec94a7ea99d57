// Embeds sentence pairs with a W8A8 checkpoint and compares the embeddings with those of the float
// model: qlinear_embed CHECKPOINT PAIRS FLOAT_EMBEDDINGS.

#include "encoder.hpp"

#include "quick_start/require.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace qlinear::encoder {
namespace {

using checkpoint::Tensor;
using checkpoint::TensorFiles;
using quick_start::require;

/// The least that 8 bits must keep of this model; what is usual is in the README.
constexpr double kLeastCosine = 0.99;
constexpr double kLeastRankCorrelation = 0.97;

std::vector<std::int32_t> integers(const TensorFiles& file, const char* name) {
  const Tensor tensor = require(file.find(name));
  if (tensor.dtype != checkpoint::Dtype::I32)
    throw std::runtime_error(tensor.where + " is not I32");
  return {tensor.as<std::int32_t>(), tensor.as<std::int32_t>() + tensor.size()};
}

std::vector<std::string> read_lines(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(std::string("cannot read ") + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// Both of length 1.
template <class A, class B>
double cosine(const A* a, const B* b, std::int64_t size) {
  return std::inner_product(a, a + size, b, 0.0);
}

/// The place of each value in their order. There are no equal ones among measured similarities.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> rank(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) rank[order[i]] = static_cast<double>(i);
  return rank;
}

/// Spearman's coefficient.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto rank_a = ranks(a);
  const auto rank_b = ranks(b);
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(rank_a[i] - rank_b[i], 2);
  const auto n = static_cast<double>(a.size());
  return 1 - 6 * squares / (n * (n * n - 1));
}

int run(const char* folder, const char* pairs, const char* float_embeddings) {
  const auto lines = read_lines(pairs);
  const auto file = require(TensorFiles::open(float_embeddings));
  const Sentences sentences{integers(file, "id"), integers(file, "length")};
  const auto floats = require(checkpoint::to_f32(require(file.find("embedding"))));
  const Encoder encoder(require(checkpoint::Checkpoint::open(folder)));
  const std::int64_t hidden = encoder.hidden();
  const std::size_t count = sentences.lengths.size();
  if (count != 2 * lines.size() || floats.size() != count * static_cast<std::size_t>(hidden)) {
    throw std::runtime_error("the float embeddings are not those of the pairs");
  }

  const auto begin = std::chrono::steady_clock::now();
  const auto embeddings = encoder.embed(sentences);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

  const auto quantized = [&](std::size_t i) {
    return embeddings.data() + i * static_cast<std::size_t>(hidden);
  };
  const auto exact = [&](std::size_t i) {
    return floats.data() + i * static_cast<std::size_t>(hidden);
  };
  std::vector<double> float_similarity, similarity;
  std::printf("similarity: float   W8A8\n");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    float_similarity.push_back(cosine(exact(2 * i), exact(2 * i + 1), hidden));
    similarity.push_back(cosine(quantized(2 * i), quantized(2 * i + 1), hidden));
    std::string line = lines[i];
    std::replace(line.begin(), line.end(), '\t', '|');
    std::printf("           %6.3f %6.3f   %s\n", float_similarity.back(), similarity.back(),
                line.c_str());
  }
  std::vector<double> cosines;
  for (std::size_t i = 0; i < count; ++i) {
    cosines.push_back(cosine(exact(i), quantized(i), hidden));
  }
  const double least = *std::min_element(cosines.begin(), cosines.end());
  const double mean =
      std::accumulate(cosines.begin(), cosines.end(), 0.0) / static_cast<double>(count);
  const double correlation = rank_correlation(float_similarity, similarity);
  std::printf("%zu sentences, %zu tokens, %.1f s\n", count, sentences.ids.size(), seconds.count());
  std::printf("cosine of an embedding with the float model's: mean %.4f, least %.4f\n", mean,
              least);
  std::printf("rank correlation of the pairs' similarities: %.4f\n", correlation);
  // The mean is NaN where one is, which the least may pass over.
  if (mean >= kLeastCosine && least >= kLeastCosine && correlation >= kLeastRankCorrelation)
    return 0;
  std::fprintf(stderr, "error: expected a cosine of at least %.2f and a correlation of %.2f\n",
               kLeastCosine, kLeastRankCorrelation);
  return 1;
}

}  // namespace
}  // namespace qlinear::encoder

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s CHECKPOINT PAIRS FLOAT_EMBEDDINGS\n", argv[0]);
    return 2;
  }
  try {
    return qlinear::encoder::run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "error: %s\n", exception.what());
    return 1;
  }
}
