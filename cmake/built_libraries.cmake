# The libraries built from the sources in EMBSCOPE_SOURCES (scripts/sources), static, for systems that have no packages of
# them: the same names as in found_libraries.cmake.
enable_language(C)
set(headers ${EMBSCOPE_SOURCES}/include)  # of the libraries that are headers alone, and libcurl's
set(HWY_INCLUDE_DIRS ${headers})
set(CURL_INCLUDE_DIRS ${headers})

function(source_library name)
  cmake_parse_arguments(L "" "FOLDER;ALIAS" "FILES;INCLUDES;DEFINITIONS;PARTS" ${ARGN})
  list(TRANSFORM L_FILES PREPEND ${EMBSCOPE_SOURCES}/${L_FOLDER}/)
  list(TRANSFORM L_INCLUDES PREPEND ${EMBSCOPE_SOURCES}/${L_FOLDER}/)
  add_library(${name} STATIC ${L_FILES})
  target_include_directories(${name} SYSTEM PUBLIC ${L_INCLUDES})
  target_compile_definitions(${name} PUBLIC ${L_DEFINITIONS})
  target_compile_options(${name} PRIVATE -w -O2)
  target_link_libraries(${name} PUBLIC ${L_PARTS})
  add_library(${L_ALIAS} ALIAS ${name})
endfunction()

source_library(zlib FOLDER zlib ALIAS ZLIB::ZLIB INCLUDES . DEFINITIONS Z_HAVE_UNISTD_H
  FILES adler32.c compress.c crc32.c deflate.c gzclose.c gzlib.c gzread.c gzwrite.c infback.c inffast.c inflate.c inftrees.c
        trees.c uncompr.c zutil.c)
source_library(png FOLDER libpng ALIAS PNG::PNG INCLUDES . PARTS zlib
  DEFINITIONS PNG_ARM_NEON_OPT=0 PNG_INTEL_SSE_OPT=0
  FILES png.c pngerror.c pngget.c pngmem.c pngpread.c pngread.c pngrio.c pngrtran.c pngrutil.c pngset.c pngtrans.c pngwio.c
        pngwrite.c pngwtran.c pngwutil.c)
if(APPLE)  # both take every Mac for one with Mac OS 9
  target_compile_definitions(zlib PRIVATE fdopen=fdopen)
  target_include_directories(png PRIVATE ${CMAKE_CURRENT_LIST_DIR}/macos)  # fp.h
endif()
source_library(utf8proc FOLDER utf8proc ALIAS PkgConfig::UTF8PROC INCLUDES . DEFINITIONS UTF8PROC_STATIC FILES utf8proc.c)
source_library(oniguruma FOLDER libonig ALIAS PkgConfig::ONIGURUMA INCLUDES src DEFINITIONS ONIG_STATIC
  FILES src/regerror.c src/regparse.c src/regext.c src/regcomp.c src/regexec.c src/reggnu.c src/regenc.c src/regsyntax.c
        src/regtrav.c src/regversion.c src/st.c src/onig_init.c src/unicode.c src/unicode_unfold_key.c
        src/unicode_fold1_key.c src/unicode_fold2_key.c src/unicode_fold3_key.c src/ascii.c src/utf8.c src/utf16_be.c
        src/utf16_le.c src/utf32_be.c src/utf32_le.c src/euc_jp.c src/euc_jp_prop.c src/sjis.c src/sjis_prop.c
        src/iso8859_1.c src/iso8859_2.c src/iso8859_3.c src/iso8859_4.c src/iso8859_5.c src/iso8859_6.c src/iso8859_7.c
        src/iso8859_8.c src/iso8859_9.c src/iso8859_10.c src/iso8859_11.c src/iso8859_13.c src/iso8859_14.c
        src/iso8859_15.c src/iso8859_16.c src/euc_tw.c src/euc_kr.c src/big5.c src/gb18030.c src/koi8_r.c src/cp1251.c)

target_include_directories(oniguruma PRIVATE ${CMAKE_CURRENT_LIST_DIR}/oniguruma)  # its config.h
source_library(fmt FOLDER fmtlib ALIAS fmt::fmt INCLUDES include FILES src/format.cc)

# Boost.JSON is headers that one source includes whole.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/boost_json.cpp CONTENT "#include <boost/json/src.hpp>\n")
add_library(boost_json STATIC ${PROJECT_BINARY_DIR}/boost_json.cpp)
target_include_directories(boost_json SYSTEM PUBLIC ${headers})
target_compile_definitions(boost_json PUBLIC BOOST_ALL_NO_LIB)
target_compile_options(boost_json PRIVATE -w)
add_library(Boost::json ALIAS boost_json)

if(EMBSCOPE_TESTS)
  set(BUILD_GMOCK ON CACHE BOOL "")
  set(INSTALL_GTEST OFF CACHE BOOL "")
  add_subdirectory(/usr/src/googletest googletest EXCLUDE_FROM_ALL SYSTEM)
endif()
