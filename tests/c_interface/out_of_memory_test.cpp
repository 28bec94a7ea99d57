// Calls in C where there is no memory: a status and a message, and nothing else on success.

#include "support/allocation_counter.hpp"
#include "support/device.hpp"

#include <gtest/gtest.h>
#include <qlinear/qlinear.h>

#include <array>
#include <cstddef>
#include <string>

namespace qlinear::test {
namespace {

class OutOfMemoryInC : public testing::Test {
 protected:
  OutOfMemoryInC() {
    descriptor.struct_size = sizeof descriptor;
    descriptor.m = 3, descriptor.c_out = 4, descriptor.k = 5;
    descriptor.activation_element = QLINEAR_ELEMENT_F32;
    descriptor.weight_element = QLINEAR_ELEMENT_S8;
    EXPECT_EQ(create(), QLINEAR_STATUS_OK) << text();  // The first time fills what is remembered.
    qlinear_linear_plan_destroy(plan);
    plan = nullptr;
  }

  qlinear_status create() {
    return qlinear_linear_plan_create(&plan, &descriptor, nullptr, message.data(), message.size(),
                                      stream);
  }
  std::string text() const { return message.data(); }

  const Stream stream;
  qlinear_linear_descriptor descriptor{};
  const qlinear_linear_plan* plan = nullptr;
  std::array<char, 256> message{};
};

TEST_F(OutOfMemoryInC, CreateSaysSo) {
  {
    const AllocationLimit limit(0);
    EXPECT_EQ(create(), QLINEAR_STATUS_OUT_OF_MEMORY);
  }
  EXPECT_EQ(plan, nullptr);
  EXPECT_EQ(text(), "there is no memory for a plan; free some");
  {
    const AllocationLimit limit(1);
    EXPECT_EQ(create(), QLINEAR_STATUS_OK) << text();
  }
  EXPECT_NE(plan, nullptr);
  qlinear_linear_plan_destroy(plan);
}

TEST_F(OutOfMemoryInC, FailuresKeepTheirCode) {
  descriptor.m = -1;
  const AllocationLimit limit(0);
  const qlinear_status status = create();
  EXPECT_EQ(status, QLINEAR_STATUS_INVALID_PROBLEM);
  EXPECT_STREQ(message.data(), "(out of memory)");
}

TEST_F(OutOfMemoryInC, CallsOfAPlanAllocateNothing) {
  descriptor.m = descriptor.c_out = descriptor.k = 0;  // All tensors may be absent.
  ASSERT_EQ(create(), QLINEAR_STATUS_OK) << text();
  qlinear_linear_descriptor held{};
  held.struct_size = sizeof held;
  qlinear_kernel_sku sku{};
  sku.struct_size = sizeof sku;
  qlinear_linear_args args{};
  args.struct_size = sizeof args;
  const AllocationLimit limit(0);
  EXPECT_EQ(qlinear_linear_plan_can_implement(plan, &args, nullptr, 0), QLINEAR_STATUS_OK);
  EXPECT_EQ(qlinear_linear_plan_run(plan, &args, nullptr, 0, nullptr, 0, stream),
            QLINEAR_STATUS_OK);
  const qlinear_linear_args* const shared = &args;
  EXPECT_EQ(qlinear_linear_plan_run_shared(&plan, &shared, 1, nullptr, 0, nullptr, 0, stream),
            QLINEAR_STATUS_OK);
  EXPECT_EQ(qlinear_linear_plan_descriptor(plan, &held, nullptr, 0), QLINEAR_STATUS_OK);
  EXPECT_EQ(qlinear_linear_plan_sku(plan, &sku, nullptr, 0), QLINEAR_STATUS_OK);
  EXPECT_EQ(qlinear_linear_plan_workspace_size(plan), 0U);
  qlinear_linear_plan_destroy(plan);
}

}  // namespace
}  // namespace qlinear::test
