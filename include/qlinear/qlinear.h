#ifndef QLINEAR_QLINEAR_H
#define QLINEAR_QLINEAR_H

/// @file
/// The C interface: everything that qlinear's C++ headers offer but checkpoints, for C11 and for
/// languages that call C. The same library holds both, with the same bits. What the C++ headers and
/// the README say of an operation, its formulas, alignment, streams and errors, holds here; below
/// is what C adds.
///
/// Zero is the default: a struct of zeros whose `struct_size` is set is a valid start, and a tensor
/// of zeros is none.
///
/// Structs that begin with `struct_size` may get fields at their end. Set it to the size of the
/// struct that the program was compiled with. The library takes the fields that a smaller struct
/// lacks as zeros, and refuses a larger one unless what it does not know is zero.
///
/// Functions that can fail return a `qlinear_status` and write why into `message`, which has room
/// for `message_bytes`: text in UTF-8, cut where it does not fit, always with a zero behind it, and
/// empty on success. It may be null where `message_bytes` is 0. They throw nothing, print nothing
/// and abort nothing; a null pointer where a struct is expected is refused.
///
/// Plans are immutable: any number of threads may use one at once. Creating one allocates the plan
/// itself; no other call of a plan allocates on success. A plan may be destroyed as soon as no call
/// with it is running, also while its kernels run. Apart from the log callback and the tuning table
/// the library keeps nothing that a caller can see.
///
/// `stream` is a `cudaStream_t`; null is the default stream.

// NOLINTBEGIN(modernize-*,readability-identifier-naming): C, by the names of C.

#include <qlinear/export.hpp>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;

/// Grows when a program that was compiled against an earlier version could no longer run with this
/// one. The README says what may change without that.
#define QLINEAR_ABI_VERSION 1

/// Returns the `QLINEAR_ABI_VERSION` that the library was compiled with. A program should compare
/// it with its own before any other call.
QLINEAR_API int32_t qlinear_abi_version(void);

/// Returns the library's version, "0.1.0" for example, in static storage.
QLINEAR_API const char* qlinear_version(void);

/// One of the `QLINEAR_STATUS_...`.
typedef int32_t qlinear_status;
enum {
  QLINEAR_STATUS_OK = 0,
  QLINEAR_STATUS_INVALID_PROBLEM = 1,      ///< An argument contradicts the documented rules.
  QLINEAR_STATUS_UNSUPPORTED = 2,          ///< No kernel here, or not the forced one, can do it.
  QLINEAR_STATUS_WORKSPACE_TOO_SMALL = 3,  ///< Fewer bytes than the plan's `workspace_size`.
  QLINEAR_STATUS_CUDA_ERROR = 4,           ///< The message carries the CUDA runtime's text.
  QLINEAR_STATUS_OUT_OF_MEMORY = 100,      ///< There is no host memory for a plan.
  QLINEAR_STATUS_BUFFER_TOO_SMALL = 101    ///< A text was cut to the caller's buffer.
};

/// The type of a tensor's elements, one of the `QLINEAR_ELEMENT_...`.
typedef int32_t qlinear_element;
enum {
  QLINEAR_ELEMENT_UNSET = 0,
  QLINEAR_ELEMENT_F16 = 1,
  QLINEAR_ELEMENT_BF16 = 2,
  QLINEAR_ELEMENT_F32 = 3,
  QLINEAR_ELEMENT_F64 = 4,
  QLINEAR_ELEMENT_S8 = 5,
  QLINEAR_ELEMENT_U8 = 6,
  QLINEAR_ELEMENT_S32 = 7
};

/// A function of one element, one of the `QLINEAR_ACTIVATION_...`. F64 activations know `NONE`,
/// `RELU` and `SQUARED_RELU`.
typedef int32_t qlinear_activation_function;
enum {
  QLINEAR_ACTIVATION_NONE = 0,
  QLINEAR_ACTIVATION_RELU = 1,
  QLINEAR_ACTIVATION_SQUARED_RELU = 2,
  QLINEAR_ACTIVATION_SILU = 3,
  QLINEAR_ACTIVATION_QUICK_GELU = 4,
  QLINEAR_ACTIVATION_GELU_TANH = 5,
  QLINEAR_ACTIVATION_GELU_ERF = 6
};

