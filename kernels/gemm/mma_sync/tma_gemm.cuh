#pragma once

#include <common/dispatch_element.hpp>
#include <common/gated_rows.hpp>
#include <gemm/mma_sync/operand.cuh>
#include <gemm/mma_sync/store.cuh>
#include <gemm/mma_sync/tma_gemm.hpp>
#include <gemm/mma_sync/warp.cuh>
#include <gemm/rasterize.cuh>
#include <gemm/split_k.cuh>
#include <gemm/tile_tokens.hpp>
#include <gemm/weight_map.hpp>
#include <ptx/elect_sync.cuh>
#include <ptx/griddepcontrol.cuh>
#include <ptx/special_registers.cuh>
#include <ptx/tma.cuh>
#include <runtime/launch.cuh>

#include <algorithm>
#include <array>
#include <utility>

namespace qlinear::kernels {

/// Holds the types and constants of a row of `kMmaSyncTmaTiles` for device code.
template <int kTileIndex>
struct MmaSyncTmaTraits {
  static constexpr MmaSyncTmaTile kTile = kMmaSyncTmaTiles[kTileIndex];
  static constexpr int kStages = kTile.stages;
  static constexpr int kTileM = kTile.m;
  static constexpr int kTileN = kTile.n;
  static constexpr int kStageBytes = kTile.stage_bytes();
  static constexpr int kPipelineBytes = kTile.pipeline_bytes();
  static constexpr int kStagingBytes = kTile.staging_bytes();
  static constexpr int kWarps = kTile.warps();
  static constexpr int kThreads = kTile.threads();
  static constexpr int kWarpM = kTile.m / kTile.warps_m;
  static constexpr int kWarpN = kTile.n / kTile.warps_n;
  using A = SwizzledRows<kTile.m, kMmaSyncTmaTileK>;
  using B = SwizzledRows<kTile.n, kMmaSyncTmaTileK>;
  using Accumulators = WarpTile<kWarpM, kWarpN>;
};

/// Lays out a block's shared memory.
template <int kTileIndex>
class MmaSyncTmaMemory {
  using Traits = MmaSyncTmaTraits<kTileIndex>;

 public:
  __device__ MmaSyncTmaMemory() : memory_(ptx::dynamic_shared_memory()) {}

  __device__ unsigned char* tokens(int pipeline_stage) const {
    return memory_ + pipeline_stage * Traits::kStageBytes;
  }
  __device__ unsigned char* weights(int pipeline_stage) const {
    return tokens(pipeline_stage) + Traits::A::kStageBytes;
  }
  __device__ unsigned char* staging(int warp) const {
    constexpr int kWarpBytes = Traits::kStagingBytes / Traits::kWarps;
    return memory_ + Traits::kPipelineBytes + warp * kWarpBytes;
  }
  /// Completes when a stage's bytes have arrived.
  __device__ ptx::Mbarrier* full(int pipeline_stage) const { return barriers() + pipeline_stage; }
  /// Completes when every warp has read a stage.
  __device__ ptx::Mbarrier* empty(int pipeline_stage) const {
    return barriers() + Traits::kStages + pipeline_stage;
  }
  /// Holds the loader's state.
  __device__ unsigned char* state() const {
    return reinterpret_cast<unsigned char*>(barriers() + 2 * Traits::kStages);
  }

  /// A word through which a thread tells the block something.
  __device__ unsigned* flag() const {
    return reinterpret_cast<unsigned*>(state() + kMmaSyncTmaStateBytes);
  }
  /// Holds a warp's unit of work.
  __device__ unsigned* unit(int warp) const { return flag() + 1 + warp; }

  /// Initialises the barriers: called by one thread before the block's first barrier.
  __device__ void initialise() const {
    for (int pipeline_stage = 0; pipeline_stage < Traits::kStages; ++pipeline_stage) {
      ptx::mbarrier_init(full(pipeline_stage), 1);
      ptx::mbarrier_init(empty(pipeline_stage), Traits::kWarps);
    }
    ptx::fence_mbarrier_init();
  }

 private:
  __device__ ptx::Mbarrier* barriers() const {
    return reinterpret_cast<ptx::Mbarrier*>(memory_ + Traits::kPipelineBytes +
                                            Traits::kStagingBytes);
  }

