#include <qlinear/kernel_sku.hpp>
#include <qlinear/status.hpp>
#include <qlinear/types.hpp>

#include <gtest/gtest.h>

#include <string>

// The printed forms that messages and logs are made of.

namespace qlinear::test {
namespace {

TEST(Names, ElementKinds) {
  EXPECT_STREQ(to_string(ElementKind::F16), "f16");
  EXPECT_STREQ(to_string(ElementKind::BF16), "bf16");
  EXPECT_STREQ(to_string(ElementKind::F32), "f32");
  EXPECT_STREQ(to_string(ElementKind::F64), "f64");
  EXPECT_STREQ(to_string(ElementKind::S8), "s8");
  EXPECT_STREQ(to_string(ElementKind::U8), "u8");
  EXPECT_STREQ(to_string(ElementKind::S32), "s32");
  EXPECT_STREQ(to_string(static_cast<ElementKind>(200)), "unknown");
}

TEST(Names, StatusCodes) {
  EXPECT_STREQ(to_string(StatusCode::Ok), "Ok");
  EXPECT_STREQ(to_string(StatusCode::InvalidProblem), "InvalidProblem");
  EXPECT_STREQ(to_string(StatusCode::Unsupported), "Unsupported");
  EXPECT_STREQ(to_string(StatusCode::WorkspaceTooSmall), "WorkspaceTooSmall");
  EXPECT_STREQ(to_string(StatusCode::CudaError), "CudaError");
}

TEST(Names, KernelSkuInOneLine) {
  KernelSku sku;
  sku.name = "mma_sync_128x128";
  sku.category = KernelCategory::Gemm;
  sku.op = KernelOp::QuantizedLinear;
  sku.element = ElementKind::BF16;
  sku.weight_element = ElementKind::U8;
  sku.architecture = 80;
  sku.backend = KernelBackend::MmaSync;
  EXPECT_EQ(to_string(sku),
            "mma_sync_128x128: category gemm, op quantized_linear, element bf16, weight element "
            "u8, accumulator s32, sm_80 and later, backend mma_sync, precision guarantee (f32 "
            "math, s32 accumulator, deterministic, bit-stable on the same hardware, bit-stable "
            "across hardware, batch-invariant)");
}

TEST(Names, WhatAKernelDoesNotPromise) {
  KernelSku sku;
  sku.name = "quantize_row";
  sku.category = KernelCategory::Quantize;
  sku.op = KernelOp::DynamicRangeQuantize;
  sku.architecture = 90;
  sku.architecture_specific = true;
  sku.precision_guarantee = {ElementKind::F64, ElementKind::S32, false, false, false, false};
  EXPECT_EQ(to_string(sku),
            "quantize_row: category quantize, op dynamic_range_quantize, element f32, weight "
            "element s8, accumulator s32, sm_90 only, backend simt, precision guarantee (f64 math, "
            "s32 accumulator, not deterministic, not bit-stable on the same hardware, not "
            "bit-stable across hardware, not batch-invariant)");
}

TEST(Names, KernelBackends) {
  EXPECT_STREQ(to_string(KernelBackend::Simt), "simt");
  EXPECT_STREQ(to_string(KernelBackend::Dp4a), "dp4a");
  EXPECT_STREQ(to_string(KernelBackend::MmaSync), "mma_sync");
  EXPECT_STREQ(to_string(KernelBackend::Wgmma), "wgmma");
}

}  // namespace
}  // namespace qlinear::test