/// What is quantized, one of the `QLINEAR_SOURCE_...`.
typedef int32_t qlinear_source_kind;
enum {
  QLINEAR_SOURCE_PLAIN = 0,          ///< The activation.
  QLINEAR_SOURCE_COLUMN_FACTOR = 1,  ///< The activation times `column_factor[K]`.
  QLINEAR_SOURCE_RMS_NORM = 2,       ///< The activation, its residual added, over its RMS.
  QLINEAR_SOURCE_LAYER_NORM = 3,     ///< Likewise, less its mean over its deviation.
  QLINEAR_SOURCE_GATED = 4           ///< `function(gate) * up`: a row holds K gates, then K ups.
};

/// How it is quantized, one of the `QLINEAR_SCALE_...`.
typedef int32_t qlinear_scale_kind;
enum {
  QLINEAR_SCALE_DYNAMIC = 0,                 ///< Symmetric, by the row's largest magnitude.
  QLINEAR_SCALE_DYNAMIC_ASYMMETRIC = 1,      ///< By the row's range, with a zero point.
  QLINEAR_SCALE_GIVEN_RANGE = 2,             ///< As `DYNAMIC`, by `range_max[M]`.
  QLINEAR_SCALE_GIVEN_RANGE_ASYMMETRIC = 3,  ///< By `range_min[M]` and `range_max[M]`.
  QLINEAR_SCALE_STATIC = 4,                  ///< By `scale` and perhaps `zero_point`.
  QLINEAR_SCALE_GIVEN = 5                    ///< Not at all: `qlinear_given_activation` holds q.
};

/// What kind of kernel, one of the `QLINEAR_CATEGORY_...`.
typedef int32_t qlinear_kernel_category;
enum { QLINEAR_CATEGORY_QUANTIZE = 0, QLINEAR_CATEGORY_GEMM = 1 };

/// What a kernel belongs to, one of the `QLINEAR_OP_...`.
typedef int32_t qlinear_kernel_op;
enum { QLINEAR_OP_DYNAMIC_RANGE_QUANTIZE = 0, QLINEAR_OP_QUANTIZED_LINEAR = 1 };

/// The instructions of a kernel's inner loop, one of the `QLINEAR_BACKEND_...`.
typedef int32_t qlinear_kernel_backend;
enum {
  QLINEAR_BACKEND_SIMT = 0,
  QLINEAR_BACKEND_DP4A = 1,
  QLINEAR_BACKEND_MMA_SYNC = 2,
  QLINEAR_BACKEND_WGMMA = 3
};

// Names, in static storage: those of the C++ functions `to_string`, "unknown" for other values.

/// Returns "Ok", "InvalidProblem", ...
QLINEAR_API const char* qlinear_status_name(qlinear_status status);
/// Returns "f16", "bf16", ...
QLINEAR_API const char* qlinear_element_name(qlinear_element element);
/// Returns "none", "relu", ...
QLINEAR_API const char* qlinear_activation_function_name(qlinear_activation_function function);
/// Returns "plain", "column_factor", ...
QLINEAR_API const char* qlinear_source_kind_name(qlinear_source_kind kind);
/// Returns "dynamic", "dynamic_asymmetric", ...
QLINEAR_API const char* qlinear_scale_kind_name(qlinear_scale_kind kind);
/// Returns "quantize" or "gemm".
QLINEAR_API const char* qlinear_kernel_category_name(qlinear_kernel_category category);
/// Returns "dynamic_range_quantize" or "quantized_linear".
QLINEAR_API const char* qlinear_kernel_op_name(qlinear_kernel_op op);
/// Returns "simt", "dp4a", ...
QLINEAR_API const char* qlinear_kernel_backend_name(qlinear_kernel_backend backend);

/// Returns the size of an element, which is also the alignment that its pointer needs; 0 for none.
QLINEAR_API size_t qlinear_element_bytes(qlinear_element element);

/// A strided tensor of rank 1 or 2. Strides count elements. The inner one is 1; a row stride larger
/// than the row is padding. Never changes.
typedef struct qlinear_tensor {
  void* data;  ///< Without const, also of a tensor that is only read.
  int32_t rank;
  qlinear_element element;
  int64_t shape[4];  ///< The first `rank` count.
  int64_t stride[4];
} qlinear_tensor;

