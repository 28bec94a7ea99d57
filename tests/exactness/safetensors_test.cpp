#include "support/safetensors.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qlinear::test {
namespace {

std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// A file with a header length of its own.
std::vector<std::byte> file_claiming(std::uint64_t length, const std::string& rest) {
  std::string prefix;
  for (int i = 0; i < 8; ++i) prefix.push_back(static_cast<char>(length >> 8 * i));
  return to_bytes(prefix + rest);
}

std::vector<std::byte> file_of(const std::string& header, const std::string& data = "") {
  return file_claiming(header.size(), header + data);
}

/// The message with which `parse` refuses `content`; empty if it takes it.
std::string refusal(const std::vector<std::byte>& content) {
  try {
    SafetensorsFile::parse(content);
    return "";
  } catch (const SafetensorsError& error) {
    return error.what();
  }
}

std::string tensor_header(const std::string& dtype, const std::string& shape,
                          const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
  const std::string header = R"({"__metadata__":{"source":"here"},)"
                             R"("b":{"dtype":"I16","shape":[2],"data_offsets":[6,10]},)"
                             R"("a":{"dtype":"U8","shape":[2,3],"data_offsets":[0,6]}}   )";
  const auto file = SafetensorsFile::parse(file_of(header, "uvwxyz1234"));
  EXPECT_EQ(file.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file.metadata().at("source"), "here");
  const SafetensorsTensor a = file.tensor("a");
  EXPECT_EQ(a.dtype, "U8");
  EXPECT_EQ(a.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(std::vector(a.bytes.begin(), a.bytes.end()), to_bytes("uvwxyz"));
  const SafetensorsTensor b = file.tensor("b");
  EXPECT_EQ(std::vector(b.bytes.begin(), b.bytes.end()), to_bytes("1234"));
}

TEST(Safetensors, ReadsScalarsAndEmptyTensors) {
  const std::string header = R"({"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                             R"("empty":{"dtype":"F32","shape":[3,0],"data_offsets":[4,4]}})";
  const auto file = SafetensorsFile::parse(file_of(header, "1234"));
  EXPECT_EQ(file.tensor("scalar").bytes.size(), 4U);
  EXPECT_TRUE(file.tensor("empty").bytes.empty());
  EXPECT_TRUE(SafetensorsFile::parse(file_of("{}")).names().empty());
}

TEST(Safetensors, NamesTheTensorsThereAre) {
  const auto file = SafetensorsFile::parse(file_of(tensor_header("U8", "[1]", "[0,1]"), "x"));
  try {
    static_cast<void>(file.tensor("b"));
    FAIL() << "took a tensor that is not there";
  } catch (const SafetensorsError& error) {
    EXPECT_STREQ(error.what(), "safetensors: there is no tensor \"b\"; there are: \"a\"");
  }
}

TEST(Safetensors, NamesTheFileThatCannotBeRead) {
  EXPECT_THROW(
      {
        try {
          SafetensorsFile::read("no/such/file");
        } catch (const SafetensorsError& error) {
          EXPECT_STREQ(error.what(), "safetensors: cannot open no/such/file");
          throw;
        }
      },
      SafetensorsError);
}

struct MalformedFile {
  std::string name;
  std::vector<std::byte> content;
  std::string message;  ///< A part of the one expected.
};

std::ostream& operator<<(std::ostream& stream, const MalformedFile& file) {
  return stream << file.name;
}

class MalformedSafetensors : public testing::TestWithParam<MalformedFile> {};

TEST_P(MalformedSafetensors, IsRefused) {
  const std::string message = refusal(GetParam().content);
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << "message: " << message;
}

const std::vector<MalformedFile>& malformed_files() {
  static const std::string two_tensors =
      R"("shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":)";
  static const std::string a = R"({"a":{"dtype":"U8",)";
  static const std::vector<MalformedFile> files = {
      {"ShorterThanTheLength", to_bytes("1234567"), "7 bytes, fewer than the 8"},
      {"LengthBehindTheEnd", file_claiming(3, "{}"), "header length 3, but 2 bytes"},
      {"LengthOverflows", file_claiming(~std::uint64_t{0}, "{}"), "18446744073709551615"},
      {"EmptyHeader", file_of(""), "does not start with '{'"},
      {"LeadingSpace", file_of(" {}"), "does not start with '{'"},
      {"TruncatedJson", file_of(R"({"a":)"), "not JSON"},
      {"BytesAfterTheJson", file_of("{}x"), "not JSON"},
      {"TensorTwice",
       file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
               R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
       R"(the key "a" twice)"},
      {"KeyTwice", file_of(R"({"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})"),
       R"(the key "dtype" twice)"},
      {"MetadataIsNoObject", file_of(R"({"__metadata__":[]})"), "__metadata__ is not an object"},
      {"MetadataIsNoText", file_of(R"({"__metadata__":{"x":1}})"), R"("x" is not a string)"},
      {"EntryIsNoObject", file_of(R"({"a":1})"), "expected exactly dtype"},
      {"EntryLacksAKey", file_of(R"({"a":{"dtype":"U8","shape":[0]}})"), "expected exactly dtype"},
      {"EntryHasAnotherKey",
       file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":0}})"),
       "expected exactly dtype"},
      {"UnknownDtype", file_of(tensor_header("F12", "[1]", "[0,1]"), "x"), "unknown dtype \"F12\""},
      {"DtypeIsNoText", file_of(R"({"a":{"dtype":8,"shape":[0],"data_offsets":[0,0]}})"),
       "unknown dtype 8"},
      {"NegativeExtent", file_of(tensor_header("U8", "[-1]", "[0,1]"), "x"), "shape is not a list"},
      {"FractionalExtent", file_of(tensor_header("U8", "[1.0]", "[0,1]"), "x"),
       "shape is not a list"},
      {"ShapeOverflows",
       file_of(tensor_header("F32", "[4611686018427387904,4611686018427387904]", "[0,0]")),
       "overflows 64 bits"},
      {"OneOffset", file_of(tensor_header("U8", "[1]", "[1]"), "x"), "two numbers"},
      {"OffsetsBackwards", file_of(tensor_header("U8", "[1]", "[1,0]"), "x"), "lie outside"},
      {"OffsetsBehindTheEnd", file_of(tensor_header("U8", "[2]", "[0,2]"), "x"), "lie outside"},
      {"OffsetsTooWide", file_of(tensor_header("U8", "[1]", "[0,2]"), "xy"),
       "span 2 bytes, but its dtype and shape need 1"},
      {"Overlap", file_of(a + two_tensors + "[3,7]}}", "1234567"), "an overlap at byte 3"},
      {"Hole", file_of(a + two_tensors + "[5,9]}}", "123456789"), "a hole at byte 4"},
      {"BytesBehindTheLastTensor", file_of(tensor_header("U8", "[1]", "[0,1]"), "xyz"),
       "2 bytes behind the last tensor"},
  };
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedSafetensors, testing::ValuesIn(malformed_files()),
                         [](const auto& file) { return file.param.name; });

}  // namespace
}  // namespace qlinear::test
