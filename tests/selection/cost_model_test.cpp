// Selection for GPUs that no machine here is: what `select` weighs, from the inside.

#include <gemm/split_k.hpp>
#include <selection/cost_model.hpp>
#include <selection/cost_parameters.hpp>
#include <selection/feasibility.hpp>
#include <selection/plan_selection.hpp>
#include <selection/selection.hpp>
#include <selection/tiling.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace qlinear::detail {
namespace {

/// An H200 of which `lost` clusters of more than two blocks less run at once than would fit.
DeviceInfo hopper(int lost) {
  DeviceInfo device;
  device.ordinal = 100 + lost;  // Selections are remembered by ordinal.
  device.architecture = 90;
  device.families = families_on(device.architecture);
  device.programmatic_families = families_with_programmatic_launch(device.architecture);
  device.num_sms = 132;
  device.shared_bytes_per_block = 227 * 1024;
  device.shared_bytes_per_sm = 228 * 1024;
  device.memory_bytes_per_clock = 2430;
  for (std::size_t residents = 1; residents <= device.clusters_at_once.size(); ++residents) {
    for (int blocks = 1; blocks <= kernels::kMaxClusterBlocks; ++blocks) {
      const int clusters = 132 * static_cast<int>(residents) / blocks;
      device.clusters_at_once[residents - 1][static_cast<std::size_t>(blocks)] =
          blocks > 2 ? clusters - lost : clusters;
    }
  }
  return device;
}

LinearState select(const DeviceInfo& device, std::int64_t m, std::int64_t n, std::int64_t k,
                   const PlanPreference& preference = {}) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = m;
  descriptor.c_out = n;
  descriptor.k = k;
  descriptor.activation_element = ElementKind::BF16;
  return select_for_plan(device, descriptor, preference).value();
}

std::int64_t tiles(const LinearState& state) {
  const GemmKernel& kernel = *state.aligned.kernel;
  return kernels::tile_count(state.descriptor.m, state.descriptor.c_out, kernel.tile_m,
                             kernel.tile_n);
}

Tiling tiling_of_choice(const LinearState& state, const DeviceInfo& device) {
  return tiling(*state.aligned.kernel, device, state.descriptor, state.aligned.split_k);
}

std::int64_t blocks_at_once(const GemmKernel& kernel, const DeviceInfo& device, int split_k) {
  return tiling(kernel, device, {}, split_k).blocks_at_once;
}

TEST(Tiling, CoversTheProblemInWaves) {
  const DeviceInfo device = hopper(3);
  for (const GemmKernel& kernel : gemm_kernels()) {
    for (const std::int64_t m : {1, 17, 200, 4097}) {
      for (const std::int64_t n : {1, 4096, 57344}) {
        for (int split_k = 1; split_k <= kernel.max_split_k; ++split_k) {
          QuantizedLinearDescriptor problem;
          problem.m = m;
          problem.c_out = n;
          problem.k = 4096;
          const Tiling t = tiling(kernel, device, problem, split_k);
          EXPECT_GE(t.tiles_m * kernel.tile_m, m);
          EXPECT_GE(t.tiles_n * t.weight_rows, n);
          EXPECT_LT((t.tiles_n - 1) * t.weight_rows, n);
          EXPECT_EQ(t.tiles_m % kernel.cluster_m, 0);
          EXPECT_LE(t.split_tiles, t.output_tiles);
          EXPECT_EQ(t.split_tiles > 0, split_k > 1);
          EXPECT_EQ(t.blocks, t.tiles_m * t.tiles_n + t.split_tiles * (split_k - 1));
          EXPECT_GE(t.waves * t.blocks_at_once, t.blocks);
          EXPECT_GE(t.blocks_per_sm * device.num_sms, t.blocks);
          EXPECT_GE(t.k_steps * kernel.tile_k, t.tiles_m * t.tiles_n * problem.k);
          EXPECT_EQ(t.workspace_bytes > 0, split_k > 1 && kernel.split == SplitK::Workspace);
        }
      }
    }
  }
}

