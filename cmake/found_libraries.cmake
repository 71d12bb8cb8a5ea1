# The libraries as the system's packages have them (scripts/setup).
find_package(fmt REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
if("libcurl" IN_LIST http_forms)
  find_package(CURL REQUIRED)  # its headers: the library is loaded when something is fetched
endif()
if("openssl" IN_LIST system_forms)
  set(OPENSSL_USE_STATIC_LIBS TRUE)  # of which two hashes are used: loading all of it takes longer than most commands
  find_package(OpenSSL REQUIRED)
  list(APPEND system_parts OpenSSL::Crypto)
endif()
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(PkgConfig REQUIRED)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(ONIGURUMA REQUIRED IMPORTED_TARGET oniguruma)
pkg_check_modules(HWY REQUIRED libhwy)
