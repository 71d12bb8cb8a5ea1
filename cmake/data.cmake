# Texts that ship with the program, embedded in the room that uses them so that the binary needs no other file.
function(embed_data room)
  set(assembly "    .section .rodata\n")
  foreach(name ${ARGN})
    set(file ${PROJECT_SOURCE_DIR}/data/${name}.txt)
    list(APPEND files ${file})
    string(APPEND assembly "    .global embscope_${name}_begin, embscope_${name}_end\n"
                           "embscope_${name}_begin:\n    .incbin \"${file}\"\nembscope_${name}_end:\n")
  endforeach()
  string(APPEND assembly "    .section .note.GNU-stack,\"\",%progbits\n")
  set(source ${PROJECT_BINARY_DIR}/data-${room}.S)
  file(CONFIGURE OUTPUT ${source} CONTENT "${assembly}" @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(embscope_${room} PRIVATE ${source})
endfunction()

embed_data(vocabulary analogies categories)
embed_data(train toy)
