#include "backend.hpp"
#include "require.hpp"
#include "workers.hpp"

#include <qlinear/reference.hpp>

#include <cstring>
#include <new>
#include <utility>

namespace qlinear::engine {
namespace {

/// Rows `begin` to `end` of a layer's weight, and so columns of its output. Each output depends on
/// one row, so slices have the bits of the whole.
LinearArgs slice(LinearArgs args, std::int64_t begin, std::int64_t end) {
  const auto part = [&](auto vector) {
    if (vector.data != nullptr) vector.data += begin;
    vector.shape[0] = end - begin;
    return vector;
  };
  args.weight_q.data += begin * args.weight_q.stride[0];
  args.weight_q.shape[0] = end - begin;
  args.weight_scale = part(args.weight_scale);
  args.output.data += begin;
  args.output.shape[1] = end - begin;
  return args;
}

class ReferenceBackend final : public Backend {
 public:
  explicit ReferenceBackend(int threads) : workers_(threads) {}

  std::string name() const override {
    return "the reference on the CPU, " + std::to_string(workers_.count()) +
           (workers_.count() == 1 ? " thread" : " threads");
  }
  void* allocate(std::size_t bytes) override {
    memory_.emplace_back(::operator new(bytes, kAlignment));
    std::memset(memory_.back().get(), 0, bytes);
    return memory_.back().get();
  }
  void write(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void read(void* to, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  void linear(const QuantizedLinearDescriptor& d, const LinearArgs& args) override {
    const DynamicRangeQuantizeDescriptor pass{.m = d.m,
                                              .k = d.k,
                                              .q_min = d.q_min,
                                              .q_max = d.q_max,
                                              .source = d.source,
                                              .scale = d.scale};
    require(reference::dynamic_range_quantize<float, S8>(pass, {.activation = args.activation,
                                                                .quantized = args.act_q_scratch,
                                                                .scale = args.act_scale_scratch,
                                                                .source = args.source}));
    QuantizedLinearDescriptor product = d;
    product.source = {};
    product.scale = {ScaleKind::Given};
    LinearArgs given{.activation = {},
                     .weight_q = args.weight_q,
                     .weight_scale = args.weight_scale,
                     .output = args.output,
                     .act_q_scratch = {},
                     .act_scale_scratch = {}};
    given.given.q = args.act_q_scratch;
    given.given.scale = args.act_scale_scratch;
    std::vector<Status> statuses(static_cast<std::size_t>(workers_.count()));
    workers_.split(d.c_out, [&](int worker, std::int64_t begin, std::int64_t end) {
      QuantizedLinearDescriptor part = product;
      part.c_out = end - begin;
      statuses[static_cast<std::size_t>(worker)] =
          reference::quantized_linear<float, S8>(part, slice(given, begin, end));
    });
    for (const Status& status : statuses) require(status);
  }

  void step(const Step& step) override {
    std::visit([&](const auto& known) { run(known); }, step);
  }

  std::function<void()> record(std::function<void()> work) override { return work; }

 private:
  static constexpr std::align_val_t kAlignment{256};
  struct Free {
    void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
  };

  template <class Known>
  void run(const Known& step) {
    const Grid grid = step.grid();
    workers_.split(grid.blocks, [&](int, std::int64_t begin, std::int64_t end) {
      std::vector<float> shared(static_cast<std::size_t>(grid.shared_floats));
      for (auto block = static_cast<int>(begin); block < end; ++block) {
        for (int phase = 0; phase < Known::kPhases; ++phase) {
          for (int thread = 0; thread < grid.threads; ++thread) {
            step.run(phase, {block, thread, grid.threads}, shared.data());
          }
        }
      }
    });
  }

  Workers workers_;
  std::vector<std::unique_ptr<void, Free>> memory_;
};

}  // namespace

std::unique_ptr<Backend> reference_backend(int threads) {
  return std::make_unique<ReferenceBackend>(threads);
}

}  // namespace qlinear::engine