  unsigned char* memory_;
};

/// A unit of work, and the first row and column of its tile.
struct MmaSyncTmaWork {
  SplitUnit unit;
  std::int64_t row;
  std::int64_t column;
};

template <int kTileIndex>
__device__ __forceinline__ MmaSyncTmaWork mma_sync_tma_work(const GemmProblem& p,
                                                            int tokens_of_tile, unsigned unit) {
  constexpr int kTileM = MmaSyncTmaTraits<kTileIndex>::kTileM;
  constexpr int kTileN = MmaSyncTmaTraits<kTileIndex>::kTileN;
  const SplitUnit split = split_unit(p, unit);
  const TileIndex tile =
      rasterize(split.tile, static_cast<unsigned>((p.operands.m + kTileM - 1) / kTileM),
                static_cast<unsigned>((p.operands.n + kTileN - 1) / kTileN));
  return {split, std::int64_t{tile.m} * tokens_of_tile, std::int64_t{tile.n} * kTileN};
}

/// Fills the pipeline for all units of a block, one after another. The warps that multiply take
/// turns at it: nine warps could not have the registers that eight need, and one of the eight would
/// lag if it loaded alone. The loader's state lies in shared memory, since in registers it would
/// cost all threads some; and it computes where units begin between units, when no accumulators are
/// live.
template <int kTileIndex>
class MmaSyncTmaLoader {
  using Traits = MmaSyncTmaTraits<kTileIndex>;

 public:
  /// This many stages are requested before the first is multiplied. Then each stage requests one
  /// more, into the place of the stage before it.
  static constexpr int kAhead = Traits::kStages - 1;

  __device__ MmaSyncTmaLoader(const GemmProblem& p, int tokens_of_tile, unsigned units,
                              const CUtensorMap* weights, const CUtensorMap* tokens)
      : p_(p), tokens_of_tile_(tokens_of_tile), units_(units), weights_(weights), tokens_(tokens) {}

  /// Requests weights while earlier kernels may still run, but no tokens. One thread calls it.
  __device__ void open() const {
    State& s = state();
    s.next_unit = ptx::ctaid_x();
    s.prepared = 0;
    s.bytes = static_cast<unsigned>((Traits::kTileN + tokens_of_tile_) * kMmaSyncTmaTileK);
    for (int i = 0; i <= kAhead; ++i) prepare();
    s.at = s.unit[0];
    s.begun = 1;
    for (int i = 0; i < opened(s); ++i) load_weights(s, s.at.stage + i, i);
  }

  /// Requests the tokens of the stages that `open` began, and the rest of the first `kAhead`. The
  /// same thread calls it after `open` and griddepcontrol.wait.
  __device__ void follow() const {
    State& s = state();
    const int opened_stages = opened(s);
    for (int pipeline_stage = 0; pipeline_stage < opened_stages; ++pipeline_stage)
      load_tokens(s, s.at.stage++, pipeline_stage);
    for (int pipeline_stage = opened_stages; pipeline_stage < kAhead; ++pipeline_stage)
      load_next(pipeline_stage);
  }

  /// Prepares another unit; the same thread calls it before a unit is multiplied. A unit has at
  /// least one stage (or all have none), so `load_next` finds every unit that it reaches prepared.
  /// After the last unit it prepares an empty one.
  __device__ void prepare() const {
    State& s = state();
    Unit unit{};
    if (s.next_unit < units_) {
      const MmaSyncTmaWork work = mma_sync_tma_work<kTileIndex>(p_, tokens_of_tile_, s.next_unit);
      const int stages =
          static_cast<int>((p_.operands.k + kMmaSyncTmaTileK - 1) / kMmaSyncTmaTileK);
      unit = {work.unit.first_stage(stages), work.unit.end_stage(stages),
              static_cast<int>(work.row), static_cast<int>(work.column)};
      s.next_unit += gridDim.x;
    }
    s.unit[s.prepared++ % kPrepared] = unit;
  }

  /// Loads the next stage, if any is left, to a free place of the pipeline. Any thread may call it,
  /// one at a time.
  __device__ __forceinline__ void load_next(int pipeline_stage) const {
    State& s = state();
    if (s.at.stage == s.at.end_stage) {
      const Unit& next = s.unit[s.begun % kPrepared];
      if (next.stage == next.end_stage) return;
      s.at = next;
      ++s.begun;
    }
    load_weights(s, s.at.stage, pipeline_stage);
    load_tokens(s, s.at.stage, pipeline_stage);
    ++s.at.stage;
  }

