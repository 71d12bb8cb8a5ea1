// GGUF versions 2 and 3, little-endian (ggml's docs/gguf.md). Sizes are stored with the fastest axis first.
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/checked.h"
#include "files/gguf_parts.h"
#include "files/reader.h"

namespace embscope {
namespace {

enum class Kind : std::uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

std::uint64_t width_of(Kind kind) {
  constexpr std::uint64_t widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};  // a string is at least its length
  return widths[static_cast<std::uint32_t>(kind)];
}

// ggml's numbers of the supported element types.
constexpr std::pair<std::uint32_t, DType> types[] = {
    {0, DType::f32},      {1, DType::f16},    {2, DType::q4_0},    {3, DType::q4_1},     {6, DType::q5_0},
    {7, DType::q5_1},     {8, DType::q8_0},   {10, DType::q2_k},   {11, DType::q3_k},    {12, DType::q4_k},
    {13, DType::q5_k},    {14, DType::q6_k},  {15, DType::q8_k},   {16, DType::iq2_xxs}, {17, DType::iq2_xs},
    {18, DType::iq3_xxs}, {19, DType::iq1_s}, {20, DType::iq4_nl}, {21, DType::iq3_s},   {22, DType::iq2_s},
    {23, DType::iq4_xs},  {24, DType::i8},    {25, DType::i16},    {26, DType::i32},     {27, DType::i64},
    {28, DType::f64},     {29, DType::iq1_m}, {30, DType::bf16},   {34, DType::tq1_0},   {35, DType::tq2_0},
    {39, DType::mxfp4},   {40, DType::nvfp4},
};

// ggml's names of all types (ggml.h, enum ggml_type; gguf-py, GGMLQuantizationType), for messages about unsupported
// ones.
constexpr std::string_view type_names[] = {
    "F32",        "F16",        "Q4_0",       "Q4_1",  "Q4_2",     "Q4_3",     "Q5_0",     "Q5_1",    "Q8_0",
    "Q8_1",       "Q2_K",       "Q3_K",       "Q4_K",  "Q5_K",     "Q6_K",     "Q8_K",     "IQ2_XXS", "IQ2_XS",
    "IQ3_XXS",    "IQ1_S",      "IQ4_NL",     "IQ3_S", "IQ2_S",    "IQ4_XS",   "I8",       "I16",     "I32",
    "I64",        "F64",        "IQ1_M",      "BF16",  "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0",   "TQ2_0",
    "IQ4_NL_4_4", "IQ4_NL_4_8", "IQ4_NL_8_8", "MXFP4", "NVFP4",    "Q1_0",
};

std::string type_name(std::uint32_t number) {
  return number < std::size(type_names) ? std::string(type_names[number]) : fmt::format("number {}", number);
}

std::string types_read() {
  std::string list;
  for (const auto& [number, dtype] : types) list += (list.empty() ? "" : ", ") + type_name(number);
  return list;
}

class Gguf : public MappedArchive {
 public:
  Gguf(std::shared_ptr<const MappedFile> file, std::filesystem::path path)
      : MappedArchive(std::move(file), std::move(path)) {
    format_ = "gguf";
    bytes_ = file_->text();
    at_ = 4;
    const auto version = take<std::uint32_t>("the version");
    if (const auto swapped = __builtin_bswap32(version); swapped == 2 || swapped == 3)
      throw Error(Code::unsupported, format_,
                  path_.filename().string() + ": is a big-endian GGUF: only little-endian ones are read");
    if (version != 2 && version != 3) refuse(fmt::format("version {}: versions 2 and 3 are read", version));
    const auto tensor_count = take<std::uint64_t>("the tensor count");
    const auto key_count = take<std::uint64_t>("the key count");
    check_count("metadata keys", key_count, 8 + 4 + 1);
    check_count("tensors", tensor_count, 8 + 4 + 4 + 8);
    for (std::uint64_t i = 0; i < key_count; ++i) read_key();
    read_tensors(tensor_count);
  }

 private:
  // Each of `count` things takes at least `least` bytes of what is left.
  void check_count(const char* what, std::uint64_t count, std::uint64_t least) const {
    if (count > (bytes_.size() - at_) / least)
      refuse(fmt::format("{} {}: the file has only {} bytes left", count, what, bytes_.size() - at_));
  }