/// Returns a row-major matrix without padding between its rows.
static inline qlinear_tensor qlinear_matrix(void* data, qlinear_element element, int64_t rows,
                                            int64_t columns) {
  qlinear_tensor tensor = {data, 2, element, {rows, columns, 0, 0}, {columns, 1, 0, 0}};
  return tensor;
}

/// Returns a vector of `size` adjacent elements.
static inline qlinear_tensor qlinear_vector(void* data, qlinear_element element, int64_t size) {
  qlinear_tensor tensor = {data, 1, element, {size, 0, 0, 0}, {1, 0, 0, 0}};
  return tensor;
}

// Parts of descriptors and arguments. They never change: what a source, a scale or an epilogue gets
// later is a field at the end of the struct around them. `C` is F64 for F64 activations and F32 for
// all others; `T` is the activation's type. An int32 that asks for something is 0 or not.

/// As the C++ struct `SourceDescriptor`.
typedef struct qlinear_source {
  qlinear_source_kind kind;
  qlinear_activation_function function;  ///< Of a gated source.
  int32_t residual;                      ///< Of norms: `activation + residual` is normalised.
  int32_t residual_in_compute_type;      ///< The residual and `residual_out` have type C.
  int32_t norm_weight_in_compute_type;   ///< `norm_weight` and `norm_bias` have type C.
  int32_t unit_offset;                   ///< Of RMSNorm: the weight is `1 + norm_weight`.
  double eps;                            ///< Of norms, where it must be positive; else 0.
} qlinear_source;

/// As the C++ struct `ScaleDescriptor`.
typedef struct qlinear_scale {
  qlinear_scale_kind kind;
  int32_t zero_points;  ///< Of static and given scales; asymmetric ones have them always.
} qlinear_scale;

/// As the C++ struct `EpilogueDescriptor`.
typedef struct qlinear_epilogue {
  qlinear_activation_function activation;
  int32_t gated;           ///< `activation(gate) * up`: half of the weight's rows are gates.
  int32_t routing_weight;  ///< Rows are multiplied by `routing_weight[M]`.
  int32_t residual;        ///< `residual`, of the shape of the output, is added.
} qlinear_epilogue;

/// As the C++ struct `SourceTensors`.
typedef struct qlinear_source_tensors {
  qlinear_tensor column_factor;  ///< [K], C.
  qlinear_tensor norm_weight;    ///< [K], T or C; none means 1.
  qlinear_tensor norm_bias;      ///< [K], T or C, of LayerNorm; none means -0.
  qlinear_tensor residual;       ///< [M, K], T or C, if the descriptor asks for it.
  qlinear_tensor residual_out;   ///< [M, K], receives the new residual; may be `residual`.
  qlinear_tensor normed_out;     ///< [M, K], T, of norms: receives the norm; optional.
} qlinear_source_tensors;

/// As the C++ struct `ScaleTensors`.
typedef struct qlinear_scale_tensors {
  qlinear_tensor range_max;   ///< [M], C.
  qlinear_tensor range_min;   ///< [M], C.
  qlinear_tensor scale;       ///< [1] or [M], C.
  qlinear_tensor zero_point;  ///< [1] or [M], S8.
} qlinear_scale_tensors;

/// As the C++ struct `GivenActivation`.
typedef struct qlinear_given_activation {
  qlinear_tensor q;           ///< [M, K], S8.
  qlinear_tensor scale;       ///< [M] or [1], C.
  qlinear_tensor zero_point;  ///< [M] or [1], S8, if the descriptor asks for it.
  qlinear_tensor sum;         ///< [M], S32, if weights have zero points.
} qlinear_given_activation;

/// As the C++ struct `ZeroPointTensors`.
typedef struct qlinear_zero_point_tensors {
  qlinear_tensor act_zero_point_scratch;  ///< [M], S8: receives zero points.
  qlinear_tensor act_sum_scratch;         ///< [M], S32: receives sums of rows of q.
  qlinear_tensor weight_sum;              ///< [C_out], S32, with zero points of the activation.
  qlinear_tensor weight_zero_point;       ///< [C_out], as the weight, with zero points of it.
} qlinear_zero_point_tensors;

