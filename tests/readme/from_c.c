// The call from C that README shows, against the CPU reference.

#include <qlinear/qlinear.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cudaMalloc(void** memory, size_t bytes);
int cudaFree(void* memory);
int cudaMemcpy(void* to, const void* from, size_t bytes, int kind);
int cudaStreamSynchronize(struct CUstream_st* stream);

enum { tokens = 3, hidden = 64, inner = 24 };

/// Device memory with the bytes of `host`.
static void* on_device(const void* host, size_t bytes) {
  void* memory = NULL;
  cudaMalloc(&memory, bytes);
  cudaMemcpy(memory, host, bytes, 1);
  return memory;
}

int main(void) {
  static uint16_t host_x[tokens * hidden], host_y[tokens * inner], copy[tokens * inner];
  static int8_t host_weight[2 * inner * hidden], host_act_q[tokens * hidden];
  static float host_weight_scale[2 * inner], host_act_scale[tokens];
  for (size_t i = 0; i < tokens * hidden; ++i) host_x[i] = (uint16_t)(0x3f00 + i * 37 % 127);
  for (size_t i = 0; i < sizeof host_weight; ++i) host_weight[i] = (int8_t)(i * 31 % 255);
  for (size_t i = 0; i < 2 * inner; ++i) host_weight_scale[i] = 1.0F / 1024;
  void* x = on_device(host_x, sizeof host_x);
  void* weight = on_device(host_weight, sizeof host_weight);
  void* weight_scale = on_device(host_weight_scale, sizeof host_weight_scale);
  void* y = on_device(host_y, sizeof host_y);
  void* act_q = on_device(host_act_q, sizeof host_act_q);
  void* act_scale = on_device(host_act_scale, sizeof host_act_scale);
  struct CUstream_st* stream = NULL;
  char message[256];
#include "from_c.inc"
  if (status != QLINEAR_STATUS_OK) {
    fprintf(stderr, "%s: %s\n", qlinear_status_name(status), message);
    return 1;
  }
  cudaStreamSynchronize(stream);
  cudaMemcpy(copy, y, sizeof copy, 2);

  args.activation.data = host_x;
  args.weight_q.data = host_weight;
  args.weight_scale.data = host_weight_scale;
  args.output.data = host_y;
  args.act_q_scratch.data = host_act_q;
  args.act_scale_scratch.data = host_act_scale;
  status = qlinear_reference_linear(&layer, &args, message, sizeof message);
  fprintf(stderr, "%s\n", message);
  void* const memory[] = {x, weight, weight_scale, y, act_q, act_scale};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; ++i) cudaFree(memory[i]);
  return status == QLINEAR_STATUS_OK && host_y[0] != 0 && memcmp(copy, host_y, sizeof copy) == 0
             ? 0
             : 1;
}
