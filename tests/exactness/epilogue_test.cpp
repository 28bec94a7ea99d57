// Every registered GEMM kernel with every option of the epilogue, by its launcher, against the
// contract's formulas written down here once more.

#include "support/device.hpp"
#include "support/guarded_matrix.hpp"
#include "support/kernel_grid.hpp"
#include "support/random.hpp"

#include <base/enumerators.hpp>
#include <common/gated_rows.hpp>
#include <common/problems.hpp>
#include <gemm/split_k.hpp>
#include <selection/kernel_table.hpp>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <vector>

namespace qlinear::test {
namespace {

enum class Residual { None, Separate, InPlace };
enum class ActZeroPoint { None, OfEachRow, Shared };
enum class OperandLayout { Dense, PaddedTo16, Odd };

struct EpilogueCase {
  std::int64_t m = 1;
  std::int64_t n = 1;  ///< Columns of the output.
  std::int64_t k = 1;
  bool bias = false;
  ActivationFunction activation = ActivationFunction::None;
  bool routing_weight = false;
  Residual residual = Residual::None;
  ActZeroPoint act_zero_point = ActZeroPoint::None;
  bool weight_zero_point = false;
  bool gated = false;
  bool shared_scale = false;
  Placement output{};
  OperandLayout layout = OperandLayout::PaddedTo16;
  int split_k = 1;
  int num_sms = 0;  ///< 0: those of the device.
  std::uint64_t seed = 1;

