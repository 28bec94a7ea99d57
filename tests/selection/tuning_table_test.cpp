// Tuning tables: forced kernels come before them, they come before the cost model, and no table
// changes a bit or stops a select.

#include "support/device.hpp"
#include "support/environment.hpp"
#include "support/linear_run.hpp"
#include "support/log_capture.hpp"

#include <qlinear/qlinear.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace qlinear::test {
namespace {

using Plan = QuantizedLinearPlan<__nv_bfloat16, S8>;

constexpr LinearCase kCase{.m = 16, .n = 4096, .k = 4096};
const std::string kFirstLine = "qlinear tuning table 1\n";

Result<Plan> select(const LinearCase& c, const PlanPreference& preference = {}) {
  const Stream stream;
  return Plan::select(stream, linear_descriptor<__nv_bfloat16, S8>(c), preference);
}

std::string chosen(const LinearCase& c, const PlanPreference& preference = {}) {
  const auto plan = select(c, preference);
  return plan.ok() ? plan.value().sku().name : plan.status().message();
}

/// The line that the log gets for the selection of `c`.
std::string logged(const LinearCase& c, const PlanPreference& preference = {}) {
  const LogCapture log;
  const ScopedVariable enabled("QLINEAR_LOG", "1");
  EXPECT_TRUE(select(c, preference).ok());
  return log.lines().empty() ? "" : log.lines().back();
}

::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos
             ? ::testing::AssertionSuccess()
             : ::testing::AssertionFailure() << '"' << part << "\" is not in: " << text;
}

int num_sms() {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0), "num_sms");
  return count;
}

/// The part of an entry that says for what it counts, for the current device with `sms` SMs.
std::string key_of(const LinearCase& c, const std::string& range, int sms = num_sms()) {
  const int architecture = device_architecture();
  return std::to_string(architecture / 10) + '.' + std::to_string(architecture % 10) + ' ' +
         std::to_string(sms) + " bf16 s8 " + std::to_string(c.n) + ' ' + std::to_string(c.k) + ' ' +
         range + ' ';
}

Status import_entry(const std::string& entry) { return import_tuning_table(kFirstLine + entry); }

bool is_registered(std::string_view name) {
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.name == name) return true;
  }
  return false;
}

/// The GEMM kernels that run here for bf16 and s8, but for the one that `c` gets anyway.
std::vector<std::string> other_kernels(const LinearCase& c) {
  const std::string usual = chosen(c);
  std::vector<std::string> names;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category == KernelCategory::Gemm && runs_here(sku) && sku.name != usual &&
        supports(sku, ElementKind::BF16, ElementKind::S8)) {
      names.emplace_back(sku.name);
    }
  }
  return names;
}

bool takes_any_alignment(const std::string& kernel) {
  return kernel.ends_with("_any") || kernel.starts_with("dp4a");
}

class TuningTable : public ::testing::Test {
 protected:
  TuningTable() { clear_tuning_table(); }
  ~TuningTable() override { clear_tuning_table(); }

 private:
  ScopedVariable no_table_{"QLINEAR_TUNING_TABLE", nullptr};
  ScopedVariable no_kernel_{"QLINEAR_KERNEL", nullptr};
  ScopedVariable no_quantize_kernel_{"QLINEAR_QUANTIZE_KERNEL", nullptr};
  ScopedVariable no_log_{"QLINEAR_LOG", nullptr};
};

TEST_F(TuningTable, NamesTheKernelOfItsProblemAlone) {
  LinearCase before = kCase;
  before.m = 4;
  LinearCase behind = kCase;
  behind.m = 33;
  LinearCase other_n = kCase;
  other_n.n += 16;
  LinearCase other_k = kCase;
  other_k.k += 16;
  const std::vector<LinearCase> outside = {before, behind, other_n, other_k};
  std::vector<std::string> usual;
  for (const LinearCase& c : outside) usual.push_back(chosen(c));
  for (const std::string& kernel : other_kernels(kCase)) {
    ASSERT_TRUE(import_entry(key_of(kCase, "5-32") + kernel + " 1").ok());
    for (const std::int64_t m : {5, 16, 32}) {
      LinearCase inside = kCase;
      inside.m = m;
      EXPECT_EQ(chosen(inside), kernel) << m;
    }
    for (std::size_t i = 0; i < outside.size(); ++i) EXPECT_EQ(chosen(outside[i]), usual[i]);
  }
}