TEST(Feasibility, GivesAReasonForEveryRefusal) {
  DeviceInfo small = hopper(0);
  small.limited = true;
  small.num_sms = 1;
  small.shared_bytes_per_block = 48 * 1024;
  PlanPreference forbid;
  forbid.forbid_architecture_specific = true;
  QuantizedLinearDescriptor huge;
  huge.m = huge.c_out = std::numeric_limits<std::int32_t>::max();
  huge.activation_element = ElementKind::BF16;
  huge.weight_element = ElementKind::S8;
  QuantizedLinearDescriptor usual;
  usual.activation_element = ElementKind::F64;
  usual.weight_element = ElementKind::S8;
  bool refuses = false;
  for (const GemmKernel& kernel : gemm_kernels()) {
    for (const DeviceInfo& device : {hopper(0), small}) {
      for (const auto& problem : {usual, huge}) {
        for (const PlanPreference& preference : {PlanPreference(), forbid}) {
          const GemmRequest request{device, problem, preference};
          EXPECT_EQ(can_do(kernel, request), obstacle(kernel, request).empty()) << kernel.name;
          refuses = refuses || !can_do(kernel, request);
        }
      }
    }
  }
  EXPECT_TRUE(refuses);
}

TEST(Selection, IsAFunctionOfItsArguments) {
  QuantizedLinearDescriptor problem;
  problem.m = 1;
  problem.c_out = problem.k = 4096;
  problem.activation_element = ElementKind::BF16;
  problem.weight_element = ElementKind::S8;
  const DeviceInfo device = hopper(0);
  const auto usual = select_linear(device, problem, {});
  ASSERT_TRUE(usual.ok()) << usual.status().message();
  for (const GemmKernel& kernel : gemm_kernels()) {
    const bool chosen = &kernel == usual.value().state.aligned.kernel;
    if (chosen || !can_do(kernel, {device, problem, {}})) continue;
    ::setenv("QLINEAR_KERNEL", kernel.name, 1);
    const auto again = select_linear(device, problem, {});
    const auto forced = select_for_plan(device, problem, {});
    ::unsetenv("QLINEAR_KERNEL");
    EXPECT_EQ(again.value().state.aligned.kernel, usual.value().state.aligned.kernel);
    EXPECT_EQ(again.value().aligned_origin, ChoiceOrigin::Model);
    EXPECT_EQ(forced.value().aligned.kernel, &kernel);
  }
}

LinearState select_gated(const DeviceInfo& device, std::int64_t m, std::int64_t gates) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = m;
  descriptor.c_out = 2 * gates;
  descriptor.k = 4096;
  descriptor.activation_element = ElementKind::BF16;
  descriptor.weight_element = ElementKind::S8;
  descriptor.epilogue = {.activation = ActivationFunction::Silu, .gated = true};
  return select_for_plan(device, descriptor, {}).value();
}

TEST(GatedOutputs, TakeWholeBlocksOfGatesFromTma) {
  const DeviceInfo device = hopper(3);
  for (const std::int64_t m : {1, 64, 4096}) {
    EXPECT_EQ(select_gated(device, m, 14336).sku.backend, KernelBackend::Wgmma);
    EXPECT_EQ(select_gated(device, m, 14340).sku.backend, KernelBackend::MmaSync);
  }
}

TEST(GatedOutputs, CountTilesOverInterleavedRows) {
  const DeviceInfo device = hopper(3);
  QuantizedLinearDescriptor problem;
  problem.m = 5;
  problem.k = 64;
  problem.epilogue = {.activation = ActivationFunction::Silu, .gated = true};
  for (const std::int64_t gates : {1, 9, 64, 4097}) {
    problem.c_out = 2 * gates;
    EXPECT_EQ(gemm_n(problem), (gates + 7) / 8 * 16);
    for (const GemmKernel& kernel : gemm_kernels()) {
      const Tiling t = tiling(kernel, device, problem, 1);
      EXPECT_GE(t.tiles_n * t.weight_rows, gemm_n(problem)) << kernel.name;
      EXPECT_EQ(t.weight_rows % 16, 0) << kernel.name;
    }
  }
}