/// As the C++ struct `EpilogueTensors`.
typedef struct qlinear_epilogue_tensors {
  qlinear_tensor routing_weight;  ///< [M], C.
  qlinear_tensor residual;        ///< As the output, which it may be.
} qlinear_epilogue_tensors;

/// The problem `output[M,C_out] = activation[M,K] · weight[C_out,K]ᵀ`.
typedef struct qlinear_linear_descriptor {
  size_t struct_size;
  int64_t m;
  int64_t c_out;
  int64_t k;
  int32_t q_min;  ///< The range of the quantized activation; 0 and 0 mean -127 and 127.
  int32_t q_max;
  qlinear_element activation_element;  ///< F16, BF16, F32 or F64; the output's too.
  qlinear_element weight_element;      ///< S8 or U8.
  qlinear_source source;
  qlinear_scale scale;
  qlinear_epilogue epilogue;
  int32_t weight_zero_points;  ///< Rows of the weight have zero points.
  int32_t reserved;            ///< 0.
} qlinear_linear_descriptor;

/// Tensors of one layer, in device memory of the stream's device (in host memory for
/// `qlinear_reference_linear`).
typedef struct qlinear_linear_args {
  size_t struct_size;
  qlinear_tensor activation;         ///< [M, K]; [M, 2 K] of a gated source.
  qlinear_tensor weight_q;           ///< [C_out, K].
  qlinear_tensor weight_scale;       ///< [C_out], C.
  qlinear_tensor output;             ///< [M, C_out], T; [M, C_out / 2] if gated.
  qlinear_tensor act_q_scratch;      ///< [M, K], S8: receives the quantized activation.
  qlinear_tensor act_scale_scratch;  ///< [M], C: receives the activation's scales.
  qlinear_tensor bias;               ///< [C_out], T; none means no bias.
  qlinear_source_tensors source;
  qlinear_scale_tensors scale;
  qlinear_given_activation given;  ///< Instead of activation and scratch.
  qlinear_zero_point_tensors zero_points;
  qlinear_epilogue_tensors epilogue;
} qlinear_linear_args;

/// The quantize pass alone.
typedef struct qlinear_quantize_descriptor {
  size_t struct_size;
  int64_t m;
  int64_t k;
  int32_t q_min;  ///< As in `qlinear_linear_descriptor`.
  int32_t q_max;
  qlinear_element activation_element;
  qlinear_element quantized_element;  ///< S8, or unset, which means the same.
  qlinear_source source;
  qlinear_scale scale;  ///< Not given.
  int32_t sums;         ///< Asks for the sum of each row of q.
  int32_t reserved;     ///< 0.
} qlinear_quantize_descriptor;

/// Its tensors.
typedef struct qlinear_quantize_args {
  size_t struct_size;
  qlinear_tensor activation;  ///< [M, K]; [M, 2 K] of a gated source.
  qlinear_tensor quantized;   ///< [M, K], S8.
  qlinear_tensor scale;       ///< [M], C.
  qlinear_source_tensors source;
  qlinear_scale_tensors scale_from;  ///< What `scale` is computed from, where not from the row.
  qlinear_tensor zero_point;         ///< [M], S8, if the descriptor's scale has zero points.
  qlinear_tensor sum;                ///< [M], S32, if the descriptor asks for sums.
} qlinear_quantize_args;

/// As the C++ struct `PlanPreference`, whose documentation says what each field does.
typedef struct qlinear_plan_preference {
  size_t struct_size;
  const char* kernel;           ///< Names the GEMM kernel to force; null or empty for none.
  const char* quantize_kernel;  ///< Names the quantize kernel likewise.
  size_t max_workspace;         ///< Where `limit_workspace` is set, the most bytes of workspace.
  int32_t limit_workspace;
  int32_t forbid_architecture_specific;
  int32_t split_k;
  int32_t constant_weights;
  int32_t max_sms;
  int32_t reserved;  ///< 0.
} qlinear_plan_preference;

/// As the C++ struct `PrecisionGuarantee`. Never changes.
typedef struct qlinear_precision_guarantee {
  qlinear_element math_precision;
  qlinear_element accumulator;
  int32_t deterministic;
  int32_t bit_stable_on_same_hardware;
  int32_t bit_stable_across_hardware;
  int32_t batch_invariant;
} qlinear_precision_guarantee;