TEST_F(TuningTable, OfAnotherGpuOrOtherTypesDoesNotCount) {
  const std::string usual = chosen(kCase);
  const std::string kernel = other_kernels(kCase).front();
  const std::string count = std::to_string(num_sms());
  ASSERT_TRUE(import_entry(key_of(kCase, "16", num_sms() + 1) + kernel + " 1").ok());
  std::string other_types = key_of(kCase, "16") + kernel + " 1";
  other_types.replace(other_types.find("bf16"), 4, "f16");
  ASSERT_TRUE(import_entry(other_types).ok());
  EXPECT_EQ(chosen(kCase), usual);
}

TEST_F(TuningTable, CountsForSelectionsThatWereRemembered) {
  const std::string usual = chosen(kCase);
  const std::string kernel = other_kernels(kCase).front();
  EXPECT_EQ(chosen(kCase), usual);
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + kernel + " 1").ok());
  EXPECT_EQ(chosen(kCase), kernel);
  EXPECT_EQ(chosen(kCase), kernel);
  std::thread([&] { EXPECT_EQ(chosen(kCase), kernel); }).join();
  clear_tuning_table();
  EXPECT_EQ(chosen(kCase), usual);
}

TEST_F(TuningTable, LaterEntriesWin) {
  const auto kernels = other_kernels(kCase);
  ASSERT_GE(kernels.size(), 2U);
  ASSERT_TRUE(import_entry(key_of(kCase, "1-64") + kernels[0] + " 1\n" + key_of(kCase, "16-17") +
                           kernels[1] + " 1")
                  .ok());
  EXPECT_EQ(chosen(kCase), kernels[1]);
  LinearCase between = kCase;
  between.m = 15;
  EXPECT_EQ(chosen(between), kernels[0]);
  ASSERT_TRUE(import_entry(key_of(kCase, "1-64") + kernels[0] + " 1").ok());
  EXPECT_EQ(chosen(kCase), kernels[0]);
}

TEST_F(TuningTable, ForcedKernelsWin) {
  const auto kernels = other_kernels(kCase);
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + kernels[0] + " 1 quantize_two_pass").ok());
  EXPECT_TRUE(contains(logged(kCase), "quantize quantize_two_pass (table)"));
  PlanPreference preference;
  preference.kernel = kernels[1];
  EXPECT_EQ(chosen(kCase, preference), kernels[1]);
  EXPECT_TRUE(contains(logged(kCase, preference), kernels[1] + " (forced"));
  EXPECT_TRUE(contains(logged(kCase, preference), "quantize quantize_two_pass (table)"));
  preference = {};
  preference.quantize_kernel = "quantize_registers";
  EXPECT_TRUE(contains(logged(kCase, preference), "quantize quantize_registers (forced)"));
  EXPECT_EQ(chosen(kCase, preference), kernels[0]);
  const ScopedVariable forced("QLINEAR_KERNEL", kernels[1].c_str());
  EXPECT_EQ(chosen(kCase), kernels[1]);
}

TEST_F(TuningTable, TheLogTellsWhereAChoiceCameFrom) {
  EXPECT_TRUE(contains(logged(kCase), "gemm " + chosen(kCase) + " (model"));
  const std::string kernel = other_kernels(kCase).front();
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + kernel + " 1").ok());
  EXPECT_TRUE(contains(logged(kCase), "gemm " + kernel + " (table, split_k 1"));
}

TEST_F(TuningTable, SplitsK) {
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    const Status status = import_entry(key_of(kCase, "16") + sku.name + " 3");
    if (!status.ok()) {
      EXPECT_TRUE(contains(status.message(), "cannot split K = 4096 into 3 slices"));
      continue;
    }
    EXPECT_TRUE(contains(logged(kCase), std::string("gemm ") + sku.name + " (table, split_k 3"));
  }
}