// Half of the rows that tiles read first are gates, and half are ups.
TEST(GatedOutputs, PrefetchWholePairs) {
  for (const std::int64_t m : {1, 16, 64, 128}) {
    for (const std::int64_t gates : {8, 16, 24, 40, 4096, 14336}) {
      const GemmChoice choice = select_gated(hopper(3), m, gates).aligned;
      EXPECT_GT(choice.prefetched_bytes, 0);
      EXPECT_GT(choice.prefetched_rows, 0);
      EXPECT_EQ(choice.prefetched_rows % 2, 0) << m << ' ' << gates;
      EXPECT_LE(choice.prefetched_rows, 2 * gates);
    }
  }
}

TEST(GivenActivations, HaveNoQuantizeKernel) {
  QuantizedLinearDescriptor descriptor;
  descriptor.m = 16;
  descriptor.c_out = 4096;
  descriptor.k = 4096;
  descriptor.activation_element = ElementKind::BF16;
  descriptor.weight_element = ElementKind::S8;
  descriptor.scale.kind = ScaleKind::Given;
  const LinearState state = select_for_plan(hopper(3), descriptor, {}).value();
  EXPECT_EQ(state.quantize_kernel, nullptr);
  EXPECT_EQ(state.aligned.prefetched_bytes, 0);
}

TEST(CostParameters, AreThoseOfTheGpu) {
  DeviceInfo device = hopper(0);
  EXPECT_EQ(&gpu_parameters(device), &kH200);
  device.memory_bytes_per_clock = 1693;
  EXPECT_EQ(&gpu_parameters(device), &kH100);
  device.architecture = 100;
  EXPECT_EQ(&gpu_parameters(device), &kOtherGpu);
}

TEST(CostParameters, OfATileComeBeforeThoseOfItsFamily) {
  EXPECT_GT(tile_cost("wgmma_swapped_192x128", kWgmmaSwapAbCost).stage_gap_clocks,
            kWgmmaSwapAbCost.stage_gap_clocks);
  EXPECT_EQ(tile_cost("a tile of tomorrow", kWgmmaSwapAbCost).stage_gap_clocks,
            kWgmmaSwapAbCost.stage_gap_clocks);
}

// A cluster that has to wait for others would double the time of a layer.
TEST(CostModel, ClustersOfASplitRunAtOnce) {
  for (const int lost : {0, 3, 9}) {
    const DeviceInfo device = hopper(lost);
    for (const std::int64_t m : {1, 16, 17, 64, 96, 128, 256}) {
      for (const std::int64_t n : {4096, 6144, 8192, 10240}) {
        for (const std::int64_t k : {4096, 8192, 14336, 28672}) {
          const LinearState state = select(device, m, n, k);
          if (state.aligned.split_k == 1) continue;
          EXPECT_LE(tiles(state) * state.aligned.split_k,
                    tiling_of_choice(state, device).blocks_at_once)
              << m << ' ' << n << ' ' << k << ' ' << state.aligned.kernel->name << ' '
              << state.aligned.split_k;
        }
      }
    }
  }
}

TEST(CostModel, CountsTheClustersThatTheRuntimeTells) {
  const GemmKernel* kernel = nullptr;
  for (const GemmKernel& candidate : gemm_kernels()) {
    if (candidate.split == SplitK::Cluster && candidate.blocks_per_sm == 1) {
      kernel = &candidate;
    }
  }
  if (kernel == nullptr) return;  // Built without sm_90a.
  EXPECT_EQ(blocks_at_once(*kernel, hopper(3), 1), 132);
  EXPECT_EQ(blocks_at_once(*kernel, hopper(3), 2), 132);
  EXPECT_EQ(blocks_at_once(*kernel, hopper(3), 4), 4 * 30);
  DeviceInfo silent = hopper(0);
  silent.clusters_at_once = {};
  EXPECT_EQ(blocks_at_once(*kernel, silent, 5), 130);
}

// All of such a problem is in flight at once, however deep the pipeline: a deep one is no merit.
TEST(CostModel, GivesTinyProblemsTheSmallestTile) {
  const GemmKernel& chosen = *select(hopper(0), 1, 64, 64).aligned.kernel;
  for (const GemmKernel& kernel : gemm_kernels()) {
    if (kernel.backend != chosen.backend) continue;
    EXPECT_LE(chosen.tile_m * chosen.tile_n, kernel.tile_m * kernel.tile_n) << kernel.name;
  }
}

