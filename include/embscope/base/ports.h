// Ports: how systems differ in listening on one.
#pragma once

namespace embscope {

/// Whether SO_REUSEADDR means that the port of a program that has ended can be had at once. On Windows it would take
/// the port from a program that is running.
bool may_reuse_ports();

}  // namespace embscope