// Of both tables the later one whose kernel takes the arguments.
TEST_F(TuningTable, UnalignedArgumentsRunAnEntryThatTakesThem) {
  std::string aligned;
  std::string any;
  for (const std::string& kernel : other_kernels(kCase)) {
    (takes_any_alignment(kernel) ? any : aligned) = kernel;
  }
  ASSERT_FALSE(aligned.empty() || any.empty());
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + any + " 1").ok());
  EXPECT_TRUE(contains(logged(kCase), "gemm " + any + " (table"));
  EXPECT_TRUE(contains(logged(kCase), "unaligned " + any + " (table"));
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + aligned + " 1").ok());
  EXPECT_TRUE(contains(logged(kCase), "gemm " + aligned + " (table"));
  EXPECT_TRUE(contains(logged(kCase), "unaligned " + any + " (table"));
}

TEST_F(TuningTable, EntriesThatAPreferenceRulesOutArePassedOver) {
  const auto kernels = other_kernels(kCase);
  ASSERT_TRUE(import_entry(key_of(kCase, "16") + kernels[0] + " 1").ok());
  PlanPreference split;
  split.split_k = 2;
  const std::string line = logged(kCase, split);
  EXPECT_TRUE(contains(line, "(model, split_k 2"));
  EXPECT_TRUE(contains(line, "the tuning table's " + kernels[0] + " cannot do it"));

  PlanPreference no_workspace;
  no_workspace.max_workspace = 0;
  PlanPreference portable;
  portable.forbid_architecture_specific = true;
  for (const KernelSku& sku : registered_kernels()) {
    if (sku.category != KernelCategory::Gemm || !runs_here(sku)) continue;
    if (!import_entry(key_of(kCase, "16") + sku.name + " 2").ok()) continue;
    EXPECT_EQ(select(kCase, no_workspace).value().workspace_size(), 0U) << sku.name;
    EXPECT_FALSE(select(kCase, portable).value().sku().architecture_specific) << sku.name;
  }
}

TEST_F(TuningTable, BitsStay) {
  LinearCase c{.m = 5, .n = 70, .k = 144, .bias = true, .seed = 7};
  for (const std::string& kernel : other_kernels(c)) {
    ASSERT_TRUE(import_entry(key_of(c, "1-9") + kernel + " 1").ok());
    EXPECT_TRUE(is_exact(run_case({ElementKind::BF16, ElementKind::S8}, c))) << kernel;
    if (!import_entry(key_of(c, "1-9") + kernel + " 2").ok()) continue;
    EXPECT_TRUE(is_exact(run_case({ElementKind::BF16, ElementKind::S8}, c))) << kernel;
  }
}

TEST_F(TuningTable, WrongEntriesAreSkippedAndTold) {
  const std::string kernel = other_kernels(kCase).front();
  const std::string good = key_of(kCase, "16") + kernel + " 1\n";
  const std::string key = key_of(kCase, "16");
  for (const auto& [bad, reason] : std::vector<std::pair<std::string, std::string>>{
           {key + "no_such_kernel 1", "\"no_such_kernel\" is not the name of a GEMM kernel"},
           {key + "quantize_registers 1", "is not the name of a GEMM kernel"},
           {key + kernel + " 1 no_such", "\"no_such\" is not the name of a quantize kernel"},
           {key + kernel, "it has 8 fields"},
           {key + kernel + " 1 quantize_registers 1", "it has 11 fields"},
           {key + kernel + " 0", "\"0\" is not a number of slices"},
           {key + kernel + " 1x", "\"1x\" is not a number of slices"},
           {key + kernel + " 99999999999", "is not a number of slices"},
           {key + kernel + " 1000", "cannot split K = 4096 into 1000 slices"},
           {key_of(kCase, "0") + kernel + " 1", "\"0\" is not an M"},
           {key_of(kCase, "5-4") + kernel + " 1", "\"5-4\" is not an M"},
           {key_of(kCase, "5-") + kernel + " 1", "\"5-\" is not an M"},
           {key_of(kCase, "16", 0) + kernel + " 1", "\"0\" is not a number of SMs"},
           {"9 132 bf16 s8 4096 4096 1 x 1", "\"9\" is not a compute capability"},
           {"9.10 132 bf16 s8 4096 4096 1 x 1", "\"9.10\" is not a compute capability"},
           {"9.0 132 int s8 4096 4096 1 x 1", "\"int\" is not a type of activations"},
           {"9.0 132 f16 s4 4096 4096 1 x 1", "\"s4\" is not a type of weights"},
           {"9.0 132 f16 s8 -1 4096 1 x 1", "\"-1\" is not an N"},
           {"9.0 132 f16 s8 1 4e3 1 x 1", "\"4e3\" is not a K"},
           {"5.0 132 bf16 s8 4096 4096 16 " + kernel + " 1", "compute capability 5.0 does not run"},
           {"9.0 132 s8 s8 4096 4096 16 mma_m16n8k32_64x64x128 1",
            "was not compiled for s8 activations with s8 weights"},
       }) {
    clear_tuning_table();
    const Status status = import_entry("# comment\n" + bad + "\n" + good + bad + "\n");
    EXPECT_EQ(status.code(), StatusCode::Unsupported) << bad;
    EXPECT_TRUE(contains(status.message(), "2 of the tuning table's 3 entries were skipped"));
    EXPECT_TRUE(contains(status.message(), "line 3: "));
    EXPECT_TRUE(contains(status.message(), reason));
    EXPECT_EQ(chosen(kCase), kernel) << bad;
  }
}

