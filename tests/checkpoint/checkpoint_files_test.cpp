// Files of tensors: what is read from them, and which are refused.

#include "checkpoint/files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>
#include <ostream>

namespace qlinear::test {
namespace {

using checkpoint::Dtype;
using checkpoint::NamedTensor;
using checkpoint::Tensor;
using checkpoint::TensorFiles;
using checkpoint::write_safetensors;

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return std::string("{") + entry("a", dtype, shape, offsets) + "}";
}

/// A file with a tensor `name` of one byte.
std::string byte_file(const std::string& name, char value) {
  return file_of(std::string("{") + entry(name, "U8", "[1]", "[0,1]") + "}", std::string(1, value));
}

std::string bytes_of(const Tensor& tensor) {
  return {tensor.as<char>(), tensor.as<char>() + tensor.bytes};
}

TensorFiles opened(const std::filesystem::path& path) {
  Result<TensorFiles> files = TensorFiles::open(path);
  if (!files.ok()) throw std::runtime_error(files.status().message());
  return std::move(files).value();
}

Tensor found(const TensorFiles& files, const std::string& name) {
  Result<Tensor> tensor = files.find(name);
  if (!tensor.ok()) throw std::runtime_error(tensor.status().message());
  return std::move(tensor).value();
}

TEST(TensorFiles, ReadsTensorsAndMetadata) {
  const TemporaryFolder folder;
  const auto path =
      folder.write("x.safetensors", file_of(R"({"__metadata__":{"format":"pt"},)" +
                                                entry("b", "I16", "[2]", "[6,10]") + "," +
                                                entry("a", "U8", "[2,3]", "[0,6]") + "}   ",
                                            "uvwxyz1234"));
  const TensorFiles files = opened(path);
  EXPECT_EQ(files.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(files.metadata().at("format"), "pt");
  EXPECT_EQ(files.folder(), folder.path());
  EXPECT_EQ(files.files(), std::vector<std::filesystem::path>{path});
  const Tensor a = found(files, "a");
  EXPECT_EQ(a.dtype, Dtype::U8);
  EXPECT_EQ(a.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(a.size(), 6);
  EXPECT_EQ(bytes_of(a), "uvwxyz");
  EXPECT_EQ(bytes_of(found(files, "b")), "1234");
}

TEST(TensorFiles, ReadsScalarsAndEmptyTensors) {
  const TemporaryFolder folder;
  const auto path = folder.write(
      "x.safetensors", file_of(std::string("{") + entry("scalar", "F32", "[]", "[0,4]") + "," +
                                   entry("empty", "F32", "[3,0]", "[4,4]") + "}",
                               "1234"));
  const TensorFiles files = opened(path);
  EXPECT_EQ(found(files, "scalar").size(), 1);
  EXPECT_EQ(found(files, "empty").size(), 0);
  const TensorFiles none = opened(folder.write("y.safetensors", file_of("{}")));
  EXPECT_TRUE(none.names().empty());
}

// The time that a header takes grows with its size, not with its square: see the test's limit.
TEST(TensorFiles, ReadsManyTensors) {
  const TemporaryFolder folder;
  std::string header = "{";
  constexpr int kTensors = 40000;
  for (int i = 0; i < kTensors; ++i) {
    header += (i > 0 ? "," : "") + entry(std::to_string(i), "U8", "[0]", "[0,0]");
  }
  folder.write("x.safetensors", file_of(header + "}", ""));
  const auto files = TensorFiles::open(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_EQ(files.value().names().size(), std::size_t{kTensors});
}

TEST(TensorFiles, AlignsEveryTensorWhereverItLies) {
  const TemporaryFolder folder;
  for (std::size_t padding = 0; padding < 16; ++padding) {
    const std::string header = std::string("{") + entry("a", "F64", "[2]", "[0,16]") + "}";
    const double values[2] = {1.5, -2.25};
    std::string data(sizeof(values), '\0');
    std::memcpy(data.data(), values, sizeof(values));
    const auto path =
        folder.write("x.safetensors", file_of(header + std::string(padding, ' '), data));
    const Tensor tensor = found(opened(path), "a");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data.get()) % alignof(double), 0U);
    EXPECT_EQ(tensor.as<double>()[0], 1.5);
    EXPECT_EQ(tensor.as<double>()[1], -2.25);
  }
}

TEST(TensorFiles, KeepsTheFileWhileATensorLives) {
  const TemporaryFolder folder;
  const auto path = folder.write("x.safetensors", byte_file("a", 'x'));
  Tensor tensor;
  { tensor = found(opened(path), "a"); }
  std::filesystem::remove(path);
  EXPECT_EQ(bytes_of(tensor), "x");
}

TEST(TensorFiles, SuggestsSimilarNames) {
  const TemporaryFolder folder;
  const auto path = folder.write(
      "x.safetensors",
      file_of(std::string("{") + entry("model.layers.0.q.weight", "U8", "[0]", "[0,0]") + "," +
              entry("other", "U8", "[0]", "[0,0]") + "," + entry("k", "U8", "[0]", "[0,0]") + "," +
              entry("model.layers.1.q.weight", "U8", "[0]", "[0,0]") + "}"));
  const Result<Tensor> tensor = opened(path).find("model.layer.1.q.weight");
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.status().code(), StatusCode::InvalidProblem);
  EXPECT_NE(tensor.status().message().find("similar names are \"model.layers.1.q.weight\""),
            std::string::npos)
      << tensor.status().message();
}

TEST(TensorFiles, WritesNoControlCharactersToMessages) {
  const TemporaryFolder folder;
  const auto path = folder.write(
      "x.safetensors",
      file_of(std::string("{") + entry("\\u001b[31m\\n", "F12", "[0]", "[0,0]") + "}"));
  const Result<TensorFiles> files = TensorFiles::open(path);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().message().find('\x1b'), std::string::npos);
  EXPECT_EQ(files.status().message().find('\n'), std::string::npos);
}

