// A machine without a GPU: the environment of this test hides them all.

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <qlinear/qlinear.hpp>

#include <string>

namespace qlinear::test {
namespace {

TEST(NoGpu, SelectReportsTheRuntimesError) {
  // A GPU's runtime that finds no device answers with that every time.
  const cudaError_t before = cudaGetLastError();
  const auto plan = QuantizedLinearPlan<float, S8>::select(nullptr, {.m = 3, .c_out = 4, .k = 5});
  EXPECT_EQ(plan.status().code(), StatusCode::CudaError);
  EXPECT_NE(plan.status().message().find("cudaErrorNoDevice"), std::string::npos)
      << plan.status().message();
  EXPECT_EQ(cudaGetLastError(), before) << "the error is the Status's, not the caller's";
}

}  // namespace
}  // namespace qlinear::test