 private:
  /// Stages of K, and the corner of the tile.
  struct Unit {
    int stage;
    int end_stage;
    int row;
    int column;
  };
  static constexpr int kPrepared = 4;  // A power of two, and more than `kAhead`.
  static_assert(kPrepared > kAhead);

  struct State {
    Unit unit[kPrepared];
    Unit at;  ///< The unit that is being loaded; its `stage` is the next to load.
    unsigned begun;
    unsigned prepared;
    unsigned next_unit;
    unsigned bytes;  ///< The bytes of a stage.
  };
  static_assert(sizeof(State) <= kMmaSyncTmaStateBytes);

  __device__ State& state() const { return *reinterpret_cast<State*>(memory_.state()); }

  static __device__ int opened(const State& s) { return min(s.at.end_stage - s.at.stage, kAhead); }

  __device__ __forceinline__ void load_weights(const State& s, int stage,
                                               int pipeline_stage) const {
    ptx::mbarrier_arrive_expect_tx(memory_.full(pipeline_stage), s.bytes);
    if (p_.epilogue.gate_rows != 0) {
      ptx::tma_load_4d(memory_.weights(pipeline_stage), weights_, stage * kMmaSyncTmaTileK,
                       s.at.column / (2 * kGatedBlock), memory_.full(pipeline_stage),
                       ptx::L2Policy::EvictNormal);
    } else {
      ptx::tma_load_2d(memory_.weights(pipeline_stage), weights_, stage * kMmaSyncTmaTileK,
                       s.at.column, memory_.full(pipeline_stage), ptx::L2Policy::EvictNormal);
    }
  }

  __device__ __forceinline__ void load_tokens(const State& s, int stage, int pipeline_stage) const {
    ptx::tma_load_2d(memory_.tokens(pipeline_stage), tokens_, stage * kMmaSyncTmaTileK, s.at.row,
                     memory_.full(pipeline_stage), ptx::L2Policy::EvictNormal);
  }

  MmaSyncTmaMemory<kTileIndex> memory_;
  const GemmProblem& p_;
  int tokens_of_tile_;
  unsigned units_;
  const CUtensorMap* weights_;
  const CUtensorMap* tokens_;
};

/// Computes a warp's part of a block's tiles: reads stages from the pipeline and adds up their
/// products.
template <int kTileIndex, bool kUnsignedWeights>
class MmaSyncTmaMainloop {
  using Traits = MmaSyncTmaTraits<kTileIndex>;
  using A = typename Traits::A;
  using B = typename Traits::B;
  using Accumulators = typename Traits::Accumulators;
  using Loader = MmaSyncTmaLoader<kTileIndex>;
  static constexpr int kSteps = kMmaSyncTmaTileK / 32;
  static constexpr int kPairs = Accumulators::kFragmentsN / 2;
  static constexpr int kTurns = kSteps * kPairs;
  // In the middle of a stage and between steps registers hold the fewest addresses.
  static constexpr int kLoadTurn = kTurns / 2 - 1;
  static constexpr unsigned kParity = 4;
  static_assert(Traits::kStages <= kParity);
  static_assert(kPairs % 2 == 0, "pairs of fragments of B alternate between two buffers");

 public:
  __device__ explicit MmaSyncTmaMainloop(const Loader& loader)
      : loader_(loader),
        at_(Accumulators::template lane_addresses<A, B>(
            memory_.tokens(0), Accumulators::template corner<Traits::kTileN>())) {}

  /// Adds the products of the next `stages` stages of the pipeline.
  __device__ __forceinline__ void add(Accumulators& accumulators, int stages) {
    if (stages == 0) return;
    ptx::mbarrier_wait_parity(memory_.full(pipeline_stage()), parity());
    read_b(0, 0);
#pragma unroll
    for (int i = 0; i < Accumulators::kFragmentsM; ++i) read_a(0, i);
#pragma unroll 1
    for (; stages > 1; --stages) multiply_stage<true>(accumulators);
    multiply_stage<false>(accumulators);
  }