struct Malformed {
  std::string name;
  std::string content;
  std::string message;  ///< A part of the one expected.
};

std::ostream& operator<<(std::ostream& stream, const Malformed& file) {
  return stream << file.name;
}

class MalformedFile : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedFile, IsRefused) {
  const TemporaryFolder folder;
  const auto path = folder.write("x.safetensors", GetParam().content);
  const Result<TensorFiles> files = TensorFiles::open(path);
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().code(), StatusCode::InvalidProblem);
  EXPECT_NE(files.status().message().find(GetParam().message), std::string::npos)
      << "message: " << files.status().message();
  EXPECT_NE(files.status().message().find("x.safetensors"), std::string::npos)
      << "message: " << files.status().message();
}

std::string nested(int depth) {
  return R"({"__metadata__":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::vector<Malformed> malformed_files() {
  const std::string a = std::string("{") + entry("a", "U8", "[4]", "[0,4]") + ",";
  return {
      {"Empty", "", "0 bytes, fewer than the 8"},
      {"ShorterThanTheLength", "1234567", "7 bytes, fewer than the 8"},
      {"LengthAfterTheEnd", file_claiming(3, "{}"), "header of 3 bytes, but 2 follow"},
      {"LengthTooLarge", file_claiming(100'000'001, "{}"), "the format allows 100000000"},
      {"LengthOverflows", file_claiming(~std::uint64_t{0}, "{}"), "18446744073709551615"},
      {"NoHeader", file_of(""), "does not begin with {"},
      {"LeadingSpace", file_of(" {}"), "does not begin with {"},
      {"List", file_of("[]"), "does not begin with {"},
      {"TruncatedJson", file_of(R"({"a":)"), "is no JSON"},
      {"BytesAfterTheJson", file_of("{}x"), "is no JSON"},
      {"InvalidUtf8", file_of("{\"\xff\":1}"), "is no JSON"},
      {"OverlongUtf8", file_of("{\"\xc0\xaf\":1}"), "is no JSON"},
      {"LoneSurrogate", file_of(R"({"\ud800":1})"), "is no JSON"},
      {"NumberTooLarge", file_of(R"({"a":1e999})"), "is no JSON"},
      {"Deep", file_of(nested(100)), "nested deeper than 64"},
      {"VeryDeep", file_of(nested(1'000'000)), "nested deeper than 64"},
      {"TensorTwice",
       file_of(std::string("{") + entry("a", "U8", "[0]", "[0,0]") + "," +
               entry("a", "U8", "[0]", "[0,0]") + "}"),
       "the key \"a\" twice"},
      {"TensorTwiceByEscape",
       file_of(std::string("{") + entry("a", "U8", "[0]", "[0,0]") + "," +
               entry("\\u0061", "U8", "[0]", "[0,0]") + "}"),
       "the key \"a\" twice"},
      {"KeyTwice", file_of(R"({"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}})"),
       "the key \"dtype\" twice"},
      {"MetadataIsNoObject", file_of(R"({"__metadata__":[]})"), "__metadata__ that is no object"},
      {"MetadataIsNoText", file_of(R"({"__metadata__":{"x":1}})"), "\"x\", which is no text"},
      {"EntryIsNoObject", file_of(R"({"a":1})"), "should have dtype, shape and data_offsets"},
      {"EntryLacksAKey", file_of(R"({"a":{"dtype":"U8","shape":[0]}})"), "should have dtype"},
      {"EntryHasAnotherKey",
       file_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"more":0}})"),
       "should have dtype"},
      {"UnknownDtype", file_of(one("F12", "[1]", "[0,1]"), "x"), "\"F12\", which is unknown"},
      {"DtypeIsNoText", file_of(R"({"a":{"dtype":8,"shape":[0],"data_offsets":[0,0]}})"),
       "8, which is unknown"},
      {"ShapeIsNoList", file_of(one("U8", "1", "[0,1]"), "x"), "has as shape"},
      {"NegativeExtent", file_of(one("U8", "[-1]", "[0,1]"), "x"), "has as shape"},
      {"FractionalExtent", file_of(one("U8", "[1.0]", "[0,1]"), "x"), "has as shape"},
      {"ExtentBeyond63Bits", file_of(one("U8", "[9223372036854775808,0]", "[0,0]")),
       "has as shape"},
      {"ExtentBeyond64Bits", file_of(one("U8", "[18446744073709551617,0]", "[0,0]")),
       "has as shape"},
      {"ShapeOverflows", file_of(one("F32", "[4611686018427387904,4]", "[0,0]")),
       "overflow 63 bits"},
      {"BytesOverflow", file_of(one("F64", "[1152921504606846976]", "[0,0]")), "overflow 63 bits"},
      {"OneOffset", file_of(one("U8", "[1]", "[1]"), "x"), "two data_offsets"},
      {"ThreeOffsets", file_of(one("U8", "[1]", "[0,1,1]"), "x"), "two data_offsets"},
      {"NegativeOffset", file_of(one("U8", "[1]", "[-1,0]"), "x"), "has as data_offsets"},
      {"FloatOffset", file_of(one("U8", "[1]", "[0,1e0]"), "x"), "has as data_offsets"},
      {"TextOffset", file_of(one("U8", "[1]", R"(["0",1])"), "x"), "has as data_offsets"},
      {"OffsetsBackwards", file_of(one("U8", "[1]", "[1,0]"), "x"), "leave the 1 bytes of data"},
      {"OffsetsAfterTheEnd", file_of(one("U8", "[2]", "[0,2]"), "x"), "leave the 1 bytes of data"},
      {"OffsetOverflows",
       file_of(one("U8", "[1]", "[9223372036854775806,9223372036854775807]"), "x"),
       "leave the 1 bytes of data"},
      {"OffsetsTooWide", file_of(one("U8", "[1]", "[0,2]"), "xy"),
       "of 2 bytes, but its dtype and shape need 1"},
      {"OffsetsTooNarrow", file_of(one("F32", "[1]", "[0,2]"), "xy"),
       "of 2 bytes, but its dtype and shape need 4"},
      {"Overlap", file_of(a + entry("b", "U8", "[4]", "[3,7]") + "}", "1234567"),
       "overlap at byte 3"},
      {"Hole", file_of(a + entry("b", "U8", "[4]", "[5,9]") + "}", "123456789"),
       "a hole between tensors at byte 4"},
      {"HoleAtTheStart", file_of(one("U8", "[1]", "[1,2]"), "12"),
       "a hole between tensors at byte 0"},
      {"EmptyTensorInAnother", file_of(a + entry("b", "U8", "[0]", "[2,2]") + "}", "1234"),
       "overlap at byte 2"},
      {"BytesAfterTheLastTensor", file_of(one("U8", "[1]", "[0,1]"), "xyz"),
       "2 bytes after its last tensor"},
      {"TruncatedData", file_of(one("F32", "[2]", "[0,8]"), "1234567"),
       "leave the 7 bytes of data"},
  };
}

