# Lists of words that ship with the program, embedded in the vocabulary room so that the binary needs no other file.
set(data_assembly "    .section .rodata\n")
foreach(list analogies categories)
  set(file ${PROJECT_SOURCE_DIR}/data/${list}.txt)
  list(APPEND data_files ${file})
  string(APPEND data_assembly "    .global embscope_${list}_begin, embscope_${list}_end\n"
                              "embscope_${list}_begin:\n    .incbin \"${file}\"\nembscope_${list}_end:\n")
endforeach()
string(APPEND data_assembly "    .section .note.GNU-stack,\"\",%progbits\n")
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/data.S CONTENT "${data_assembly}" @ONLY)
set_source_files_properties(${PROJECT_BINARY_DIR}/data.S PROPERTIES OBJECT_DEPENDS "${data_files}")
target_sources(embscope_vocabulary PRIVATE ${PROJECT_BINARY_DIR}/data.S)
