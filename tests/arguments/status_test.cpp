#include <qlinear/status.hpp>

#include <gtest/gtest.h>

#include <utility>

// Status and Result by themselves. This file is compiled with assertions in every build type.

namespace qlinear::test {
namespace {

const Status kFailure(StatusCode::Unsupported, "a message that is longer than a short string");

TEST(Status, CopiesAndMoves) {
  Status copy(kFailure);
  EXPECT_EQ(copy.code(), StatusCode::Unsupported);
  EXPECT_EQ(copy.message(), kFailure.message());
  const Status moved(std::move(copy));
  EXPECT_EQ(moved.message(), kFailure.message());
  Status assigned;
  assigned = moved;
  EXPECT_EQ(assigned.code(), StatusCode::Unsupported);
  EXPECT_EQ(assigned.message(), kFailure.message());
  const Status& self = assigned;
  assigned = self;
  EXPECT_EQ(assigned.message(), kFailure.message());
  assigned = Status();
  EXPECT_TRUE(assigned.ok());
  EXPECT_EQ(assigned.message(), "");
}

TEST(Status, SuccessHoldsNoMessage) {
  const Status status(StatusCode::Ok, "all is well, said at some length");
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.message(), "");
}

TEST(Result, HoldsAValueOrAFailure) {
  const Result<int> value(7);
  EXPECT_TRUE(value.ok());
  EXPECT_TRUE(value.status().ok());
  EXPECT_EQ(value.value(), 7);
  const Result<int> failure(kFailure);
  EXPECT_FALSE(failure.ok());
  EXPECT_EQ(failure.status().code(), StatusCode::Unsupported);
  EXPECT_EQ(failure.status().message(), kFailure.message());
}

TEST(Result, OfOkWithoutAValueIsAFailure) {
  const Result<int> result{Status()};
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(result.status().ok());
  EXPECT_EQ(result.status().code(), StatusCode::InvalidProblem);
  EXPECT_NE(result.status().message().find("Ok and no value"), std::string::npos);
}

TEST(ResultDeathTest, HasNoValueOfAFailure) {
  Result<int> failure(kFailure);
  EXPECT_DEATH((void)failure.value(), "ok\\(\\)");
  EXPECT_DEATH((void)std::as_const(failure).value(), "ok\\(\\)");
  EXPECT_DEATH((void)std::move(failure).value(), "ok\\(\\)");
}

}  // namespace
}  // namespace qlinear::test