INSTANTIATE_TEST_SUITE_P(Files, MalformedFile, testing::ValuesIn(malformed_files()),
                         [](const auto& file) { return file.param.name; });

// Folders

std::string index_of(const std::string& map) {
  return R"({"metadata":{},"weight_map":)" + map + "}";
}

std::string refusal(const std::filesystem::path& path) {
  const Result<TensorFiles> files = TensorFiles::open(path);
  if (files.ok()) return "(none)";
  EXPECT_EQ(files.status().code(), StatusCode::InvalidProblem);
  return files.status().message();
}

constexpr const char* kIndex = "model.safetensors.index.json";

TEST(TensorFolder, ReadsShards) {
  const TemporaryFolder folder;
  folder.write("1.safetensors", byte_file("a", 'x'));
  folder.write("2.safetensors", byte_file("b", 'y'));
  folder.write(kIndex, index_of(R"({"a":"1.safetensors","b":"2.safetensors"})"));
  const TensorFiles files = opened(folder.path());
  EXPECT_EQ(files.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(bytes_of(found(files, "a")) + bytes_of(found(files, "b")), "xy");
  EXPECT_EQ(files.files().size(), 2U);
}

TEST(TensorFolder, TakesATensorFromTheShardThatTheIndexNames) {
  const TemporaryFolder folder;
  folder.write("1.safetensors", byte_file("a", 'x'));
  folder.write("2.safetensors", file_of(std::string("{") + entry("a", "U8", "[1]", "[0,1]") + "," +
                                            entry("b", "U8", "[1]", "[1,2]") + "}",
                                        "yz"));
  folder.write(kIndex, index_of(R"({"a":"1.safetensors","b":"2.safetensors"})"));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "x");
  folder.write(kIndex, index_of(R"({"a":"2.safetensors","b":"2.safetensors"})"));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "y");
}