 private:
  /// A turn multiplies all fragments of A by a pair of fragments of B while the next pair is read.
  /// In the last turn of a step each fragment of A, once it has been multiplied, is replaced by
  /// that of the next step, across stages, too.
  template <bool kHasNext>
  __device__ __forceinline__ void multiply_stage(Accumulators& accumulators) {
#pragma unroll
    for (int turn = 0; turn < kTurns; ++turn) {
      const int pair = turn % kPairs;
      const int next_step = (turn + 1) / kPairs % kSteps;
      const bool ends_step = pair == kPairs - 1;
      const bool ends_stage = turn == kTurns - 1;
      if (turn == kLoadTurn && static_cast<int>(ptx::tid_x()) == pipeline_stage() * 32) load_next();
      if (ends_stage) next_stage<kHasNext>();
      const bool reads = kHasNext || !ends_stage;
      if (reads) read_b(next_step, (pair + 1) % kPairs);
#pragma unroll
      for (int i = 0; i < Accumulators::kFragmentsM; ++i) {
#pragma unroll
        for (int j = pair * 2; j < pair * 2 + 2; ++j) {
          accumulators.template multiply<MmaShape::M16N8K32, kUnsignedWeights>(i, j, a_[i],
                                                                               b_[pair % 2]);
        }
        if (ends_stage && i == 0) release();
        if (ends_step && reads) read_a(next_step, i);
      }
    }
  }

  /// Loads into the place of the stage before, which every warp has read by now. The first lane of
  /// a warp calls it. The stage's barrier also hands over the loader's state.
  __device__ __forceinline__ void load_next() {
    const unsigned phase = pipeline_stage() == 0 ? parity() ^ 1 : parity();
    ptx::mbarrier_wait_parity(memory_.empty(stage_before()), phase);
    if (ptx::elect_sync(1)) loader_.load_next(stage_before());
  }

  template <bool kHasNext>
  __device__ __forceinline__ void next_stage() {
    const bool wraps = pipeline_stage() == Traits::kStages - 1;
    at_ = at_ + (Traits::kStageBytes - (wraps ? Traits::kPipelineBytes : 0));
    cursor_ = wraps ? (cursor_ & kParity) ^ kParity : cursor_ + 1;
    if (kHasNext) ptx::mbarrier_wait_parity(memory_.full(pipeline_stage()), parity());
  }

  __device__ __forceinline__ int pipeline_stage() const {
    return static_cast<int>(cursor_ % kParity);
  }
  __device__ __forceinline__ unsigned parity() const { return cursor_ / kParity; }
  __device__ __forceinline__ int stage_before() const {
    return pipeline_stage() == 0 ? Traits::kStages - 1 : pipeline_stage() - 1;
  }

  /// Releases the stage before: all its fragments have been multiplied at least once, so they have
  /// been read.
  __device__ __forceinline__ void release() const {
    __syncwarp();
    if (ptx::laneid() == 0) ptx::mbarrier_arrive(memory_.empty(stage_before()));
  }

  __device__ __forceinline__ void read_a(int step, int i) {
    Accumulators::template read_a<A>(a_[i], at_, step, i);
  }
  __device__ __forceinline__ void read_b(int step, int pair) {
    Accumulators::template read_b<B>(b_[pair % 2], at_, step, pair);
  }

