#include "command_run.hpp"
#include "small_model.hpp"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>
#include <qlinear/kernels.hpp>
#include <qlinear/tuning.hpp>

#include <fstream>
#include <iterator>

namespace qlinear::test {
namespace {

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks: " << part;
}

// As short as it can be: one round.
const std::vector<std::string> kShort = {"tune",  "--layers",        "16x32", "--m",
                                         "1,2-3", "--rounds",        "1",     "--margin",
                                         "0",     "--allow-emulated"};

TEST(TuneCommand, WritesATableThatIsAccepted) {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "table";
  std::vector<std::string> arguments = kShort;
  arguments.insert(arguments.end(), {"--output", file.string(), "--quantize-kernels"});
  const CommandRun run = run_command(arguments);
  ASSERT_EQ(run.exit_status, 0) << run.error;
  std::ifstream stream(file);
  const std::string table{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(table.rfind("qlinear tuning table 1\n", 0), 0U) << table;
  expect_part(table, " bf16 s8 16 32 1");
  expect_part(table, " bf16 s8 16 32 2-3");
  clear_tuning_table();
  const Status status = import_tuning_table(table);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(TuneCommand, TunesTheLayersOfACheckpoint) {
  const TemporaryFolder folder;
  const std::string quantized = (folder.path() / "w8a8").string();
  const CheckpointFolder floats = llama_folder();
  ASSERT_EQ(run_command({"quantize", floats.path().string(), quantized}).exit_status, 0);
  const CommandRun run = run_command(
      {"tune", quantized, "--m", "1", "--rounds", "1", "--margin", "0", "--allow-emulated"});
  ASSERT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, " bf16 s8 16 24 1");  // down_proj, whose rows are no multiple of 16 bytes
  expect_part(run.out, " bf16 s8 48 16 1");  // gate_proj and up_proj as one layer
}

bool on_emulated_device() {
  cudaDeviceProp properties{};
  return cudaGetDeviceProperties(&properties, 0) == cudaSuccess &&
         std::string(properties.name).find("emulated") != std::string::npos;
}

TEST(TuneCommand, TimesOfTheEmulatedDeviceAreRefusedUnasked) {
  std::vector<std::string> arguments = kShort;
  arguments.pop_back();
  const CommandRun run = run_command(arguments);
  EXPECT_EQ(run.exit_status, on_emulated_device() ? 1 : 0) << run.error;
  if (on_emulated_device()) expect_part(run.error, "whose times mean nothing");
}

TEST(TuneCommand, SaysThatThereIsNoGpu) {
  const CommandRun run =
      run_command(kShort, {"QLINEAR_EMULATED_DEVICES=0", "CUDA_VISIBLE_DEVICES="});
  EXPECT_EQ(run.exit_status, 1);
  expect_part(run.error, "there is no GPU here");
}

TEST(TuneCommand, SaysWhatIsWrongWithItsInput) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const CommandRun run = run_command(arguments);
    EXPECT_EQ(run.exit_status, 1);
    return run.error;
  };
  expect_part(error({"tune"}), "either the folder of a quantized checkpoint or --layers");
  expect_part(error({"tune", "--layers", "16"}), "--layers holds '16'");
  expect_part(error({"tune", "--layers", "16x0"}), "--layers holds '16x0'");
  expect_part(error({"tune", "--layers", "16x32", "--m", "3-2"}), "--m holds '3-2'");
  const CheckpointFolder floats = llama_folder();
  expect_part(error({"tune", floats.path().string()}), "has no quantization_config");
}

TEST(KernelsCommand, ListsEveryKernelAndTheGpu) {
  const CommandRun run = run_command({"kernels"});
  EXPECT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, "GPU: ");
  for (const KernelSku& sku : registered_kernels()) expect_part(run.out, sku.name);
  expect_part(run.out, "  runs");
  expect_part(run_command({"kernels", "--json"}).out, "\"runs_here\": true");
}

TEST(KernelsCommand, SaysThatThereIsNoGpu) {
  const CommandRun run =
      run_command({"kernels"}, {"QLINEAR_EMULATED_DEVICES=0", "CUDA_VISIBLE_DEVICES="});
  EXPECT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, "GPU: none (");
}

}  // namespace
}  // namespace qlinear::test
