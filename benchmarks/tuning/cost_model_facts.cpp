// Prints what fit_cost_model.py needs of the library, as JSON: the facts of every kernel that the
// cost model reads, two GPUs, and what the model expects of every kernel there on a grid of
// problems. It needs no GPU.

#include <qlinear/problem.hpp>
#include <selection/cost_model.hpp>
#include <selection/feasibility.hpp>
#include <selection/kernel_table.hpp>
#include <selection/tiling.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace qlinear::detail {
namespace {

constexpr std::array kM{1, 8, 9, 17, 32, 33, 64, 100, 129, 255, 256, 777, 4096};
constexpr std::array kN{64, 333, 1536, 4096, 10240, 57344};
constexpr std::array kK{200, 4096, 8192, 14336};
constexpr std::array kSplits{1, 2, 3, 4, 6, 8, 12, 16};

DeviceInfo hopper(double memory_bytes_per_clock) {
  DeviceInfo device;
  device.architecture = 90;
  device.families = families_on(device.architecture);
  device.num_sms = 132;
  device.shared_bytes_per_block = 227 * 1024;
  device.shared_bytes_per_sm = 228 * 1024;
  device.memory_bytes_per_clock = memory_bytes_per_clock;
  device.clusters_at_once = {{{0, 132, 66, 39, 30, 22, 17, 15, 15},  // As an H200 reports them.
                              {0, 264, 132, 79, 62, 47, 39, 32, 30}}};
  return device;
}

std::string facts(const GemmKernel& kernel) {
  const char* split = kernel.split == SplitK::Workspace ? "workspace" : "cluster";
  std::ostringstream text;
  text << std::boolalpha << R"({"name": ")" << kernel.name << R"(", "backend": ")"
       << to_string(kernel.backend) << R"(", "alignment": )" << kernel.alignment
       << R"(, "architecture_specific": )" << kernel.architecture_specific << R"(, "tile_m": )"
       << kernel.tile_m << R"(, "tile_n": )" << kernel.tile_n << R"(, "tile_k": )" << kernel.tile_k
       << R"(, "cluster_m": )" << kernel.cluster_m << R"(, "shared_bytes": )" << kernel.shared_bytes
       << R"(, "pipeline_bytes": )" << kernel.pipeline_bytes << R"(, "blocks_per_sm": )"
       << kernel.blocks_per_sm << R"(, "fills_sm": )" << kernel.fills_sm
       << R"(, "spreads_weight_rows": )" << kernel.spreads_weight_rows << R"(, "split": ")" << split
       << R"(", "max_split_k": )" << kernel.max_split_k << R"(, "operand_clocks": )"
       << kernel.operand_clocks << "}";
  return text.str();
}

std::string facts(const DeviceInfo& device) {
  std::ostringstream text;
  text << R"({"num_sms": )" << device.num_sms << R"(, "shared_bytes_per_sm": )"
       << device.shared_bytes_per_sm << R"(, "memory_bytes_per_clock": )"
       << device.memory_bytes_per_clock << R"(, "clusters_at_once": [)";
  const char* separator = "";
  for (const auto& clusters : device.clusters_at_once) {
    text << separator << "[0";
    for (std::size_t blocks = 1; blocks < clusters.size(); ++blocks)
      text << ", " << clusters[blocks];
    text << ']';
    separator = ", ";
  }
  return text.str() + "]}";
}

/// [M, N, K, kernel, split, clocks, whether select would consider it].
std::vector<std::string> expectations(const DeviceInfo& device) {
  std::vector<std::string> rows;
  QuantizedLinearDescriptor problem;
  problem.activation_element = ElementKind::BF16;
  for (const int m : kM) {
    for (const int n : kN) {
      for (const int k : kK) {
        problem.m = m;
        problem.c_out = n;
        problem.k = k;
        for (const GemmKernel& kernel : gemm_kernels()) {
          for (const int split_k : kSplits) {
            if (split_k > kernel.max_split_k || (split_k > 1 && (m + n + k + split_k) % 4 != 0)) {
              continue;
            }
            const bool considered =
                split_tiling(kernel, {device, problem, {}}, split_k).has_value();
            std::ostringstream row;
            row << std::setprecision(17) << std::boolalpha << '[' << m << ", " << n << ", " << k
                << ", \"" << kernel.name << "\", " << split_k << ", "
                << expected_clocks(kernel, device, problem,
                                   tiling(kernel, device, problem, split_k))
                << ", " << considered << ']';
            rows.push_back(row.str());
          }
        }
      }
    }
  }
  return rows;
}

void print_list(const std::vector<std::string>& items) {
  const char* separator = "";
  for (const std::string& item : items) {
    std::cout << separator << item;
    separator = ",\n";
  }
}

void print_facts() {
  std::vector<std::string> kernels;
  for (const GemmKernel& kernel : gemm_kernels()) kernels.push_back(facts(kernel));
  std::cout << "{\"kernels\": [\n";
  print_list(kernels);
  std::cout << "],\n\"gpus\": {\n";
  const char* separator = "";
  for (const auto& [name, device] : {std::pair{"H100", hopper(1693)}, {"H200", hopper(2430)}}) {
    std::cout << separator << '"' << name << "\": {\"device\": " << facts(device)
              << ", \"expected\": [\n";
    print_list(expectations(device));
    std::cout << "]}";
    separator = ",\n";
  }
  std::cout << "}}\n";
}

}  // namespace
}  // namespace qlinear::detail

int main() {
  qlinear::detail::print_facts();
  return std::cout.good() ? 0 : 1;
}