TEST(TensorFolder, HasTensorsThatTheIndexForgets) {
  const TemporaryFolder folder;
  folder.write("1.safetensors", file_of(std::string("{") + entry("a", "U8", "[1]", "[0,1]") + "," +
                                            entry("b", "U8", "[1]", "[1,2]") + "}",
                                        "yz"));
  folder.write(kIndex, index_of(R"({"a":"1.safetensors"})"));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "b")), "z");
}

TEST(TensorFolder, PrefersModelAmongFilesWithoutAnIndex) {
  const TemporaryFolder folder;
  folder.write("only.safetensors", byte_file("a", 'x'));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "x");
  folder.write("model.safetensors", byte_file("a", 'y'));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "y");
}

TEST(TensorFolder, FollowsLinks) {
  const TemporaryFolder folder;
  const TemporaryFolder blobs;
  const auto blob = blobs.write("0123abcd", byte_file("a", 'x'));
  std::filesystem::create_symlink(blob, folder.path() / "1.safetensors");
  folder.write(kIndex, index_of(R"({"a":"1.safetensors"})"));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "x");
}

TEST(TensorFolder, ReadsShardsOfASubfolder) {
  const TemporaryFolder folder;
  folder.write("sub/1.safetensors", byte_file("a", 'x'));
  folder.write(kIndex, index_of(R"({"a":"sub/1.safetensors"})"));
  EXPECT_EQ(bytes_of(found(opened(folder.path()), "a")), "x");
}

struct BadIndex {
  std::string name;
  std::string index;
  std::string message;
};

std::ostream& operator<<(std::ostream& stream, const BadIndex& index) {
  return stream << index.name;
}

class MalformedIndex : public testing::TestWithParam<BadIndex> {};

TEST_P(MalformedIndex, IsRefused) {
  const TemporaryFolder folder;
  folder.write("inner/1.safetensors", byte_file("a", 'x'));
  folder.write("inner/2.safetensors", byte_file("b", 'y'));
  folder.write("outside.safetensors", byte_file("a", 'x'));
  folder.write(std::string("inner/") + kIndex, GetParam().index);
  const std::string message = refusal(folder.path() / "inner");
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << "message: " << message;
}

INSTANTIATE_TEST_SUITE_P(
    Files, MalformedIndex,
    testing::ValuesIn(std::vector<BadIndex>{
        {"Empty", "", "is no JSON"},
        {"List", "[]", "is no JSON object"},
        {"Deep", index_of(std::string(1000, '[')), "nested deeper"},
        {"NoMap", R"({"metadata":{}})", "no object weight_map"},
        {"MapIsAList", index_of("[]"), "no object weight_map"},
        {"TensorTwice", index_of(R"({"a":"1.safetensors","a":"2.safetensors"})"), "\"a\" twice"},
        {"ShardIsNoText", index_of(R"({"a":1})"), "no name of a file"},
        {"ShardIsMissing", index_of(R"({"a":"3.safetensors"})"), "cannot open"},
        {"ShardLacksTheTensor", index_of(R"({"a":"2.safetensors"})"), "which it does not"},
        {"NoName", index_of(R"({"a":""})"), "is not in its folder"},
        {"Parent", index_of(R"({"a":"../outside.safetensors"})"), "is not in its folder"},
        {"ParentInside", index_of(R"({"a":"x/../../outside.safetensors"})"),
         "is not in its folder"},
        {"Absolute", index_of(R"({"a":"/dev/null"})"), "is not in its folder"},
        {"Nul", index_of(R"({"a":"1.safetensors\u0000"})"), "is not in its folder"},
        {"Folder", index_of(R"({"a":"."})"), "is no regular file"},
    }),
    [](const auto& index) { return index.param.name; });