// Where reading the weights takes long, reading them for several tiles of tokens takes longer.
TEST(CostModel, HoldsFewTokensInOneTile) {
  for (const std::int64_t m : {1, 8, 9, 16, 17, 24, 25, 32, 33, 48, 49, 64}) {
    EXPECT_GE(select(hopper(0), m, 57344, 8192).aligned.kernel->tile_m, m) << m;
    EXPECT_GE(select(hopper(0), m, 8192, 28672).aligned.kernel->tile_m, m) << m;
  }
}

// Products that no token needs take time: the smallest tile that holds all tokens is best.
TEST(CostModel, WastesNoTokens) {
  const auto tile = [](std::int64_t m) {
    return select(hopper(0), m, 57344, 8192).aligned.kernel->tile_m;
  };
  EXPECT_LE(tile(8), tile(16));
  EXPECT_LE(tile(16), tile(32));
  EXPECT_LT(tile(16), tile(64));
  EXPECT_LT(tile(32), tile(128));
}

// Weights are then read for two tiles, but those of 192 tokens take longer.
TEST(CostModel, HoldsSomeMoreTokensInTwoTiles) {
  for (const std::int64_t m : {129, 144, 160, 176}) {
    EXPECT_EQ(select(hopper(0), m, 57344, 8192).aligned.kernel->tile_m, 96) << m;
  }
}

// At a GPU's power limit less traffic is worth clocks, and few tokens do not take it there.
TEST(CostModel, CountsEnergyWithManyTokens) {
  const DeviceInfo device = hopper(0);
  const GemmKernel* kernel = select(device, 4096, 8192, 8192).aligned.kernel;
  EXPECT_GT(kernel->cluster_m, 1);
  FamilyCost free_energy = *kernel->cost;
  free_energy.product_energy = 0;
  free_energy.l2_byte_energy = 0;
  GemmKernel unlimited = *kernel;
  unlimited.cost = &free_energy;
  const auto clocks_saved = [&](std::int64_t m) {
    QuantizedLinearDescriptor problem;
    problem.m = m;
    problem.c_out = 8192;
    problem.k = 8192;
    const Tiling tiles = tiling(*kernel, device, problem, 1);
    return expected_clocks(*kernel, device, problem, tiles) -
           expected_clocks(unlimited, device, problem, tiles);
  };
  EXPECT_EQ(clocks_saved(255), 0);
  EXPECT_GT(clocks_saved(256), 0);
  EXPECT_GT(clocks_saved(4096), 0);
}

// Of two tiles with full waves, the one beside which the next layer's rows are quantized.
TEST(CostModel, LeavesRoomForTheQuantizeKernel) {
  EXPECT_FALSE(select(hopper(0), 512, 28672, 4096).aligned.kernel->fills_sm);
}

// 224 tiles of 128 rows: two of them on some SMs, one on the others.
TEST(CostModel, SharesUnevenWorkByTwoBlocksAMultiprocessor) {
  EXPECT_EQ(select(hopper(0), 4, 28672, 4096).aligned.kernel->blocks_per_sm, 2);
}

TEST(CostModel, LeavesMultiprocessorsToTheRowsOfFewTokens) {
  const DeviceInfo device = hopper(0);
  for (const std::int64_t m : {8, 16}) {
    const LinearState state = select(device, m, 4096, 4096);
    EXPECT_LE(tiles(state) * state.aligned.split_k + m, device.num_sms)
        << m << ' ' << state.aligned.kernel->name;
  }
}