/// As the C++ struct `KernelSku`: the identity of a kernel. Texts are in static storage.
typedef struct qlinear_kernel_sku {
  size_t struct_size;
  const char* name;
  const char* compiled_for;
  qlinear_kernel_category category;
  qlinear_kernel_op op;
  qlinear_kernel_backend backend;
  int32_t architecture;
  int32_t architecture_specific;
  qlinear_element element;
  qlinear_element weight_element;
  qlinear_element accumulator;
  qlinear_precision_guarantee precision_guarantee;
} qlinear_kernel_sku;

// Plans. Create and destroy; what is between is the C++ plan's.

/// A plan for one linear layer: the C++ class `QuantizedLinearPlan`.
typedef struct qlinear_linear_plan qlinear_linear_plan;
/// A plan for the quantize pass alone: the C++ class `DynamicRangeQuantizePlan`.
typedef struct qlinear_quantize_plan qlinear_quantize_plan;
/// A plan for quantizing and dequantizing: the C++ class `FakeQuantizePlan`.
typedef struct qlinear_fake_quantize_plan qlinear_fake_quantize_plan;

/// Selects kernels for `descriptor` on the device of `stream` and sets `*plan`, to null on a
/// failure. `preference` may be null.
QLINEAR_API qlinear_status qlinear_linear_plan_create(const qlinear_linear_plan** plan,
                                                      const qlinear_linear_descriptor* descriptor,
                                                      const qlinear_plan_preference* preference,
                                                      char* message, size_t message_bytes,
                                                      struct CUstream_st* stream);
/// Frees a plan; null is none.
QLINEAR_API void qlinear_linear_plan_destroy(const qlinear_linear_plan* plan);
/// Returns the bytes of workspace that `run` and `multiply` use, often 0; of a null plan 0.
QLINEAR_API size_t qlinear_linear_plan_workspace_size(const qlinear_linear_plan* plan);
/// Fills `descriptor`, as much as its `struct_size` has room for, with what the plan was created
/// for.
QLINEAR_API qlinear_status qlinear_linear_plan_descriptor(const qlinear_linear_plan* plan,
                                                          qlinear_linear_descriptor* descriptor,
                                                          char* message, size_t message_bytes);
/// Fills `sku` likewise with the GEMM kernel that was chosen.
QLINEAR_API qlinear_status qlinear_linear_plan_sku(const qlinear_linear_plan* plan,
                                                   qlinear_kernel_sku* sku, char* message,
                                                   size_t message_bytes);
/// Checks everything that `run` checks but the stream and the workspace. Touches no device.
QLINEAR_API qlinear_status qlinear_linear_plan_can_implement(const qlinear_linear_plan* plan,
                                                             const qlinear_linear_args* args,
                                                             char* message, size_t message_bytes);
/// Enqueues the layer. `workspace` is device memory of `workspace_size` bytes, 256-byte aligned, or
/// null with 0 bytes, with which the kernel runs without splitting K.
QLINEAR_API qlinear_status qlinear_linear_plan_run(const qlinear_linear_plan* plan,
                                                   const qlinear_linear_args* args, void* workspace,
                                                   size_t workspace_bytes, char* message,
                                                   size_t message_bytes,
                                                   struct CUstream_st* stream);
/// Enqueues the first half of `run`: quantizes the activation into the scratch.
QLINEAR_API qlinear_status qlinear_linear_plan_quantize_activation(const qlinear_linear_plan* plan,
                                                                   const qlinear_linear_args* args,
                                                                   char* message,
                                                                   size_t message_bytes,
                                                                   struct CUstream_st* stream);
/// Enqueues the second half of `run`: computes the output from the scratch.
QLINEAR_API qlinear_status qlinear_linear_plan_multiply(const qlinear_linear_plan* plan,
                                                        const qlinear_linear_args* args,
                                                        void* workspace, size_t workspace_bytes,
                                                        char* message, size_t message_bytes,
                                                        struct CUstream_st* stream);
/// Enqueues `count` layers of one activation, `plans[i]` with `args[i]`: the quantize pass once,
/// and the product of each. They share a workspace of the largest size that one of them asks for.
QLINEAR_API qlinear_status qlinear_linear_plan_run_shared(const qlinear_linear_plan* const* plans,
                                                          const qlinear_linear_args* const* args,
                                                          size_t count, void* workspace,
                                                          size_t workspace_bytes, char* message,
                                                          size_t message_bytes,
                                                          struct CUstream_st* stream);