  MmaSyncTmaMemory<kTileIndex> memory_;
  const Loader& loader_;
  typename Accumulators::LaneAddresses
      at_;  ///< The lane's addresses in the stage that is multiplied.
  unsigned a_[Accumulators::kFragmentsM][4];
  unsigned b_[2][4];
  /// That stage's number in the pipeline, plus `kParity` in odd phases: one register holds both.
  unsigned cursor_ = 0;
};

/// Runs as many blocks as fit at once, each of which walks over units of work, so that the next
/// unit's stages load while one is stored. The box of the map `tokens` has `tokens_of_tile` rows.
template <class TIn, class TWQ, int kTileIndex>
__global__ void __launch_bounds__(MmaSyncTmaTraits<kTileIndex>::kThreads, 1)
    mma_sync_tma_gemm(const __grid_constant__ CUtensorMap weights,
                      const __grid_constant__ CUtensorMap tokens, GemmProblem p, int tokens_of_tile,
                      unsigned units) {
  using Traits = MmaSyncTmaTraits<kTileIndex>;
  using Accumulators = typename Traits::Accumulators;
  const MmaSyncTmaMemory<kTileIndex> memory;
  const MmaSyncTmaLoader<kTileIndex> loader(p, tokens_of_tile, units, &weights, &tokens);
  if (threadIdx.x == 0 && ptx::elect_sync(1)) {
    memory.initialise();
    loader.open();
  }
  __syncthreads();
  ptx::griddepcontrol_wait();
  ptx::griddepcontrol_launch_dependents();
  if (threadIdx.x == 0 && ptx::elect_sync(1)) loader.follow();
  __syncwarp();

  MmaSyncTmaMainloop<kTileIndex, std::is_same_v<TWQ, U8>> mainloop(loader);
#pragma unroll 1
  for (unsigned unit = ptx::ctaid_x(); unit < units; unit += gridDim.x) {
    if (ptx::tid_x() == 0) loader.prepare();
    // The unit goes to shared memory, since the main loop has no register for it.
    ptx::st_shared(memory.unit(static_cast<int>(ptx::tid_x()) / 32), unit);
    __syncwarp();
    const SplitUnit split = split_unit(p, unit);
    const int stages = static_cast<int>((p.operands.k + kMmaSyncTmaTileK - 1) / kMmaSyncTmaTileK);
    Accumulators accumulators;
    mainloop.add(accumulators, split.end_stage(stages) - split.first_stage(stages));

    const WarpCorner corner = Accumulators::template corner<Traits::kTileN>();
    const SplitUnit slice = split_unit(p, ptx::ld_shared(memory.unit(corner.warp)));
    constexpr int kAccumulators = Traits::kWarpM * Traits::kWarpN / 32;
    if (slice.slices > 1 && !reduce_split_k<kAccumulators, Traits::kThreads>(
                                &accumulators.value[0][0][0], p, slice, memory.flag())) {
      unit = ptx::ld_shared(memory.unit(corner.warp));
      // Wait until every lane has read it; otherwise the store's own barriers see to that.
      __syncwarp();
      continue;
    }
    unit = ptx::ld_shared(memory.unit(corner.warp));
    const MmaSyncTmaWork work = mma_sync_tma_work<kTileIndex>(p, tokens_of_tile, unit);
    MmaSyncStore<TIn, Accumulators>(p, memory.staging(corner.warp), work.row + corner.row,
                                    min(p.operands.m, work.row + tokens_of_tile),
                                    work.column + corner.column)
        .store(accumulators);
  }
}

template <class TIn, int kTileIndex>
cudaError_t launch_mma_sync_tma_tile(const GemmProblem& p, cudaStream_t stream) {
  constexpr MmaSyncTmaTile kTile = kMmaSyncTmaTiles[kTileIndex];
  const int tokens_of_tile = tile_tokens(p.operands.m, kTile.m, 1);
  CUtensorMap weights{};
  CUtensorMap tokens{};
  if (p.operands.k > 0) {
    cudaError_t error = encode_weight_map(weights, p, kTile.n);
    if (error != cudaSuccess) return error;
    error = encode_tensor_map(tokens, p.operands.a, p.operands.m, p.operands.k, p.operands.lda,
                              tokens_of_tile);
    if (error != cudaSuccess) return error;
  }
  const std::int64_t tiles = tile_count(p.operands.m, p.operands.n, kTile.m, kTile.n);
  const std::int64_t units = split_units(tiles, p.schedule.whole_tiles, p.schedule.split_k);
  const std::int64_t blocks = std::min<std::int64_t>(units, std::max(1, p.schedule.num_sms));
  LaunchConfig config{kTile.name, dim3(static_cast<unsigned>(blocks)), dim3(kTile.threads())};
  config.dynamic_shared_bytes = kTile.shared_bytes();
  config.stream = stream;
  config.programmatic_dependent = p.launch.programmatic_dependent;
  return dispatch_weight<kTile.types, TIn>(p.operands.weight_element, [&](auto weight) {
    using TWQ = typename decltype(weight)::Type;
    return launch_kernel<&mma_sync_tma_gemm<TIn, TWQ, kTileIndex>>(
        config, weights, tokens, p, tokens_of_tile, static_cast<unsigned>(units));
  });
}

template <class TIn, int... kTiles>
constexpr auto mma_sync_tma_launchers(std::integer_sequence<int, kTiles...>) {
  return std::array<GemmLauncher, sizeof...(kTiles)>{&launch_mma_sync_tma_tile<TIn, kTiles>...};
}

template <class TIn>
cudaError_t launch_mma_sync_tma_gemm_for(int tile, const GemmProblem& p, cudaStream_t stream) {
  constexpr auto kCount = static_cast<int>(kMmaSyncTmaTiles.size());
  static constexpr auto kLaunchers =
      mma_sync_tma_launchers<TIn>(std::make_integer_sequence<int, kCount>{});
  return kLaunchers[static_cast<std::size_t>(tile)](p, stream);
}

}  // namespace qlinear::kernels
