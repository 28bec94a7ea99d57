// A token's logits have the same bits on the reference and on a device, by every kernel, alone and
// in a batch, in one piece and in several, in a graph and out of it.

#include "decoder.hpp"
#include "tiny_model.hpp"

#include "support/device.hpp"

#include <qlinear/kernels.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace qlinear::engine {
namespace {

using test::TinyModel;

constexpr Capacity kCapacity{12, 4, 12};

const Model& tiny_model() {
  static const Model model = load_model(TinyModel().folder());
  return model;
}

/// Sequence `slot` of four that differ.
std::vector<Row> sequence(int slot, int size) {
  std::vector<Row> rows;
  for (int i = 0; i < size; ++i) rows.push_back({(17 * slot + 29 * i + 5) % 96, slot, i});
  return rows;
}

std::vector<std::int32_t> all_of(const std::vector<Row>& rows) {
  std::vector<std::int32_t> wanted(rows.size());
  std::iota(wanted.begin(), wanted.end(), 0);
  return wanted;
}

/// Logits of every row.
std::vector<float> prefilled(Decoder& decoder, const std::vector<Row>& rows) {
  decoder.prefill(rows, all_of(rows));
  return decoder.logits();
}

std::vector<float> decoded(Decoder& decoder, const std::vector<Row>& rows) {
  decoder.decode(rows);
  return decoder.logits();
}

::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << ", " << b.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return ::testing::AssertionFailure() << "not finite at " << i;
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << a[i] << " and " << b[i] << " at " << i;
    }
  }
  return ::testing::AssertionSuccess();
}

/// Four tokens in one piece, then two decoded, alone in slot 1.
std::vector<float> short_run(Backend& backend) {
  Decoder decoder(backend, tiny_model(), kCapacity);
  const std::vector<Row> rows = sequence(1, 6);
  std::vector<float> logits = prefilled(decoder, {rows.begin(), rows.begin() + 4});
  for (int i = 4; i < 6; ++i) {
    const std::vector<float> next = decoded(decoder, {rows[static_cast<std::size_t>(i)]});
    logits.insert(logits.end(), next.begin(), next.end());
  }
  return logits;
}

const std::vector<float>& expected_short_run() {
  static const std::vector<float> logits = short_run(*reference_backend(1));
  return logits;
}

std::vector<float> row_of(const std::vector<float>& logits, int row) {
  const auto begin = logits.begin() + row * TinyModel::kVocabulary;
  return {begin, begin + TinyModel::kVocabulary};
}

TEST(Decoder, HasTheBitsOfTheReferenceOnADevice) {
  EXPECT_TRUE(same_bits(expected_short_run(), short_run(*device_backend())));
  EXPECT_FALSE(same_bits(row_of(expected_short_run(), 0), row_of(expected_short_run(), 1)));
}

TEST(Decoder, HasTheSameBitsByAnyNumberOfThreads) {
  for (const int threads : {2, 5}) {
    EXPECT_TRUE(same_bits(expected_short_run(), short_run(*reference_backend(threads))));
  }
}

TEST(Decoder, HasTheSameBitsWithoutAGraph) {
  EXPECT_TRUE(same_bits(expected_short_run(), short_run(*device_backend({"", false}))));
}

TEST(Decoder, HasTheSameBitsByEveryKernel) {
  int kernels = 0;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !qlinear::test::runs_here(sku) ||
        !supports(sku, ElementKind::F32, ElementKind::S8)) {
      continue;
    }
    SCOPED_TRACE(sku.name);
    ++kernels;
    EXPECT_TRUE(same_bits(expected_short_run(), short_run(*device_backend({sku.name, true}))));
  }
  EXPECT_GT(kernels, 1);
}

class DecoderOn : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Backend> backend =
      GetParam() == std::string("reference") ? reference_backend(1) : device_backend();
  Decoder decoder{*backend, tiny_model(), kCapacity};
};

TEST_P(DecoderOn, GivesASequenceTheSameBitsAloneAndInABatch) {
  std::vector<Row> batch;
  std::vector<Row> next;
  for (int slot = 0; slot < 4; ++slot) {
    std::vector<Row> rows = sequence(slot, 3);
    next.push_back(rows.back());
    batch.insert(batch.end(), rows.begin(), rows.end() - 1);
  }
  const std::vector<float> together = prefilled(decoder, batch);
  const std::vector<float> after = decoded(decoder, next);
  const std::unique_ptr<Backend> fresh = reference_backend(1);
  for (int slot = 0; slot < 4; ++slot) {
    SCOPED_TRACE(slot);
    Decoder alone(*fresh, tiny_model(), kCapacity);
    const std::vector<float> expected = prefilled(alone, sequence(slot, 3));
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(same_bits(row_of(expected, i), row_of(together, 2 * slot + i)));
    }
    EXPECT_TRUE(same_bits(row_of(expected, 2), row_of(after, slot)));
  }
}

TEST_P(DecoderOn, GivesASequenceTheSameBitsInPieces) {
  const std::vector<Row> rows = sequence(2, 7);
  const std::unique_ptr<Backend> reference = reference_backend(1);
  Decoder at_once(*reference, tiny_model(), kCapacity);
  const std::vector<float> whole = prefilled(at_once, rows);
  std::vector<float> joined;
  for (auto begin = rows.begin(); begin != rows.end();) {
    const auto end = begin + std::min<std::ptrdiff_t>(3, rows.end() - begin);
    const std::vector<float> piece = prefilled(decoder, {begin, end});
    joined.insert(joined.end(), piece.begin(), piece.end());
    begin = end;
  }
  EXPECT_TRUE(same_bits(whole, joined));
}