  std::int64_t weight_rows() const { return gated ? 2 * n : n; }
};

std::ostream& operator<<(std::ostream& stream, const EpilogueCase& c) {
  return stream << "m " << c.m << ", n " << c.n << ", k " << c.k << ", bias " << c.bias
                << ", activation " << to_string(c.activation) << ", routing " << c.routing_weight
                << ", residual " << static_cast<int>(c.residual) << ", act zero point "
                << static_cast<int>(c.act_zero_point) << ", weight zero point "
                << c.weight_zero_point << ", gated " << c.gated << ", shared scale "
                << c.shared_scale << ", output +" << c.output.offset << " padded by "
                << c.output.padding << ", layout " << static_cast<int>(c.layout) << ", split "
                << c.split_k << ", SMs " << c.num_sms << ", seed " << c.seed;
}

float exponential(float x) {
  if (x > 88) return std::numeric_limits<float>::infinity();
  const float c = std::fmax(x, -87.0F);
  const float t = std::fma(c, 0x1.715476p+0F, 0x1.8p23F);
  const float n = t - 0x1.8p23F;
  float r = std::fma(n, -0x1.62e4p-1F, c);
  r = std::fma(n, -0x1.7f7d1cp-20F, r);
  float p = 0x1.6a23d0p-10F;
  for (const float a :
       {0x1.123a20p-7F, 0x1.5558f4p-5F, 0x1.555490p-3F, 0x1.fffffcp-2F, 1.0F, 1.0F}) {
    p = std::fma(p, r, a);
  }
  // t holds the power of two in its last bits.
  const std::uint32_t bits = bits_of(p) + (bits_of(t) << 23);
  std::memcpy(&p, &bits, sizeof(p));
  return p;
}

float erf_gelu(float y) {
  const float t = std::fmin(std::fabs(y), 13.0F);
  const float s = t * t;
  const float l = std::fma(t, t, -s);
  const float u = 0x1.b33334p+1F / (t + 0x1.b33334p+1F);
  float p = 0x1.456b06p-5F;
  for (const float a : {-0x1.7e140ep-3F, 0x1.1ecf46p-2F, -0x1.02914ep-3F, 0x1.6013cap-3F,
                        0x1.5169dep-4F, 0x1.f2f3dcp-4F, 0x1.debde8p-4F, 0x1.4e9990p-16F}) {
    p = std::fma(p, u, a);
  }
  float e = exponential(-0.5F * s);
  e = std::fma(e, -0.5F * l, e);
  const float q = e * p;
  return std::fma(-t, q, y <= 0 ? 0.0F : y);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"

float activated(ActivationFunction function, float y) {
  const float positive = y <= 0 ? 0 : y;
  switch (function) {
    case ActivationFunction::None:
      break;
    case ActivationFunction::Relu:
      return positive;
    case ActivationFunction::SquaredRelu:
      return positive * positive;
    case ActivationFunction::Silu:
      return y / (1 + exponential(-y));
    case ActivationFunction::QuickGelu:
      return y / (1 + exponential(-0x1.b3b646p+0F * y));
    case ActivationFunction::GeluTanh:
      return y / (1 + exponential(-(y * std::fma(y * y, 0x1.2444f2p-4F, 0x1.988454p+0F))));
    case ActivationFunction::GeluErf:
      return erf_gelu(y);
  }
  return y;
}

#pragma GCC diagnostic pop

double activated(ActivationFunction function, double y) {
  const double positive = y <= 0 ? 0 : y;
  if (function == ActivationFunction::Relu) return positive;
  if (function == ActivationFunction::SquaredRelu) return positive * positive;
  return y;
}

template <class T>
T rounded(scale_t<T> value) {
  return from_double<T>(static_cast<double>(value));
}
template <class T>
scale_t<T> widened(T value) {
  return static_cast<scale_t<T>>(to_double(value));
}

/// A vector that lies at an odd place of its memory.
template <class T>
class DeviceVector {
 public:
  DeviceVector(const HostMatrix<T>& values, bool exists)
      : exists_(exists), memory_(values, {0, 3}, kNanPoison) {}
  const T* data() const { return exists_ ? memory_.data() : nullptr; }

 private:
  bool exists_;
  GuardedMatrix<T> memory_;
};

template <class TIn, class TWQ>
struct Operands {
  using C = scale_t<TIn>;
  explicit Operands(const EpilogueCase& c);

  HostMatrix<S8> a;
  HostMatrix<TWQ> b;
  HostMatrix<C> a_scale;
  HostMatrix<C> b_scale;
  HostMatrix<TIn> bias;
  HostMatrix<C> routing_weight;
  HostMatrix<TIn> residual;
  HostMatrix<S8> a_zero_point;
  HostMatrix<TWQ> b_zero_point;
  HostMatrix<std::int32_t> a_sum;
  HostMatrix<std::int32_t> b_sum;
};

template <class T>
HostMatrix<std::int32_t> row_sums(const HostMatrix<T>& matrix) {
  HostMatrix<std::int32_t> sums(1, matrix.rows());
  for (std::int64_t r = 0; r < matrix.rows(); ++r) {
    for (std::int64_t k = 0; k < matrix.cols(); ++k) sums.at(0, r) += matrix.at(r, k);
  }
  return sums;
}

template <class T>
void fill_integers(HostMatrix<T>& matrix, Random& random) {
  using Limits = std::numeric_limits<T>;
  for (T& x : matrix.values()) x = static_cast<T>(random.between(Limits::min(), Limits::max()));
}

template <class T>
void fill_gaussian(HostMatrix<T>& matrix, Random& random, double deviation) {
  for (T& x : matrix.values()) x = from_double<T>(random.gaussian() * deviation);
}

template <class TIn, class TWQ>
Operands<TIn, TWQ>::Operands(const EpilogueCase& c)
    : a(c.m, c.k),
      b(c.weight_rows(), c.k),
      a_scale(1, c.shared_scale ? 1 : c.m),
      b_scale(1, c.weight_rows()),
      bias(1, c.weight_rows()),
      routing_weight(1, c.m),
      residual(c.m, c.n),
      a_zero_point(1, c.act_zero_point == ActZeroPoint::Shared ? 1 : c.m),
      b_zero_point(1, c.weight_rows()) {
  Random random(c.seed);
  fill_integers(a, random);
  fill_integers(b, random);
  fill_integers(a_zero_point, random);
  fill_integers(b_zero_point, random);
  fill_gaussian(a_scale, random, 0.01);
  fill_gaussian(b_scale, random, 0.01);
  fill_gaussian(bias, random, 2);
  fill_gaussian(routing_weight, random, 1);
  fill_gaussian(residual, random, 2);
  if (c.m > 4 && !c.shared_scale) {
    a_scale.at(0, 2) = std::numeric_limits<C>::quiet_NaN();
    a_scale.at(0, 3) = std::numeric_limits<C>::infinity();
  }
  a_sum = row_sums(a);
  b_sum = row_sums(b);
}

/// The layer's output, element by element, in 64-bit integers and the contract's roundings.
template <class TIn, class TWQ>
class HostLayer {
  using C = scale_t<TIn>;

 public:
  HostLayer(const EpilogueCase& c, const Operands<TIn, TWQ>& operands) : c_(c), o_(operands) {}

  HostMatrix<TIn> output() const {
    HostMatrix<TIn> output(c_.m, c_.n);
    for (std::int64_t m = 0; m < c_.m; ++m) {
      for (std::int64_t n = 0; n < c_.n; ++n) output.at(m, n) = element(m, n);
    }
    return output;
  }

 private:
  TIn element(std::int64_t m, std::int64_t n) const {
    TIn y = activated_element(product(m, n));
    if (c_.gated) return rounded<TIn>(widened(y) * widened(product(m, n + c_.n)));
    if (c_.routing_weight) y = rounded<TIn>(widened(y) * o_.routing_weight.at(0, m));
    if (c_.residual != Residual::None) y = rounded<TIn>(widened(y) + widened(o_.residual.at(m, n)));
    return y;
  }

  TIn activated_element(TIn y) const {
    if (c_.activation == ActivationFunction::None) return y;
    return rounded<TIn>(activated(c_.activation, widened(y)));
  }

  TIn product(std::int64_t m, std::int64_t row) const {
    const C scale = o_.a_scale.at(0, c_.shared_scale ? 0 : m) * o_.b_scale.at(0, row);
    const C bias = c_.bias ? widened(o_.bias.at(0, row)) : C(-0.0);
    return rounded<TIn>(std::fma(scale, static_cast<C>(sum(m, row)), bias));
  }

  std::int32_t sum(std::int64_t m, std::int64_t row) const {
    std::int64_t a_zero = 0;
    if (c_.act_zero_point == ActZeroPoint::OfEachRow) a_zero = o_.a_zero_point.at(0, m);
    if (c_.act_zero_point == ActZeroPoint::Shared) a_zero = o_.a_zero_point.at(0, 0);
    const std::int64_t b_zero = c_.weight_zero_point ? o_.b_zero_point.at(0, row) : 0;
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < c_.k; ++k) {
      sum += (o_.a.at(m, k) - a_zero) * (o_.b.at(row, k) - b_zero);
    }
    return static_cast<std::int32_t>(sum);
  }

  const EpilogueCase& c_;
  const Operands<TIn, TWQ>& o_;
};

Placement operand_placement(const EpilogueCase& c) {
  if (c.layout == OperandLayout::PaddedTo16) return {(16 - c.k % 16) % 16 + 16, 16};
  return c.layout == OperandLayout::Odd ? Placement{3, 1} : Placement{};
}

bool operands_are_aligned(const EpilogueCase& c) {
  return c.layout == OperandLayout::PaddedTo16 ||
         (c.layout == OperandLayout::Dense && c.k % 16 == 0);
}

int device_sms() {
  int sms = 0;
  check(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0), "SMs");
  return sms;
}

/// A case's tensors on the device.
template <class TIn, class TWQ>
class DeviceLayer {
  using C = scale_t<TIn>;

