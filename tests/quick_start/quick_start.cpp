// Runs one layer of a real network through every type pair and compares with the CPU reference.

#include "pair_result.hpp"
#include "report.hpp"
#include "support/cuda_check.hpp"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace qlinear::quick_start {
namespace {

constexpr const char* kUsage =
    "usage: qlinear_quick_start [--json] [--dump FOLDER] [LAYER.safetensors [BLOCK.safetensors]]\n"
    "  --json         print numbers for a program instead of text\n"
    "  --dump FOLDER  write each pair's raw output there, as f16_s8.bin and so on\n"
    "  LAYER          f16 tensors activation [M,K], weight [C_out,K] and bias [C_out]\n"
    "  BLOCK          what makes it a feed-forward block: f16 tensors weight [K,C_out], bias [K],\n"
    "                 norm_weight [K] and norm_bias [K]\n";

struct Options {
  bool json = false;
  std::filesystem::path dump;
  std::filesystem::path layer = QLINEAR_QUICK_START_LAYER;
  std::filesystem::path block = QLINEAR_QUICK_START_BLOCK;  ///< Empty for none.
};

std::optional<Options> parse_options(int count, char** arguments) {
  Options options;
  int paths = 0;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = arguments[i];
    const bool has_value = i + 1 < count;
    if (option == "--json") {
      options.json = true;
    } else if (option == "--dump" && has_value) {
      options.dump = arguments[++i];
    } else if (!option.starts_with('-') && paths == 0) {
      options.layer = option;
      options.block.clear();
      ++paths;
    } else if (!option.starts_with('-') && paths == 1) {
      options.block = option;
      ++paths;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

std::string device_name() {
  int device = 0;
  test::check(cudaGetDevice(&device), "no CUDA device to run on");
  cudaDeviceProp properties;
  test::check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  return properties.name;
}

std::vector<PairResult> run_all_pairs(const RealLayer& layer) {
  const ExactLayer signed_weight(layer);
  const ExactLayer unsigned_weight(with_non_negative_weight(layer));
  std::vector<PairResult> results;
  for (const ElementKind activation : test::kActivationKinds) {
    results.push_back(run_pair({activation, ElementKind::S8}, signed_weight));
    results.push_back(run_pair({activation, ElementKind::U8}, unsigned_weight));
  }
  return results;
}

void dump(const PairResult& pair, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / (test::to_string(pair.types) + ".bin");
  std::ofstream stream(path, std::ios::binary);
  stream.write(reinterpret_cast<const char*>(pair.output.data()),
               static_cast<std::streamsize>(pair.output.size()));
  if (!stream.flush()) throw std::runtime_error("cannot write " + path.string());
}

/// Whether all bits equal the reference's.
bool run(const Options& options) {
  const RealLayer layer = read_layer(options.layer);
  Report report{device_name(), &layer, run_all_pairs(layer), {}};
  if (!options.block.empty()) {
    report.feed_forward = run_feed_forward(read_feed_forward(layer, options.block));
  }
  std::fputs((options.json ? to_json(report) : to_text(report)).c_str(), stdout);
  if (!options.dump.empty()) {
    std::filesystem::create_directories(options.dump);
    for (const PairResult& pair : report.pairs) dump(pair, options.dump);
  }
  return all_bits_equal(report);
}

}  // namespace
}  // namespace qlinear::quick_start

int main(int argc, char** argv) {
  const auto options = qlinear::quick_start::parse_options(argc, argv);
  if (!options) {
    std::fputs(qlinear::quick_start::kUsage, stderr);
    return 2;
  }
  try {
    return qlinear::quick_start::run(*options) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "qlinear_quick_start: %s\n", error.what());
    return 1;
  }
}