TEST_P(DecoderOn, PicksTheLargestLogitOfTheRowsThatAreWanted) {
  const std::vector<Row> rows = sequence(3, 4);
  const std::vector<float> all = prefilled(decoder, rows);
  decoder.prefill(rows, {3, 1});
  const std::vector<float> wanted = decoder.logits();
  EXPECT_TRUE(same_bits(row_of(all, 3), row_of(wanted, 0)));
  EXPECT_TRUE(same_bits(row_of(all, 1), row_of(wanted, 1)));
  const auto largest = [&](int row) {
    const std::vector<float> logits = row_of(wanted, row);
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                     logits.begin());
  };
  EXPECT_EQ(decoder.greedy(), (std::vector<std::int32_t>{largest(0), largest(1)}));
}

TEST_P(DecoderOn, RefusesRowsOutsideWhatItHolds) {
  for (const Row row : {Row{96, 0, 0}, Row{-1, 0, 0}, Row{0, 4, 0}, Row{0, 0, 12}}) {
    EXPECT_THROW(decoder.decode({row}), Error);
  }
  EXPECT_THROW(decoder.decode({}), Error);
  EXPECT_THROW(decoder.decode(std::vector<Row>(13)), Error);
  EXPECT_THROW(decoder.prefill({Row{}}, {1}), Error);
  EXPECT_THROW(decoder.decode({Row{1, 0, 0}, Row{2, 0, 0}}), Error);
  EXPECT_THROW(Decoder(*backend, tiny_model(), {1, 1, 65}), Error);
}

TEST_P(DecoderOn, TurnsPairsHalfAHeadApart) {
  // One head of queries and one of keys, of 8; position 1 turns all pairs by a right angle.
  const std::vector<std::int32_t> zero{0}, one{1};
  const std::vector<float> cosine{1, 1, 1, 1, 0, 0, 0, 0}, sine{0, 0, 0, 0, 1, 1, 1, 1};
  std::vector<float> qkv(24);
  std::iota(qkv.begin(), qkv.end(), 1.0F);
  float* const row = backend->upload(qkv);
  const KeyValueCache cache{backend->array<float>(16), backend->array<float>(16), 2, 1, 8};
  backend->step(Rotate{{1, nullptr, backend->upload(zero), backend->upload(one)},
                       1,
                       row,
                       backend->upload(cosine),
                       backend->upload(sine),
                       cache});
  std::vector<float> query(8), keys(8), values(8);
  backend->read(query.data(), row, 32);
  backend->read(keys.data(), cache.keys + 8, 32);
  backend->read(values.data(), cache.values + 8, 32);
  EXPECT_EQ(query, (std::vector<float>{-5, -6, -7, -8, 1, 2, 3, 4}));
  EXPECT_EQ(keys, (std::vector<float>{-13, -14, -15, -16, 9, 10, 11, 12}));
  EXPECT_EQ(values, (std::vector<float>{17, 18, 19, 20, 21, 22, 23, 24}));
}

TEST_P(DecoderOn, AttendsToEarlierPositionsOfItsSlot) {
  // Two heads of queries share one of keys. Slot 1, position 1: equal keys, so the mean of the
  // first two values; key 2 comes later.
  const std::vector<std::int32_t> one{1};
  std::vector<float> keys(48, 1.0F), values(48, 100.0F);
  for (int i = 0; i < 8; ++i) {
    values[static_cast<std::size_t>(24 + i)] = static_cast<float>(i);
    values[static_cast<std::size_t>(32 + i)] = static_cast<float>(i + 2);
  }
  const KeyValueCache cache{backend->upload(keys), backend->upload(values), 3, 1, 8};
  const std::vector<float> qkv(32, 0.5F);
  float* const output = backend->array<float>(16);
  backend->step(Attend{{1, nullptr, backend->upload(one), backend->upload(one)},
                       2,
                       0.25F,
                       backend->upload(qkv),
                       cache,
                       output});
  std::vector<float> result(16);
  backend->read(result.data(), output, 64);
  EXPECT_EQ(result, (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8}));
}

INSTANTIATE_TEST_SUITE_P(, DecoderOn, ::testing::Values("reference", "device"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Exponential, IsThatOfTheMathLibraryWithinAnUlp) {
  EXPECT_EQ(exponential(0), 1.0F);
  EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
  for (float x = -87; x < 0; x += 0.0371F) {
    const auto exact = static_cast<float>(std::exp(double{x}));
    EXPECT_LE(std::nextafter(exact, 0.0F), exponential(x)) << x;
    EXPECT_GE(std::nextafter(exact, 2.0F), exponential(x)) << x;
  }
}

TEST(LoadModel, SaysWhatItCannotRun) {
  const TinyModel model;
  const auto message = [&] {
    try {
      static_cast<void>(load_model(model.folder()));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message(), "");
  model.write_config("gpt2", "");
  EXPECT_NE(message().find("model_type llama"), std::string::npos) << message();
  const auto refusal = [](const std::string& members) {
    try {
      static_cast<void>(parse_config(R"({"model_type": "llama")" + members + "}"));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(refusal(R"(, "rope_parameters": {})").find("rope_parameters"), std::string::npos);
  EXPECT_NE(refusal(R"(, "hidden_act": "gelu")").find("hidden_act"), std::string::npos);
  EXPECT_NE(refusal(R"(, "rope_scaling": {})").find("scales rotary"), std::string::npos);
  model.write_config("llama", "\"lm_head\"");
  EXPECT_NE(message().find("lm_head is not quantized"), std::string::npos) << message();
}

}  // namespace
}  // namespace qlinear::engine