/// As `qlinear_linear_plan_create`.
QLINEAR_API qlinear_status qlinear_quantize_plan_create(
    const qlinear_quantize_plan** plan, const qlinear_quantize_descriptor* descriptor,
    const qlinear_plan_preference* preference, char* message, size_t message_bytes,
    struct CUstream_st* stream);
/// Frees a plan; null is none.
QLINEAR_API void qlinear_quantize_plan_destroy(const qlinear_quantize_plan* plan);
/// As `qlinear_linear_plan_descriptor`.
QLINEAR_API qlinear_status qlinear_quantize_plan_descriptor(const qlinear_quantize_plan* plan,
                                                            qlinear_quantize_descriptor* descriptor,
                                                            char* message, size_t message_bytes);
/// Fills `sku` with the quantize kernel.
QLINEAR_API qlinear_status qlinear_quantize_plan_sku(const qlinear_quantize_plan* plan,
                                                     qlinear_kernel_sku* sku, char* message,
                                                     size_t message_bytes);
/// As `qlinear_linear_plan_can_implement`.
QLINEAR_API qlinear_status qlinear_quantize_plan_can_implement(const qlinear_quantize_plan* plan,
                                                               const qlinear_quantize_args* args,
                                                               char* message, size_t message_bytes);
/// Enqueues the pass. It needs no workspace.
QLINEAR_API qlinear_status qlinear_quantize_plan_run(const qlinear_quantize_plan* plan,
                                                     const qlinear_quantize_args* args,
                                                     char* message, size_t message_bytes,
                                                     struct CUstream_st* stream);

/// As `qlinear_linear_plan_create`.
QLINEAR_API qlinear_status qlinear_fake_quantize_plan_create(
    const qlinear_fake_quantize_plan** plan, const qlinear_quantize_descriptor* descriptor,
    const qlinear_plan_preference* preference, char* message, size_t message_bytes,
    struct CUstream_st* stream);
/// Frees a plan; null is none.
QLINEAR_API void qlinear_fake_quantize_plan_destroy(const qlinear_fake_quantize_plan* plan);
/// As `qlinear_linear_plan_descriptor`.
QLINEAR_API qlinear_status qlinear_fake_quantize_plan_descriptor(
    const qlinear_fake_quantize_plan* plan, qlinear_quantize_descriptor* descriptor, char* message,
    size_t message_bytes);
/// Fills `sku` with the quantize kernel.
QLINEAR_API qlinear_status qlinear_fake_quantize_plan_sku(const qlinear_fake_quantize_plan* plan,
                                                          qlinear_kernel_sku* sku, char* message,
                                                          size_t message_bytes);
/// As `qlinear_linear_plan_can_implement`. `output` is [M, K], T: what the quantized activation
/// stands for.
QLINEAR_API qlinear_status qlinear_fake_quantize_plan_can_implement(
    const qlinear_fake_quantize_plan* plan, const qlinear_quantize_args* args,
    const qlinear_tensor* output, char* message, size_t message_bytes);
/// Enqueues both kernels. They need no workspace.
QLINEAR_API qlinear_status qlinear_fake_quantize_plan_run(const qlinear_fake_quantize_plan* plan,
                                                          const qlinear_quantize_args* args,
                                                          const qlinear_tensor* output,
                                                          char* message, size_t message_bytes,
                                                          struct CUstream_st* stream);

// Sums that zero points need, on the device.

/// Enqueues what writes the sum of each row of `weight` ([N, K], S8 or U8) to `sums` ([N], S32).
QLINEAR_API qlinear_status qlinear_weight_sums(const qlinear_tensor* weight,
                                               const qlinear_tensor* sums, char* message,
                                               size_t message_bytes, struct CUstream_st* stream);
/// Enqueues what writes the sum of each row of `quantized` ([M, K], S8) to `sums` ([M], S32).
QLINEAR_API qlinear_status qlinear_activation_sums(const qlinear_tensor* quantized,
                                                   const qlinear_tensor* sums, char* message,
                                                   size_t message_bytes,
                                                   struct CUstream_st* stream);

