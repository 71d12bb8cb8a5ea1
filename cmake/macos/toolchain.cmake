# macOS from Linux with Zig (scripts/zig): what its C library has, without Apple's frameworks. The programs cannot be run here.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR $ENV{EMBSCOPE_MACOS} CACHE STRING "aarch64 or x86_64")
set(zig $ENV{EMBSCOPE_ZIG} CACHE PATH "Folder of Zig's programs")
set(CMAKE_C_COMPILER ${zig}/cc)
set(CMAKE_CXX_COMPILER ${zig}/c++)
set(CMAKE_AR ${zig}/ar)
set(CMAKE_RANLIB ${zig}/ranlib)
set(CMAKE_INSTALL_NAME_TOOL /bin/false)  # nothing is installed
foreach(language C CXX ASM)
  set(CMAKE_${language}_FLAGS_INIT "-target ${CMAKE_SYSTEM_PROCESSOR}-macos -fno-sanitize=undefined")
endforeach()
