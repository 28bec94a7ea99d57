#pragma once

#include <qlinear/checkpoint/export.hpp>
#include <qlinear/status.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Files of the safetensors format: a header of JSON that names tensors, then their bytes. Files are
// mapped into memory, so that opening one reads its header alone. No function here throws; what is
// wrong with a file comes as an InvalidProblem that names the file and the place.

namespace qlinear::checkpoint {

/// Element types as the format names them. A layer takes few of them, a file may hold any.
enum class Dtype : std::uint8_t {
  Bool,
  U8,
  I8,
  F8E4M3,
  F8E5M2,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  I64,
  U64,
  F64,
  F8E8M0,
  C64,
};

/// Returns the format's name of `dtype` ("BF16", ...); "unknown" outside the enumeration.
QLINEAR_CHECKPOINT_API const char* to_string(Dtype dtype) noexcept;

/// Size of an element.
QLINEAR_CHECKPOINT_API std::size_t dtype_bytes(Dtype dtype) noexcept;

/// A tensor of a file, row-major without padding. A copy is cheap and keeps the file mapped.
struct Tensor {
  Dtype dtype = Dtype::U8;
  std::vector<std::int64_t> shape;  ///< Empty for a scalar.
  /// Aligned to its element, wherever the file places it: what lies otherwise was copied.
  std::shared_ptr<const std::byte> data;
  std::size_t bytes = 0;
  std::string where;  ///< "tensor NAME of FILE", for messages.

  /// The number of elements.
  std::int64_t size() const noexcept {
    return static_cast<std::int64_t>(bytes / dtype_bytes(dtype));
  }
  /// The elements. Precondition: `T` is as large as the dtype's element.
  template <class T>
  const T* as() const noexcept {
    return reinterpret_cast<const T*>(data.get());
  }
};

/// A tensor of `elements`, which it owns. Precondition: `T` is as large as the dtype's element, and
/// there are as many as `shape` says. Throws std::bad_alloc.
template <class T>
Tensor make_tensor(Dtype dtype, std::vector<std::int64_t> shape, std::vector<T> elements) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(elements));
  const auto* data = reinterpret_cast<const std::byte*>(owner->data());
  return {dtype, std::move(shape), {owner, data}, owner->size() * sizeof(T), "a tensor in memory"};
}

/// The elements of an F16, BF16, F32 or F64 tensor, each rounded to f32. Errors: InvalidProblem for
/// another dtype.
QLINEAR_CHECKPOINT_API Result<std::vector<float>> to_f32(const Tensor& tensor) noexcept;

/// The tensors of a model: of one file, or of the shards of a folder. Immutable, cheap to copy, and
/// usable from many threads at once.
class QLINEAR_CHECKPOINT_API TensorFiles {
 public:
  /// Opens `path`: a file, or a folder that holds `model.safetensors.index.json` with its shards,
  /// or else one `model.safetensors`, or else any one `*.safetensors`. Errors: InvalidProblem for a
  /// file that cannot be read or breaks the format (truncated, a header that is no JSON, too large
  /// or too deep, a name twice, a dtype that does not exist, offsets that overlap, leave holes,
  /// overflow or do not fit the shape), a shard that is missing, that does not hold what the index
  /// says, or whose name leaves the folder. Symbolic links are followed, as caches of downloads
  /// have them. The files must not be changed in place while they are open; one that is replaced by
  /// another of its name may be.
  static Result<TensorFiles> open(const std::filesystem::path& path) noexcept;

  /// The names, sorted.
  const std::vector<std::string>& names() const& noexcept;
  bool contains(std::string_view name) const noexcept;
  /// Errors: InvalidProblem for a name that is not there; the message says the most similar ones.
  Result<Tensor> find(std::string_view name) const noexcept;
  /// Where the files are: `path` itself, or the folder of the file.
  const std::filesystem::path& folder() const& noexcept;
  /// The files, in the order of their names.
  const std::vector<std::filesystem::path>& files() const& noexcept;
  /// `__metadata__` of the files, merged.
  const std::map<std::string, std::string>& metadata() const& noexcept;

  // References into files that close with the expression: a loop over them reads freed memory.
  void names() const&& = delete;
  void folder() const&& = delete;
  void files() const&& = delete;
  void metadata() const&& = delete;

 private:
  struct State;
  class Opener;
  explicit TensorFiles(std::shared_ptr<const State> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// A tensor to be written.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// Writes `tensors` to the file `path` under a temporary name and then renames it, so that `path`
/// is never half a file. What is there is replaced. Larger elements come first, so that each lies
/// aligned, and otherwise tensors keep this order. Errors: InvalidProblem (a name twice,
/// `__metadata__` or no UTF-8, bytes that do not fit the shape, what the file system says).
QLINEAR_CHECKPOINT_API Status
write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                  const std::map<std::string, std::string>& metadata = {}) noexcept;

}  // namespace qlinear::checkpoint