 public:
  DeviceLayer(const EpilogueCase& c, const Operands<TIn, TWQ>& o)
      : c_(c),
        a_(o.a, operand_placement(c), kFinitePoison),
        b_(o.b, operand_placement(c), kFinitePoison),
        a_scale_(o.a_scale, true),
        b_scale_(o.b_scale, true),
        bias_(o.bias, c.bias),
        routing_weight_(o.routing_weight, c.routing_weight),
        a_zero_point_(o.a_zero_point, c.act_zero_point != ActZeroPoint::None),
        b_zero_point_(o.b_zero_point, c.weight_zero_point),
        a_sum_(o.a_sum, c.weight_zero_point),
        b_sum_(o.b_sum, c.act_zero_point != ActZeroPoint::None),
        // Its alignment is another one than the output's in half of the cases.
        residual_(o.residual, {c.output.padding, c.seed % 2 == 0 ? c.output.offset : 0},
                  kNanPoison),
        output_(c.m, c.n, c.output, kNanPoison) {
    if (c.residual == Residual::InPlace) output_.upload(o.residual);
  }

  cudaError_t run(const detail::GemmKernel& kernel) {
    kernels::GemmProblem p = problem();
    const std::int64_t tiles =
        kernels::tile_count(p.operands.m, p.operands.n, kernel.tile_m, kernel.tile_n);
    const bool by_workspace = c_.split_k > 1 && kernel.split == detail::SplitK::Workspace;
    const DeviceBuffer workspace(by_workspace ? kernels::split_workspace_bytes(
                                                    tiles, c_.split_k, kernel.tile_m, kernel.tile_n)
                                              : 0);
    if (by_workspace) {
      const std::vector<std::uint8_t> zeros(workspace.bytes());
      workspace.upload(zeros.data());
      p.schedule.counters = static_cast<std::uint32_t*>(workspace.data());
      p.schedule.partial_sums = reinterpret_cast<std::int32_t*>(
          static_cast<std::uint8_t*>(workspace.data()) + kernels::split_counter_bytes(tiles));
    }
    const Stream stream;
    const cudaError_t error = kernel.launch(p, stream);
    stream.synchronize();
    return error;
  }

