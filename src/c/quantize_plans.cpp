#include <c/plan.hpp>
#include <core/dynamic_range_quantize.hpp>
#include <core/fake_quantize.hpp>

using qlinear::Status;
using qlinear::TensorView;
using qlinear::detail::QuantizeState;
using qlinear::detail::QuantizeTensors;

struct qlinear_quantize_plan {  // NOLINT(readability-identifier-naming): C's name.
  QuantizeState state;
};

struct qlinear_fake_quantize_plan {  // NOLINT(readability-identifier-naming): C's name.
  QuantizeState state;
};

namespace qlinear::c {
namespace {

template <class Plan>
qlinear_status create_quantize_plan(const Plan** plan,
                                    const qlinear_quantize_descriptor* descriptor,
                                    const qlinear_plan_preference* preference, TextBuffer message,
                                    CUstream_st* stream) noexcept {
  return create_plan<Plan, DynamicRangeQuantizeDescriptor>(
      plan, descriptor, preference, message, [stream](const auto& problem, const auto& preferred) {
        return detail::select_on_stream(stream, problem, preferred, problem.activation_element,
                                        problem.quantized_element);
      });
}

const auto kDescriptorOf = [](const QuantizeState& state) { return state.descriptor; };
const auto kSkuOf = [](const QuantizeState& state) { return state.sku; };

}  // namespace
}  // namespace qlinear::c

qlinear_status qlinear_quantize_plan_create(const qlinear_quantize_plan** plan,
                                            const qlinear_quantize_descriptor* descriptor,
                                            const qlinear_plan_preference* preference,
                                            char* message, size_t message_bytes,
                                            CUstream_st* stream) {
  return qlinear::c::create_quantize_plan(plan, descriptor, preference, {message, message_bytes},
                                          stream);
}

void qlinear_quantize_plan_destroy(const qlinear_quantize_plan* plan) { delete plan; }

qlinear_status qlinear_quantize_plan_descriptor(const qlinear_quantize_plan* plan,
                                                qlinear_quantize_descriptor* descriptor,
                                                char* message, size_t message_bytes) {
  return qlinear::c::tell(plan, descriptor, {message, message_bytes}, qlinear::c::kDescriptorOf);
}

qlinear_status qlinear_quantize_plan_sku(const qlinear_quantize_plan* plan, qlinear_kernel_sku* sku,
                                         char* message, size_t message_bytes) {
  return qlinear::c::tell(plan, sku, {message, message_bytes}, qlinear::c::kSkuOf);
}

qlinear_status qlinear_quantize_plan_can_implement(const qlinear_quantize_plan* plan,
                                                   const qlinear_quantize_args* args, char* message,
                                                   size_t message_bytes) {
  return qlinear::c::with_tensors<QuantizeTensors>(
      plan, args, {message, message_bytes},
      [](const QuantizeState& state, const QuantizeTensors& tensors) {
        return qlinear::detail::can_implement(state, tensors);
      });
}

qlinear_status qlinear_quantize_plan_run(const qlinear_quantize_plan* plan,
                                         const qlinear_quantize_args* args, char* message,
                                         size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::with_tensors<QuantizeTensors>(
      plan, args, {message, message_bytes},
      [stream](const QuantizeState& state, const QuantizeTensors& tensors) {
        return qlinear::detail::run(state, stream, {}, tensors);
      });
}

qlinear_status qlinear_fake_quantize_plan_create(const qlinear_fake_quantize_plan** plan,
                                                 const qlinear_quantize_descriptor* descriptor,
                                                 const qlinear_plan_preference* preference,
                                                 char* message, size_t message_bytes,
                                                 CUstream_st* stream) {
  return qlinear::c::create_quantize_plan(plan, descriptor, preference, {message, message_bytes},
                                          stream);
}

void qlinear_fake_quantize_plan_destroy(const qlinear_fake_quantize_plan* plan) { delete plan; }

qlinear_status qlinear_fake_quantize_plan_descriptor(const qlinear_fake_quantize_plan* plan,
                                                     qlinear_quantize_descriptor* descriptor,
                                                     char* message, size_t message_bytes) {
  return qlinear::c::tell(plan, descriptor, {message, message_bytes}, qlinear::c::kDescriptorOf);
}

qlinear_status qlinear_fake_quantize_plan_sku(const qlinear_fake_quantize_plan* plan,
                                              qlinear_kernel_sku* sku, char* message,
                                              size_t message_bytes) {
  return qlinear::c::tell(plan, sku, {message, message_bytes}, qlinear::c::kSkuOf);
}

qlinear_status qlinear_fake_quantize_plan_can_implement(const qlinear_fake_quantize_plan* plan,
                                                        const qlinear_quantize_args* args,
                                                        const qlinear_tensor* output, char* message,
                                                        size_t message_bytes) {
  return qlinear::c::with_tensors<QuantizeTensors>(
      plan, args, {message, message_bytes},
      [output](const QuantizeState& state, const QuantizeTensors& tensors) {
        TensorView view;
        Status status = qlinear::c::convert("output", output, view);
        return status.ok() ? qlinear::detail::can_fake_quantize(state, tensors, view) : status;
      });
}

qlinear_status qlinear_fake_quantize_plan_run(const qlinear_fake_quantize_plan* plan,
                                              const qlinear_quantize_args* args,
                                              const qlinear_tensor* output, char* message,
                                              size_t message_bytes, CUstream_st* stream) {
  return qlinear::c::with_tensors<QuantizeTensors>(
      plan, args, {message, message_bytes},
      [&](const QuantizeState& state, const QuantizeTensors& tensors) {
        TensorView view;
        Status status = qlinear::c::convert("output", output, view);
        return status.ok() ? qlinear::detail::fake_quantize(state, stream, {}, tensors, view)
                           : status;
      });
}
