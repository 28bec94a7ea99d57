// The layout and the values of ABI version 1. Where one of these no longer holds, programs that
// exist break: give what is new another place, or QLINEAR_ABI_VERSION another number.

#include <qlinear/qlinear.h>

#include <stddef.h>

_Static_assert(QLINEAR_ABI_VERSION == 1, "the layout below is that of version 1");

#define AT(type, field, offset) \
  _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")
#define AT_LEAST(type, size) _Static_assert(sizeof(type) >= (size), #type " has lost fields")
#define VALUE(name, value) _Static_assert((name) == (value), #name " has another value")

AT(qlinear_tensor, data, 0);
AT(qlinear_tensor, rank, 8);
AT(qlinear_tensor, element, 12);
AT(qlinear_tensor, shape, 16);
AT(qlinear_tensor, stride, 48);
SIZE(qlinear_tensor, 80);

AT(qlinear_source, kind, 0);
AT(qlinear_source, function, 4);
AT(qlinear_source, residual, 8);
AT(qlinear_source, residual_in_compute_type, 12);
AT(qlinear_source, norm_weight_in_compute_type, 16);
AT(qlinear_source, unit_offset, 20);
AT(qlinear_source, eps, 24);
SIZE(qlinear_source, 32);

AT(qlinear_scale, kind, 0);
AT(qlinear_scale, zero_points, 4);
SIZE(qlinear_scale, 8);

AT(qlinear_epilogue, activation, 0);
AT(qlinear_epilogue, gated, 4);
AT(qlinear_epilogue, routing_weight, 8);
AT(qlinear_epilogue, residual, 12);
SIZE(qlinear_epilogue, 16);

AT(qlinear_source_tensors, column_factor, 0);
AT(qlinear_source_tensors, norm_weight, 80);
AT(qlinear_source_tensors, norm_bias, 160);
AT(qlinear_source_tensors, residual, 240);
AT(qlinear_source_tensors, residual_out, 320);
AT(qlinear_source_tensors, normed_out, 400);
SIZE(qlinear_source_tensors, 480);

AT(qlinear_scale_tensors, range_max, 0);
AT(qlinear_scale_tensors, range_min, 80);
AT(qlinear_scale_tensors, scale, 160);
AT(qlinear_scale_tensors, zero_point, 240);
SIZE(qlinear_scale_tensors, 320);

AT(qlinear_given_activation, q, 0);
AT(qlinear_given_activation, scale, 80);
AT(qlinear_given_activation, zero_point, 160);
AT(qlinear_given_activation, sum, 240);
SIZE(qlinear_given_activation, 320);

AT(qlinear_zero_point_tensors, act_zero_point_scratch, 0);
AT(qlinear_zero_point_tensors, act_sum_scratch, 80);
AT(qlinear_zero_point_tensors, weight_sum, 160);
AT(qlinear_zero_point_tensors, weight_zero_point, 240);
SIZE(qlinear_zero_point_tensors, 320);

AT(qlinear_epilogue_tensors, routing_weight, 0);
AT(qlinear_epilogue_tensors, residual, 80);
SIZE(qlinear_epilogue_tensors, 160);

AT(qlinear_linear_descriptor, struct_size, 0);
AT(qlinear_linear_descriptor, m, 8);
AT(qlinear_linear_descriptor, c_out, 16);
AT(qlinear_linear_descriptor, k, 24);
AT(qlinear_linear_descriptor, q_min, 32);
AT(qlinear_linear_descriptor, q_max, 36);
AT(qlinear_linear_descriptor, activation_element, 40);
AT(qlinear_linear_descriptor, weight_element, 44);
AT(qlinear_linear_descriptor, source, 48);
AT(qlinear_linear_descriptor, scale, 80);
AT(qlinear_linear_descriptor, epilogue, 88);
AT(qlinear_linear_descriptor, weight_zero_points, 104);
AT(qlinear_linear_descriptor, reserved, 108);
AT_LEAST(qlinear_linear_descriptor, 112);

AT(qlinear_linear_args, struct_size, 0);
AT(qlinear_linear_args, activation, 8);
AT(qlinear_linear_args, weight_q, 88);
AT(qlinear_linear_args, weight_scale, 168);
AT(qlinear_linear_args, output, 248);
AT(qlinear_linear_args, act_q_scratch, 328);
AT(qlinear_linear_args, act_scale_scratch, 408);
AT(qlinear_linear_args, bias, 488);
AT(qlinear_linear_args, source, 568);
AT(qlinear_linear_args, scale, 1048);
AT(qlinear_linear_args, given, 1368);
AT(qlinear_linear_args, zero_points, 1688);
AT(qlinear_linear_args, epilogue, 2008);
AT_LEAST(qlinear_linear_args, 2168);

AT(qlinear_quantize_descriptor, struct_size, 0);
AT(qlinear_quantize_descriptor, m, 8);
AT(qlinear_quantize_descriptor, k, 16);
AT(qlinear_quantize_descriptor, q_min, 24);
AT(qlinear_quantize_descriptor, q_max, 28);
AT(qlinear_quantize_descriptor, activation_element, 32);
AT(qlinear_quantize_descriptor, quantized_element, 36);
AT(qlinear_quantize_descriptor, source, 40);
AT(qlinear_quantize_descriptor, scale, 72);
AT(qlinear_quantize_descriptor, sums, 80);
AT(qlinear_quantize_descriptor, reserved, 84);
AT_LEAST(qlinear_quantize_descriptor, 88);