  HostMatrix<TIn> output() const { return output_.download(); }
  ::testing::AssertionResult guards_intact() const { return output_.guards_intact("output"); }
  ::testing::AssertionResult untouched() const { return output_.untouched("output"); }

 private:
  kernels::GemmProblem problem() const {
    const std::int64_t n = c_.gated ? kernels::interleaved_rows(c_.n) : c_.n;
    kernels::GemmProblem p{
        .operands = {element_kind_v<TIn>, element_kind_v<TWQ>, c_.m, n, c_.k, a_.data(),
                     a_.ref().stride[0], b_.data(), b_.ref().stride[0]},
        .epilogue = epilogue(),
        .schedule = {.num_sms = c_.num_sms == 0 ? device_sms() : c_.num_sms},
        .launch = {}};
    p.schedule.split_k = c_.split_k;
    return p;
  }

  kernels::EpilogueParameters epilogue() const {
    kernels::EpilogueParameters e{};
    e.a_scale = a_scale_.data();
    e.a_scale_stride = c_.shared_scale ? 0 : 1;
    e.b_scale = b_scale_.data();
    e.bias = bias_.data();
    e.c = output_.data();
    e.ldc = output_.ref().stride[0];
    e.zero_points.a_zero_point = a_zero_point_.data();
    e.zero_points.a_zero_point_stride = c_.act_zero_point == ActZeroPoint::Shared ? 0 : 1;
    e.zero_points.b_sum = b_sum_.data();
    e.zero_points.b_zero_point = b_zero_point_.data();
    e.zero_points.a_sum = a_sum_.data();
    e.activation = c_.activation;
    e.routing_weight = routing_weight_.data();
    if (c_.residual == Residual::InPlace) {
      e.residual = output_.data();
      e.ldr = e.ldc;
    } else if (c_.residual == Residual::Separate) {
      e.residual = residual_.data();
      e.ldr = residual_.ref().stride[0];
    }
    e.gate_rows = c_.gated ? c_.n : 0;
    return e;
  }

