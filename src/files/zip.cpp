// PKWARE's APPNOTE, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (its end), 4.5.3 (64-bit
// sizes).
#include "files/zip.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "files/reader.h"

namespace embscope {
namespace {

constexpr std::uint64_t elsewhere = 0xffffffff;  // a 32-bit field whose value stands among the extra ones

class Zip {
 public:
  Zip(std::string_view file, const std::string& where, const std::string& advice)
      : file_(file), where_(where), advice_(advice) {}

  std::vector<ZipMember> run() {
    const std::size_t end = file_.rfind("PK\x05\x06");
    if (end == std::string_view::npos) refuse("has no directory at its end: it was cut off");
    std::uint64_t members = number(end + 10, 2), at = number(end + 16, 4);
    if (at == elsewhere || members == 0xffff) {
      const std::uint64_t record = number(number_before(end, 12), 8);
      members = number(record + 32, 8), at = number(record + 48, 8);
    }
    for (; members > 0; --members) at = read_member(at);
    check_overlaps();
    return std::move(members_);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const { throw Error(Code::format, where_, message); }

  std::uint64_t number(std::uint64_t at, std::size_t bytes) const {
    if (at > file_.size() || file_.size() - at < bytes) refuse("its directory points beyond the file");
    std::uint64_t value = 0;
    std::memcpy(&value, file_.data() + at, bytes);
    return value;
  }
  static std::uint64_t number_before(std::uint64_t at, std::uint64_t by) { return at < by ? UINT64_MAX : at - by; }

  // The one whose entry in the directory is here; gives where the next one's is.
  std::uint64_t read_member(std::uint64_t at) {
    if (number(at, 4) != 0x02014b50) refuse("its directory holds something that is not an entry");
    const std::uint64_t name_bytes = number(at + 28, 2), extra_bytes = number(at + 30, 2);
    ZipMember member;
    member.size = number(at + 24, 4);
    std::uint64_t offset = number(at + 42, 4), extra = at + 46 + name_bytes;
    const std::uint64_t next = extra + extra_bytes + number(at + 32, 2);
    member.name = file_.substr(std::min<std::uint64_t>(at + 46, file_.size()), name_bytes);
    if (number(at + 10, 2) != 0 || (number(at + 8, 2) & 1) != 0)
      throw Error(Code::unsupported, where_,
                  fmt::format("{} is compressed or encrypted: {}", shown(member.name), advice_));
    if (member.size == elsewhere || offset == elsewhere) {
      for (const std::uint64_t last = extra + extra_bytes; number(extra, 2) != 1;)
        if ((extra += 4 + number(extra + 2, 2)) + 4 > last)
          refuse(fmt::format("{}: its size is missing", shown(member.name)));
      std::uint64_t value = extra + 4;
      if (member.size == elsewhere)
        member.size = number(value, 8), value += 8 + (number(at + 20, 4) == elsewhere ? 8 : 0);
      if (offset == elsewhere) offset = number(value, 8);
    }
    if (number(offset, 4) != 0x04034b50)
      refuse(fmt::format("{}: there is no member at {}", shown(member.name), offset));
    member.begin = offset + 30 + number(offset + 26, 2) + number(offset + 28, 2);
    if (member.begin > file_.size() || member.size > file_.size() - member.begin)
      refuse(fmt::format("{}: needs bytes {} to {} beyond, the file has {}", shown(member.name), member.begin,
                         member.size, file_.size()));
    members_.push_back(std::move(member));
    return next;
  }

  void check_overlaps() const {
    std::vector<const ZipMember*> order;
    for (const ZipMember& member : members_) order.push_back(&member);
    std::ranges::sort(order, {}, [](const ZipMember* m) { return m->begin; });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (order[i - 1]->begin + order[i - 1]->size > order[i]->begin)
        refuse(fmt::format("{} overlaps the member before it", shown(order[i]->name)));
  }

  std::string_view file_;
  const std::string &where_, &advice_;
  std::vector<ZipMember> members_;
};

}  // namespace

std::vector<ZipMember> zip_members(std::string_view file, const std::string& where, const std::string& advice) {
  return Zip(file, where, advice).run();
}

}  // namespace embscope