  template <class T>
  T take(std::string_view what) {
    if (bytes_.size() - at_ < sizeof(T))
      refuse(fmt::format("ends at byte {}, in the middle of {}", bytes_.size(), what));
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string_view take_string(std::string_view what) {
    const auto length = take<std::uint64_t>(what);
    if (length > bytes_.size() - at_)
      refuse(fmt::format("{}: a string of {} bytes, the file has {} left", what, length, bytes_.size() - at_));
    const std::string_view text = bytes_.substr(at_, length);
    at_ += length;
    return text;
  }

  Kind take_kind(const std::string& what) {
    const auto number = take<std::uint32_t>(what);
    if (number > static_cast<std::uint32_t>(Kind::f64)) refuse(fmt::format("{}: unknown value type {}", what, number));
    return static_cast<Kind>(number);
  }

  void read_key() {
    const std::string_view key = take_string("a metadata key");
    if (key.empty()) refuse("a metadata key is empty");
    const std::string what = "key " + shown(key);
    const Kind kind = take_kind(what);
    MetaValue value = take_value(kind, what);
    if (!metadata_.try_emplace(std::string(key), std::move(value)).second) refuse(what + " occurs twice");
  }

  MetaValue take_value(Kind kind, const std::string& what) {
    switch (kind) {
      case Kind::u8: return static_cast<std::uint64_t>(take<std::uint8_t>(what));
      case Kind::u16: return static_cast<std::uint64_t>(take<std::uint16_t>(what));
      case Kind::u32: return static_cast<std::uint64_t>(take<std::uint32_t>(what));
      case Kind::u64: return take<std::uint64_t>(what);
      case Kind::i8: return static_cast<std::int64_t>(take<std::int8_t>(what));
      case Kind::i16: return static_cast<std::int64_t>(take<std::int16_t>(what));
      case Kind::i32: return static_cast<std::int64_t>(take<std::int32_t>(what));
      case Kind::i64: return take<std::int64_t>(what);
      case Kind::f32: return static_cast<double>(take<float>(what));
      case Kind::f64: return take<double>(what);
      case Kind::boolean: return take_bool(what);
      case Kind::string: return take_string(what);
      case Kind::array: break;
    }
    return take_array(what);
  }

  bool take_bool(const std::string& what) {
    const auto byte = take<std::uint8_t>(what);
    if (byte > 1) refuse(fmt::format("{}: a truth value of {}", what, byte));
    return byte == 1;
  }

  MetaValue take_array(const std::string& what) {
    const Kind kind = take_kind(what);
    if (kind == Kind::array) refuse(what + ": arrays of arrays are not read");
    const auto count = take<std::uint64_t>(what);
    check_count((what + " elements").c_str(), count, width_of(kind));
    if (kind == Kind::string) {
      std::vector<std::string_view> texts(count);
      for (std::string_view& text : texts) text = take_string(what);
      return texts;
    }
    if (kind == Kind::f32 || kind == Kind::f64) {
      std::vector<double> numbers(count);
      for (double& x : numbers) x = std::get<double>(take_value(kind, what));
      return numbers;
    }
    std::vector<std::int64_t> numbers(count);
    for (std::int64_t& x : numbers) x = whole(take_value(kind, what), what);
    return numbers;
  }

  std::int64_t whole(const MetaValue& value, const std::string& what) const {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* x = std::get_if<std::int64_t>(&value)) return *x;
    const auto x = std::get<std::uint64_t>(value);
    if (x > INT64_MAX) refuse(fmt::format("{}: {} does not fit 63 bits", what, x));
    return static_cast<std::int64_t>(x);
  }

  std::uint64_t alignment() const {
    const MetaValue* value = meta("general.alignment");
    if (value == nullptr) return 32;
    const auto* number = std::get_if<std::uint64_t>(value);
    if (number == nullptr || !std::has_single_bit(*number) || *number > (1u << 20))
      refuse("general.alignment: not a power of two up to 1048576");
    return *number;
  }

  struct Header {
    std::string name;
    DType dtype;
    Shape shape;
    std::uint64_t offset;
  };

  Header take_header() {
    Header h;
    h.name = take_string("a tensor name");
    const std::string what = "tensor " + shown(h.name);
    const auto rank = take<std::uint32_t>(what);
    if (rank < 1 || rank > 4) refuse(fmt::format("{}: {} axes, 1 to 4 are read", what, rank));
    std::vector<std::int64_t> sizes(rank);
    for (std::size_t axis = rank; axis-- > 0;) {
      const auto size = take<std::uint64_t>(what);
      if (size == 0 || size > INT64_MAX) refuse(fmt::format("{}: a size of {}", what, size));
      sizes[axis] = static_cast<std::int64_t>(size);
    }
    h.shape = Shape(std::move(sizes));
    h.dtype = dtype_of(take<std::uint32_t>(what), what);
    h.offset = take<std::uint64_t>(what);
    return h;
  }

  DType dtype_of(std::uint32_t number, const std::string& what) const {
    for (const auto& [n, dtype] : types) {
      if (n == number) return dtype;
    }
    throw Error(Code::unsupported, format_,
                fmt::format("{}: {}: element type {} is not read ({} are)", path_.filename().string(), what,
                            type_name(number), types_read()));
  }

  void read_tensors(std::uint64_t count) {
    std::vector<Header> headers;
    headers.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) headers.push_back(take_header());
    const std::uint64_t align = alignment(), data = (at_ + align - 1) / align * align;
    for (Header& h : headers) {
      if (h.offset % align != 0)
        refuse(
            fmt::format("tensor {}: offset {} is not a multiple of the alignment {}", shown(h.name), h.offset, align));
      const std::uint64_t size = bytes_of(h.name, h.dtype, h.shape);
      std::uint64_t offset = 0;
      if (!checked_add(data, h.offset, offset))
        refuse(fmt::format("tensor {}: offset {} overflows", shown(h.name), h.offset));
      add_tensor(std::move(h.name), h.dtype, std::move(h.shape), offset, size);
    }
    check_layout(data, bytes_.size(), false);
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::shared_ptr<const Archive> open_gguf(std::shared_ptr<const MappedFile> file, std::filesystem::path path) {
  return with_other_parts(std::make_shared<const Gguf>(std::move(file), path), [](const std::filesystem::path& part) {
    auto mapped = std::make_shared<const MappedFile>(part);
    if (!mapped->text().starts_with("GGUF"))
      throw Error(Code::format, part.string(), "is part of a split GGUF, but no GGUF file");
    return std::make_shared<const Gguf>(std::move(mapped), part);
  });
}

}  // namespace embscope