  const EpilogueCase& c_;
  GuardedMatrix<S8> a_;
  GuardedMatrix<TWQ> b_;
  DeviceVector<C> a_scale_;
  DeviceVector<C> b_scale_;
  DeviceVector<TIn> bias_;
  DeviceVector<C> routing_weight_;
  DeviceVector<S8> a_zero_point_;
  DeviceVector<TWQ> b_zero_point_;
  DeviceVector<std::int32_t> a_sum_;
  DeviceVector<std::int32_t> b_sum_;
  GuardedMatrix<TIn> residual_;
  GuardedMatrix<TIn> output_;
};

class EpilogueKernels : public ::testing::TestWithParam<KernelShard> {
 protected:
  const KernelSku& sku() const { return GetParam().sku; }
  const detail::GemmKernel& kernel() const { return *detail::find_gemm_kernel(sku().name); }

  bool takes(const EpilogueCase& c) const {
    return (operands_are_aligned(c) || kernel().alignment == 1) &&
           (!c.gated || c.n % kernel().gate_multiple == 0) && c.split_k <= kernel().max_split_k;
  }

  void expect_exact(TypePair types, EpilogueCase c) const {
    if (!takes(c)) return;
    SCOPED_TRACE(::testing::Message() << to_string(types) << ", " << c);
    if (!detail::has_function(types.activation, c.activation)) {
      c.activation = ActivationFunction::SquaredRelu;
    }
    visit_pair(types, [&](auto activation, auto weight) {
      using TIn = typename decltype(activation)::type;
      using TWQ = typename decltype(weight)::type;
      const Operands<TIn, TWQ> operands(c);
      DeviceLayer<TIn, TWQ> device(c, operands);
      ASSERT_EQ(device.run(kernel()), cudaSuccess);
      EXPECT_TRUE(
          same_matrix("output", HostLayer<TIn, TWQ>(c, operands).output(), device.output()));
      EXPECT_TRUE(device.guards_intact());
    });
  }
};

constexpr std::array<std::int64_t, 10> kRows = {1, 2, 7, 16, 17, 33, 64, 100, 128, 130};
constexpr std::array<std::int64_t, 11> kColumns = {1, 7, 8, 16, 24, 33, 64, 72, 96, 131, 264};
constexpr std::array<std::int64_t, 6> kDepths = {1, 16, 33, 64, 200, 300};
constexpr std::array<Placement, 4> kPlacements = {{{0, 0}, {16, 16}, {3, 1}, {1, 5}}};

class EpilogueGrid : public EpilogueKernels {};

TEST_P(EpilogueGrid, EqualsTheContract) {
  if (!runs_here(sku())) return;
  const std::vector<std::size_t> levels = {kRows.size(),
                                           kColumns.size(),
                                           kDepths.size(),
                                           2,
                                           detail::enumerator_count<ActivationFunction>(),
                                           2,
                                           3,
                                           3,
                                           2,
                                           2,
                                           kPlacements.size(),
                                           3,
                                           2,
                                           2,
                                           kTypePairs.size()};
  std::uint64_t seed = GetParam().seed * 1000 + GetParam().shard;
  for (const std::vector<std::size_t>& row : rows_of_shard(GetParam(), levels)) {
    EpilogueCase c;
    c.m = kRows[row[0]];
    c.n = kColumns[row[1]];
    c.k = kDepths[row[2]];
    c.bias = row[3] == 1;
    c.activation = static_cast<ActivationFunction>(row[4]);
    c.gated = row[9] == 1;
    c.routing_weight = row[5] == 1 && !c.gated;
    c.residual = c.gated ? Residual::None : static_cast<Residual>(row[6]);
    c.act_zero_point = static_cast<ActZeroPoint>(row[7]);
    c.weight_zero_point = row[8] == 1;
    c.output = kPlacements[row[10]];
    c.layout = static_cast<OperandLayout>(row[11]);
    c.shared_scale = row[12] == 1;
    c.num_sms = row[13] == 1 ? 1 : 0;
    c.seed = seed += GetParam().shards;
    if (!takes(c)) c.layout = OperandLayout::PaddedTo16;
    if (!takes(c)) c.n = c.n / 8 * 8 + 8;
    expect_exact(types_of(sku(), row[14]), c);
  }
}

INSTANTIATE_TEST_SUITE_P(, EpilogueGrid,
                         ::testing::ValuesIn(shared_kernel_shards(KernelCategory::Gemm, 2, 23)),
                         shard_name);

class EpilogueSplits : public EpilogueKernels {};

// What partial sums leave out or count twice shows in the sums of zero points.
TEST_P(EpilogueSplits, EqualTheContract) {
  if (!runs_here(sku())) return;
  EpilogueCase c{.m = 19, .n = 72, .k = 1040};
  for (const int split : {2, 3}) {
    c.split_k = split;
    c.seed = GetParam().seed + static_cast<std::uint64_t>(split);
    c.gated = false;
    c.act_zero_point = ActZeroPoint::OfEachRow;
    c.weight_zero_point = true;
    c.activation = ActivationFunction::GeluErf;
    c.residual = Residual::InPlace;
    expect_exact(types_of(sku(), 0), c);
    c.residual = Residual::None;
    c.gated = true;
    c.activation = ActivationFunction::Silu;
    expect_exact(types_of(sku(), 1), c);
  }
}

INSTANTIATE_TEST_SUITE_P(, EpilogueSplits,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 67)),
                         shard_name);