TEST_F(TuningTable, AnotherFirstLineChangesNothing) {
  const std::string kernel = other_kernels(kCase).front();
  const std::string entry = key_of(kCase, "16") + kernel + " 1\n";
  ASSERT_TRUE(import_entry(entry).ok());
  const std::string before = export_tuning_table().value();
  static const char* const volatile null = nullptr;
  for (const std::string_view text :
       {std::string_view(), std::string_view("qlinear tuning table 2\n"), std::string_view(entry),
        std::string_view("\nqlinear tuning table 1\n"), std::string_view(null, 7)}) {
    EXPECT_EQ(import_tuning_table(text).code(), StatusCode::InvalidProblem);
    EXPECT_EQ(export_tuning_table().value(), before);
  }
}

TEST_F(TuningTable, IsExportedAsItIsImported) {
  const std::string legend = "# GPU SMs activation weight N K M kernel split_k [quantize_kernel]\n";
  EXPECT_EQ(export_tuning_table().value(), kFirstLine + legend);
  const std::string kernel = other_kernels(kCase).front();
  const std::string small = key_of(kCase, "1-7", 108);
  std::string tabbed = small;
  tabbed.replace(tabbed.find(' '), 1, "\t");
  const std::string large = key_of(kCase, "1-9", 132);
  const std::string lone = key_of(kCase, "7", 132);
  // In another order, with blanks and comments.
  ASSERT_TRUE(import_tuning_table("qlinear tuning table 1\r\n\r\n" +           //
                                  lone + kernel + " 1\r\n" +                   //
                                  "  " + tabbed + kernel + " 1 # why\n" +      //
                                  large + kernel + " 1 quantize_two_pass\n" +  //
                                  "#" + large + "none 1\n" +                   //
                                  key_of(kCase, "7-7", 132) + kernel + " 1")
                  .ok());
  const std::string text = export_tuning_table().value();
  EXPECT_EQ(text, kFirstLine + legend + small + kernel + " 1\n" + large + kernel +
                      " 1 quantize_two_pass\n" + lone + kernel + " 1\n");
  clear_tuning_table();
  EXPECT_EQ(export_tuning_table().value(), kFirstLine + legend);
  ASSERT_TRUE(import_tuning_table(text).ok());
  EXPECT_EQ(export_tuning_table().value(), text);
}

