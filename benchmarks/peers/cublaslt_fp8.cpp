#include <benchmark/device_code.hpp>
#include <harness/cuda_check.hpp>
#include <peers/cublaslt_matmul.hpp>
#include <peers/peers.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace qlinear::benchmark {
namespace {

/// How far an FP8 layer may be from the quantized one, relative and in the Frobenius norm. Rounding
/// to e4m3, whose steps are an eighth of the power of two below, leaves an error of 1 / 8 /
/// sqrt(12) of that power: 0.024 of a number, for activations and again for weights, whose int8
/// numbers have seven bits. With the 0.011 of our int8 activations that is sqrt(2 * 0.024^2 +
/// 0.011^2) = 0.036. Sums that are kept in a tensor core lose half a step of 2^-13 for every 32
/// products, always towards zero: up to 0.03 for the longest K, 28672. In all 0.05; the bound
/// leaves room for rows with few large elements.
constexpr double kBound = 0.08;

/// The GEMM alone; activations are quantized beforehand.
class CublasLtFp8Gemm : public TimedCase {
 public:
  std::string name() const override { return "cublaslt_fp8_gemm"; }
  Work work() const override { return Work::Gemm; }
  void prepare(Workload& workload, const GraphTimer& timer) override {
    copies_ = workload.rotation(Work::Quantize);
    quantized_ = DeviceBuffer<E4m3>(workload.m() * workload.k() * copies_);
    scale_ = DeviceBuffer<float>(padded_scales(workload.m()) * copies_);
    for (int copy = 0; copy < copies_; ++copy) quantize(workload, workload.stream(), copy);
    matmul_.emplace(handle_, kE4m3Matmul, workload.m(), workload.n(), workload.k());
    matmul_->search(timer, rotation(workload), [&](int call) { return operands(workload, call); });
  }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    matmul_->enqueue(operands(workload, call), stream);
  }
  void verify(Workload& workload, const Oracle& oracle) override {
    oracle.poison_output();
    enqueue(workload, workload.stream(), 0);
    oracle.expect_output_within(kBound);
  }

 protected:
  void quantize(Workload& workload, cudaStream_t stream, int call) const {
    check(quantize_rows(workload.activation(call), workload.m(), workload.k(),
                        quantized(workload, call), stream));
  }

 private:
  RowOutput<E4m3> quantized(const Workload& workload, int call) const {
    const std::int64_t copy = call % copies_;
    return {quantized_.data() + copy * workload.m() * workload.k(),
            scale_.data() + copy * padded_scales(workload.m())};
  }
  CublasLtOperands operands(Workload& workload, int call) const {
    const RowOutput<E4m3> a = quantized(workload, call);
    return {a.rows, workload.weights().e4m3_weight(call), workload.output(call), a.scale,
            workload.weights().scale()};
  }

  CublasLtHandle handle_;
  std::optional<CublasLtMatmul> matmul_;
  DeviceBuffer<E4m3> quantized_;
  DeviceBuffer<float> scale_;
  int copies_ = 1;
};

/// The same behind a pass that quantizes per token.
class CublasLtFp8Linear : public CublasLtFp8Gemm {
 public:
  std::string name() const override { return "cublaslt_fp8_linear"; }
  Work work() const override { return Work::Linear; }
  void enqueue(Workload& workload, cudaStream_t stream, int call) override {
    quantize(workload, stream, call);
    CublasLtFp8Gemm::enqueue(workload, stream, call);
  }
};

}  // namespace

void add_cublaslt_fp8(TimedCases& cases) {
  if (compute_capability_major() < 9) return;
  cases.push_back(std::make_unique<CublasLtFp8Gemm>());
  cases.push_back(std::make_unique<CublasLtFp8Linear>());
}

}  // namespace qlinear::benchmark