TEST(TensorFolder, RefusesATensorOfTwoShardsThatTheIndexForgets) {
  const TemporaryFolder folder;
  const std::string b = "," + entry("b", "U8", "[1]", "[1,2]") + "}";
  folder.write("1.safetensors",
               file_of(std::string("{") + entry("a", "U8", "[1]", "[0,1]") + b, "xy"));
  folder.write("2.safetensors",
               file_of(std::string("{") + entry("c", "U8", "[1]", "[0,1]") + b, "xy"));
  folder.write(kIndex, index_of(R"({"a":"1.safetensors","c":"2.safetensors"})"));
  EXPECT_NE(refusal(folder.path()).find("does not say which counts"), std::string::npos);
}

TEST(TensorFolder, RefusesWhatIsNoFile) {
  const TemporaryFolder folder;
  EXPECT_NE(refusal(folder.path() / "none").find("cannot open"), std::string::npos);
  EXPECT_NE(refusal(folder.path()).find("holds 0 files"), std::string::npos);
  folder.write("1.safetensors", byte_file("a", 'x'));
  folder.write("2.safetensors", byte_file("a", 'x'));
  EXPECT_NE(refusal(folder.path()).find("holds 2 files"), std::string::npos);
  std::filesystem::create_directory(folder.path() / "model.safetensors");
  EXPECT_NE(refusal(folder.path()).find("is no regular file"), std::string::npos);
  EXPECT_NE(refusal("/dev/null").find("is no regular file"), std::string::npos);
  const auto pipe = folder.path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(refusal(pipe).find("is no regular file"), std::string::npos);
  std::filesystem::create_symlink("nowhere", folder.path() / "link");
  EXPECT_NE(refusal(folder.path() / "link").find("cannot open"), std::string::npos);
}

TEST(TensorFolder, OpensFilesBeyond4GiB) {
  const TemporaryFolder folder;
  const std::uint64_t gap = (std::uint64_t{1} << 32) + 3;
  const std::string size = std::to_string(gap);
  const auto path = folder.write(
      "x.safetensors",
      file_of(std::string("{") + entry("gap", "U8", "[" + size + "]", "[0," + size + "]") + "," +
              entry("a", "U8", "[2]", "[" + size + "," + std::to_string(gap + 2) + "]") + "}"));
  const std::uint64_t header = std::filesystem::file_size(path);
  std::error_code error;
  std::filesystem::resize_file(path, header + gap + 2, error);  // Sparse.
  ASSERT_FALSE(error) << error.message();
  std::fstream stream(path, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(static_cast<std::streamoff>(header + gap));
  stream << "xy";
  stream.close();
  EXPECT_EQ(bytes_of(found(opened(path), "a")), "xy");
}

// Elements

std::vector<float> floats(const NamedTensor& named) {
  const Result<std::vector<float>> values = to_f32(named.tensor);
  if (!values.ok()) throw std::runtime_error(values.status().message());
  return values.value();
}

TEST(ToF32, IsExactForEveryHalf) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  const std::vector<float> values =
      floats({"h", checkpoint::make_tensor(Dtype::F16, {65536}, bits)});
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const int exponent = static_cast<int>(i >> 10 & 31);
    const auto fraction = static_cast<double>(i & 1023);
    const double sign = i >> 15 != 0 ? -1 : 1;
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(values[i])) << i;
      continue;
    }
    const double expected = exponent == 31  ? std::numeric_limits<double>::infinity()
                            : exponent == 0 ? std::ldexp(fraction, -24)
                                            : std::ldexp(1024 + fraction, exponent - 25);
    EXPECT_EQ(values[i], sign * expected) << i;
    EXPECT_EQ(std::signbit(values[i]), i >> 15 != 0) << i;
  }
}

