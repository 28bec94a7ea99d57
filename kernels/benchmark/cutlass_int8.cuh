#pragma once

#include <benchmark/cutlass_int8.hpp>

#include <cutlass/gemm/device/gemm_universal_adapter.h>
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/epilogue/fusion/sm90_visitor_tma_warpspecialized.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <cutlass/gemm/kernel/gemm_universal.hpp>
#include <cutlass/util/packed_stride.hpp>

namespace qlinear::benchmark {

/// `Tile` is M x N x K of a block, `Cluster` the blocks along M and N.
template <class Tile, class Cluster, class Schedule>
struct CutlassInt8 {
  template <class Output, class... Children>
  using Product = cutlass::epilogue::fusion::Sm90EVT<
      cutlass::epilogue::fusion::Sm90Compute<cutlass::multiplies, Output, float,
                                             cutlass::FloatRoundStyle::round_to_nearest>,
      Children...>;
  using RowScale =
      cutlass::epilogue::fusion::Sm90ColBroadcast<0, Tile, float, float,
                                                  cute::Stride<cute::_1, cute::_0, cute::_0>>;
  using ColumnScale =
      cutlass::epilogue::fusion::Sm90RowBroadcast<0, Tile, float, float,
                                                  cute::Stride<cute::_0, cute::_1, cute::_0>>;
  using Dequantize = Product<cutlass::bfloat16_t, Product<float, RowScale, ColumnScale>,
                             cutlass::epilogue::fusion::Sm90AccFetch>;

  using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, Tile, Cluster,
      cutlass::epilogue::collective::EpilogueTileAuto, std::int32_t, float, void,
      cutlass::layout::RowMajor, 8, cutlass::bfloat16_t, cutlass::layout::RowMajor, 8,
      cutlass::epilogue::TmaWarpSpecialized, Dequantize>::CollectiveOp;
  using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
      cutlass::arch::Sm90, cutlass::arch::OpClassTensorOp, std::int8_t, cutlass::layout::RowMajor,
      16, std::int8_t, cutlass::layout::ColumnMajor, 16, std::int32_t, Tile, Cluster,
      cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(
          sizeof(typename Epilogue::SharedStorage))>,
      Schedule>::CollectiveOp;
  using Gemm = cutlass::gemm::device::GemmUniversalAdapter<cutlass::gemm::kernel::GemmUniversal<
      cute::Shape<int, int, int, int>, Mainloop, Epilogue, cutlass::gemm::PersistentScheduler>>;

  static typename Gemm::Arguments arguments(const CutlassProblem& problem) {
    using Kernel = typename Gemm::GemmKernel;
    const auto m = static_cast<int>(problem.m);
    const auto n = static_cast<int>(problem.n);
    const auto k = static_cast<int>(problem.k);
    const auto stride_a = cutlass::make_cute_packed_stride(typename Kernel::StrideA{}, {m, k, 1});
    const auto stride_b = cutlass::make_cute_packed_stride(typename Kernel::StrideB{}, {n, k, 1});
    const auto stride_d = cutlass::make_cute_packed_stride(typename Kernel::StrideD{}, {m, n, 1});
    auto* output = reinterpret_cast<cutlass::bfloat16_t*>(problem.output);
    return {cutlass::gemm::GemmUniversalMode::kGemm,
            {m, n, k, 1},
            {problem.a, stride_a, problem.b, stride_b},
            {{{{problem.a_scale}, {problem.b_scale}, {}}, {}, {}},
             nullptr,
             typename Kernel::StrideC{},
             output,
             stride_d}};
  }

  static cudaError_t launch(const CutlassProblem& problem, cudaStream_t stream) {
    const typename Gemm::Arguments args = arguments(problem);
    // None of these schedules splits K, so none asks for workspace.
    if (Gemm::get_workspace_size(args) != 0) return cudaErrorNotSupported;
    if (Gemm::can_implement(args) != cutlass::Status::kSuccess) return cudaErrorNotSupported;
    Gemm gemm;
    if (gemm.run(args, nullptr, stream) != cutlass::Status::kSuccess) return cudaErrorUnknown;
    return cudaSuccess;
  }
};

}  // namespace qlinear::benchmark
