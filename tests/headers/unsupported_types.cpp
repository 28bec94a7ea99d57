// Compiled once for each unsupported use, to see what the compiler says of it.

#include <qlinear/qlinear.hpp>

namespace {

using qlinear::S8;
using qlinear::U8;

void use() {
#if defined(LINEAR_PLAN_ACTIVATION)
  (void)qlinear::QuantizedLinearPlan<int, S8>::select(nullptr, {});
#elif defined(LINEAR_PLAN_CONST_ACTIVATION)
  (void)qlinear::QuantizedLinearPlan<const float, S8>::select(nullptr, {});
#elif defined(LINEAR_PLAN_WEIGHT)
  (void)qlinear::QuantizedLinearPlan<float, float>::select(nullptr, {});
#elif defined(QUANTIZE_PLAN_ACTIVATION)
  (void)qlinear::DynamicRangeQuantizePlan<S8, S8>::select(nullptr, {});
#elif defined(QUANTIZE_PLAN_QUANTIZED)
  (void)qlinear::DynamicRangeQuantizePlan<float, U8>::select(nullptr, {});
#elif defined(FAKE_QUANTIZE_PLAN_ACTIVATION)
  (void)qlinear::FakeQuantizePlan<S8>::select(nullptr, {});
#elif defined(REFERENCE_ACTIVATION)
  (void)qlinear::reference::quantized_linear<long double, S8>({}, {});
#elif defined(REFERENCE_WEIGHT)
  (void)qlinear::reference::quantized_linear<float, int>({}, {});
#elif defined(REFERENCE_QUANTIZED)
  (void)qlinear::reference::dynamic_range_quantize<float, U8>({}, {});
#elif defined(ARGS_ACTIVATION)
  (void)qlinear::QuantizedLinearArgs<int, S8>{};
#elif defined(ARGS_QUANTIZED)
  (void)qlinear::DynamicRangeQuantizeArgs<float, int>{};
#elif defined(SCALE)
  (void)qlinear::scale_t<int>{};
#elif defined(ELEMENT)
  (void)qlinear::element_kind_v<char>;
#else  // What is supported compiles.
  (void)qlinear::QuantizedLinearPlan<float, U8>::select(nullptr, {});
  (void)qlinear::DynamicRangeQuantizePlan<double, S8>::select(nullptr, {});
  (void)qlinear::reference::quantized_linear<double, U8>({}, {});
  (void)qlinear::scale_t<float>{};
#endif
}

}  // namespace

void call() { use(); }
