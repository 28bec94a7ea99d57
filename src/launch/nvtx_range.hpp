#pragma once

#ifdef QLINEAR_NVTX
#include <nvtx3/nvToolsExt.h>
#endif

namespace qlinear::detail {

/// Names what the host does while it lives, for profilers: they show with a kernel the range in
/// which it was launched. Its domain is "qlinear". Without the option QLINEAR_NVTX it is nothing.
class NvtxRange {
 public:
#ifdef QLINEAR_NVTX
  explicit NvtxRange(const char* name) noexcept {
    nvtxEventAttributes_t attributes{};
    attributes.version = NVTX_VERSION;
    attributes.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    attributes.messageType = NVTX_MESSAGE_TYPE_ASCII;
    attributes.message.ascii = name;
    nvtxDomainRangePushEx(domain(), &attributes);
  }
  ~NvtxRange() { nvtxDomainRangePop(domain()); }
#else
  explicit NvtxRange(const char*) noexcept {}
  ~NvtxRange() = default;
#endif
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;

 private:
#ifdef QLINEAR_NVTX
  static nvtxDomainHandle_t domain() noexcept {
    static const nvtxDomainHandle_t created = nvtxDomainCreateA("qlinear");
    return created;
  }
#endif
};

}  // namespace qlinear::detail
