#include "files/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>

#include "embscope/base/error.h"
#include "files/reader.h"

namespace embscope {

namespace {

constexpr std::size_t largest = std::size_t{32} << 20;
constexpr std::size_t most_nodes = std::size_t{1} << 21;

bool is_among(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view one) {
    return one.ends_with('*') ? name.starts_with(one.substr(0, one.size() - 1)) : name == one;
  });
}

}  // namespace

class PickleReader {
 public:
  PickleReader(Pickle& out, std::string_view bytes, std::span<const std::string_view> callables,
               std::span<const std::string_view> globals, std::string where)
      : out_(out), bytes_(bytes), callables_(callables), globals_(globals), where_(std::move(where)) {}

  void run() {
    while (true) {
      op_ = at_;
      const auto op = static_cast<unsigned char>(take(1)[0]);
      if (op == '.') break;
      if (at_ > largest) refuse(fmt::format("has more than {} bytes", largest));
      if (!value(op) && !container(op) && !memory(op) && !object(op))
        refuse(fmt::format("has an instruction 0x{:02x} that no file of tensors needs", op), Code::unsupported);
    }
    out_.root_ = pop();
    out_.size_ = at_;
  }

 private:
  using Index = Pickle::Index;
  using Kind = Pickle::Kind;
  using Node = Pickle::Node;