class EpilogueWithoutOptions : public EpilogueKernels {};

// Tiles of few tokens have kernels of their own for this, which the grids of options seldom ask
// for.
TEST_P(EpilogueWithoutOptions, EqualsTheContract) {
  if (!runs_here(sku())) return;
  for (const std::size_t types : {std::size_t{0}, std::size_t{5}}) {  // s8 with f16, bf16
    for (const bool shared : {false, true}) {
      EpilogueCase c{.m = 33, .n = 72, .k = 144};
      c.shared_scale = shared;
      c.bias = shared == (types == 0);
      c.seed = GetParam().seed + types;
      expect_exact(types_of(sku(), types), c);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, EpilogueWithoutOptions,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 5)),
                         shard_name);

class EpilogueResiduals : public EpilogueKernels {};

// A residual alone is added by pieces, in a way of its own. The grid seldom asks for it.
TEST_P(EpilogueResiduals, EqualTheContract) {
  if (!runs_here(sku())) return;
  constexpr std::array<std::array<std::int64_t, 2>, 3> kSizes = {{{33, 72}, {130, 264}, {70, 83}}};
  int next = 0;
  for (std::size_t types = 0; types < kTypePairs.size(); ++types) {
    for (const Residual residual : {Residual::Separate, Residual::InPlace}) {
      const auto& [m, n] = kSizes[static_cast<std::size_t>(next % 3)];
      EpilogueCase c{.m = m, .n = n, .k = 64};
      c.residual = residual;
      if (next % 3 == 1) c.output = {16, 16};
      if (next % 5 == 4) c.output = {3, 1};
      c.seed = GetParam().seed + static_cast<std::uint64_t>(next++);
      if (!takes(c)) c.layout = OperandLayout::PaddedTo16;
      expect_exact(types_of(sku(), types), c);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, EpilogueResiduals,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 91)),
                         shard_name);

class EpilogueRefusals : public EpilogueKernels {};

TEST_P(EpilogueRefusals, TmaTakesWholeBlocksOfGates) {
  if (!runs_here(sku()) || kernel().gate_multiple == 1) return;
  EpilogueCase c{.m = 2, .n = 12, .k = 64, .gated = true};
  const Operands<__half, S8> operands(c);
  DeviceLayer<__half, S8> device(c, operands);
  EXPECT_EQ(device.run(kernel()), cudaErrorInvalidValue);
  EXPECT_TRUE(device.untouched());
}

INSTANTIATE_TEST_SUITE_P(, EpilogueRefusals,
                         ::testing::ValuesIn(kernel_shards(KernelCategory::Gemm, 1, 1)),
                         shard_name);

}  // namespace
}  // namespace qlinear::test