// Tiles of 112 of their 128 weight rows are 64 rather than 56, and the slices of all run at once.
TEST(CostModel, SplitsEveryTileOfACluster) {
  const GemmKernel* kernel = find_gemm_kernel("wgmma_swapped_deep_16x128");
  if (kernel == nullptr) return;  // Built without sm_90a.
  QuantizedLinearDescriptor problem;
  problem.m = 16;
  problem.c_out = 7168;
  problem.k = 8192;
  const Tiling split = tiling(*kernel, hopper(0), problem, 2);
  EXPECT_EQ(split.weight_rows, 112);
  EXPECT_EQ(split.split_tiles, 64);
  EXPECT_EQ(split.blocks, 128);
  EXPECT_TRUE(split.split_fills_one_wave());
  EXPECT_EQ(split.workspace_bytes, 0U);
  const Tiling whole = tiling(*kernel, hopper(0), problem, 1);
  EXPECT_LT(expected_clocks(*kernel, hopper(0), problem, split),
            expected_clocks(*kernel, hopper(0), problem, whole));
}

// Each stage that a block goes through takes time, and there are SMs for more blocks.
TEST(CostModel, SplitsLongRowsOfSmallWeightsWidely) {
  for (const std::int64_t n : {256, 768, 1024, 1280}) {
    EXPECT_GT(select(hopper(0), 1, n, 8192).aligned.split_k, 2) << n;
  }
}

// Every wave of tiles takes time, however small they are.
TEST(CostModel, HoldsManyTokensOfSmallWeightsInFewTiles) {
  EXPECT_GT(select(hopper(0), 201, 1536, 384).aligned.kernel->tile_m, 8);
}

// Where a GEMM leaves SMs idle, the next one's blocks would gather there.
TEST(CostModel, StartsConstantWeightsEarlyOnFullGridsOnly) {
  const DeviceInfo device = hopper(0);
  PlanPreference promise;
  promise.constant_weights = true;
  EXPECT_TRUE(select(device, 1, 57344, 4096, promise).constant_weights);
  EXPECT_FALSE(select(device, 1, 57344, 4096).constant_weights);
  EXPECT_FALSE(select(device, 1, 4096, 4096, promise).constant_weights);
  EXPECT_FALSE(select(device, 65, 57344, 4096, promise).constant_weights);
  EXPECT_FALSE(select(device, 1, 57344, 14336, promise).constant_weights);
  promise.kernel = "wgmma_128x256";
  EXPECT_TRUE(select(device, 65, 4096, 14336, promise).constant_weights);
}

TEST(CostModel, SpreadsFewLongRowsOverClusters) {
  const DeviceInfo device = hopper(5);  // 32 clusters of seven, two blocks an SM.
  EXPECT_STREQ(select(device, 64, 8192, 28672).quantize_kernel->name, "quantize_cluster");
  EXPECT_STREQ(select(device, 65, 8192, 28672).quantize_kernel->name, "quantize_registers");
  EXPECT_STREQ(select(device, 33, 4096, 14336).quantize_kernel->name, "quantize_cluster");
  EXPECT_STREQ(select(device, 34, 4096, 14336).quantize_kernel->name, "quantize_registers");
  EXPECT_STREQ(select(device, 1, 4096, 8192).quantize_kernel->name, "quantize_registers");
  DeviceInfo without_clusters = device;
  without_clusters.ordinal = 200;
  without_clusters.clusters_at_once = {};
  EXPECT_STREQ(select(without_clusters, 1, 8192, 28672).quantize_kernel->name,
               "quantize_registers");
}

TEST(CostModel, KeepsManyLongGatedRowsInSharedMemory) {
  const DeviceInfo device = hopper(5);
  const auto chosen = [&](std::int64_t m, std::int64_t n, std::int64_t k,
                          ElementKind element = ElementKind::BF16) {
    QuantizedLinearDescriptor descriptor;
    descriptor.m = m;
    descriptor.c_out = n;
    descriptor.k = k;
    descriptor.activation_element = element;
    descriptor.source = {.kind = SourceKind::Gated, .function = ActivationFunction::Silu};
    return std::string_view(select_for_plan(device, descriptor, {}).value().quantize_kernel->name);
  };
  EXPECT_EQ(chosen(66, 4096, 14336), "quantize_cluster");
  EXPECT_EQ(chosen(67, 4096, 14336), "quantize_registers");
  EXPECT_EQ(chosen(512, 4096, 14336), "quantize_shared");
  EXPECT_EQ(chosen(512, 4096, 8192), "quantize_registers");
  EXPECT_EQ(chosen(128, 8192, 28672), "quantize_cluster");
  EXPECT_EQ(chosen(129, 8192, 28672), "quantize_shared");
  EXPECT_EQ(chosen(129, 8192, 53248), "quantize_two_pass");
  EXPECT_EQ(chosen(512, 4096, 14336, ElementKind::F32), "quantize_two_pass");
}