  [[noreturn]] void refuse(const std::string& what, Code code = Code::format) const {
    throw Error(code, where_, fmt::format("the pickle, at byte {}, {}", op_, what));
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) refuse("ends too early");
    const std::string_view part = bytes_.substr(at_, count);
    at_ += count;
    return part;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) refuse("ends too early");
    const std::string_view text = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }

  Index add(Node node) {
    if (out_.nodes_.size() >= most_nodes) refuse(fmt::format("makes more than {} values", most_nodes));
    out_.nodes_.push_back(std::move(node));
    return static_cast<Index>(out_.nodes_.size() - 1);
  }
  void push(Index index) { stack_.push_back(index); }
  bool put(Node node) {
    push(add(std::move(node)));
    return true;
  }
  bool put_text(std::string_view text) { return put({.kind = Kind::text, .text = text, .items = {}}); }
  bool put_number(std::int64_t value) { return put({.kind = Kind::integer, .number = value, .text = {}, .items = {}}); }
  bool put_kind(Kind kind, std::vector<Index> items = {}) {
    return put({.kind = kind, .text = {}, .items = std::move(items)});
  }

  Index pop() {
    if (stack_.empty() || node(stack_.back()).kind == Kind::mark) refuse("takes a value that is not there");
    const Index top = stack_.back();
    stack_.pop_back();
    return top;
  }
  Node& node(Index i) { return out_.nodes_[i]; }
  Node& top() {
    if (stack_.empty()) refuse("takes a value that is not there");
    return node(stack_.back());
  }

  // Everything above the last mark, which goes too.
  std::vector<Index> above_mark() {
    const auto mark =
        std::find_if(stack_.rbegin(), stack_.rend(), [this](Index i) { return node(i).kind == Kind::mark; });
    if (mark == stack_.rend()) refuse("takes values from a mark that is not there");
    std::vector<Index> items(mark.base(), stack_.end());
    stack_.erase(mark.base() - 1, stack_.end());
    return items;
  }

  bool value(unsigned char op) {
    switch (op) {
      case 0x80:
        if (const auto version = number<std::uint8_t>(); version < 2 || version > 5)
          refuse(fmt::format("is of protocol {}: 2 to 5 are read", version), Code::unsupported);
        return true;
      case 0x95: take(8); return true;  // FRAME
      case 'N': return put({});
      case 0x88:
      case 0x89: return put({.kind = Kind::truth, .number = op == 0x88, .text = {}, .items = {}});
      case 'J': return put_number(number<std::int32_t>());
      case 'K': return put_number(number<std::uint8_t>());
      case 'M': return put_number(number<std::uint16_t>());
      case 0x8a: return long_number();
      case 'G': return put({.kind = Kind::real, .real = big_endian_double(), .text = {}, .items = {}});
      case 'X':
      case 'T':  // BINUNICODE; BINSTRING of Python 2
      case 'B': return put_text(take(number<std::uint32_t>()));
      case 0x8c:
      case 'U':
      case 'C': return put_text(take(number<std::uint8_t>()));
      case 0x8d:
      case 0x8e: return put_text(take(number<std::uint64_t>()));
      default: return false;
    }
  }

  bool long_number() {
    const std::string_view bytes = take(number<std::uint8_t>());
    if (bytes.size() > 8) return put({.kind = Kind::large, .text = bytes, .items = {}});
    std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) != 0 ? UINT64_MAX : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return put_number(static_cast<std::int64_t>(value));
  }

  double big_endian_double() {
    const auto bits = __builtin_bswap64(number<std::uint64_t>());
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  bool container(unsigned char op) {
    switch (op) {
      case '(': return put_kind(Kind::mark);
      case ')': return put_kind(Kind::tuple);
      case ']': return put_kind(Kind::list);
      case '}': return put_kind(Kind::dict);
      case 0x8f: return put_kind(Kind::set);
      case 't': return put_kind(Kind::tuple, above_mark());
      case 0x85:
      case 0x86:
      case 0x87: {
        std::vector<Index> items(op - 0x84U);
        for (auto item = items.rbegin(); item != items.rend(); ++item) *item = pop();
        return put_kind(Kind::tuple, std::move(items));
      }
      case 'a': return extend(Kind::list, {pop()});
      case 'e': return extend(Kind::list, above_mark());
      case 0x90: return extend(Kind::set, above_mark());
      case 's': {
        const Index value = pop();
        return extend(Kind::dict, {pop(), value});
      }
      case 'u': return extend(Kind::dict, above_mark());
      default: return false;
    }
  }

  bool extend(Kind kind, const std::vector<Index>& items) {
    if (top().kind != kind || (kind == Kind::dict && items.size() % 2 != 0))
      refuse("puts values into what does not hold them");
    top().items.insert(top().items.end(), items.begin(), items.end());
    return true;
  }

  bool memory(unsigned char op) {
    switch (op) {
      case 'q': memo_[number<std::uint8_t>()] = kept(); return true;
      case 'r': memo_[number<std::uint32_t>()] = kept(); return true;
      case 0x94: {
        const auto next = static_cast<std::uint32_t>(memo_.size());
        memo_[next] = kept();
        return true;
      }
      case 'h': return recall(number<std::uint8_t>());
      case 'j': return recall(number<std::uint32_t>());
      case '0': pop(); return true;
      case '2': {
        const Index same = pop();
        push(same), push(same);
        return true;
      }
      default: return false;
    }
  }

  Index kept() {
    const Index index = pop();
    push(index);
    return index;
  }
  bool recall(std::uint32_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) refuse(fmt::format("recalls a value {} that it has not kept", number));
    push(found->second);
    return true;
  }

  bool object(unsigned char op) {
    switch (op) {
      case 'c': {
        const std::string_view module = line();
        return global(module, line());
      }
      case 0x93: {
        const Index name = pop(), module = pop();
        if (node(name).kind != Kind::text || node(module).kind != Kind::text)
          refuse("names a global by something that is not a text");
        return global(node(module).text, node(name).text);
      }
      case 'R':
      case 0x81: {  // REDUCE, NEWOBJ
        const Index arguments = pop();
        return call(pop(), arguments);
      }
      case 'b': return build();
      case 'Q': return put_kind(Kind::persistent, {pop()});
      default: return false;
    }
  }

  bool global(std::string_view module, std::string_view name) {
    std::string whole = fmt::format("{}.{}", module, name);
    if (!is_among(whole, callables_) && !is_among(whole, globals_))
      refuse(fmt::format("names {}, which is not a tensor: nothing is executed. Save the tensors alone, as safetensors "
                         "or a state_dict",
                         shown(whole)),
             Code::unsupported);
    out_.names_.push_back(std::make_unique<std::string>(std::move(whole)));
    return put({.kind = Kind::global, .text = *out_.names_.back(), .items = {}});
  }

  bool call(Index callee, Index arguments) {
    const Node& function = node(callee);
    if (function.kind != Kind::global || !is_among(function.text, callables_))
      refuse(function.kind == Kind::global ? fmt::format("calls {}, which is not allowed", shown(function.text))
                                           : "calls what is not a function",
             Code::unsupported);
    if (node(arguments).kind != Kind::tuple) refuse("calls with arguments that are not a tuple");
    count_copies(node(arguments).items.size());
    if (function.text == "collections.OrderedDict") return ordered_dict(node(arguments).items);
    return put({.kind = Kind::call, .text = function.text, .items = node(arguments).items});
  }

  // A value that is kept may be copied again and again: what is made stays in proportion to the pickle.
  void count_copies(std::size_t count) {
    copies_ += count;
    if (copies_ > most_nodes) refuse(fmt::format("makes more than {} values", most_nodes));
  }

  // OrderedDict(), or of pairs.
  bool ordered_dict(const std::vector<Index>& arguments) {
    std::vector<Index> items;
    for (Index argument : arguments) {
      const Node& pairs = node(argument);
      if (arguments.size() > 1 || pairs.kind != Kind::list) refuse("makes a dict of what is not pairs");
      count_copies(pairs.items.size());
      for (Index pair : pairs.items) {
        if (node(pair).items.size() != 2) refuse("makes a dict of what is not pairs");
        items.insert(items.end(), node(pair).items.begin(), node(pair).items.end());
      }
    }
    return put_kind(Kind::dict, std::move(items));
  }

  // A dict's attributes (PyTorch's _metadata, versions of modules) say nothing about tensors.
  bool build() {
    pop();
    if (top().kind != Kind::dict) refuse("gives attributes to something that is not a dict", Code::unsupported);
    return true;
  }

  Pickle& out_;
  std::string_view bytes_;
  std::span<const std::string_view> callables_, globals_;
  std::string where_;
  std::size_t at_ = 0, op_ = 0, copies_ = 0;
  std::vector<Index> stack_;
  std::unordered_map<std::uint32_t, Index> memo_;
};

Pickle::Pickle(std::string_view bytes, std::span<const std::string_view> callables,
               std::span<const std::string_view> globals, std::string where) {
  PickleReader(*this, bytes, callables, globals, std::move(where)).run();
}

}  // namespace embscope
