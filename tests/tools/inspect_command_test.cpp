#include "command_run.hpp"
#include "small_model.hpp"

#include <gtest/gtest.h>

namespace qlinear::test {
namespace {

void expect_part(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks: " << part;
}

TEST(InspectCommand, ListsLayersThatAreAlikeOnce) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const CheckpointFolder model = llama_folder();
  ASSERT_EQ(run_command({"quantize", model.path().string(), out}).exit_status, 0);
  const CommandRun run = run_command({"inspect", out});
  EXPECT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, "compressed-tensors, 35 tensors in 1 file");
  expect_part(run.out,
              "     2  model.layers.*.mlp.down_proj     16  24  int8, a scale a row; activations");
  expect_part(run.out, "14 of 16 weights are int8");
  const CommandRun all = run_command({"inspect", out, "--all"});
  expect_part(all.out, "     1  model.layers.1.mlp.down_proj     16  24  int8");
}

TEST(InspectCommand, PrintsJson) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const CheckpointFolder model = llama_folder();
  ASSERT_EQ(run_command({"quantize", model.path().string(), out}).exit_status, 0);
  const CommandRun run = run_command({"inspect", out, "--json"});
  EXPECT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, "\"name\": \"model.layers.1.mlp.down_proj\"");
  expect_part(run.out, "\"convention\": \"compressed-tensors\"");
}

TEST(InspectCommand, TakesAConventionThatIsNotMarked) {
  const CheckpointFolder model("{}", {int8_tensor("m.q.weight", {2, 3}, {1, 2, 3, 4, 5, 6}),
                                      f32_tensor("m.q.weight_scale", {2, 1}, {0.5F, 0.25F})});
  const CommandRun run =
      run_command({"inspect", model.path().string(), "--convention", "w8a8_int8"});
  EXPECT_EQ(run.exit_status, 0) << run.error;
  expect_part(run.out, "1 of 1 weights are int8");
  EXPECT_EQ(run_command({"inspect", model.path().string(), "--convention", "x"}).exit_status, 2);
}

TEST(InspectCommand, ListsTheTensorsOfAModelThatIsNotQuantized) {
  const CheckpointFolder model = llama_folder();
  const CommandRun run = run_command({"inspect", model.path().string()});
  EXPECT_EQ(run.exit_status, 1);
  expect_part(run.out, "      2  model.layers.*.mlp.down_proj.weight             BF16   [16, 24]");
  expect_part(run.error, "has no quantization_config");
}

TEST(InspectCommand, SaysWhyAFolderCannotBeRead) {
  const CommandRun run = run_command({"inspect", "/nowhere"});
  EXPECT_EQ(run.exit_status, 1);
  expect_part(run.error, "/nowhere");
}

}  // namespace
}  // namespace qlinear::test