// The CPU reference, over host pointers: `qlinear::reference`. It runs on the calling thread and
// needs neither a GPU nor the CUDA runtime.

/// The layer of `descriptor`, with the bits of a plan.
QLINEAR_API qlinear_status qlinear_reference_linear(const qlinear_linear_descriptor* descriptor,
                                                    const qlinear_linear_args* args, char* message,
                                                    size_t message_bytes);
/// The quantize pass of `descriptor`.
QLINEAR_API qlinear_status qlinear_reference_quantize(const qlinear_quantize_descriptor* descriptor,
                                                      const qlinear_quantize_args* args,
                                                      char* message, size_t message_bytes);
/// Writes to `output` ([M, K], T) what `quantized` ([M, K], S8) with `scale` ([M] or [1], C) and
/// `zero_point` ([M] or [1], S8; null or none for zeros) stands for.
QLINEAR_API qlinear_status qlinear_reference_fake_quantize(const qlinear_tensor* quantized,
                                                           const qlinear_tensor* scale,
                                                           const qlinear_tensor* zero_point,
                                                           const qlinear_tensor* output,
                                                           char* message, size_t message_bytes);
/// As `qlinear_weight_sums`.
QLINEAR_API qlinear_status qlinear_reference_weight_sums(const qlinear_tensor* weight,
                                                         const qlinear_tensor* sums, char* message,
                                                         size_t message_bytes);
/// As `qlinear_activation_sums`.
QLINEAR_API qlinear_status qlinear_reference_activation_sums(const qlinear_tensor* quantized,
                                                             const qlinear_tensor* sums,
                                                             char* message, size_t message_bytes);

// The longest reduction whose sum cannot leave int32.

/// Returns the largest K for a range and a weight; 0 for a range or a weight that is not valid.
QLINEAR_API int64_t qlinear_max_k(int32_t q_min, int32_t q_max, qlinear_element weight_element);
/// Returns the largest K of a layer whose other fields are those of `descriptor`; 0 for a
/// descriptor that is not valid.
QLINEAR_API int64_t qlinear_linear_max_k(const qlinear_linear_descriptor* descriptor);

// The kernels in the library.

/// Returns how many there are.
QLINEAR_API size_t qlinear_kernel_count(void);
/// Fills `sku` with the kernel of that index, in the order of the kernel table.
QLINEAR_API qlinear_status qlinear_kernel(size_t index, qlinear_kernel_sku* sku, char* message,
                                          size_t message_bytes);
/// Returns 1 if the library has a kernel of that name that is compiled for that pair of types, and
/// else 0.
QLINEAR_API int32_t qlinear_supports(const char* kernel, qlinear_element element,
                                     qlinear_element weight_element);
/// Writes every field of `sku` in one line to `text`, and to `*needed`, unless that is null, the
/// bytes that it takes with its zero. Errors: BUFFER_TOO_SMALL where it was cut.
QLINEAR_API qlinear_status qlinear_kernel_sku_text(const qlinear_kernel_sku* sku, char* text,
                                                   size_t text_bytes, size_t* needed, char* message,
                                                   size_t message_bytes);

// The tuning table of the process. The C++ header tuning.hpp says what it holds.

/// Adds the entries of the zero-terminated `text`. Errors: as the C++ `import_tuning_table`.
QLINEAR_API qlinear_status qlinear_import_tuning_table(const char* text, char* message,
                                                       size_t message_bytes);
/// Writes the table to `text` likewise: null with 0 bytes asks only for `*needed`.
QLINEAR_API qlinear_status qlinear_export_tuning_table(char* text, size_t text_bytes,
                                                       size_t* needed, char* message,
                                                       size_t message_bytes);
/// Empties the table.
QLINEAR_API void qlinear_clear_tuning_table(void);

/// Receives one line, without a line break. It must not throw or jump.
typedef void (*qlinear_log_callback)(void* user, const char* line);

/// Replaces the callback of the process; null restores the default, which writes to stderr. Lines
/// come as the environment variable QLINEAR_LOG says, from any thread that creates plans.
QLINEAR_API void qlinear_set_log_callback(qlinear_log_callback callback, void* user);

#ifdef __cplusplus
}  // extern "C"
#endif

// NOLINTEND(modernize-*,readability-identifier-naming)

#endif
