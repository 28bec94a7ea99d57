// What `select` chooses on eight GPUs over a grid of problems, against a committed table: a change
// of the cost model, of a rule or of the kernels shows in the table's diff, entry by entry.
//
//   selection_table_test --write   writes the table anew, for review with `git diff`.

#include <selection/kernel_table.hpp>
#include <selection/selection.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::detail {
namespace {

/// Facts of a GPU by its vendor's data sheet. Of clusters of more than two blocks three less run at
/// once than would fit, since some SMs of a GPC are disabled.
struct Gpu {
  const char* name;
  int architecture;
  int num_sms;
  int shared_kib;  ///< Of an SM; a block may have one less from compute capability 8.0 on.
  double memory_bytes_per_clock;
};

constexpr Gpu kGpus[] = {
    {"T4", 75, 40, 64, 201},       {"A100", 80, 108, 164, 1446},    {"RTX3090", 86, 82, 100, 552},
    {"L40S", 89, 142, 100, 343},   {"H100", 90, 132, 228, 1693},    {"H200", 90, 132, 228, 2430},
    {"B200", 100, 148, 228, 4071}, {"RTX5090", 120, 170, 100, 744},
};

DeviceInfo device_info_of(const Gpu& gpu) {
  DeviceInfo device;
  device.architecture = gpu.architecture;
  device.families = families_on(device.architecture);
  device.programmatic_families = families_with_programmatic_launch(device.architecture);
  device.num_sms = gpu.num_sms;
  device.shared_bytes_per_sm = static_cast<std::size_t>(gpu.shared_kib) * 1024;
  device.shared_bytes_per_block =
      static_cast<std::size_t>(gpu.shared_kib - (gpu.architecture >= 80 ? 1 : 0)) * 1024;
  device.memory_bytes_per_clock = gpu.memory_bytes_per_clock;
  if (gpu.architecture < 90 || gpu.architecture >= 120) return device;
  for (std::size_t residents = 1; residents <= device.clusters_at_once.size(); ++residents) {
    for (int blocks = 1; blocks <= kernels::kMaxClusterBlocks; ++blocks) {
      const int clusters = gpu.num_sms * static_cast<int>(residents) / blocks;
      device.clusters_at_once[residents - 1][static_cast<std::size_t>(blocks)] =
          blocks > 2 ? clusters - 3 : clusters;
    }
  }
  return device;
}

struct Layer {
  std::int64_t n;
  std::int64_t k;
};

// Fused layers of Llama 3 8B and 70B, layers of smaller models and slices of larger ones, and odd
// shapes.
constexpr Layer kLayers[] = {
    {6144, 4096},  {4096, 4096},  {28672, 4096}, {4096, 14336}, {10240, 8192}, {8192, 8192},
    {57344, 8192}, {8192, 28672}, {768, 768},    {3072, 768},   {768, 3072},   {1536, 576},
    {576, 1536},   {49152, 576},  {1280, 8192},  {5120, 5120},  {13824, 5120}, {7168, 2048},
    {512, 7168},   {2048, 128},   {64, 65536},   {333, 1001},   {1, 4096},
};

struct TypePair {
  ElementKind activation;
  ElementKind weight;
};
constexpr TypePair kEveryLayer{ElementKind::BF16, ElementKind::S8};
constexpr TypePair kSomeLayers[] = {{ElementKind::F16, ElementKind::S8},
                                    {ElementKind::BF16, ElementKind::U8},
                                    {ElementKind::F32, ElementKind::S8},
                                    {ElementKind::F64, ElementKind::U8}};

/// Every M up to 64, every eighth and the one after it up to 256, then four an octave and the one
/// after each power of two.
std::vector<std::int64_t> token_counts() {
  std::set<std::int64_t> counts;
  for (std::int64_t m = 1; m <= 64; ++m) counts.insert(m);
  for (std::int64_t m = 64; m <= 256; m += 8) counts.insert({m, m + 1});
  for (std::int64_t octave = 256; octave <= 8192; octave *= 2) {
    for (std::int64_t quarter = 0; quarter < 4; ++quarter) {
      counts.insert(octave + quarter * octave / 4);
    }
    counts.insert(octave + 1);
  }
  return {counts.begin(), counts.end()};
}

std::string choice_text(const GemmChoice& choice) {
  if (choice.kernel == nullptr) return "none";
  std::ostringstream text;
  text << choice.kernel->name;
  if (choice.split_k > 1) text << '/' << choice.split_k;
  if (choice.prefetched_bytes > 0) text << " prefetch";
  if (choice.limits_blocks_per_sm) text << " spread";
  if (!choice.launches_early) text << " late";
  return text.str();
}

std::string state_text(const LinearState& state) {
  std::string text = std::string(state.quantize_kernel->name) + " | " + choice_text(state.aligned);
  const std::string unaligned = choice_text(state.unaligned);
  if (unaligned != choice_text(state.aligned)) text += " | unaligned " + unaligned;
  return text;
}

std::string entry(const DeviceInfo& device, TypePair types, const Layer& layer, std::int64_t m) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = m;
  descriptor.c_out = layer.n;
  descriptor.k = layer.k;
  descriptor.activation_element = types.activation;
  descriptor.weight_element = types.weight;
  const auto selection = select_linear(device, descriptor, {});
  return selection.ok() ? state_text(selection.value().state) : selection.status().message();
}

