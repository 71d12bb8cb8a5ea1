// A template as a tree: Jinja's grammar (jinja2/parser.py), less what chat templates do not use, which is refused by
// name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_value.h"

namespace embscope::jinja {

/// An expression or a statement. What `children` are is said beside each kind; a child of kind `absent` is left out.
struct Node {
  enum class Kind {
    absent,
    literal,    // value
    name,       // name
    list,       // elements
    tuple,      // elements
    dict,       // key, value, key, value ...
    attribute,  // of child 0: name
    item,       // of child 0: child 1
    slice,      // of child 0: from, to, step
    call,       // of child 0, with arguments
    filter,     // name, of child 0, with arguments
    test,       // name, of child 0, with arguments
    keyword,    // name = child 0: an argument; of the name "*" or "**" several
    negated,    // not child 0
    minus,
    plus,
    binary,         // name (the operator) of two
    logical,        // "and" or "or" of two
    comparison,     // names: operators between children
    choice,         // child 0 if child 1 else child 2
    block,          // statements
    text,           // name: the text itself
    output,         // child 0
    branch,         // if child 0, block 1, else block 2
    loop,           // for names in child 0 (if child 3): block 1, else block 2
    set,            // names = child 0
    set_attribute,  // names[0].names[1] = child 0
    set_block,      // names[0] = what block 0 writes
    filter_block,   // name, of what block 0 writes, with arguments
    scoped,         // block 0, with names of its own
    macro,          // name, names: parameters; children: their defaults, then the block
    leave,          // break
    go_on           // continue
  };
  Kind kind = Kind::absent;
  int line = 0;
  std::string name;
  Value value;
  std::vector<std::string> names;
  std::vector<Node> children;
};

/// Throws Error{format} for a text that is not a template, Error{unsupported} for statements that are not known, with
/// the line.
Node parse(std::string_view source);

}  // namespace embscope::jinja