TEST(ToF32, TakesTheTopBitsOfBf16) {
  EXPECT_EQ(floats(bf16_tensor("b", {3}, {1.5F, -0.0078125F, 3.0F})),
            (std::vector<float>{1.5F, -0.0078125F, 3.0F}));
}

TEST(ToF32, RoundsF64ToNearestWhateverTheThreadDoes) {
  const double third = 1.0 / 3;
  std::fesetround(FE_UPWARD);
  const std::vector<float> values =
      floats({"d", checkpoint::make_tensor<double>(Dtype::F64, {2}, {third, -third})});
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(values, (std::vector<float>{1.0F / 3, -1.0F / 3}));
}

TEST(ToF32, RefusesIntegers) {
  const Result<std::vector<float>> values = to_f32(int8_tensor("i", {1}, {1}).tensor);
  ASSERT_FALSE(values.ok());
  EXPECT_EQ(values.status().code(), StatusCode::InvalidProblem);
}

TEST(Dtypes, HaveNamesAndSizes) {
  EXPECT_STREQ(to_string(Dtype::BF16), "BF16");
  EXPECT_STREQ(to_string(static_cast<Dtype>(99)), "unknown");
  EXPECT_EQ(dtype_bytes(Dtype::F16), 2U);
  EXPECT_EQ(dtype_bytes(Dtype::F64), 8U);
}

// Writing

TEST(WriteSafetensors, IsReadBack) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  const std::vector<NamedTensor> tensors = {int8_tensor("b", {3}, {1, -2, 3}),
                                            f32_tensor("a \"\xc3\xa4\"", {1, 2}, {0.5F, -4}),
                                            int8_tensor("empty", {0, 7}, {})};
  ASSERT_TRUE(write_safetensors(path, tensors, {{"key", "value"}}).ok());
  const TensorFiles files = opened(path);
  EXPECT_EQ(files.names(), (std::vector<std::string>{"a \"\xc3\xa4\"", "b", "empty"}));
  EXPECT_EQ(files.metadata(), (std::map<std::string, std::string>{{"key", "value"}}));
  for (const NamedTensor& named : tensors) {
    const Tensor tensor = found(files, named.name);
    EXPECT_EQ(tensor.dtype, named.tensor.dtype);
    EXPECT_EQ(tensor.shape, named.tensor.shape);
    EXPECT_EQ(bytes_of(tensor), bytes_of(named.tensor));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteSafetensors, PutsLargerElementsFirst) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  ASSERT_TRUE(write_safetensors(path, {int8_tensor("b", {3}, {1, 2, 3}), f32_tensor("a", {1}, {1}),
                                       int8_tensor("c", {1}, {4})})
                  .ok());
  std::ifstream stream(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(content.substr(content.size() - 4), std::string("\1\2\3\4"));
  EXPECT_EQ((content.size() - 8) % 8, 0U);
}

TEST(WriteSafetensors, ReplacesAFileThatIsOpen) {
  const TemporaryFolder folder;
  const auto path = folder.write("x.safetensors", byte_file("a", 'x'));
  const Tensor before = found(opened(path), "a");
  ASSERT_TRUE(write_safetensors(path, {int8_tensor("a", {1}, {'y'})}).ok());
  EXPECT_EQ(bytes_of(before), "x");
  EXPECT_EQ(bytes_of(found(opened(path), "a")), "y");
}

TEST(WriteSafetensors, RefusesWhatCannotBeRead) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.safetensors";
  const auto message = [&](const std::vector<NamedTensor>& tensors) {
    const Status status = write_safetensors(path, tensors);
    EXPECT_EQ(status.code(), StatusCode::InvalidProblem);
    return status.message();
  };
  EXPECT_NE(message({int8_tensor("a", {1}, {1}), int8_tensor("a", {1}, {1})}).find("twice"),
            std::string::npos);
  EXPECT_NE(message({int8_tensor("__metadata__", {1}, {1})}).find("keeps"), std::string::npos);
  EXPECT_NE(message({int8_tensor("a", {2}, {1})}).find("has 1 bytes"), std::string::npos);
  EXPECT_NE(message({int8_tensor("a", {-1}, {1})}).find("negative"), std::string::npos);
  EXPECT_NE(message({int8_tensor("\xff", {1}, {1})}), "");
  EXPECT_FALSE(write_safetensors(folder.path() / "none" / "x", {}).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace qlinear::test