TEST(CostModel, SpreadsManyRowsBehindTilesThatLeaveNoRoom) {
  const DeviceInfo device = hopper(0);
  PlanPreference preference;
  preference.kernel = "wgmma_128x256";
  EXPECT_TRUE(select(device, 257, 4096, 4096, preference).aligned.limits_blocks_per_sm);
  EXPECT_FALSE(select(device, 256, 4096, 4096, preference).aligned.limits_blocks_per_sm);
  preference.kernel = "wgmma_multicast_128x128";
  EXPECT_TRUE(select(device, 257, 4096, 4096, preference).aligned.limits_blocks_per_sm);
  preference.kernel = "wgmma_128x96";
  EXPECT_FALSE(select(device, 257, 4096, 4096, preference).aligned.limits_blocks_per_sm);
  preference.kernel = "mma_m16n8k32_128x128x128";
  EXPECT_FALSE(select(device, 257, 4096, 4096, preference).aligned.limits_blocks_per_sm);
}

TEST(CostModel, LaunchesLongGemmsBehindTheQuantizeKernel) {
  EXPECT_TRUE(select(hopper(0), 4096, 4096, 4096).aligned.launches_early);
  EXPECT_FALSE(select(hopper(0), 4096, 28672, 8192).aligned.launches_early);
}

// What the quantize kernel fetches lies within the weights and is no more than memory has time for.
TEST(Prefetch, StaysWithinBudget) {
  for (const std::int64_t m : {1, 16, 64, 128, 129, 4096}) {
    for (const std::int64_t n : {0, 1, 64, 4096, 57344, 1 << 20}) {
      for (const std::int64_t k : {0, 16, 128, 200, 4096, 28672}) {
        const GemmChoice choice = select(hopper(0), m, n, k).aligned;
        if (choice.kernel->backend != KernelBackend::Wgmma || m > 128) {
          EXPECT_EQ(choice.prefetched_bytes, 0);
          continue;
        }
        EXPECT_LE(choice.prefetched_rows, n);
        EXPECT_LE(choice.prefetched_bytes, k / choice.split_k);
        EXPECT_EQ(choice.prefetched_bytes % 128, 0);
        const std::int64_t pieces = choice.prefetched_rows * choice.split_k;
        const std::int64_t most = std::min<std::int64_t>(10 << 20, n * k / 5);
        EXPECT_LE(choice.prefetched_bytes * pieces, std::max(most, pieces * 128));
        EXPECT_EQ(choice.prefetched_bytes > 0, n > 0 && k / choice.split_k >= 128)
            << m << ' ' << n << ' ' << k;
      }
    }
  }
}

TEST(Prefetch, ShrinksWithTokens) {
  const auto bytes = [](std::int64_t m) {
    PlanPreference preference;
    preference.kernel = "wgmma_swapped_deep_64x64";
    preference.split_k = 1;
    const GemmChoice choice = select(hopper(0), m, 8192, 8192, preference).aligned;
    return choice.prefetched_rows * choice.prefetched_bytes;
  };
  EXPECT_GT(bytes(16), bytes(17));
  EXPECT_GT(bytes(64), bytes(65));
  EXPECT_GT(bytes(128), 0);
  EXPECT_EQ(bytes(129), 0);
}

TEST(Prefetch, NeedsProgrammaticLaunch) {
  DeviceInfo device = hopper(0);
  device.ordinal = 90;
  EXPECT_GT(select(device, 1, 4096, 4096).aligned.prefetched_bytes, 0);
  device.ordinal = 91;
  device.programmatic_families = {};
  EXPECT_EQ(select(device, 1, 4096, 4096).aligned.prefetched_bytes, 0);
}

}  // namespace
}  // namespace qlinear::detail
