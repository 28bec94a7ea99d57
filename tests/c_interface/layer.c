// qlinear.h as a C program uses it, with nothing else of qlinear and no header of CUDA: each
// operation on the device, against the reference, bit for bit; and what wrong arguments get.

#include <qlinear/qlinear.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The CUDA runtime's, which every program that links qlinear links.
int cudaMalloc(void** memory, size_t bytes);
int cudaFree(void* memory);
int cudaMemcpy(void* to, const void* from, size_t bytes, int kind);
int cudaStreamSynchronize(struct CUstream_st* stream);
enum { HOST_TO_DEVICE = 1, DEVICE_TO_HOST = 2 };

static int failures = 0;
static char message[1024];

#define EXPECT(condition)                                                          \
  do {                                                                             \
    if (!(condition)) {                                                            \
      fprintf(stderr, "%s:%d: %s; %s\n", __func__, __LINE__, #condition, message); \
      ++failures;                                                                  \
    }                                                                              \
  } while (0)
#define EXPECT_OK(call) EXPECT((call) == QLINEAR_STATUS_OK && message[0] == '\0')
#define EXPECT_REFUSED(call, status, words) \
  EXPECT((call) == QLINEAR_STATUS_##status && strstr(message, words) != NULL)

// A tensor on the host and one on the device, of the same numbers.
typedef struct {
  qlinear_tensor host;
  qlinear_tensor device;
  size_t bytes;
} twin;

// Each has other numbers. Vectors of f32 are positive, as scales are.
static twin make_twin(qlinear_element element, int64_t rows, int64_t columns) {
  static int64_t seed = 0;
  ++seed;
  twin t;
  const int64_t count = rows * columns;
  t.bytes = (size_t)count * qlinear_element_bytes(element);
  char* data = malloc(t.bytes);
  for (int64_t i = 0; i < count; ++i) {
    const int8_t small = (int8_t)((i * 37 + seed * 11) % 29 - 14);
    const float number = (float)(rows == 1 && small <= 0 ? 1 - small : small) / 8;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    if (element == QLINEAR_ELEMENT_F32) memcpy(data + 4 * i, &number, 4);
    if (element == QLINEAR_ELEMENT_BF16) {
      const uint16_t upper = (uint16_t)(bits >> 16);  // Exact: so few bits are set.
      memcpy(data + 2 * i, &upper, 2);
    }
    if (element == QLINEAR_ELEMENT_S8 || element == QLINEAR_ELEMENT_U8) data[i] = small;
    if (element == QLINEAR_ELEMENT_S32) memset(data + 4 * i, 0, 4);
  }
  t.host = rows == 1 ? qlinear_vector(data, element, columns)
                     : qlinear_matrix(data, element, rows, columns);
  t.device = t.host;
  cudaMalloc(&t.device.data, t.bytes);
  cudaMemcpy(t.device.data, data, t.bytes, HOST_TO_DEVICE);
  return t;
}

static void free_twin(twin t) {
  free(t.host.data);
  cudaFree(t.device.data);
}

static bool are_equal(twin t) {
  void* copy = malloc(t.bytes);
  cudaMemcpy(copy, t.device.data, t.bytes, DEVICE_TO_HOST);
  const bool equal = memcmp(copy, t.host.data, t.bytes) == 0;
  free(copy);
  return equal;
}

static void fill(twin t, int byte) {
  memset(t.host.data, byte, t.bytes);
  cudaMemcpy(t.device.data, t.host.data, t.bytes, HOST_TO_DEVICE);
}

enum { TOKENS = 3, HIDDEN = 64, OUTPUTS = 48 };

// The tensors of a layer of bf16 and s8.
typedef struct {
  twin activation, weight, weight_scale, output, act_q, act_scale, norm, residual;
} layer;

static layer make_layer(int64_t output_columns) {
  layer l;
  l.activation = make_twin(QLINEAR_ELEMENT_BF16, TOKENS, HIDDEN);
  l.weight = make_twin(QLINEAR_ELEMENT_S8, OUTPUTS, HIDDEN);
  l.weight_scale = make_twin(QLINEAR_ELEMENT_F32, 1, OUTPUTS);
  l.output = make_twin(QLINEAR_ELEMENT_BF16, TOKENS, output_columns);
  l.act_q = make_twin(QLINEAR_ELEMENT_S8, TOKENS, HIDDEN);
  l.act_scale = make_twin(QLINEAR_ELEMENT_F32, 1, TOKENS);
  l.norm = make_twin(QLINEAR_ELEMENT_BF16, 1, HIDDEN);
  l.residual = make_twin(QLINEAR_ELEMENT_BF16, TOKENS, HIDDEN);
  return l;
}

static void free_layer(layer l) {
  const twin all[] = {l.activation, l.weight,    l.weight_scale, l.output,
                      l.act_q,      l.act_scale, l.norm,         l.residual};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free_twin(all[i]);
}

static qlinear_linear_args args_of(layer l, bool device) {
  qlinear_linear_args args = {.struct_size = sizeof args};
  args.activation = device ? l.activation.device : l.activation.host;
  args.weight_q = device ? l.weight.device : l.weight.host;
  args.weight_scale = device ? l.weight_scale.device : l.weight_scale.host;
  args.output = device ? l.output.device : l.output.host;
  args.act_q_scratch = device ? l.act_q.device : l.act_q.host;
  args.act_scale_scratch = device ? l.act_scale.device : l.act_scale.host;
  return args;
}

static qlinear_linear_descriptor plain_layer(void) {
  return (qlinear_linear_descriptor){.struct_size = sizeof(qlinear_linear_descriptor),
                                     .m = TOKENS,
                                     .c_out = OUTPUTS,
                                     .k = HIDDEN,
                                     .activation_element = QLINEAR_ELEMENT_BF16,
                                     .weight_element = QLINEAR_ELEMENT_S8};
}

static qlinear_linear_descriptor fused_layer(void) {
  qlinear_linear_descriptor d = plain_layer();
  d.source = (qlinear_source){.kind = QLINEAR_SOURCE_RMS_NORM, .residual = 1, .eps = 1e-5};
  d.epilogue = (qlinear_epilogue){.activation = QLINEAR_ACTIVATION_SILU, .gated = 1};
  return d;
}

static const qlinear_linear_plan* create(const qlinear_linear_descriptor* descriptor) {
  const qlinear_linear_plan* plan = NULL;
  EXPECT_OK(qlinear_linear_plan_create(&plan, descriptor, NULL, message, sizeof message, NULL));
  return plan;
}

static void plain_layer_has_the_bits_of_the_reference(void) {
  const layer l = make_layer(OUTPUTS);
  const qlinear_linear_args host = args_of(l, false), device = args_of(l, true);
  const qlinear_linear_descriptor d = plain_layer();
  const qlinear_linear_plan* plan = create(&d);
  const size_t bytes = qlinear_linear_plan_workspace_size(plan);
  void* workspace = NULL;
  if (bytes > 0) cudaMalloc(&workspace, bytes);

  EXPECT_OK(qlinear_linear_plan_can_implement(plan, &device, message, sizeof message));
  EXPECT_OK(qlinear_reference_linear(&d, &host, message, sizeof message));
  EXPECT_OK(
      qlinear_linear_plan_run(plan, &device, workspace, bytes, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(l.output) && are_equal(l.act_q) && are_equal(l.act_scale));

  fill(l.output, 0);
  fill(l.act_q, 0);
  EXPECT_OK(qlinear_reference_linear(&d, &host, message, sizeof message));
  EXPECT_OK(qlinear_linear_plan_quantize_activation(plan, &device, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(l.act_q) && !are_equal(l.output));
  EXPECT_OK(qlinear_linear_plan_multiply(plan, &device, NULL, 0, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(l.output));
  cudaFree(workspace);
  qlinear_linear_plan_destroy(plan);
  free_layer(l);
}

static void layers_share_their_activation(void) {
  const layer first = make_layer(OUTPUTS), second = make_layer(OUTPUTS);
  qlinear_linear_args host[] = {args_of(first, false), args_of(second, false)};
  qlinear_linear_args device[] = {args_of(first, true), args_of(second, true)};
  host[1].activation = host[0].activation;
  qlinear_linear_descriptor d[] = {plain_layer(), plain_layer()};
  d[1].epilogue.activation = QLINEAR_ACTIVATION_RELU;
  const qlinear_linear_plan* plans[] = {create(&d[0]), create(&d[1])};
  const qlinear_linear_args* args[] = {&device[0], &device[1]};
  EXPECT_REFUSED(
      qlinear_linear_plan_run_shared(plans, args, 2, NULL, 0, message, sizeof message, NULL),
      INVALID_PROBLEM, "args[1] has another activation");
  device[1].activation = device[0].activation;
  device[1].act_q_scratch = device[0].act_q_scratch;
  device[1].act_scale_scratch = device[0].act_scale_scratch;
  EXPECT_OK(qlinear_linear_plan_run_shared(plans, args, 2, NULL, 0, message, sizeof message, NULL));
  EXPECT_OK(qlinear_linear_plan_run_shared(NULL, NULL, 0, NULL, 0, message, sizeof message, NULL));
  for (int i = 0; i < 2; ++i) {
    EXPECT_OK(qlinear_reference_linear(&d[i], &host[i], message, sizeof message));
  }
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(first.output) && are_equal(first.act_q) && are_equal(second.output));

  // The options of one layer are not those of the next.
  const twin residual = make_twin(QLINEAR_ELEMENT_BF16, TOKENS, OUTPUTS);
  qlinear_linear_plan_destroy(plans[0]);
  d[0].epilogue.residual = 1;
  plans[0] = create(&d[0]);
  host[0].epilogue.residual = residual.host;
  device[0].epilogue.residual = residual.device;
  EXPECT_OK(qlinear_linear_plan_run_shared(plans, args, 2, NULL, 0, message, sizeof message, NULL));
  for (int i = 0; i < 2; ++i) {
    EXPECT_OK(qlinear_reference_linear(&d[i], &host[i], message, sizeof message));
  }
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(first.output) && are_equal(second.output));
  qlinear_linear_plan_destroy(plans[1]);
  d[1].epilogue.residual = 1;
  plans[1] = create(&d[1]);
  EXPECT_REFUSED(
      qlinear_linear_plan_run_shared(plans, args, 2, NULL, 0, message, sizeof message, NULL),
      INVALID_PROBLEM, "epilogue.residual is missing");
  free_twin(residual);

  const qlinear_linear_plan* no_plans[] = {plans[0], NULL};
  EXPECT_REFUSED(
      qlinear_linear_plan_run_shared(no_plans, args, 2, NULL, 0, message, sizeof message, NULL),
      INVALID_PROBLEM, "plan");
  for (int i = 0; i < 2; ++i) qlinear_linear_plan_destroy(plans[i]);
  free_layer(first);
  free_layer(second);
}

static void fused_layer_has_the_bits_of_the_reference(void) {
  const layer l = make_layer(OUTPUTS / 2);
  qlinear_linear_args host = args_of(l, false), device = args_of(l, true);
  host.source.norm_weight = l.norm.host;
  host.source.residual = host.source.residual_out = l.residual.host;
  device.source.norm_weight = l.norm.device;
  device.source.residual = device.source.residual_out = l.residual.device;
  const qlinear_linear_descriptor d = fused_layer();
  const qlinear_linear_plan* plan = create(&d);
  EXPECT_OK(qlinear_reference_linear(&d, &host, message, sizeof message));
  EXPECT(!are_equal(l.residual));
  EXPECT_OK(qlinear_linear_plan_run(plan, &device, NULL, 0, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(l.output) && are_equal(l.residual) && are_equal(l.act_q));

  device.source.residual = (qlinear_tensor){0};
  EXPECT_REFUSED(qlinear_linear_plan_run(plan, &device, NULL, 0, message, sizeof message, NULL),
                 INVALID_PROBLEM, "source.residual is missing, but the descriptor asks for");
  qlinear_linear_plan_destroy(plan);
  free_layer(l);
}

// A tensor of a call, in the place `offset` of its arguments.
typedef struct {
  size_t offset;
  qlinear_element element;
  int64_t rows;
  int64_t columns;
} slot;

#define SLOT(field, element, rows, columns) \
  { offsetof(qlinear_linear_args, field), QLINEAR_ELEMENT_##element, rows, columns }

enum { MOST_SLOTS = 16 };

static void expect_equal_slots(qlinear_linear_descriptor d, const slot* slots, size_t count) {
  twin tensors[MOST_SLOTS];
  qlinear_linear_args host = {.struct_size = sizeof host}, device = {.struct_size = sizeof device};
  for (size_t i = 0; i < count; ++i) {
    tensors[i] = make_twin(slots[i].element, slots[i].rows, slots[i].columns);
    memcpy((char*)&host + slots[i].offset, &tensors[i].host, sizeof(qlinear_tensor));
    memcpy((char*)&device + slots[i].offset, &tensors[i].device, sizeof(qlinear_tensor));
  }
  // The sums that the slots hold, if any, are those of what else they hold.
  if (d.scale.kind == QLINEAR_SCALE_GIVEN) {
    EXPECT_OK(
        qlinear_reference_activation_sums(&host.given.q, &host.given.sum, message, sizeof message));
    EXPECT_OK(
        qlinear_activation_sums(&device.given.q, &device.given.sum, message, sizeof message, NULL));
  }
  if (host.zero_points.weight_sum.data != NULL) {
    EXPECT_OK(qlinear_reference_weight_sums(&host.weight_q, &host.zero_points.weight_sum, message,
                                            sizeof message));
    EXPECT_OK(qlinear_weight_sums(&device.weight_q, &device.zero_points.weight_sum, message,
                                  sizeof message, NULL));
  }
  const qlinear_linear_plan* plan = create(&d);
  EXPECT_OK(qlinear_reference_linear(&d, &host, message, sizeof message));
  EXPECT_OK(qlinear_linear_plan_run(plan, &device, NULL, 0, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  for (size_t i = 0; i < count; ++i) {
    snprintf(message, sizeof message, "slot %zu", i);
    EXPECT(are_equal(tensors[i]));
    free_twin(tensors[i]);
  }
  qlinear_linear_plan_destroy(plan);
}

static void every_option_has_the_bits_of_the_reference(void) {
  qlinear_linear_descriptor d = plain_layer();
  d.source.kind = QLINEAR_SOURCE_COLUMN_FACTOR;
  d.scale.kind = QLINEAR_SCALE_GIVEN_RANGE_ASYMMETRIC;
  d.weight_zero_points = 1;
  d.epilogue = (qlinear_epilogue){QLINEAR_ACTIVATION_RELU, 0, 1, 1};
  const slot ranges[] = {SLOT(activation, BF16, TOKENS, HIDDEN),
                         SLOT(weight_q, S8, OUTPUTS, HIDDEN),
                         SLOT(weight_scale, F32, 1, OUTPUTS),
                         SLOT(output, BF16, TOKENS, OUTPUTS),
                         SLOT(act_q_scratch, S8, TOKENS, HIDDEN),
                         SLOT(act_scale_scratch, F32, 1, TOKENS),
                         SLOT(bias, BF16, 1, OUTPUTS),
                         SLOT(source.column_factor, F32, 1, HIDDEN),
                         SLOT(scale.range_max, F32, 1, TOKENS),
                         SLOT(scale.range_min, F32, 1, TOKENS),
                         SLOT(zero_points.act_zero_point_scratch, S8, 1, TOKENS),
                         SLOT(zero_points.act_sum_scratch, S32, 1, TOKENS),
                         SLOT(zero_points.weight_sum, S32, 1, OUTPUTS),
                         SLOT(zero_points.weight_zero_point, S8, 1, OUTPUTS),
                         SLOT(epilogue.routing_weight, F32, 1, TOKENS),
                         SLOT(epilogue.residual, BF16, TOKENS, OUTPUTS)};
  expect_equal_slots(d, ranges, sizeof ranges / sizeof *ranges);

  d = plain_layer();
  d.scale = (qlinear_scale){QLINEAR_SCALE_GIVEN, 1};
  d.weight_zero_points = 1;
  const slot given[] = {SLOT(weight_q, S8, OUTPUTS, HIDDEN),
                        SLOT(weight_scale, F32, 1, OUTPUTS),
                        SLOT(output, BF16, TOKENS, OUTPUTS),
                        SLOT(given.q, S8, TOKENS, HIDDEN),
                        SLOT(given.scale, F32, 1, TOKENS),
                        SLOT(given.zero_point, S8, 1, TOKENS),
                        SLOT(given.sum, S32, 1, TOKENS),
                        SLOT(zero_points.weight_sum, S32, 1, OUTPUTS),
                        SLOT(zero_points.weight_zero_point, S8, 1, OUTPUTS)};
  expect_equal_slots(d, given, sizeof given / sizeof *given);

  d = plain_layer();
  d.source = (qlinear_source){.kind = QLINEAR_SOURCE_LAYER_NORM,
                              .residual = 1,
                              .residual_in_compute_type = 1,
                              .norm_weight_in_compute_type = 1,
                              .eps = 1e-5};
  d.scale = (qlinear_scale){QLINEAR_SCALE_STATIC, 1};
  const slot norm[] = {SLOT(activation, BF16, TOKENS, HIDDEN),
                       SLOT(weight_q, S8, OUTPUTS, HIDDEN),
                       SLOT(weight_scale, F32, 1, OUTPUTS),
                       SLOT(output, BF16, TOKENS, OUTPUTS),
                       SLOT(act_q_scratch, S8, TOKENS, HIDDEN),
                       SLOT(act_scale_scratch, F32, 1, TOKENS),
                       SLOT(source.norm_weight, F32, 1, HIDDEN),
                       SLOT(source.norm_bias, F32, 1, HIDDEN),
                       SLOT(source.residual, F32, TOKENS, HIDDEN),
                       SLOT(source.residual_out, F32, TOKENS, HIDDEN),
                       SLOT(source.normed_out, BF16, TOKENS, HIDDEN),
                       SLOT(scale.scale, F32, 1, TOKENS),
                       SLOT(scale.zero_point, S8, 1, TOKENS),
                       SLOT(zero_points.act_zero_point_scratch, S8, 1, TOKENS),
                       SLOT(zero_points.weight_sum, S32, 1, OUTPUTS)};
  expect_equal_slots(d, norm, sizeof norm / sizeof *norm);
}

static void plan_says_what_it_is(void) {
  const qlinear_linear_descriptor d = fused_layer();
  const qlinear_linear_plan* plan = create(&d);
  qlinear_linear_descriptor held = {.struct_size = sizeof held};
  EXPECT_OK(qlinear_linear_plan_descriptor(plan, &held, message, sizeof message));
  EXPECT(held.m == TOKENS && held.q_min == -127 && held.q_max == 127);
  EXPECT(held.source.kind == QLINEAR_SOURCE_RMS_NORM && held.epilogue.gated == 1);

  qlinear_kernel_sku sku = {.struct_size = sizeof sku};
  EXPECT_OK(qlinear_linear_plan_sku(plan, &sku, message, sizeof message));
  EXPECT(sku.category == QLINEAR_CATEGORY_GEMM && sku.element == QLINEAR_ELEMENT_BF16);
  EXPECT(sku.precision_guarantee.batch_invariant == 1);
  EXPECT(sku.precision_guarantee.accumulator == QLINEAR_ELEMENT_S32);
  EXPECT(qlinear_supports(sku.name, sku.element, sku.weight_element) == 1);

  char text[512];
  size_t needed = 0;
  EXPECT_OK(qlinear_kernel_sku_text(&sku, text, sizeof text, &needed, message, sizeof message));
  EXPECT(needed == strlen(text) + 1 && strncmp(text, sku.name, strlen(sku.name)) == 0);

  // The name forces the kernel, and only what is there can be forced.
  const qlinear_linear_plan* forced = NULL;
  qlinear_plan_preference preference = {.struct_size = sizeof preference, .kernel = sku.name};
  EXPECT_OK(qlinear_linear_plan_create(&forced, &d, &preference, message, sizeof message, NULL));
  qlinear_linear_plan_destroy(forced);
  preference.kernel = "no_such_kernel";
  EXPECT_REFUSED(
      qlinear_linear_plan_create(&forced, &d, &preference, message, sizeof message, NULL),
      UNSUPPORTED, "which does not exist; the kernels are:");
  EXPECT(forced == NULL);
  qlinear_linear_plan_destroy(plan);
}

static void quantize_plans_have_the_bits_of_the_reference(void) {
  const twin x = make_twin(QLINEAR_ELEMENT_F32, TOKENS, HIDDEN);
  const twin q = make_twin(QLINEAR_ELEMENT_S8, TOKENS, HIDDEN);
  const twin y = make_twin(QLINEAR_ELEMENT_F32, TOKENS, HIDDEN);
  const twin scale = make_twin(QLINEAR_ELEMENT_F32, 1, TOKENS);
  const twin zero_point = make_twin(QLINEAR_ELEMENT_S8, 1, TOKENS);
  const twin sum = make_twin(QLINEAR_ELEMENT_S32, 1, TOKENS);
  const twin sum_again = make_twin(QLINEAR_ELEMENT_S32, 1, TOKENS);
  const qlinear_quantize_descriptor d = {.struct_size = sizeof d,
                                         .m = TOKENS,
                                         .k = HIDDEN,
                                         .q_min = -128,
                                         .q_max = 127,
                                         .activation_element = QLINEAR_ELEMENT_F32,
                                         .scale.kind = QLINEAR_SCALE_DYNAMIC_ASYMMETRIC,
                                         .sums = 1};
  qlinear_quantize_args host = {.struct_size = sizeof host,
                                .activation = x.host,
                                .quantized = q.host,
                                .scale = scale.host,
                                .zero_point = zero_point.host,
                                .sum = sum.host};
  qlinear_quantize_args device = {.struct_size = sizeof device,
                                  .activation = x.device,
                                  .quantized = q.device,
                                  .scale = scale.device,
                                  .zero_point = zero_point.device,
                                  .sum = sum.device};
  EXPECT_OK(qlinear_reference_quantize(&d, &host, message, sizeof message));
  const qlinear_quantize_plan* plan = NULL;
  EXPECT_OK(qlinear_quantize_plan_create(&plan, &d, NULL, message, sizeof message, NULL));
  EXPECT_OK(qlinear_quantize_plan_can_implement(plan, &device, message, sizeof message));
  EXPECT_OK(qlinear_quantize_plan_run(plan, &device, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(q) && are_equal(scale) && are_equal(zero_point) && are_equal(sum));
  qlinear_kernel_sku sku = {.struct_size = sizeof sku};
  EXPECT_OK(qlinear_quantize_plan_sku(plan, &sku, message, sizeof message));
  EXPECT(sku.category == QLINEAR_CATEGORY_QUANTIZE);
  qlinear_quantize_descriptor held = {.struct_size = sizeof held};
  EXPECT_OK(qlinear_quantize_plan_descriptor(plan, &held, message, sizeof message));
  EXPECT(held.sums == 1 && held.quantized_element == QLINEAR_ELEMENT_S8 && held.q_min == -128);
  qlinear_quantize_plan_destroy(plan);

  EXPECT_OK(qlinear_reference_fake_quantize(&q.host, &scale.host, &zero_point.host, &y.host,
                                            message, sizeof message));
  const qlinear_fake_quantize_plan* fake = NULL;
  EXPECT_OK(qlinear_fake_quantize_plan_create(&fake, &d, NULL, message, sizeof message, NULL));
  EXPECT_OK(
      qlinear_fake_quantize_plan_can_implement(fake, &device, &y.device, message, sizeof message));
  EXPECT(!are_equal(y));
  EXPECT_OK(
      qlinear_fake_quantize_plan_run(fake, &device, &y.device, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(y));
  EXPECT_OK(qlinear_fake_quantize_plan_sku(fake, &sku, message, sizeof message));
  EXPECT_OK(qlinear_fake_quantize_plan_descriptor(fake, &held, message, sizeof message));
  EXPECT(held.k == HIDDEN);
  EXPECT_REFUSED(qlinear_fake_quantize_plan_run(fake, &device, NULL, message, sizeof message, NULL),
                 INVALID_PROBLEM, "output is a null pointer");
  qlinear_fake_quantize_plan_destroy(fake);

  EXPECT_OK(qlinear_reference_activation_sums(&q.host, &sum_again.host, message, sizeof message));
  EXPECT(memcmp(sum_again.host.data, sum.host.data, sum.bytes) == 0);
  EXPECT_OK(qlinear_activation_sums(&q.device, &sum_again.device, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(sum_again));
  // The same bytes as a weight of u8 have other sums.
  qlinear_tensor weight = q.host, device_weight = q.device;
  weight.element = device_weight.element = QLINEAR_ELEMENT_U8;
  EXPECT_OK(qlinear_reference_weight_sums(&weight, &sum_again.host, message, sizeof message));
  EXPECT(memcmp(sum_again.host.data, sum.host.data, sum.bytes) != 0);
  EXPECT_OK(qlinear_weight_sums(&device_weight, &sum_again.device, message, sizeof message, NULL));
  cudaStreamSynchronize(NULL);
  EXPECT(are_equal(sum_again));
  EXPECT_REFUSED(qlinear_weight_sums(&x.device, &sum.device, message, sizeof message, NULL),
                 INVALID_PROBLEM, "weight->element is f32, expected s8 or u8");
  EXPECT_REFUSED(
      qlinear_activation_sums(&device_weight, &sum.device, message, sizeof message, NULL),
      INVALID_PROBLEM, "quantized is a view of rank 2 and elements u8");

  const twin all[] = {x, q, y, scale, zero_point, sum, sum_again};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free_twin(all[i]);
}

// Every tensor is of the type that the descriptor says.
static void wrong_views_are_refused(void) {
  const layer l = make_layer(OUTPUTS);
  const qlinear_linear_descriptor d = plain_layer();
  const qlinear_linear_plan* plan = create(&d);
  const qlinear_linear_args good = args_of(l, false);
  const struct {
    size_t offset;
    const char* words;
  } tensors[] = {
      {offsetof(qlinear_linear_args, activation),
       "activation is a view of rank 2 and elements f64"},
      {offsetof(qlinear_linear_args, weight_q), "weight_q is a view of rank 2 and elements f64"},
      {offsetof(qlinear_linear_args, weight_scale), "expected rank 1 and f32"},
      {offsetof(qlinear_linear_args, output), "expected rank 2 and bf16"},
      {offsetof(qlinear_linear_args, act_q_scratch), "expected rank 2 and s8"},
      {offsetof(qlinear_linear_args, act_scale_scratch), "act_scale_scratch is a view of rank 1"},
  };
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; ++i) {
    qlinear_linear_args args = good;
    qlinear_tensor* tensor = (qlinear_tensor*)((char*)&args + tensors[i].offset);
    tensor->element = QLINEAR_ELEMENT_F64;
    EXPECT_REFUSED(qlinear_reference_linear(&d, &args, message, sizeof message), INVALID_PROBLEM,
                   tensors[i].words);
    EXPECT_REFUSED(qlinear_linear_plan_can_implement(plan, &args, message, sizeof message),
                   INVALID_PROBLEM, tensors[i].words);
    tensor->element = 1000;
    EXPECT_REFUSED(qlinear_reference_linear(&d, &args, message, sizeof message), INVALID_PROBLEM,
                   "elements unknown");
    args = good;
    tensor->rank = 3;
    EXPECT_REFUSED(qlinear_reference_linear(&d, &args, message, sizeof message), INVALID_PROBLEM,
                   "is a view of rank 3");
  }
  qlinear_linear_args args = good;
  args.weight_q.element = QLINEAR_ELEMENT_U8;
  EXPECT_REFUSED(qlinear_reference_linear(&d, &args, message, sizeof message), INVALID_PROBLEM,
                 "weight_q is a view of rank 2 and elements u8, expected rank 2 and s8");
  args = good;
  args.activation = (qlinear_tensor){0};
  EXPECT_REFUSED(qlinear_reference_linear(&d, &args, message, sizeof message), INVALID_PROBLEM,
                 "activation has shape [0, 0], expected [M, K] = [3, 64]");
  qlinear_linear_plan_destroy(plan);
  free_layer(l);
}

static qlinear_status create_status(const qlinear_linear_descriptor* d) {
  const qlinear_linear_plan* plan = (const qlinear_linear_plan*)&failures;
  const qlinear_status status =
      qlinear_linear_plan_create(&plan, d, NULL, message, sizeof message, NULL);
  EXPECT((plan == NULL) == (status != QLINEAR_STATUS_OK));
  qlinear_linear_plan_destroy(plan);
  return status;
}

static void wrong_descriptors_are_refused(void) {
  qlinear_linear_descriptor d = plain_layer();
  d.m = -1;
  EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "a size cannot be negative");
  d = plain_layer();
  d.activation_element = QLINEAR_ELEMENT_UNSET;
  EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "activation_element is unknown, expected f16");
  d.activation_element = QLINEAR_ELEMENT_S8;
  EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "activation_element is s8, expected f16");
  d = plain_layer();
  d.weight_element = QLINEAR_ELEMENT_F16;
  EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "weight_element is f16, expected s8 or u8");
  d = plain_layer();
  d.k = qlinear_linear_max_k(&d) + 1;
  EXPECT(d.k == 132105 && qlinear_max_k(-127, 127, QLINEAR_ELEMENT_S8) == 132104);
  EXPECT(qlinear_max_k(-127, 127, QLINEAR_ELEMENT_F32) == 0 && qlinear_linear_max_k(NULL) == 0);
  EXPECT_REFUSED(create_status(&d), UNSUPPORTED, "an int32 sum is safe only up to K = 132104");
  // Values that a byte would take for an enumerator, too.
  const int32_t unknown[] = {9, 256, 257, 262, -1, -255, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; ++i) {
    const struct {
      size_t offset;
      const char* name;
    } fields[] = {
        {offsetof(qlinear_linear_descriptor, source.kind), "source.kind"},
        {offsetof(qlinear_linear_descriptor, source.function), "source.function"},
        {offsetof(qlinear_linear_descriptor, scale.kind), "scale.kind"},
        {offsetof(qlinear_linear_descriptor, epilogue.activation), "epilogue.activation"},
    };
    for (size_t field = 0; field < sizeof fields / sizeof *fields; ++field) {
      char words[128];
      snprintf(words, sizeof words, "%s is %d, which is no enumerator", fields[field].name,
               (int)unknown[i]);
      d = plain_layer();
      memcpy((char*)&d + fields[field].offset, &unknown[i], sizeof unknown[i]);
      EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, words);
    }
    d = plain_layer();
    d.weight_element = unknown[i];
    EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "weight_element is unknown");
  }
  d = plain_layer();
  d.reserved = 1;
  EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "descriptor->reserved is 1, expected 0");
  EXPECT_REFUSED(create_status(NULL), INVALID_PROBLEM, "descriptor is a null pointer");
  d = plain_layer();
  EXPECT_REFUSED(qlinear_linear_plan_create(NULL, &d, NULL, message, sizeof message, NULL),
                 INVALID_PROBLEM, "plan is a null pointer");
  qlinear_linear_args args = {.struct_size = sizeof args};
  EXPECT_REFUSED(qlinear_linear_plan_run(NULL, &args, NULL, 0, message, sizeof message, NULL),
                 INVALID_PROBLEM, "plan is a null pointer");
  EXPECT_REFUSED(qlinear_reference_linear(&d, NULL, message, sizeof message), INVALID_PROBLEM,
                 "args is a null pointer");
  EXPECT(qlinear_linear_plan_workspace_size(NULL) == 0);
}

// A message is cut to its buffer, and always ends.
static void messages_fit(void) {
  qlinear_linear_descriptor d = plain_layer();
  d.m = -1;
  EXPECT(create_status(&d) == QLINEAR_STATUS_INVALID_PROBLEM);
  const size_t length = strlen(message);
  const qlinear_linear_plan* plan;
  for (size_t bytes = 0; bytes <= length + 2; ++bytes) {
    char cut[1024];
    memset(cut, '#', sizeof cut);
    EXPECT(qlinear_linear_plan_create(&plan, &d, NULL, cut, bytes, NULL) ==
           QLINEAR_STATUS_INVALID_PROBLEM);
    const size_t kept = bytes == 0 ? 0 : bytes - 1 < length ? bytes - 1 : length;
    EXPECT(memcmp(cut, message, kept) == 0);
    EXPECT(bytes == 0 || cut[kept] == '\0');
    EXPECT(cut[bytes] == '#');
  }
  EXPECT(qlinear_linear_plan_create(&plan, &d, NULL, NULL, 0, NULL) ==
         QLINEAR_STATUS_INVALID_PROBLEM);
  EXPECT(qlinear_linear_plan_create(&plan, &d, NULL, NULL, 100, NULL) ==
         QLINEAR_STATUS_INVALID_PROBLEM);

  // A character of more bytes than there is room for is left out as a whole.
  const qlinear_plan_preference preference = {.struct_size = sizeof preference,
                                              .kernel = "\xe2\x82\xac\xe2\x82\xac"};
  d = plain_layer();
  EXPECT(qlinear_linear_plan_create(&plan, &d, &preference, message, sizeof message, NULL) ==
         QLINEAR_STATUS_UNSUPPORTED);
  const char* name = strstr(message, "\xe2\x82\xac");
  EXPECT(name != NULL);
  const size_t before = name == NULL ? 0 : (size_t)(name - message);
  for (size_t extra = 0; extra < 7; ++extra) {
    char cut[1024];
    const size_t bytes = before + extra + 1;
    EXPECT(qlinear_linear_plan_create(&plan, &d, &preference, cut, bytes, NULL) ==
           QLINEAR_STATUS_UNSUPPORTED);
    EXPECT(strlen(cut) == before + extra / 3 * 3);
  }
}

// A program of an earlier version passes smaller structs, and one of a later version larger ones.
static void structs_of_other_versions(void) {
  const layer l = make_layer(OUTPUTS);
  const qlinear_linear_descriptor whole = plain_layer();
  const qlinear_linear_args whole_args = args_of(l, false);
  EXPECT_OK(qlinear_reference_linear(&whole, &whole_args, message, sizeof message));
  void* expected = malloc(l.output.bytes);
  memcpy(expected, l.output.host.data, l.output.bytes);

  // In blocks of that very size, so that a sanitizer sees what is read beyond.
  const size_t old_size = offsetof(qlinear_linear_descriptor, source);
  const size_t old_args_size = offsetof(qlinear_linear_args, source);
  qlinear_linear_descriptor* old = malloc(old_size);
  qlinear_linear_args* old_args = malloc(old_args_size);
  memcpy((void*)old, &whole, old_size);
  memcpy((void*)old_args, &whole_args, old_args_size);
  memcpy((void*)old, &old_size, sizeof old_size);
  memcpy((void*)old_args, &old_args_size, sizeof old_args_size);
  fill(l.output, 0);
  EXPECT_OK(qlinear_reference_linear(old, old_args, message, sizeof message));
  EXPECT(memcmp(expected, l.output.host.data, l.output.bytes) == 0);

  // What is handed out ends where the old struct does.
  const qlinear_linear_descriptor fused = fused_layer();
  const qlinear_linear_plan* plan = create(&fused);
  EXPECT_OK(qlinear_linear_plan_descriptor(plan, old, message, sizeof message));
  EXPECT(memcmp(old, &old_size, sizeof old_size) == 0);

  struct {
    qlinear_linear_descriptor known;
    int64_t later[2];
  } larger = {plain_layer(), {0, 0}};
  larger.known.struct_size = sizeof larger;
  EXPECT_OK(create_status(&larger.known));
  larger.later[1] = 1;
  EXPECT_REFUSED(create_status(&larger.known), INVALID_PROBLEM, "what follows is not zero");
  EXPECT_OK(qlinear_linear_plan_descriptor(plan, &larger.known, message, sizeof message));
  EXPECT(larger.later[1] == 0 && larger.known.struct_size == sizeof larger);

  const size_t wrong[] = {0,    8, old_size - 8, sizeof whole - 4, sizeof whole + 1, SIZE_MAX - 7,
                          65536};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    qlinear_linear_descriptor d = whole;
    d.struct_size = wrong[i];
    EXPECT_REFUSED(create_status(&d), INVALID_PROBLEM, "set it to sizeof");
    EXPECT_REFUSED(qlinear_linear_plan_descriptor(plan, &d, message, sizeof message),
                   INVALID_PROBLEM, "set it to sizeof");
  }
  qlinear_linear_args no_size = whole_args;
  no_size.struct_size = 0;
  EXPECT_REFUSED(qlinear_reference_linear(&whole, &no_size, message, sizeof message),
                 INVALID_PROBLEM, "args->struct_size is 0");
  qlinear_linear_plan_destroy(plan);
  free(old);
  free(old_args);
  free(expected);
  free_layer(l);
}

static void count_lines(void* user, const char* line) {
  if (line[0] != 0) ++*(int*)user;
}

static void library_says_what_it_has(void) {
  EXPECT(qlinear_abi_version() == QLINEAR_ABI_VERSION);
  EXPECT(strcmp(qlinear_version(), QLINEAR_TEST_VERSION) == 0);
  EXPECT(strcmp(qlinear_status_name(QLINEAR_STATUS_CUDA_ERROR), "CudaError") == 0);
  EXPECT(strcmp(qlinear_status_name(QLINEAR_STATUS_OUT_OF_MEMORY), "OutOfMemory") == 0);
  EXPECT(strcmp(qlinear_status_name(QLINEAR_STATUS_BUFFER_TOO_SMALL), "BufferTooSmall") == 0);
  EXPECT(strcmp(qlinear_status_name(-1), "unknown") == 0);
  EXPECT(strcmp(qlinear_element_name(QLINEAR_ELEMENT_BF16), "bf16") == 0);
  EXPECT(strcmp(qlinear_element_name(QLINEAR_ELEMENT_UNSET), "unknown") == 0);
  EXPECT(strcmp(qlinear_activation_function_name(QLINEAR_ACTIVATION_GELU_ERF), "gelu_erf") == 0);
  EXPECT(strcmp(qlinear_activation_function_name(256), "unknown") == 0);
  EXPECT(strcmp(qlinear_source_kind_name(QLINEAR_SOURCE_GATED), "gated") == 0);
  EXPECT(strcmp(qlinear_scale_kind_name(QLINEAR_SCALE_STATIC), "static") == 0);
  EXPECT(strcmp(qlinear_kernel_category_name(QLINEAR_CATEGORY_GEMM), "gemm") == 0);
  EXPECT(strcmp(qlinear_kernel_op_name(QLINEAR_OP_QUANTIZED_LINEAR), "quantized_linear") == 0);
  EXPECT(strcmp(qlinear_kernel_backend_name(QLINEAR_BACKEND_WGMMA), "wgmma") == 0);
  EXPECT(qlinear_element_bytes(QLINEAR_ELEMENT_S32) == 4 && qlinear_element_bytes(-1) == 0);

  const size_t count = qlinear_kernel_count();
  qlinear_kernel_sku sku = {.struct_size = sizeof sku};
  EXPECT(count > 0);
  for (size_t i = 0; i < count; ++i) {
    EXPECT_OK(qlinear_kernel(i, &sku, message, sizeof message));
    EXPECT(sku.name[0] != '\0' && sku.architecture >= 75);
  }
  EXPECT_REFUSED(qlinear_kernel(count, &sku, message, sizeof message), INVALID_PROBLEM,
                 "pass less");
  EXPECT(qlinear_supports("no_such_kernel", QLINEAR_ELEMENT_BF16, QLINEAR_ELEMENT_S8) == 0);
  EXPECT(qlinear_supports(NULL, QLINEAR_ELEMENT_BF16, QLINEAR_ELEMENT_S8) == 0);
  EXPECT(qlinear_supports(sku.name, QLINEAR_ELEMENT_S8, QLINEAR_ELEMENT_S8) == 0);
}

static void tuning_tables(void) {
  qlinear_kernel_sku sku = {.struct_size = sizeof sku};
  for (size_t i = 0; i < qlinear_kernel_count(); ++i) {
    EXPECT_OK(qlinear_kernel(i, &sku, message, sizeof message));
    if (qlinear_supports(sku.name, QLINEAR_ELEMENT_BF16, QLINEAR_ELEMENT_S8) &&
        sku.category == QLINEAR_CATEGORY_GEMM) {
      break;
    }
  }
  char entry[512];
  snprintf(entry, sizeof entry, "qlinear tuning table 1\n%d.%d 132 bf16 s8 6144 4096 1-16 %s 1\n",
           sku.architecture / 10, sku.architecture % 10, sku.name);
  EXPECT_OK(qlinear_import_tuning_table(entry, message, sizeof message));
  size_t needed = 0;
  EXPECT_OK(qlinear_export_tuning_table(NULL, 0, &needed, message, sizeof message));
  char table[1024];
  EXPECT_OK(qlinear_export_tuning_table(table, sizeof table, NULL, message, sizeof message));
  EXPECT(needed == strlen(table) + 1 && strstr(table, sku.name) != NULL);
  char small[8];
  EXPECT_REFUSED(qlinear_export_tuning_table(small, sizeof small, &needed, message, sizeof message),
                 BUFFER_TOO_SMALL, "give it as many as `needed` says");
  EXPECT(strlen(small) == 7 && needed == strlen(table) + 1);
  EXPECT_OK(qlinear_export_tuning_table(table, needed, &needed, message, sizeof message));
  qlinear_clear_tuning_table();
  EXPECT_OK(qlinear_export_tuning_table(table, sizeof table, NULL, message, sizeof message));
  EXPECT(strstr(table, sku.name) == NULL);
  EXPECT_REFUSED(qlinear_import_tuning_table("?", message, sizeof message), INVALID_PROBLEM,
                 "pass a table of that version");
  EXPECT_REFUSED(qlinear_import_tuning_table(NULL, message, sizeof message), INVALID_PROBLEM,
                 "text is a null pointer");
}

// QLINEAR_LOG is set where this program is run.
static void log_lines_come(void) {
  int lines = 0;
  qlinear_set_log_callback(count_lines, &lines);
  const qlinear_linear_descriptor d = plain_layer();
  qlinear_linear_plan_destroy(create(&d));
  EXPECT(lines == 1);
  qlinear_set_log_callback(NULL, NULL);
}

int main(void) {
  log_lines_come();
  library_says_what_it_has();
  plain_layer_has_the_bits_of_the_reference();
  layers_share_their_activation();
  fused_layer_has_the_bits_of_the_reference();
  every_option_has_the_bits_of_the_reference();
  plan_says_what_it_is();
  quantize_plans_have_the_bits_of_the_reference();
  wrong_views_are_refused();
  wrong_descriptors_are_refused();
  messages_fit();
  structs_of_other_versions();
  tuning_tables();
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