/// A heading, then a line for each run of token counts that share an entry, with the first of them.
void append_layer(std::vector<std::string>& lines, const Gpu& gpu, TypePair types,
                  const Layer& layer) {
  static const std::vector<std::int64_t> kTokenCounts = token_counts();
  const DeviceInfo device = device_info_of(gpu);
  std::ostringstream heading;
  heading << gpu.name << ' ' << to_string(types.activation) << ' ' << to_string(types.weight)
          << " N=" << layer.n << " K=" << layer.k;
  lines.push_back(heading.str());
  std::string previous;
  for (const std::int64_t m : kTokenCounts) {
    std::string text = entry(device, types, layer, m);
    if (text != previous) lines.push_back("  M>=" + std::to_string(m) + ": " + text);
    previous = std::move(text);
  }
}

std::vector<std::string> selection_table() {
  std::vector<std::string> lines;
  for (const Gpu& gpu : kGpus) {
    // What is tuned is Hopper's; of the others every second layer shows as much.
    const std::size_t step = gpu.architecture == 90 ? 1 : 2;
    for (std::size_t i = 0; i < std::size(kLayers); i += step) {
      append_layer(lines, gpu, kEveryLayer, kLayers[i]);
    }
    for (const TypePair& types : kSomeLayers) {
      for (const Layer& layer : {kLayers[1], kLayers[3], kLayers[9], kLayers[21]}) {
        append_layer(lines, gpu, types, layer);
      }
    }
  }
  return lines;
}

std::vector<std::string> committed_table() {
  std::ifstream file(QLINEAR_SELECTION_TABLE);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST(SelectionTable, IsTheCommittedOne) {
  const std::vector<std::string> expected = committed_table();
  const std::vector<std::string> actual = selection_table();
  ASSERT_FALSE(expected.empty()) << QLINEAR_SELECTION_TABLE;
  std::string heading;
  for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    if (!actual[i].starts_with(' ')) heading = actual[i];
    ASSERT_EQ(actual[i], expected[i])
        << "line " << i + 1 << ", " << heading
        << "; if the change is meant, run selection_table_test --write and review the diff";
  }
  EXPECT_EQ(actual.size(), expected.size());
}

}  // namespace
}  // namespace qlinear::detail

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--write") {
    std::ofstream file(QLINEAR_SELECTION_TABLE);
    for (const std::string& line : qlinear::detail::selection_table()) file << line << '\n';
    return file.good() ? 0 : 1;
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