// It is the one that the header shows.
TEST_F(TuningTable, TheExampleIsTaken) {
  if (!is_registered("wgmma_swapped_16x64")) return;  // Not compiled for 9.0.
  const Status status = import_tuning_table(
      "qlinear tuning table 1\n"
      "# GPU SMs activation weight N K M kernel split_k [quantize_kernel]\n"
      "9.0 132 bf16 s8 6144 4096 1-16 wgmma_swapped_16x64 2\n"
      "9.0 132 bf16 s8 6144 4096 17 wgmma_swapped_deep_32x64 1 "
      "quantize_registers\n");
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(TuningTable, APlanOfFewerSmsTakesTheEntriesOfThatNumber) {
  if (num_sms() <= 4) return;  // The emulated device can have so few.
  const auto kernels = other_kernels(kCase);
  std::string kernel;  // One that four SMs have room for.
  for (const std::string& name : kernels) {
    if (name.find("multicast") == std::string::npos) kernel = name;
  }
  ASSERT_TRUE(import_entry(key_of(kCase, "16", 4) + kernel + " 1").ok());
  EXPECT_TRUE(contains(logged(kCase), "(model"));
  PlanPreference preference;
  preference.max_sms = 4;
  EXPECT_TRUE(contains(logged(kCase, preference), "gemm " + kernel + " (table"));
  EXPECT_EQ(chosen(kCase, preference), kernel);
}

TEST_F(TuningTable, IsImportedWhileOthersSelect) {
  const auto kernels = other_kernels(kCase);
  const std::string entry = key_of(kCase, "16") + kernels[0] + " 1";
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) failures += select(kCase).ok() ? 0 : 1;
    });
  }
  for (int i = 0; i < 200; ++i) {
    failures += import_entry(entry).ok() ? 0 : 1;
    failures += chosen(kCase) == kernels[0] ? 0 : 1;
    clear_tuning_table();
    failures += chosen(kCase) != kernels[0] ? 0 : 1;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

/// A file for the scope of a test.
class TableFile {
 public:
  explicit TableFile(const std::string& text)
      : path_(::testing::TempDir() + "qlinear_table_" + std::to_string(::getpid())) {
    std::ofstream(path_) << text;
  }
  ~TableFile() { static_cast<void>(std::remove(path_.c_str())); }
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The variable is read once in a process.
class TuningTableDeathTest : public ::testing::Test {
 protected:
  TuningTableDeathTest() { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

/// Selects twice with the table in `path`, tells what was chosen, and ends the process.
[[noreturn]] void select_with(const std::string& path) {
  ::setenv("QLINEAR_TUNING_TABLE", path.c_str(), 1);
  for (const char* name : {"QLINEAR_KERNEL", "QLINEAR_QUANTIZE_KERNEL", "QLINEAR_LOG"}) {
    ::unsetenv(name);
  }
  const std::string first = chosen(kCase);
  const std::string second = chosen(kCase);
  std::fprintf(stderr, "chosen %s and %s;\n", first.c_str(), second.c_str());
  std::exit(0);
}

TEST_F(TuningTableDeathTest, IsReadFromTheEnvironmentsFile) {
  // What the child finds is named here, whose process has read no table.
  const std::string kernel = "mma_m16n8k32_64x64x128";
  if (device_architecture() < 80) return;
  const TableFile file(kFirstLine + key_of(kCase, "16") + kernel + " 1\n");
  EXPECT_EXIT(select_with(file.path()), ::testing::ExitedWithCode(0),
              "^chosen " + kernel + " and " + kernel + ";");
}

TEST_F(TuningTableDeathTest, AWrongFileIsToldOnceAndStopsNobody) {
  EXPECT_EXIT(select_with("/no/such/table"), ::testing::ExitedWithCode(0),
              "^qlinear: QLINEAR_TUNING_TABLE=/no/such/table: the file cannot be read\n"
              "chosen [a-z0-9_]+ and [a-z0-9_]+;");
  EXPECT_EXIT(select_with("/"), ::testing::ExitedWithCode(0),
              "^qlinear: QLINEAR_TUNING_TABLE=/: .*\nchosen [a-z0-9_]+ and [a-z0-9_]+;");
  const TableFile file(kFirstLine + key_of(kCase, "16") + "no_such_kernel 1\n");
  EXPECT_EXIT(
      select_with(file.path()), ::testing::ExitedWithCode(0),
      "^qlinear: QLINEAR_TUNING_TABLE=.*: 1 of the tuning table's 1 entries were skipped.*\n"
      "chosen [a-z0-9_]+ and [a-z0-9_]+;");
}

}  // namespace
}  // namespace qlinear::test