AT(qlinear_quantize_args, struct_size, 0);
AT(qlinear_quantize_args, activation, 8);
AT(qlinear_quantize_args, quantized, 88);
AT(qlinear_quantize_args, scale, 168);
AT(qlinear_quantize_args, source, 248);
AT(qlinear_quantize_args, scale_from, 728);
AT(qlinear_quantize_args, zero_point, 1048);
AT(qlinear_quantize_args, sum, 1128);
AT_LEAST(qlinear_quantize_args, 1208);

AT(qlinear_plan_preference, struct_size, 0);
AT(qlinear_plan_preference, kernel, 8);
AT(qlinear_plan_preference, quantize_kernel, 16);
AT(qlinear_plan_preference, max_workspace, 24);
AT(qlinear_plan_preference, limit_workspace, 32);
AT(qlinear_plan_preference, forbid_architecture_specific, 36);
AT(qlinear_plan_preference, split_k, 40);
AT(qlinear_plan_preference, constant_weights, 44);
AT(qlinear_plan_preference, max_sms, 48);
AT(qlinear_plan_preference, reserved, 52);
AT_LEAST(qlinear_plan_preference, 56);

AT(qlinear_precision_guarantee, math_precision, 0);
AT(qlinear_precision_guarantee, accumulator, 4);
AT(qlinear_precision_guarantee, deterministic, 8);
AT(qlinear_precision_guarantee, bit_stable_on_same_hardware, 12);
AT(qlinear_precision_guarantee, bit_stable_across_hardware, 16);
AT(qlinear_precision_guarantee, batch_invariant, 20);
SIZE(qlinear_precision_guarantee, 24);

AT(qlinear_kernel_sku, struct_size, 0);
AT(qlinear_kernel_sku, name, 8);
AT(qlinear_kernel_sku, compiled_for, 16);
AT(qlinear_kernel_sku, category, 24);
AT(qlinear_kernel_sku, op, 28);
AT(qlinear_kernel_sku, backend, 32);
AT(qlinear_kernel_sku, architecture, 36);
AT(qlinear_kernel_sku, architecture_specific, 40);
AT(qlinear_kernel_sku, element, 44);
AT(qlinear_kernel_sku, weight_element, 48);
AT(qlinear_kernel_sku, accumulator, 52);
AT(qlinear_kernel_sku, precision_guarantee, 56);
AT_LEAST(qlinear_kernel_sku, 80);

VALUE(QLINEAR_STATUS_OK, 0);
VALUE(QLINEAR_STATUS_INVALID_PROBLEM, 1);
VALUE(QLINEAR_STATUS_UNSUPPORTED, 2);
VALUE(QLINEAR_STATUS_WORKSPACE_TOO_SMALL, 3);
VALUE(QLINEAR_STATUS_CUDA_ERROR, 4);
VALUE(QLINEAR_STATUS_OUT_OF_MEMORY, 100);
VALUE(QLINEAR_STATUS_BUFFER_TOO_SMALL, 101);
VALUE(QLINEAR_ELEMENT_UNSET, 0);
VALUE(QLINEAR_ELEMENT_F16, 1);
VALUE(QLINEAR_ELEMENT_BF16, 2);
VALUE(QLINEAR_ELEMENT_F32, 3);
VALUE(QLINEAR_ELEMENT_F64, 4);
VALUE(QLINEAR_ELEMENT_S8, 5);
VALUE(QLINEAR_ELEMENT_U8, 6);
VALUE(QLINEAR_ELEMENT_S32, 7);
VALUE(QLINEAR_ACTIVATION_NONE, 0);
VALUE(QLINEAR_ACTIVATION_RELU, 1);
VALUE(QLINEAR_ACTIVATION_SQUARED_RELU, 2);
VALUE(QLINEAR_ACTIVATION_SILU, 3);
VALUE(QLINEAR_ACTIVATION_QUICK_GELU, 4);
VALUE(QLINEAR_ACTIVATION_GELU_TANH, 5);
VALUE(QLINEAR_ACTIVATION_GELU_ERF, 6);
VALUE(QLINEAR_SOURCE_PLAIN, 0);
VALUE(QLINEAR_SOURCE_COLUMN_FACTOR, 1);
VALUE(QLINEAR_SOURCE_RMS_NORM, 2);
VALUE(QLINEAR_SOURCE_LAYER_NORM, 3);
VALUE(QLINEAR_SOURCE_GATED, 4);
VALUE(QLINEAR_SCALE_DYNAMIC, 0);
VALUE(QLINEAR_SCALE_DYNAMIC_ASYMMETRIC, 1);
VALUE(QLINEAR_SCALE_GIVEN_RANGE, 2);
VALUE(QLINEAR_SCALE_GIVEN_RANGE_ASYMMETRIC, 3);
VALUE(QLINEAR_SCALE_STATIC, 4);
VALUE(QLINEAR_SCALE_GIVEN, 5);
VALUE(QLINEAR_CATEGORY_QUANTIZE, 0);
VALUE(QLINEAR_CATEGORY_GEMM, 1);
VALUE(QLINEAR_OP_DYNAMIC_RANGE_QUANTIZE, 0);
VALUE(QLINEAR_OP_QUANTIZED_LINEAR, 1);
VALUE(QLINEAR_BACKEND_SIMT, 0);
VALUE(QLINEAR_BACKEND_DP4A, 1);
VALUE(QLINEAR_BACKEND_MMA_SYNC, 2);
VALUE(QLINEAR_BACKEND_WGMMA, 3);
